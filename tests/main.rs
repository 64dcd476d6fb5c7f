//! zbqtop from outside: one module per concern, one binary to link.

mod cli;
mod demo;
mod find;
mod handshake;
mod join;
mod lossless;
mod recover;
mod ring;
mod screen;
mod snapshot;
mod socket;
mod support;
mod tail;
mod wire;
