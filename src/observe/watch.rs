//! One ring, watched: each look takes a sample, remembers it, judges it, and gives plain data back.

mod assembly;
mod budget;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub use budget::Budget;

use crate::decode::{DecodeRules, rule_for};
use crate::observe::attach::{AttachedRing, Presence, Succession};
use crate::observe::health::{Events, History};
use crate::observe::messages::{LagCounter, Preview};
use crate::observe::model::{
    Bounded, Event, EventLog, Frame, MessageLog, MessageTotals, RingSnapshot, Thresholds,
};
use crate::observe::procfs::MappingSurvey;
use crate::observe::sample::{FutexWaiters, Sample, SideSockets, control, take};
use crate::ring::clock::{TickClock, monotonic_ns};

/// Who is in a ring, and whether they still map it, is looked up this often: where that is the only way to learn of
/// a new consumer, or where one is in trouble.
const REFRESH_OFTEN: Duration = Duration::from_secs(1);
/// And this often where the slot table tells of changes at every sample, and all is well.
const REFRESH_SELDOM: Duration = Duration::from_secs(5);
/// Or this often, of one ring of many.
const REFRESH_OF_MANY: Duration = Duration::from_secs(30);

/// Consumers that were evicted before the ring was attached are looked for among all processes this often.
const SURVEY_EVERY: Duration = Duration::from_secs(60);

/// Whoever stands still behind head for less than this is not asked for yet, ns.
const STANDS_NS: u64 = 500_000_000;
/// And is asked for no more often than this: it takes reading what its process maps.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// Head is looked at this often where the age of messages is to be told: that is how exact it is.
const COMMITS_EVERY: Duration = Duration::from_millis(1);

/// Sleeps until `due`, as `sleep` does, and takes in meanwhile where heads are, as [`Watcher::note_commits`] does.
///
/// # Errors
/// Those of `sleep`.
pub fn sleep_noting(
    due: Instant,
    mut note_commits: impl FnMut() -> Option<Duration>,
    mut sleep: impl FnMut(Duration) -> io::Result<()>,
) -> io::Result<()> {
    while let Some(left) = due.checked_duration_since(Instant::now()) {
        let every = note_commits().unwrap_or(left);
        sleep(left.min(every))?;
    }
    Ok(())
}

/// A ring under watch.
#[derive(Debug)]
pub struct Watcher {
    ring: AttachedRing,
    clock: TickClock,
    history: History,
    preview: Preview,
    lag_counter: LagCounter,
    budget: Budget,
    thresholds: Thresholds,
    decoding: DecodeRules,
    /// Why messages cannot be decoded though a rule says how, if that is so.
    undecodable: Option<String>,
    refreshed: Instant,
    /// A search for evicted consumers that is under way, and when the next one is due.
    survey: Option<MappingSurvey>,
    survey_due: Instant,
    futex_waiters: FutexWaiters,
    side_sockets: SideSockets,
    /// Whether the last sample had the slot table.
    reads_table: bool,
    events: Events,
    /// Shared with the frames that were handed out: it is copied when it changes, not at every look.
    log: Arc<EventLog>,
    /// Where the ring is looked for that takes the place of this one once it is over, and that ring.
    succession: Option<Succession>,
    successor: Option<AttachedRing>,
    /// Whether the last look found this one to be over.
    over: bool,
}

impl Watcher {
    /// Watches `ring`.
    #[must_use]
    pub fn new(ring: AttachedRing, budget: Budget) -> Self {
        Self {
            ring,
            clock: TickClock::calibrate(),
            history: History::default(),
            preview: Preview::new(budget.preview, budget.history, budget.reads_back),
            lag_counter: LagCounter::default(),
            budget,
            thresholds: Thresholds::default(),
            decoding: DecodeRules::default(),
            undecodable: None,
            refreshed: Instant::now(),
            survey: None,
            survey_due: Instant::now(),
            futex_waiters: FutexWaiters::default(),
            side_sockets: SideSockets::default(),
            reads_table: false,
            events: Events::default(),
            log: Arc::default(),
            succession: None,
            successor: None,
            over: false,
        }
    }

    /// Goes on with the ring that takes the place of this one once that is over.
    #[must_use]
    pub fn succeeded_by(mut self, succession: Succession) -> Self {
        self.succession = Some(succession);
        self
    }

    /// Looks whether another ring has taken the place of this one, if the last look found it to be over: the next look is
    /// at that one then.
    pub fn find_successor(&mut self) -> bool {
        if self.over
            && self.successor.is_none()
            && let Some(succession) = &mut self.succession
        {
            self.successor = succession.find(&self.ring);
        }
        self.successor.is_some()
    }

    /// Begins anew with `ring`; of the one before only what has happened is remembered.
    fn go_on_with(&mut self, ring: AttachedRing) {
        let before = std::mem::replace(self, Self::new(ring, self.budget));
        self.thresholds = before.thresholds;
        self.decoding = before.decoding;
        self.events = before.events;
        self.log = before.log;
        self.succession = before.succession;
    }

    /// Judges by other figures from now on.
    #[must_use]
    pub fn judging_by(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self.events = Events::judged_by(thresholds);
        self
    }

    /// Tells how old messages are from now on, if one of these rules says for this ring which of their values tells when
    /// they were made.
    #[must_use]
    pub fn decoding_by(mut self, rules: &DecodeRules) -> Self {
        self.decoding = Arc::clone(rules);
        self
    }

    /// Samples the ring now.
    pub fn look(&mut self) -> RingSnapshot {
        if let Some(ring) = self.successor.take() {
            self.go_on_with(ring);
        }
        let every = match (self.reads_table && self.ring.is_settled(), self.budget.asks) {
            (true, true) => REFRESH_SELDOM,
            (true, false) => REFRESH_OF_MANY,
            (false, _) => REFRESH_OFTEN,
        };
        if self.refreshed.elapsed() >= every || self.ring.has_let_go() {
            self.ring.refresh();
            self.clock.refine();
            self.refreshed = Instant::now();
        }
        if self.budget.asks_in_turn {
            self.ring.ask_in_turn();
        }
        self.ring.search_table(self.budget.search);
        self.open_decoder();
        self.look_for_evicted();
        let mut sample = take(&mut self.ring, &self.clock);
        self.reads_table = sample.table.is_some();
        let head = sample.control.head();
        let messages = head
            .filter(|_| !sample.cut_short)
            .and_then(|head| self.preview.look(&self.ring, head, sample.at_ns));
        if head.is_some() {
            self.history.push(&sample, messages);
        }
        self.ask_who_stands(&mut sample);
        if self.budget.asks {
            self.futex_waiters.look(&self.ring, sample.producer_alive);
            self.side_sockets.look(&self.ring, sample.producer_alive);
        }
        let mut ring = self.assemble(&sample);
        ring.events = self.events.note(&ring, &sample.departed, Timestamp::now());
        for event in &ring.events {
            Arc::make_mut(&mut self.log).push(event.clone());
        }
        self.over = ring.state.is_over();
        self.find_successor();
        ring
    }

    /// Begins to tell how old messages are, once a rule is for this producer.
    fn open_decoder(&mut self) {
        let is_settled = self.preview.tells_ages() || self.undecodable.is_some();
        if is_settled || self.budget.decoding.is_zero() || self.decoding.is_empty() {
            return;
        }
        let producer = self.ring.producer();
        let sockets = producer.sockets.as_deref().unwrap_or_default();
        let rule = rule_for(&self.decoding, producer.command.as_deref(), sockets);
        let Some((rule, field)) = rule.and_then(|rule| Some((rule, rule.time_field.clone()?)))
        else {
            return;
        };
        match rule.spec.open_hurried() {
            Ok(decoder) => {
                self.preview.tell_ages(decoder, field, self.budget.decoding);
            }
            Err(why) => self.undecodable = Some(why),
        }
    }

    /// Takes in where head is, and nothing else, if messages tell when they were made: their age is then known the better. Gives
    /// how soon that is to be done again; `None`: it need not be.
    pub fn note_commits(&mut self) -> Option<Duration> {
        if self.over || !self.preview.tells_ages() {
            return None;
        }
        self.preview.note_head(&self.ring);
        Some(COMMITS_EVERY)
    }

    /// Whether the slot table is still being searched for.
    #[must_use]
    pub fn seeks_table(&self) -> bool {
        self.ring.seeks_table()
    }

    /// Goes on for `time` with the search for the slot table.
    pub fn search_table(&mut self, time: Duration) {
        self.ring.search_table(time);
    }

    /// Takes in where head is, and nothing else: seldom looks then know the better since when a consumer is behind.
    pub fn note_head(&mut self) {
        if !self.ring.ctrl().is_truncated() {
            let head = control(&self.ring).producer_head;
            self.history.note_head(monotonic_ns(), head);
        }
    }

    /// Asks those that stand still behind head whether they are there at all, before anybody is said to have stalled.
    fn ask_who_stands(&mut self, sample: &mut Sample) {
        let head = sample.control.producer_head;
        for member in &mut sample.members {
            let stands = self.history.still_ns(member.meta_inode) >= Some(STANDS_NS);
            let there = matches!(member.presence, Presence::Mapped | Presence::Unknown);
            if member.held && there && member.tail < head && stands {
                member.presence = self.ring.ask_presence(member.meta_inode, ASKED_EVERY);
            }
        }
    }

    /// Goes on with the search for consumers that were evicted before the ring was attached.
    fn look_for_evicted(&mut self) {
        if self.budget.survey.is_zero() {
            return;
        }
        if self.survey.is_none() && Instant::now() >= self.survey_due {
            self.survey = MappingSurvey::begin().ok();
            self.survey_due = Instant::now() + SURVEY_EVERY;
        }
        if let Some(survey) = &mut self.survey {
            let done = survey.advance(self.budget.survey);
            self.ring.admit_evicted(survey);
            if done {
                self.survey = None;
            }
        }
    }

    /// Samples the ring now, with what the dashboard needs besides.
    pub fn frame(&mut self) -> Frame {
        Frame {
            snapshot: self.look(),
            rates: self.history.rates(),
            lags: self.history.lags(),
            messages: self.preview.log().clone(),
            messages_note: self.preview.note().map(str::to_owned),
            events: Arc::clone(&self.log),
            timeline: None,
            recording: None,
            dump: None,
            said: None,
        }
    }

    /// Time between the samples that rates come from, ns.
    #[must_use]
    pub fn interval_ns(&self) -> Option<u64> {
        self.history.interval_ns()
    }

    /// Time between the first and the last look, ns; `None` with one.
    #[must_use]
    pub fn watched_ns(&self) -> Option<u64> {
        self.history.watched_ns()
    }

    /// How long ago head moved, ns; `None` with one look.
    #[must_use]
    pub fn idle_ns(&self) -> Option<Bounded<u64>> {
        self.history.idle_ns()
    }

    /// The messages that were read last.
    #[must_use]
    pub fn messages(&self) -> &MessageLog {
        self.preview.log()
    }

    /// What happened last since it is watched.
    #[must_use]
    pub fn last_event(&self) -> Option<&Event> {
        self.log.back(0)
    }

    /// How many messages there were since it is watched.
    #[must_use]
    pub fn message_totals(&self) -> MessageTotals {
        self.preview.totals()
    }

    /// The ring that is watched.
    #[must_use]
    pub fn ring(&self) -> &AttachedRing {
        &self.ring
    }

    /// How long ago it is that the CPU's counter stood at `ticks`, ns; `None` when it has yet to.
    #[must_use]
    pub fn age_ns(&self, ticks: u64) -> Option<u64> {
        let elapsed = crate::ring::clock::ticks().checked_sub(ticks)?;
        Some(self.clock.ticks_to_ns(elapsed))
    }
}
