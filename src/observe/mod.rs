//! Watching a ring that belongs to someone else, without its noticing: but for a join that was
//! asked for, nothing is written and no slot is taken.
//!
//! Its rooms, from the ground up; each imports only from those above it in this list, and none has a circle inside:
//!
//! - [`model`]: plain data that everybody needs; [`procfs`]: Linux as it shows itself.
//! - [`attach`]: from a pid or a socket to a ring that is mapped, and who is in it.
//! - [`sample`]: the numbers of an attached ring at one instant; [`doctor`]: what the kernel lets us see of rings.
//! - [`messages`]: its bytes as messages; [`health`]: its numbers over time, judged.
//! - [`check`]: one verdict; [`watch`]: all of it together, as a snapshot or a frame.
//! - [`ring_set`]: rings that are watched together; [`rings`]: every ring of the machine, with `orphan_search` for those without
//!   a producer.

pub mod attach;
pub mod check;
pub mod doctor;
pub mod health;
pub mod messages;
pub mod model;
mod orphan_search;
pub mod procfs;
mod ring_list;
pub mod ring_set;
pub mod rings;
pub mod sample;
pub mod watch;
