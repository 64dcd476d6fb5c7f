//! zbqtop from outside: one module per concern, one binary to link.

mod check;
mod choose;
mod cli;
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
mod scenarios;
mod screen;
mod several;
mod side_socket;
mod snapshot;
mod soak;
mod socket;
mod support;
mod tail;
mod waits;
mod wire;
mod zombies;
