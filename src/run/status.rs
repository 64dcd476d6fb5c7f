//! How the program ends: what is said of an error, and the exit status.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use crate::cli;
use crate::commands::check;
use crate::observe::attach::AttachError;
use crate::recording::RecordingError;
use crate::stderr::warn;
use crate::stdout::Stdout;
use crate::{ring, settings};

/// Ends with what is wrong with the command line, or with the help that was asked for.
#[must_use]
pub fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return tell(error);
    }
    let said = error.render().to_string();
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    // Where nobody can be told, the exit status has to do.
    let _ = write!(io::stderr(), "zbqtop: {said}");
    if cli::means_check(std::env::args_os()) {
        // What is 2 elsewhere is CRITICAL to a monitoring system: nothing is known yet.
        return check::misused(&error.to_string(), &mut Stdout::printer());
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}

/// Prints the help or the version that was asked for.
fn tell(asked: &clap::Error) -> ExitCode {
    let text = asked.render();
    let out = &mut Stdout::printer();
    let written = if io::stdout().is_terminal() && !is_dumb() {
        write!(out, "{}", text.ansi())
    } else {
        write!(out, "{text}")
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            warn(&error.to_string());
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// An error with its causes, each said once: many say their cause themselves.
#[must_use]
pub fn describe(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |said, cause| {
            if said.ends_with(&cause) {
                said
            } else if said.is_empty() {
                cause
            } else {
                format!("{said}: {cause}")
            }
        })
}

/// The exit status for an error: 3 no such ring, 4 not permitted, 5 not a ring, 2 usage, 1 the rest; 0 for a pipe
/// whose reader has gone.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(match error.downcast_ref::<AttachError>() {
        Some(
            AttachError::NoSuchProcess(_)
            | AttachError::Ended { .. }
            | AttachError::NotARing { .. }
            | AttachError::NoRing(_)
            | AttachError::NoSuchRing { .. }
            | AttachError::NoListener { .. },
        ) => 3,
        Some(
            AttachError::NotPermitted { .. }
            | AttachError::ListenerHidden { .. }
            | AttachError::PathForbidden { .. }
            | AttachError::OnlyByJoining(_),
        ) => 4,
        Some(
            AttachError::Inherited { .. }
            | AttachError::NotTheProducer { .. }
            | AttachError::WrongSize { .. }
            | AttachError::WrongControl { .. }
            | AttachError::WrongMapping { .. },
        ) => 5,
        Some(AttachError::Join { source, .. }) => join_code(source),
        Some(AttachError::Several(_) | AttachError::SeveralHere { .. }) => 2,
        Some(
            AttachError::Vanished { .. }
            | AttachError::Io { .. }
            | AttachError::OtherPidNamespace { .. },
        ) => 1,
        None if is_broken_pipe(error) => 0,
        None if error.is::<RecordingError>() => match error.downcast_ref() {
            Some(RecordingError::NotOne { .. }) => 5,
            Some(RecordingError::NotInIt(_)) => 3,
            Some(RecordingError::Several(_)) => 2,
            Some(RecordingError::Unreadable { source, .. }) if is_forbidden(source) => 4,
            _ => 1,
        },
        None if error.is::<settings::SettingsError>() => 2,
        None => error.downcast_ref().map_or(1, join_code),
    })
}

fn is_forbidden(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// The exit status for a join that failed.
fn join_code(error: &ring::Error) -> u8 {
    match error {
        error if error.is_no_listener() => 3,
        error if error.is_forbidden() => 4,
        ring::Error::NoProducer { .. } => 3,
        ring::Error::Protocol { .. } => 5,
        _ => 1,
    }
}

/// Whether the reader of our output has gone, which is no failure.
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A terminal that cannot place its cursor gets what a pipe gets.
pub(super) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
