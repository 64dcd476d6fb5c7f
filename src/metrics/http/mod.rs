//! A server for as much of HTTP/1.1 (RFC 9112) as a scraper needs: GET and HEAD, one request a connection.
//!
//! Everybody who connects is untrusted: requests are bounded in size, connections in number and in time, and one thread serves all
//! of them, so that nobody waits for anybody else. It knows what pages there are, and not what is on them.

mod answer;
mod connection;
mod request;
mod server;

pub use answer::Answer;
pub use request::{Page, Request};
pub use server::Server;
