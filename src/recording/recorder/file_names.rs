//! Making files, and what those of a recording are called where there are several: NAME-0001.EXT, NAME-0002.EXT and so on.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::open_file::named;
use crate::text::escape;

/// A number is written with so many digits at least, ...
const DIGITS: usize = 4;
/// ... and with more than this it is none of ours.
const MOST_DIGITS: usize = 9;

/// `a/ring.mcap` as `a/ring-0001.mcap`.
pub(super) fn numbered(name: &Path, number: u32) -> PathBuf {
    let mut file = name.file_stem().unwrap_or_default().to_owned();
    file.push(format!("-{number:0DIGITS$}"));
    if let Some(suffix) = name.extension() {
        file.push(".");
        file.push(suffix);
    }
    name.with_file_name(file)
}

/// The files that are there already and are called as [`numbered`] calls those of `name`, by number. Where the folder may not be
/// read there are none: whoever makes a file finds out.
pub(super) fn there_already(name: &Path) -> Vec<(u32, PathBuf)> {
    let folder = name.parent().filter(|path| !path.as_os_str().is_empty());
    let Ok(entries) = std::fs::read_dir(folder.unwrap_or(Path::new("."))) else {
        return Vec::new();
    };
    let entries = entries.filter_map(Result::ok);
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut found: Vec<(u32, PathBuf)> = files
        .filter_map(|entry| {
            let file = entry.file_name();
            let number = number_of(name, &file)?;
            Some((number, name.with_file_name(file)))
        })
        .collect();
    found.sort();
    found
}

/// Takes an earlier file away; not one that another recorder writes now, nor one that we may not read: those are not ours.
pub(super) fn remove(path: &Path) {
    let is_ours = File::open(path).is_ok_and(|file| {
        let locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        locked != Err(Errno::WOULDBLOCK)
    });
    if is_ours {
        let _ = std::fs::remove_file(path);
    }
}

/// Makes a file for a recording, readable by its owner alone, and locked as long as it is written: what another recorder writes is not taken away.
///
/// # Errors
/// When it is there already, or cannot be made.
pub fn create(path: &Path) -> io::Result<File> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .inspect(|file| {
            // There are file systems without locks.
            let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
        });
    made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            let name = path.display().to_string();
            let name = escape(&name);
            let why =
                format!("{name} already exists and is never overwritten: choose another name");
            io::Error::new(error.kind(), why)
        }
        _ => {
            let error = named(&error, path);
            io::Error::new(error.kind(), format!("cannot create {error}"))
        }
    })
}

/// The number in the name of a file, if it is called as [`numbered`] would call it.
fn number_of(name: &Path, file: &OsStr) -> Option<u32> {
    let stem = name.file_stem()?.as_bytes();
    let rest = file.as_bytes().strip_prefix(stem)?.strip_prefix(b"-")?;
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(DIGITS..=MOST_DIGITS).contains(&length) {
        return None;
    }
    let number = std::str::from_utf8(&rest[..length]).ok()?.parse().ok()?;
    (numbered(name, number).file_name() == Some(file)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_before_the_suffix() {
        for (name, expected) in [
            ("a/ring.mcap", "a/ring-0007.mcap"),
            ("ring", "ring-0007"),
            ("a.b/ring.x.mcap", "a.b/ring.x-0007.mcap"),
        ] {
            assert_eq!(numbered(Path::new(name), 7), Path::new(expected));
        }
    }

    #[test]
    fn only_names_that_are_made_so_have_a_number() {
        for (name, file, expected) in [
            ("a/ring.mcap", "ring-0007.mcap", Some(7)),
            ("a/ring.mcap", "ring-12345.mcap", Some(12345)),
            ("ring", "ring-0007", Some(7)),
            ("ring.mcap", "ring-7.mcap", None),
            ("ring.mcap", "ring-00007.mcap", None),
            ("ring.mcap", "ring-0007.mcap.bak", None),
            ("ring.mcap", "ring-0007", None),
            ("ring.mcap", "ring-0007-0001.mcap", None),
            ("ring.mcap", "string-0007.mcap", None),
            ("ring.mcap", "ring-1234567890.mcap", None),
            ("ring.mcap", "ring-+007.mcap", None),
        ] {
            assert_eq!(
                number_of(Path::new(name), OsStr::new(file)),
                expected,
                "{file}"
            );
        }
    }
}
