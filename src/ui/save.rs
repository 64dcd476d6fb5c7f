//! A payload written to a file.
//!
//! Never over another file, and never half of it: what fails is taken away again.

use std::fs::{OpenOptions, remove_file};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::text;
use crate::text::counted;

/// Files of the same message before it is given up.
const TRIES: u32 = 1000;

/// A payload on its way to a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Save<'a> {
    /// The producer's pid.
    pub(super) pid: i32,
    /// The message's offset.
    pub(super) offset: u64,
    /// What there is of its payload.
    pub(super) payload: &'a [u8],
    /// How long it was.
    pub(super) length: u64,
}

impl Save<'_> {
    /// Writes it into a new file in `directory`; says what came of it.
    pub(super) fn write(&self, directory: &Path) -> String {
        let (kept, all) = (self.payload.len(), self.length);
        match self.create(directory) {
            Ok(path) => {
                let path = path.display().to_string();
                let path = text::escape(&path, 4096);
                if (kept as u64) < all {
                    format!("wrote {path}: the first {kept} of {all} bytes, the rest is gone")
                } else {
                    format!("wrote {path}: {}", counted(kept as u64, "byte"))
                }
            }
            Err(error) => {
                let directory = directory.display().to_string();
                format!(
                    "{}: cannot write a file: {error}",
                    text::escape(&directory, 4096)
                )
            }
        }
    }

    fn create(&self, directory: &Path) -> io::Result<PathBuf> {
        let name = format!("zbqtop-{}-{}", self.pid, self.offset);
        for number in 0..TRIES {
            let path = directory.join(match number {
                0 => format!("{name}.bin"),
                _ => format!("{name}-{number}.bin"),
            });
            let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                opened => opened?,
            };
            if let Err(error) = file.write_all(self.payload) {
                // What could not be written whole is of no use; that is what is said, whether this works or not.
                let _ = remove_file(&path);
                return Err(error);
            }
            return Ok(path);
        }
        Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{name}.bin and all numbered variants up to {TRIES} exist already"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ever_written_over() {
        let place = tempfile::tempdir().unwrap();
        let save = |payload: &[u8], length| {
            let save = Save {
                pid: 7,
                offset: 4096,
                payload,
                length,
            };
            save.write(place.path())
        };
        let path = |name: &str| place.path().join(name);
        // Not even through a link that leads nowhere.
        std::os::unix::fs::symlink(path("elsewhere"), path("zbqtop-7-4096.bin")).unwrap();
        assert!(save(b"one\0\xff", 5).ends_with("zbqtop-7-4096-1.bin: 5 bytes"));
        assert!(save(b"two", 9).ends_with("-2.bin: the first 3 of 9 bytes, the rest is gone"));
        assert_eq!(
            std::fs::read(path("zbqtop-7-4096-1.bin")).unwrap(),
            b"one\0\xff"
        );
        assert_eq!(std::fs::read(path("zbqtop-7-4096-2.bin")).unwrap(), b"two");
        assert!(!path("elsewhere").exists());
    }

    #[test]
    fn what_fails_is_said() {
        let save = Save {
            pid: 7,
            offset: 0,
            payload: b"x",
            length: 1,
        };
        let said = save.write(Path::new("/nowhere/\x1b[2J"));
        assert!(
            said.contains("/nowhere/\\x1b[2J: cannot write a file: No such file"),
            "{said}"
        );
    }
}
