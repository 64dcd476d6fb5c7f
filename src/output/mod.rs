//! Everything that is printed, one file a format. Each writer takes an [`std::io::Write`] and plain data; none
//! knows a mapping.

pub mod bench;
pub mod check;
pub mod colored;
pub mod doctor;
pub mod events;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod hex;
pub mod json;
mod line;
pub mod packets;
mod safe_json;
pub mod table;
pub mod tail;
mod wrapped;
