//! Whether what is printed goes to the journal.

use std::os::fd::AsFd;

use rustix::fs::fstat;

/// Whether stdout is the stream that the service manager connected to the journal (systemd.exec(5), `$JOURNAL_STREAM`).
pub(super) fn reads_stdout() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    is_stream(&stream, std::io::stdout())
}

/// Whether `file` is the one that is called so, by device and inode.
fn is_stream(stream: &str, file: impl AsFd) -> bool {
    fstat(file).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_known_by_device_and_inode() {
        let file = tempfile::tempfile().expect("a file");
        let stat = fstat(&file).expect("it is open");
        let name = format!("{}:{}", stat.st_dev, stat.st_ino);
        assert!(is_stream(&name, &file));
        for other in ["", ":", "0:0", "x"] {
            assert!(!is_stream(other, &file), "{other}");
        }
    }
}
