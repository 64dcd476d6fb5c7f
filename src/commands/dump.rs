//! `dump`: a ring as it is, its memory and its state, into a file or a stream.

use std::io::{self, Write};
use std::time::Duration;

use super::record::output;
use crate::cli::DumpArgs;
use crate::observe::attach::AttachedRing;
use crate::observe::model::{RingSnapshot, Thresholds};
use crate::observe::watch::{Budget, Watcher};
use crate::recording::{Output, Written, create, dump as dump_all, dump_headers, named};
use crate::shutdown::StopSignal;
use crate::stderr::{Progress, warn};
use crate::text::bytes;

/// Between the two samples that rates come from.
const INTERVAL: Duration = Duration::from_millis(200);

/// Writes a dump of `ring`.
///
/// # Errors
/// When the file cannot be made or written, or the ring cannot be read.
pub fn dump(ring: AttachedRing, options: &DumpArgs, thresholds: Thresholds) -> anyhow::Result<()> {
    let ending = StopSignal::watch()?;
    let output = output(&options.output, &ending)?;
    let mut watcher = Watcher::new(ring, Budget::ONCE).judging_by(thresholds);
    watcher.look();
    std::thread::sleep(INTERVAL);
    let mut seen = watcher.look();
    seen.events.clear();
    let written = match output {
        Output::Stream(stream) => write(&watcher, seen, stream, options, &ending)?,
        Output::File(path) => {
            let file = create(&path)?;
            write(&watcher, seen, file, options, &ending).map_err(|error| {
                // Half of a ring is none.
                let _ = std::fs::remove_file(&path);
                named(&error, &path)
            })?
        }
    };
    warn(&format!(
        "wrote {} of a ring of {}",
        bytes(written.bytes),
        bytes(watcher.ring().capacity())
    ));
    Ok(())
}

fn write(
    watcher: &Watcher,
    seen: RingSnapshot,
    out: impl Write,
    options: &DumpArgs,
    ending: &StopSignal,
) -> io::Result<Written> {
    let mut progress = Progress::begin();
    let tell = |done: u64, all: u64| {
        progress.tell(|| format!("{} of {}", bytes(done), bytes(all)));
        !ending.asked()
    };
    let (ring, interval) = (watcher.ring(), watcher.interval_ns());
    if options.no_payload {
        dump_headers(ring, seen, interval, out, tell)
    } else {
        dump_all(ring, seen, interval, out, tell)
    }
}
