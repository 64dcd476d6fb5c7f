//! Linux as it shows itself in `/proc`: processes, what they hold and map, and why some may not be asked. Knows the names of
//! a ring's memfds and, in `survey`, what it means to map them; nothing of what is in a ring.

mod clock;
mod descriptor;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod held;
mod kept;
mod links;
mod listening;
mod maps;
mod memfd;
mod permission;
mod process;
mod refusal;
mod scan;
mod shortage;
mod sockets;
mod survey;
mod unix_diag;

pub use clock::{clock_ahead_ns, started_at};
pub use descriptor::Descriptor;
pub use links::Links;
pub use listening::{BoundFile, Listening};
pub use maps::{Maps, PrivateMemory};
pub use memfd::{FileId, MappedMemFd, MemFd, MemFdKind, unique};
pub use permission::{hidepid, reason, unseen};
pub use process::{Process, field, has_vanished, numbers_are_ours};
pub use refusal::Refusal;
pub use scan::{HeldRings, holds_ring, pids};
pub use shortage::shortage;
pub use sockets::{OwnSocket, listeners, listening};
pub use survey::{MappingProcess, MappingSurvey, SlotlessPages};
pub use unix_diag::{Answer, Diag};
