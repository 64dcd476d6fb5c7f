//! What the kernel lets us see of rings, and what keeps us from it: one answer a question. Why a process is refused is told by
//! `procfs`; this room asks, and says what follows. Knows nothing of terminals and settings.

mod capabilities;
mod clock;
mod namespaces;
mod proc;
mod resources;
mod subject;
mod target;
mod users;

use crate::observe::model::DoctorCheck;
use crate::observe::procfs::Credentials;

pub use subject::Subject;
pub use target::{attached, every_ring};

/// The answers to all questions about permissions, `/proc`, limits and clocks.
#[must_use]
pub fn kernel_checks(subject: &Subject) -> Vec<DoctorCheck> {
    let us = Credentials::ours();
    let mut checks = vec![
        users::uid(subject, us.as_ref()),
        users::dumpable(subject),
        proc::yama(subject, us.as_ref()),
        proc::hidepid(),
        proc::map_files(subject),
        proc::security_modules(subject),
    ];
    checks.splice(1..1, capabilities::all(subject, us.as_ref()));
    checks.extend(namespaces::all(subject));
    checks.extend([
        resources::descriptors(),
        resources::locked_memory(),
        clock::source(),
        clock::tick_rate(),
    ]);
    checks
}
