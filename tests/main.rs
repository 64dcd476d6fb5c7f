//! zbqtop from outside: one module per concern, one binary to link.

mod handshake;
mod ring;
mod support;
mod wire;
