//! The file of settings: read within bounds, and what is wrong with it in words.
//!
//! Knows nothing of what can be set.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{OFlags, makedev};

use crate::text::escape;

/// Bytes of a file of settings at most.
const LARGEST: u64 = 256 << 10;

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file, as it may be printed.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is something else than a file with settings.
    #[error("{path}: found {found}, expected a settings file")]
    NoFile {
        /// The file, as it may be printed.
        path: String,
        /// What it is.
        found: String,
    },
    /// What a variable of the environment says is wrong.
    #[error("{name}: {what}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// What was found there, and what was expected.
        what: String,
    },
    /// What stands in it is wrong.
    #[error("{path}:{line}:{column}: {what}")]
    Wrong {
        /// The file, as it may be printed.
        path: String,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What was found there, and what was expected.
        what: String,
    },
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) what: String,
}

impl SettingsError {
    pub(super) fn wrong(path: &Path, text: &str, fault: &Fault) -> Self {
        let before = &text.as_bytes()[..fault.at.start.min(text.len())];
        Self::at(path, before, fault.what.clone())
    }

    fn at(path: &Path, before: &[u8], what: String) -> Self {
        let start = before.iter().rposition(|byte| *byte == b'\n');
        let line = &before[start.map_or(0, |newline| newline + 1)..];
        Self::Wrong {
            path: name(path),
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: String::from_utf8_lossy(line).chars().count() + 1,
            what,
        }
    }

    /// Whether there is no such file.
    pub(super) fn is_absent(&self) -> bool {
        use io::ErrorKind::{NotADirectory, NotFound};
        matches!(self, Self::Unreadable { source, .. } if matches!(source.kind(), NotFound | NotADirectory))
    }

    /// Whether the file, or a directory on the way to it, is not for us to read.
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

fn name(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

/// What stands in the file. Nothing that could keep us waiting is read: no pipe, no terminal.
pub(super) fn read(path: &Path) -> Result<String, SettingsError> {
    let unreadable = |source| SettingsError::Unreadable {
        path: name(path),
        source,
    };
    let no_file = |found: &str| SettingsError::NoFile {
        path: name(path),
        found: found.to_owned(),
    };
    let patience = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(patience.bits().cast_signed())
        .open(path)
        .map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let kind = metadata.file_type();
    // The way to say that there are none.
    let is_null = kind.is_char_device() && metadata.rdev() == makedev(1, 3);
    if !kind.is_file() && !is_null {
        return Err(no_file(match () {
            () if kind.is_dir() => "a directory",
            () if kind.is_fifo() => "a pipe",
            () => "a device",
        }));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        let found = format!("more than {} KiB", LARGEST >> 10);
        return Err(no_file(&found));
    }
    String::from_utf8(bytes).map_err(|error| {
        let (before, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let byte = rest.first().copied().unwrap_or_default();
        let what = format!("found the byte {byte:#04x}, expected UTF-8");
        SettingsError::at(path, before, what)
    })
}
