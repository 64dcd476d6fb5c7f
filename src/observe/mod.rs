//! Watching a ring that belongs to someone else, without its noticing: nothing is written, no slot is taken.
//!
//! Data flows one way: [`discover`] finds rings, [`attach`] maps one, [`sample`] reads its numbers, [`history`]
//! remembers them, [`health`] and [`findings`] judge them, [`events`] tells what changed, and [`watch`] puts the result together as a [`snapshot`] or a [`frame`].
//! [`check`] makes one verdict of it: [`figures`] against [`limits`].

mod again;
pub mod attach;
pub mod boundaries;
pub mod check;
pub mod descriptor;
pub mod discover;
pub mod error;
pub mod event;
pub mod events;
mod excerpt;
pub mod figures;
pub mod filter;
pub mod findings;
#[cfg(test)]
mod fixtures;
pub mod frame;
pub mod health;
mod hidden;
pub mod history;
pub mod joins;
pub mod limits;
pub mod maps;
pub mod member;
mod members;
pub mod messages;
mod orphan_watch;
pub mod orphans;
pub mod passive;
mod past;
pub mod preview;
pub mod proc;
mod reach;
pub mod recover;
pub mod rendezvous;
mod retained;
pub mod rings;
pub mod sample;
pub mod share;
pub mod side_socket;
pub mod slots;
pub mod snapshot;
pub mod sockets;
mod spell;
pub mod survey;
pub mod thresholds;
pub mod trail;
pub mod vouch;
pub mod wait;
pub mod waits;
mod walks;
pub mod watch;
pub mod zombies;
