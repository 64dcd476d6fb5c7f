//! The zbq protocol.
pub mod clock;
pub mod error;
pub mod layout;
pub mod mapping;
pub mod message;
mod sigbus;
