//! A dump of a ring that comes along by itself.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use crate::observe::attach::AttachedRing;
use crate::observe::model::RingSnapshot;
use crate::recording::dump::dump;
use crate::recording::recorder::create;
use crate::text::{bytes, percent, percent_of};

/// A ring that is being written into a file.
#[derive(Debug)]
pub(super) struct BackgroundDump {
    path: PathBuf,
    shared: Arc<Shared>,
    thread: JoinHandle<Result<String, String>>,
}

/// Writes a ring that is in the state `seen` into a file that was made; says what came of it.
///
/// # Errors
/// When the file cannot be written, or the ring cannot be read; in words.
pub(super) fn write(
    ring: &AttachedRing,
    seen: RingSnapshot,
    interval_ns: Option<u64>,
    (out, path): (File, &Path),
    tell: impl FnMut(u64, u64) -> bool,
) -> Result<String, String> {
    match dump(ring, seen, interval_ns, out, tell) {
        Ok(written) => Ok(format!("{} in {}", bytes(written.bytes), path.display())),
        Err(error) => {
            // Half of a ring is none.
            let _ = std::fs::remove_file(path);
            Err(error.to_string())
        }
    }
}

/// What the thread hears, and tells: bytes that are copied, and of how many.
#[derive(Debug, Default)]
struct Shared {
    ending: AtomicBool,
    done: AtomicU64,
    all: AtomicU64,
}

impl BackgroundDump {
    /// Begins it, of a ring that is in the state `seen`.
    ///
    /// # Errors
    /// When no thread can be had; in words.
    pub(super) fn begin(
        ring: AttachedRing,
        seen: RingSnapshot,
        interval_ns: Option<u64>,
        path: PathBuf,
    ) -> Result<Self, String> {
        let out = create(&path).map_err(|error| error.to_string())?;
        let shared = Arc::new(Shared::default());
        let (theirs, file) = (Arc::clone(&shared), path.clone());
        let tell = move |done, all| {
            theirs.done.store(done, Ordering::Relaxed);
            theirs.all.store(all, Ordering::Relaxed);
            !theirs.ending.load(Ordering::Relaxed)
        };
        let thread = std::thread::Builder::new()
            .name("dump".into())
            .spawn(move || write(&ring, seen, interval_ns, (out, &file), tell))
            .map_err(|error| error.to_string())?;
        Ok(Self {
            path,
            shared,
            thread,
        })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it has come to its end.
    pub(super) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// How far it has come.
    pub(super) fn words(&self) -> String {
        let done = self.shared.done.load(Ordering::Relaxed);
        let all = self.shared.all.load(Ordering::Relaxed);
        format!("{} %", percent(percent_of(done, all)))
    }

    /// Ends it; says what came of it.
    pub(super) fn end(self) -> String {
        self.shared.ending.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(Ok(done)) => done,
            Ok(Err(why)) => format!("no dump: {why}"),
            Err(_) => format!("the dump failed; {} is not whole", self.path.display()),
        }
    }
}
