//! Several rings of a recording, as one stream in the order in which their messages were seen.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::recorded_messages::{
    Kept, LOOKS_EVERY, behind, chunks_from, known_of, last_of, take_in, wanted_last,
};
use super::sink::Sink;
use crate::cli::TailArgs;
use crate::recording::{Playback, PlayedRing};
use crate::stdout::Stdout;

/// What comes waits so long for what was seen before it and has yet to come: rings are recorded by turns.
const WAITS_FOR_OLDER: Duration = Duration::from_millis(300);

/// Where one of several rings stands.
struct Cursor {
    ring: PlayedRing,
    /// The chunk that is read next.
    next: usize,
    /// There is nothing more, until something comes.
    is_at_end: bool,
    /// What was read, and is not written yet.
    read: VecDeque<Waiting>,
}

/// What waits for its turn.
struct Waiting {
    since: Instant,
    /// Whether it is known to be wanted.
    is_wanted: bool,
    kept: Kept,
}

impl Cursor {
    /// Stands at the beginning of a ring, or of its last messages; opens it.
    fn open(
        playback: &mut Playback,
        ring: &PlayedRing,
        last: Option<usize>,
        sink: &mut Sink<Stdout>,
    ) -> Self {
        let (_, description) = known_of(playback, ring);
        sink.open_ring(&ring.id, &description);
        let since = Instant::now();
        let wanted = |kept| Waiting {
            since,
            is_wanted: true,
            kept,
        };
        let (next, kept) = match last {
            Some(last) => (behind(playback, ring), last_of(playback, ring, last, sink)),
            None => (0, VecDeque::new()),
        };
        Self {
            ring: ring.clone(),
            next,
            is_at_end: false,
            read: kept.into_iter().map(wanted).collect(),
        }
    }

    /// Reads on until there is something, as far as the recording goes.
    fn fill(&mut self, playback: &mut Playback) {
        if !self.read.is_empty() || self.is_at_end {
            return;
        }
        let since = Instant::now();
        for chunk in chunks_from(playback, &self.ring, self.next) {
            self.next = chunk + 1;
            playback.messages_in(&self.ring, chunk, |sighted, message| {
                self.read.push_back(Waiting {
                    since,
                    is_wanted: false,
                    kept: Kept::from((sighted, message)),
                });
                true
            });
            if !self.read.is_empty() {
                return;
            }
        }
        self.is_at_end = true;
    }

    /// When what comes next was seen, ns since 1970.
    fn at_ns(&self) -> Option<u64> {
        self.read.front().map(|next| next.kept.at_ns())
    }
}

/// Writes the messages of several rings in the order in which they were seen; with `-f` those that come, too.
///
/// What comes of different rings does not come in that order: it waits a while for what is older.
pub(super) fn merge(
    playback: &mut Playback,
    rings: &[PlayedRing],
    options: &TailArgs,
    sink: &mut Sink<Stdout>,
) -> anyhow::Result<()> {
    let last = wanted_last(options);
    sink.take_all_offsets();
    let open = |ring| Cursor::open(playback, ring, last, sink);
    let mut cursors: Vec<Cursor> = rings.iter().map(open).collect();
    loop {
        let waits = options.follows() && playback.goes_on();
        while !sink.is_done() {
            cursors.iter_mut().for_each(|cursor| cursor.fill(playback));
            let is_short = cursors.iter().any(|cursor| cursor.read.is_empty());
            let next = (0..cursors.len())
                .filter_map(|number| Some((cursors[number].at_ns()?, number)))
                .min();
            let Some((_, number)) = next else { break };
            let read = &mut cursors[number].read;
            let is_new = |next: &Waiting| next.since.elapsed() < WAITS_FOR_OLDER;
            if waits && is_short && read.front().is_some_and(is_new) {
                break;
            }
            if let Some(next) = read.pop_front()
                && (next.is_wanted || next.kept.is_admitted(sink))
            {
                sink.select_ring(number);
                next.kept.write(sink)?;
            }
        }
        sink.flush()?;
        if sink.is_done() || !waits {
            return Ok(());
        }
        sink.sleep(LOOKS_EVERY)?;
        take_in(playback);
        for cursor in &mut cursors {
            cursor.is_at_end = false;
        }
        for ring in playback.rings().to_vec() {
            if !cursors.iter().any(|known| known.ring.id == ring.id) {
                cursors.push(Cursor::open(playback, &ring, None, sink));
            }
        }
    }
}
