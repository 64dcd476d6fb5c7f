//! A file that whoever reads it finds whole: written beside it, then put in its place.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Puts `text` in the place of the file that is called `path`; everybody may read it.
///
/// # Errors
/// When it cannot be written there; what was there is left as it was.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    // Whoever takes in all files called *.prom is not to find this one.
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = (|| {
        // One that a process with our pid left behind is not followed, were it a link.
        let _ = std::fs::remove_file(&beside);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&beside)?;
        file.write_all(text.as_bytes())?;
        // Whatever the umask says.
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
        std::fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("zbq.prom");
        replace(&path, "one").expect("it is made");
        replace(&path, "two").expect("it is replaced");
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "two");
        let mode = path.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        let inside = path.join("zbq.prom");
        assert!(replace(&inside, "three").is_err());
        assert!(replace(Path::new("/"), "three").is_err());
        let names = folder.path().read_dir().expect("a folder").count();
        assert_eq!(names, 1);
    }
}
