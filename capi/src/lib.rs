//! `libzbq`: the C interface of the reference (`zbq.h` of zbq 0.1.1), every function of it, over this project's ring.
//!
//! What is different: a memfd that is truncated by its owner is an error and no SIGBUS (so a handler of that signal is
//! installed, which hands on what is not its own); descriptors of messages that were passed over are closed; more than 65,536
//! slots are refused; a consumer does not join across pid namespaces, where its pid would be a stranger's.
//!
//! # Safety
//!
//! A pointer that C hands in is what the header says it is, or NULL where the reference takes that. Each function checks for
//! NULL, and goes by the header for the rest: a handle came from `create` or `join`, has not been destroyed, and is used by
//! one thread at a time. A panic does not unwind into C: `extern "C"` ends the process.

mod consumer;
mod producer;
mod types;

pub use consumer::*;
pub use producer::*;
pub use types::*;

use std::ffi::c_int;

use zbqtop::ring::Error;

/// What went wrong, as the reference's code.
fn code(error: &Error) -> c_int {
    let code = match error {
        Error::InvalidParams { .. } | Error::TooManyFds { .. } => zbq_error::ZBQ_ERROR_INVALID,
        Error::NoFreeSlot { .. } => zbq_error::ZBQ_ERROR_NOENT,
        Error::Full { .. } | Error::Timeout { .. } => zbq_error::ZBQ_ERROR_AGAIN,
        Error::CommitTooLarge { .. } | Error::MessageTooLong { .. } => {
            zbq_error::ZBQ_ERROR_OVERFLOW
        }
        Error::Protocol { .. }
        | Error::Corrupt(_)
        | Error::Refused
        | Error::SideSocketClosed
        | Error::LapSpoiled { .. } => zbq_error::ZBQ_ERROR_PROTOCOL,
        _ => zbq_error::ZBQ_ERROR_IO,
    };
    code as c_int
}
