//! The zbq protocol.
pub mod clock;
pub mod consumer;
pub mod error;
mod join;
pub mod layout;
pub mod mapping;
pub mod message;
pub mod producer;
mod sigbus;
mod table;
