//! Waiting for a ring to go on, at next to no cost for anybody.
//!
//! While push slots are active the producer wakes whoever waits on its futex, so we wait there, too (a read-only
//! mapping will do). Otherwise head is looked at, ever more seldom. Whether push slots are active is told by the
//! futex itself: it changes with head, or it does not. Nobody is waited for longer than [`WAKE`].

use std::io;
use std::time::{Duration, Instant};

use crate::observe::attach::AttachedRing;
use crate::observe::sample::control;
use crate::ring::layout::CTRL_BROADCAST_FUTEX;

/// Shortest and longest time between two looks at head: it doubles while nothing comes.
const LOOK: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(10));
/// What the shortest sleep takes in truth.
const SLEEP: Duration = Duration::from_micros(120);
/// On a ring that goes half round in one sleep, to sleep at all is to be overrun: head is looked at without a pause for
/// as long first.
const AT_ONCE: Duration = Duration::from_micros(30);
/// Longest first time between two looks.
const FIRST_LOOK: Duration = Duration::from_micros(400);
/// Longest wait on the futex: nobody wakes us when the producer dies.
const WAKE: Duration = Duration::from_millis(50);
/// To wake a waiter costs the producer a microsecond or two at each commit: one that commits more often than this is
/// looked at instead.
const TOO_OFTEN: Duration = Duration::from_micros(500);

/// Waits for one ring.
#[derive(Debug)]
pub(super) struct Waiter {
    /// The futex when the ring last stood still.
    token: u32,
    /// The producer changes the futex when it commits.
    wakes: bool,
    /// The time until the next look.
    look: Duration,
    /// The ring has gone on since the last wait.
    moved: bool,
    moved_at: Instant,
    /// Time between the last two moves, and bytes of the last.
    pace: (Duration, u64),
    waited: Instant,
}

impl Waiter {
    /// Waits for `ring`.
    #[must_use]
    pub(super) fn new(ring: &AttachedRing) -> Self {
        Self {
            token: token(ring),
            wakes: false,
            look: LOOK.0,
            moved: false,
            moved_at: Instant::now(),
            pace: (LOOK.1, 0),
            waited: Instant::now(),
        }
    }

    /// To be told that so many bytes came. What took its time to come is looked for a few times until the next, not
    /// twenty times.
    pub(super) fn moved(&mut self, bytes: u64) {
        let now = Instant::now();
        self.moved = true;
        let pace = now - self.moved_at;
        self.pace = (pace, bytes);
        self.moved_at = now;
        self.look = (pace / 3).clamp(LOOK.0, FIRST_LOOK);
    }

    /// Whether the ring goes half round in one sleep.
    fn races(&self, capacity: u64) -> bool {
        let (pace, bytes) = self.pace;
        u128::from(bytes) * SLEEP.as_nanos() > u128::from(capacity / 2) * pace.as_nanos()
    }

    /// Waits until the ring may have gone on behind `position`, or since `token` was taken, or a while; `sleep` is how
    /// the caller likes to sleep.
    ///
    /// # Errors
    /// Those of `sleep`, and when the kernel refuses.
    pub(super) fn wait(
        &mut self,
        ring: &AttachedRing,
        position: u64,
        token: u32,
        sleep: impl FnOnce(Duration) -> io::Result<()>,
    ) -> io::Result<()> {
        let stands = || control(ring).producer_head == position;
        if self.races(ring.capacity()) {
            while self.moved_at.elapsed() < AT_ONCE {
                if !stands() {
                    return Ok(());
                }
                std::hint::spin_loop();
            }
        }
        if self.moved {
            self.wakes = token != self.token;
            self.moved = false;
        }
        self.token = token;
        let often = self.waited.elapsed() < TOO_OFTEN;
        self.waited = Instant::now();
        if self.wakes && !often {
            ring.ctrl()
                .futex_wait(CTRL_BROADCAST_FUTEX, token, Some(WAKE))
                .map_err(io::Error::other)?;
            return sleep(Duration::ZERO);
        }
        let look = self.look;
        self.look = (look * 2).min(LOOK.1);
        sleep(look)
    }
}

/// The futex now. To be taken before head is looked at: a commit in between changes it, and the wait ends at once.
#[must_use]
pub(super) fn token(ring: &AttachedRing) -> u32 {
    // Pairs with the producer's increment after its store-release of head: whoever sees it sees that head.
    ring.ctrl().load_u32_acquire(CTRL_BROADCAST_FUTEX)
}
