//! One ring, watched: each look takes a sample, remembers it, judges it, and gives plain data back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::observe::attach::{AttachedRing, Presence, Succession};
use crate::observe::health::{
    Context, Events, History, consumer_state, findings, is_refused, ring_state,
};
use crate::observe::messages::{LagCounter, LagCounts, Preview, count_behind};
use crate::observe::model::{
    Attach, Bounded, ConsumerSnapshot, Estimate, Event, EventLog, Frame, Health, Limitation,
    MessageLog, MessageTotals, Rate, RingSnapshot, Thresholds, Unseen, WakeupBasis,
};
use crate::observe::procfs::{MappingSurvey, shortage, user_name};
use crate::observe::sample::{FutexWaiters, MemberSample, Sample, SideSockets, control, take};
use crate::ring::WakeupMode;
use crate::ring::clock::{TickClock, monotonic_ns};
use crate::ring::layout::HEADER_SIZE;
use crate::text::{bytes, percent_of, whole};

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

/// How much a look may read of the ring's bytes, and of `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// For the newest messages and their rate.
    pub preview: u64,
    /// Bytes of messages that are kept.
    pub history: usize,
    /// Whether the first look takes in what the ring holds already.
    pub reads_back: bool,
    /// For counting the messages that consumers lag behind, all together, at one look.
    pub lag: u64,
    /// And for going on with that over looks, where it is more.
    pub far_lag: u64,
    /// Time for asking processes what they map, in search of evicted consumers; the next look goes on with it. Zero:
    /// none is asked.
    pub survey: Duration,
    /// Time for the search for the slot table, where that has not been found yet.
    pub search: Duration,
    /// Whether consumers' threads and side sockets may be asked.
    pub asks: bool,
    /// Whether consumers are asked one after the other, at every look some, whether they are still there; otherwise all are, every
    /// few seconds.
    pub asks_in_turn: bool,
}

impl Budget {
    /// For ten looks a second within one hundredth of a core.
    pub const DASHBOARD: Self = Self {
        preview: 64 << 10,
        history: 3 << 20,
        reads_back: true,
        lag: 64 << 10,
        far_lag: 2 << 20,
        survey: Duration::from_millis(5),
        search: Duration::from_millis(5),
        asks: true,
        asks_in_turn: true,
    };
    /// For one ring of some, ten looks a second.
    pub const SAMPLED: Self = Self {
        preview: 16 << 10,
        history: 16 << 10,
        reads_back: false,
        lag: 16 << 10,
        far_lag: 256 << 10,
        survey: Duration::from_millis(1),
        search: Duration::from_millis(1),
        asks: true,
        asks_in_turn: false,
    };
    /// For one ring of many.
    pub const GLANCE: Self = Self {
        preview: 4 << 10,
        history: 16 << 10,
        reads_back: false,
        lag: 0,
        far_lag: 0,
        survey: Duration::ZERO,
        search: Duration::ZERO,
        asks: false,
        asks_in_turn: false,
    };
    /// For a look that is not repeated soon.
    pub const ONCE: Self = Self {
        preview: 16 << 20,
        history: 64 << 10,
        reads_back: false,
        lag: 4 << 20,
        far_lag: 64 << 20,
        survey: Duration::from_millis(500),
        search: Duration::from_millis(500),
        asks: true,
        asks_in_turn: true,
    };
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

    /// How many messages each tail is behind, as far as that is known; what was too much for one look with an estimate.
    fn count_lags(&mut self, sample: &Sample) -> LagCounts {
        let head = sample.control.producer_head;
        let tails: BTreeSet<u64> = sample.members.iter().map(|member| member.tail).collect();
        let near: Vec<u64> = tails.iter().copied().collect();
        let mut counted = LagCounts::default();
        let far = head.saturating_sub(self.budget.lag);
        let floor = head.saturating_sub(self.ring.capacity());
        if self.budget.far_lag > 0 && floor < far && tails.range(floor..far).next().is_some() {
            counted = (self.lag_counter).look(&self.ring, &tails, head, self.budget.far_lag);
        }
        let exact = count_behind(&self.ring, &near, head, self.budget.lag);
        let exact = exact
            .into_iter()
            .map(|(tail, count)| (tail, Estimate::exact(count)));
        counted.behind.extend(exact);
        counted
    }

    fn assemble(&mut self, sample: &Sample) -> RingSnapshot {
        let lags = self.count_lags(sample);
        let head = sample.control.producer_head;
        let capacity = sample.control.ring_capacity;
        // Nobody waits for it once the producer has ended.
        let gating = sample.gating().filter(|_| sample.producer_alive);
        let free = self.free(sample, gating);
        let needed = self.preview.sizes().longest.max(HEADER_SIZE as u64);
        // A truncated control page reads as zeroes: nothing follows from them.
        let known_head = sample.control.head();
        let rate = known_head.and_then(|_| self.history.bytes_per_second());
        let refused = free.is_some_and(|free| is_refused(sample, free, needed));
        let (state, reason) = ring_state(sample, free, needed, rate, self.history.head_moves());
        let consumers = sample
            .members
            .iter()
            .map(|member| {
                let gates = gating.is_some_and(|gating| gating.meta_inode == member.meta_inode);
                let context = Context {
                    head_is_lost: known_head.is_none(),
                    is_over: !sample.producer_alive,
                    head,
                    head_before: sample.head_before,
                    capacity,
                    stall_timeout_ns: sample.control.stall_timeout_ns,
                    head_moves: self.history.head_moves(),
                    still_ns: self.history.still_ns(member.meta_inode),
                    behind: self.history.lag_time_ns(member.tail),
                    holds_producer: gates && refused,
                    // A producer that has ended scans no more.
                    evict_in_ns: sample.evict_in_ns(member).filter(|_| sample.producer_alive),
                    thresholds: self.thresholds,
                };
                self.consumer(member, &context, lags.behind.get(&member.tail).copied())
            })
            .collect();
        let mut ring = RingSnapshot {
            id: self.ring.id().to_owned(),
            ctrl_inode: self.ring.ctrl_file().ino,
            state,
            health: Health::Ok,
            reason,
            sampled_ns: sample.at_ns,
            attach: Attach {
                method: self.ring.method(),
                joined: self.ring.joined().cloned(),
                slot_table: sample.table.is_some(),
                limits: self.limits(sample, lags.progress),
            },
            producer: self.ring.producer(),
            control: sample.control,
            slots: sample.slot_counts(),
            free_bytes: free,
            gating_slot: gating.and_then(|member| member.slot.map(|slot| slot.index)),
            gating_pid: gating.and_then(|member| member.pid),
            gating_meta_inode: gating.map(|member| member.meta_inode),
            time_to_full_ns: self.time_to_full(free, rate, gating),
            rate: Rate {
                bytes_per_second: rate,
                messages_per_second: self.messages_per_second(rate),
            },
            messages: self.preview.figures(),
            consumers,
            hidden_consumers: sample.hidden_consumers(),
            findings: Vec::new(),
            events: Vec::new(),
        };
        ring.findings = findings(&ring, &self.thresholds);
        // Once the producer has ended nobody counts its consumers any more.
        let hidden = ring.hidden_consumers != Some(0) && !ring.state.is_over();
        let hidden = hidden || shortage().is_some();
        ring.health = Health::of(&ring.findings, hidden);
        ring
    }

    fn consumer(
        &self,
        member: &MemberSample,
        context: &Context,
        counted: Option<Estimate<u64>>,
    ) -> ConsumerSnapshot {
        let Context { head, capacity, .. } = *context;
        let (state, reason) = consumer_state(member, context);
        let lag = head
            .checked_sub(member.tail)
            .filter(|_| !member.truncated && !context.head_is_lost);
        let wakeup = self.wakeup(member);
        let unread = self.side_sockets.unread(member.meta_inode);
        ConsumerSnapshot {
            meta_inode: member.meta_inode,
            slot: member.slot.map(|slot| slot.index),
            pid: member.pid,
            command: member.command.clone(),
            command_line: member.command_line.clone(),
            uid: member.uid,
            user: member.uid.and_then(user_name).map(str::to_owned),
            joined_at: self.joined_at(member),
            process_state: member.process_state,
            held: member.held,
            alive: member.alive,
            state,
            reason,
            wakeup_mode: wakeup.map(|(mode, _)| mode),
            wakeup_basis: wakeup.map(|(_, basis)| basis),
            waits_on_futex: self.futex_waiters.stranded(member.meta_inode),
            side_socket_unread_bytes: unread.map(|unread| unread.bytes),
            side_socket_capacity_bytes: unread.map(|unread| unread.capacity),
            side_socket_descriptors: unread.and_then(|unread| unread.descriptors),
            side_socket_descriptors_limit: unread.and_then(|unread| unread.descriptors_limit),
            tail_offset: member.tail,
            lag_bytes: lag,
            lag_percent: lag.map(|lag| percent_of(lag, capacity)),
            lag_messages: self.lag_messages(lag, counted),
            lag_time_ns: lag.and(context.behind),
            // A tail that was parked did not release anything on the way there.
            rate_bytes_per_second: lag.and_then(|_| self.history.tail_rate(member.meta_inode)),
            progress_timestamp: member.progress_timestamp,
            join_baseline: member.join_baseline,
            progress_age_ns: member.silent_ns.filter(|_| member.progress_timestamp > 0),
            evict_in_ns: context.evict_in_ns,
        }
    }

    /// When a consumer joined, by the clock on the wall.
    fn joined_at(&self, member: &MemberSample) -> Option<String> {
        let ago = self
            .age_ns(member.join_baseline)
            .filter(|_| !member.truncated)?;
        let ago = SignedDuration::from_nanos(i64::try_from(ago).ok()?);
        Some(Timestamp::now().checked_sub(ago).ok()?.to_string())
    }

    /// How a consumer is woken, and where that is known from.
    fn wakeup(&self, member: &MemberSample) -> Option<(WakeupMode, WakeupBasis)> {
        if let Some(slot) = member.slot {
            return Some((slot.mode, WakeupBasis::SlotTable));
        }
        match self.ring.own_slot() {
            Some((page, mode)) if page.ino == member.meta_inode => Some((mode, WakeupBasis::Join)),
            _ => (self.futex_waiters.caught(member.meta_inode))
                .then_some((WakeupMode::Push, WakeupBasis::FutexWait)),
        }
    }

    /// Counted where that is cheap and nothing was written over meanwhile; else by the mean size seen.
    fn lag_messages(&self, lag: Option<u64>, counted: Option<Estimate<u64>>) -> Estimate<u64> {
        match (counted, lag, self.preview.sizes().mean) {
            (Some(counted), _, _) => counted,
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            (None, Some(lag), mean) if mean > 0.0 => Estimate::about(whole(lag as f64 / mean)),
            _ => Estimate::default(),
        }
    }

    fn messages_per_second(&self, rate: Option<f64>) -> Estimate<f64> {
        if let Some(exact) = self.history.messages_per_second() {
            return Estimate::exact(exact);
        }
        match (rate, self.preview.sizes().mean) {
            (Some(rate), mean) if mean > 0.0 => Estimate::about(rate / mean),
            _ => Estimate::default(),
        }
    }

    /// What the producer could reserve in all; unknown when a consumer may be hidden.
    fn free(&self, sample: &Sample, gating: Option<&MemberSample>) -> Option<u64> {
        if sample.hidden_consumers() != Some(0) {
            return None;
        }
        let head = sample.control.head()?;
        let lag = gating.map_or(0, |member| head.saturating_sub(member.tail));
        Some(sample.control.ring_capacity.saturating_sub(lag))
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn time_to_full(
        &self,
        free: Option<u64>,
        rate: Option<f64>,
        gating: Option<&MemberSample>,
    ) -> Option<u64> {
        let (drain, rate) = (self.history.tail_rate(gating?.meta_inode)?, rate?);
        let fill = rate - drain;
        // A tail that keeps pace is now a little ahead and now a little behind: that fills nothing.
        (fill > rate / 20.0).then(|| free.map(|free| whole(free as f64 * 1e9 / fill)))?
    }

    fn limits(&self, sample: &Sample, counted: Option<(u64, u64)>) -> Vec<Limitation> {
        let mut limits = self.ring.limits();
        limits.extend(counted.map(|(walked, all)| {
            let why = format!(
                "they are being counted: {} of {} so far, the rest is estimated",
                bytes(walked),
                bytes(all)
            );
            Limitation::new("how many messages consumers are behind", why)
        }));
        if self.ring.reads_table() && sample.table.is_none() {
            limits.push(Limitation {
                what: Unseen::SlotTable,
                why: if sample.producer_alive {
                    "the slot table is no longer where it was in the producer's memory".into()
                } else {
                    "it was lost with the producer".into()
                },
                remedy: None,
            });
        }
        limits.extend_from_slice(self.futex_waiters.limits());
        limits.extend_from_slice(self.side_sockets.limits());
        limits
    }
}
