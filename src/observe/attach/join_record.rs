//! Which rings this user has joined before: a slot that was parked then may still be taken.
//!
//! One small file a ring, in the user's runtime directory. Only a help: where it cannot be kept, nothing is said.

use std::fs::{DirBuilder, read_to_string, symlink_metadata, write};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::PathBuf;

use crate::observe::procfs::FileId;

/// Notes that `ring` (its control region) is being joined; tells when that was done last, RFC 3339.
#[must_use]
pub(super) fn note(ring: FileId) -> Option<String> {
    // Inodes are given out anew after a boot.
    let boot = read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let name = format!("joined-{}-{}-{}", boot.trim(), ring.dev, ring.ino);
    let file = directory()?.join(name);
    let earlier = read_to_string(&file)
        .ok()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok())
        .map(|at| at.to_string());
    let _ = write(&file, jiff::Timestamp::now().to_string());
    earlier
}

/// A directory of our own that nobody else can have put there.
fn directory() -> Option<PathBuf> {
    let uid = rustix::process::getuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty());
    let directory = match runtime {
        Some(runtime) => PathBuf::from(runtime).join("zbqtop"),
        None => std::env::temp_dir().join(format!("zbqtop-{uid}")),
    };
    let _ = DirBuilder::new().mode(0o700).create(&directory);
    // A name in a shared directory may be anyone's.
    let found = symlink_metadata(&directory).ok()?;
    (found.is_dir() && found.uid() == uid && found.mode() & 0o077 == 0).then_some(directory)
}
