//! Watching a ring that belongs to someone else, without its noticing: nothing is written, no slot is taken.
//!
//! Data flows one way: [`discover`] finds rings, [`attach`] maps one, [`sample`] reads its numbers, [`history`]
//! remembers them, [`health`] and [`findings`] judge them, and [`watch`] puts the result together as a [`snapshot`] or a [`frame`].

pub mod attach;
pub mod descriptor;
pub mod discover;
pub mod error;
pub mod findings;
#[cfg(test)]
mod fixtures;
pub mod frame;
pub mod health;
pub mod history;
pub mod joins;
pub mod maps;
pub mod member;
pub mod messages;
pub mod passive;
pub mod preview;
pub mod proc;
pub mod recover;
pub mod rendezvous;
pub mod rings;
pub mod sample;
pub mod slots;
pub mod snapshot;
pub mod sockets;
pub mod vouch;
mod walks;
pub mod watch;
