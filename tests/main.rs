//! zbqtop from outside: one module per concern, one binary to link.

mod check;
mod choose;
mod cli;
mod consumers;
mod demo;
mod events;
mod find;
mod handshake;
mod hidden;
mod join;
mod liars;
mod lossless;
mod orphans;
mod recover;
mod ring;
mod screen;
mod snapshot;
mod socket;
mod support;
mod tail;
mod wire;
mod zombies;
