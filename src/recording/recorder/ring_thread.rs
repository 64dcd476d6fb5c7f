//! One ring that is being recorded: sampled and read by a thread of its own, which hands over what it finds.
//!
//! Where nobody takes that in time, the thread waits, and the ring overruns it: nothing is held up but the recording. It knows
//! no file.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Duration, Instant};

use super::feed::{Feed, Pick};
use crate::decode::DecodeRules;
use crate::observe::attach::{AttachedRing, Succession};
use crate::observe::messages::oldest_boundary;
use crate::observe::messages::wall_ns;
use crate::observe::model::{Finding, RingSnapshot, RingState, Severity, Thresholds};
use crate::observe::sample::control;
use crate::observe::watch::{Budget, Watcher, sleep_noting};
use crate::recording::batch::MessageBatch;
use crate::recording::channel::RingName;
use crate::recording::state::RecordedState;

/// A dashboard looks this often, and a recording that looks less often reads as much at one look as that in so many.
const DASHBOARD_INTERVAL: Duration = Duration::from_millis(100);
const MOST_LOOKS: f64 = 64.0;
/// The end is thought of this often.
const PATIENCE: Duration = Duration::from_millis(50);

/// Which messages are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessagePlan {
    /// None.
    None,
    /// So many a second at most: those that a look at the ring shows.
    Some(u32),
    /// All that can be read without harm to the producer.
    All,
}

/// How a ring is recorded.
#[derive(Clone, Debug)]
pub struct RingPlan {
    /// Time between two samples.
    pub interval: Duration,
    /// Which messages are recorded.
    pub messages: MessagePlan,
    /// By which figures it is judged.
    pub thresholds: Thresholds,
    /// How its messages are decoded where they tell when they were made.
    pub decoding: DecodeRules,
}

/// A ring that is recorded, as it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    /// In the recording.
    pub name: RingName,
    /// Elsewhere.
    pub id: String,
}

/// Something to be recorded.
#[derive(Debug)]
pub(super) struct Piece {
    /// Of which ring.
    pub of: Recorded,
    /// What.
    pub what: What,
}

/// What is to be recorded.
#[derive(Debug)]
pub(super) enum What {
    /// What the ring is now.
    State {
        /// ns since 1970.
        at_ns: u64,
        /// A [`RecordedState`].
        json: Vec<u8>,
        /// The worst finding, if there is one.
        worst: Option<Finding>,
    },
    /// What has happened.
    Event {
        /// ns since 1970.
        at_ns: u64,
        /// An event.
        json: Vec<u8>,
        /// How bad it is.
        severity: Severity,
        /// In words.
        message: String,
    },
    /// Messages, and the gaps between them.
    Messages(MessageBatch),
    /// The ring is over, and another one takes its place.
    Replaced,
    /// The ring is over, or cannot be read any more: why.
    Ended(String),
}

/// The thread's own.
struct RingThread {
    watcher: Watcher,
    plan: RingPlan,
    feed: Option<Feed>,
    pick: Pick,
    of: Option<Recorded>,
    out: SyncSender<Piece>,
    ending: Arc<AtomicBool>,
    /// In which states of the ring another one may take its place.
    waits_in: fn(RingState) -> bool,
}

/// Starts to record a ring. The thread ends with the ring, unless another one may take its place; when `ending` is set; and when
/// nobody takes what it finds.
///
/// # Errors
/// When no thread can be had.
pub(super) fn start(
    ring: AttachedRing,
    succession: Option<Succession>,
    plan: RingPlan,
    out: SyncSender<Piece>,
    ending: Arc<AtomicBool>,
) -> io::Result<()> {
    // As many bytes a second as a dashboard reads.
    let looks = plan.interval.as_secs_f64() / DASHBOARD_INTERVAL.as_secs_f64();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number between the two bounds"
    )]
    let looks = looks.clamp(1.0, MOST_LOOKS) as u64;
    let budget = Budget {
        preview: Budget::DASHBOARD.preview * looks,
        history: match plan.messages {
            MessagePlan::Some(_) => Budget::DASHBOARD.history,
            MessagePlan::None | MessagePlan::All => Budget::GLANCE.history,
        },
        reads_back: false,
        ..Budget::DASHBOARD
    };
    let waits_in: fn(RingState) -> bool = match &succession {
        None => |_| false,
        Some(next) if next.ends_with_producer() => |state| state != RingState::ProducerGone,
        Some(_) => |_| true,
    };
    let feed =
        (plan.messages == MessagePlan::All).then(|| Feed::new(&ring, control(&ring).producer_head));
    let watcher = Watcher::new(ring, budget).judging_by(plan.thresholds);
    let mut watcher = watcher.decoding_by(&plan.decoding);
    if let Some(succession) = succession {
        watcher = watcher.succeeded_by(succession);
    }
    let thread = RingThread {
        watcher,
        plan,
        feed,
        pick: Pick::default(),
        of: None,
        out,
        ending,
        waits_in,
    };
    std::thread::Builder::new()
        .name("recorder".into())
        .spawn(move || thread.run())?;
    Ok(())
}

/// The end was asked for, or nobody takes what is found any more.
struct Stopped;

impl RingThread {
    fn run(mut self) {
        if let Ok(why) = self.record() {
            let _ = self.hand_over(What::Ended(why));
        }
    }

    /// Records until the ring is over; tells why.
    fn record(&mut self) -> Result<String, Stopped> {
        let mut due = Instant::now();
        loop {
            if Instant::now() >= due {
                due = (due + self.plan.interval).max(Instant::now());
                if matches!(self.plan.messages, MessagePlan::Some(_)) {
                    self.pick.look(self.watcher.ring());
                }
                let ring = self.watcher.look();
                let over = (ring.state.is_over() || ring.state == RingState::Truncated)
                    .then(|| ring.reason.clone());
                self.hand_over_state(&ring)?;
                if let Some(over) = over.filter(|_| !(self.waits_in)(ring.state)) {
                    // What was committed before it ended is read, too.
                    while self.feed.is_some() && matches!(self.read(), Ok(false)) {
                        self.hand_over_due()?;
                    }
                    self.hand_over_rest()?;
                    return Ok(over);
                }
            }
            if self.ending.load(Ordering::Relaxed) {
                self.hand_over_rest()?;
                return Err(Stopped);
            }
            if self.feed.is_none() {
                let noted = due.min(Instant::now() + PATIENCE);
                let sleep = |time| {
                    std::thread::sleep(time);
                    Ok(())
                };
                // To sleep like this does not fail.
                let _ = sleep_noting(noted, || self.watcher.note_commits(), sleep);
                // Since when a consumer is behind is known the better.
                self.watcher.note_head();
            } else if let Err(error) = self.read() {
                self.hand_over_rest()?;
                return Ok(error.to_string());
            }
            self.hand_over_due()?;
        }
    }

    /// Reads a piece; tells whether all is read.
    fn read(&mut self) -> io::Result<bool> {
        let patience = self.watcher.note_commits();
        let ring = self.watcher.ring();
        match &mut self.feed {
            Some(feed) if feed.reads(ring) => feed.step(ring, patience),
            Some(feed) => {
                // It has taken the place of the one before: what it holds is new.
                let head = control(ring).producer_head;
                let from = if head <= ring.capacity() {
                    0
                } else {
                    oldest_boundary(ring)
                };
                *feed = Feed::new(ring, from);
                Ok(false)
            }
            None => Ok(true),
        }
    }

    fn hand_over_state(&mut self, ring: &RingSnapshot) -> Result<(), Stopped> {
        let of = Recorded {
            name: RingName::of(ring),
            id: ring.id.clone(),
        };
        if self.of.as_ref() != Some(&of) {
            // What was read is of the ring before.
            self.hand_over_rest()?;
            if self.of.is_some() {
                self.hand_over(What::Replaced)?;
            }
            self.of = Some(of);
        }
        let at_ns = wall_ns();
        for event in &ring.events {
            let json = serde_json::to_vec(event).unwrap_or_default();
            self.hand_over(What::Event {
                at_ns,
                json,
                severity: event.severity,
                message: event.message.clone(),
            })?;
        }
        let state = RecordedState::now(ring.clone(), self.watcher.interval_ns());
        let json = state.to_json().unwrap_or_default();
        let worst = ring.findings.first().cloned();
        self.hand_over(What::State { at_ns, json, worst })?;
        if let MessagePlan::Some(rate) = self.plan.messages {
            let most = f64::from(rate) * self.plan.interval.as_secs_f64();
            let (ring, log) = (self.watcher.ring(), self.watcher.messages());
            if let Some(batch) = self.pick.take(ring, log, most.ceil() as usize) {
                self.hand_over(What::Messages(batch))?;
            }
        }
        Ok(())
    }

    fn hand_over_due(&mut self) -> Result<(), Stopped> {
        match self.feed.as_mut().and_then(Feed::take_due) {
            Some(batch) => self.hand_over(What::Messages(batch)),
            None => Ok(()),
        }
    }

    fn hand_over_rest(&mut self) -> Result<(), Stopped> {
        match self.feed.as_mut().and_then(Feed::take) {
            Some(batch) => self.hand_over(What::Messages(batch)),
            None => Ok(()),
        }
    }

    /// Waits until it is taken.
    fn hand_over(&mut self, what: What) -> Result<(), Stopped> {
        let Some(of) = self.of.clone() else {
            return Ok(());
        };
        let mut piece = Piece { of, what };
        let mut asked: Option<Instant> = None;
        loop {
            match self.out.try_send(piece) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(Stopped),
                Err(TrySendError::Full(back)) => piece = back,
            }
            // Whoever asked for the end may take nothing any more.
            if self.ending.load(Ordering::Relaxed)
                && asked.get_or_insert_with(Instant::now).elapsed() > PATIENCE * 10
            {
                return Err(Stopped);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
