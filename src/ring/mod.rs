//! The zbq protocol.
pub mod message;
