//! What is known of a ring after a look, put together as plain data.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::Watcher;
use crate::observe::health::{Context, consumer_state, findings, is_refused, ring_state};
use crate::observe::messages::{LagCounts, count_behind};
use crate::observe::model::{
    Attach, ConsumerSnapshot, Estimate, Health, Limitation, Rate, RingSnapshot, Unseen, WakeupBasis,
};
use crate::observe::procfs::{shortage, user_name};
use crate::observe::sample::{MemberSample, Sample};
use crate::ring::WakeupMode;
use crate::ring::layout::HEADER_SIZE;
use crate::text::{bytes, percent_of, whole};

impl Watcher {
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

    pub(super) fn assemble(&mut self, sample: &Sample) -> RingSnapshot {
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
        limits.extend(self.preview.limits());
        limits.extend(
            (self.undecodable.iter()).map(|why| Limitation::new("the age of messages", why)),
        );
        limits.extend_from_slice(self.futex_waiters.limits());
        limits.extend_from_slice(self.side_sockets.limits());
        limits
    }
}
