//! Linux as it shows itself in `/proc`: processes, what they hold and map, and why some may not be asked. Knows the names of
//! a ring's memfds and, in `survey`, what it means to map them; nothing of what is in a ring.

mod capability;
mod clock;
mod cpu;
mod credentials;
mod descriptor;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod held;
mod hidepid;
mod kept;
mod kernel;
mod links;
mod listening;
mod maps;
mod memfd;
mod namespace;
mod permission;
mod process;
mod refusal;
mod scan;
mod shortage;
mod sockets;
mod survey;
mod unix_diag;
mod users;

pub use capability::{CHECKPOINT_RESTORE, DAC_READ, DAC_READ_SEARCH, SYS_ADMIN, SYS_PTRACE};
pub use clock::{clock_ahead_ns, started_at};
pub use cpu::{cpu_model, governor, load_average};
pub use credentials::Credentials;
pub use descriptor::Descriptor;
pub use hidepid::hidepid;
pub use kernel::{
    clock_source, kernel_release, security_label, security_modules, try_map_files, yama_scope,
};
pub use links::Links;
pub use listening::{BoundFile, Listening};
pub use maps::{Maps, PrivateMemory};
pub use memfd::{FileId, MappedMemFd, MemFd, MemFdKind, unique};
pub use namespace::{Namespace, is_first_user_namespace};
pub use permission::{
    Cause, Explanation, GRANTED, explain, foreign_proc, is_dumpable, reason, unseen,
};
pub use process::{Process, field, has_vanished, numbers_are_ours};
pub use refusal::Refusal;
pub use scan::{HeldRings, holds_ring, pids};
pub use shortage::{MORE_DESCRIPTORS, shortage};
pub use sockets::{OwnSocket, listeners, listening};
pub use survey::{MappingProcess, MappingSurvey, SlotlessPages};
pub use unix_diag::{Answer, Diag};
pub use users::user_name;
