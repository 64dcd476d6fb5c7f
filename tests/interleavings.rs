//! Head, tail, and the sleep of a push consumer under every interleaving, and every value that a weak memory may show: a
//! model of what `ring::producer`, `ring::consumer` and the kernel's futex do, step by step, run by loom. Each of its
//! orderings is needed: weakened by itself, the model fails.
#![expect(unsafe_code, reason = "loom hands out pointers to what is shared")]

use loom::cell::UnsafeCell;
use loom::sync::atomic::Ordering::{self, Acquire, Relaxed, Release, SeqCst};
use loom::sync::atomic::{AtomicU32, AtomicU64, fence};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// What orders one step after another; `Relaxed` is no order, and no fence.
#[derive(Clone, Copy)]
struct Orderings {
    /// `Producer::store_head`.
    head_store: Ordering,
    /// Behind the load in `Consumer::acquire_head`.
    head_fence: Ordering,
    /// `Consumer::publish`.
    tail_store: Ordering,
    /// Behind the load in `Slots::tail`.
    tail_fence: Ordering,
    /// `Producer::bump`: the addition, and the fence behind it.
    bump: Ordering,
    bump_fence: Ordering,
    /// Behind the load in `Consumer::futex_token`.
    token_fence: Ordering,
}

const AS_THEY_ARE: Orderings = Orderings {
    head_store: Release,
    head_fence: Acquire,
    tail_store: Release,
    tail_fence: Acquire,
    bump: Release,
    bump_fence: SeqCst,
    token_fence: Acquire,
};

fn order(ordering: Ordering) {
    if ordering != Relaxed {
        fence(ordering);
    }
}

/// A ring of one message, or two.
struct Ring {
    orderings: Orderings,
    head: AtomicU64,
    tail: AtomicU64,
    token: AtomicU32,
    bytes: Vec<UnsafeCell<u64>>,
    /// The kernel's bucket of sleepers.
    bucket: Mutex<()>,
    woken: Condvar,
}

impl Ring {
    fn new(capacity: usize, orderings: Orderings) -> Self {
        Self {
            orderings,
            head: AtomicU64::new(0),
            tail: AtomicU64::new(0),
            token: AtomicU32::new(0),
            bytes: (0..capacity).map(|_| UnsafeCell::new(0)).collect(),
            bucket: Mutex::new(()),
            woken: Condvar::new(),
        }
    }

    fn place(&self, number: u64) -> &UnsafeCell<u64> {
        &self.bytes[number as usize % self.bytes.len()]
    }

    /// `Slots::tail`.
    fn load_tail(&self) -> u64 {
        let tail = self.tail.load(Relaxed);
        order(self.orderings.tail_fence);
        tail
    }

    /// `Producer::send`, once there is room.
    fn send(&self, number: u64) {
        while number - self.load_tail() >= self.bytes.len() as u64 {
            thread::yield_now();
        }
        // SAFETY: loom fails if somebody reads there meanwhile.
        self.place(number)
            .with_mut(|byte| unsafe { *byte = number + 1 });
        self.head.store(number + 1, self.orderings.head_store);
        self.token.fetch_add(1, self.orderings.bump);
        order(self.orderings.bump_fence);
        // `Slots::may_sleep`: it has read everything below the head before this one.
        if self.load_tail() >= number {
            self.wake();
        }
    }

    /// The consumer's loop: token, head, and one message or a sleep.
    fn receive(&self, messages: u64) {
        let mut tail = 0;
        while tail < messages {
            let token = self.token.load(Relaxed);
            order(self.orderings.token_fence);
            let head = self.head.load(Relaxed);
            order(self.orderings.head_fence);
            if head == tail {
                self.sleep(token);
                continue;
            }
            // SAFETY: loom fails if somebody writes there meanwhile.
            let byte = self.place(tail).with(|byte| unsafe { *byte });
            assert_eq!(byte, tail + 1, "another message");
            tail += 1;
            self.tail.store(tail, self.orderings.tail_store);
        }
    }

    /// `futex_wait`: the word is compared under the bucket's lock, behind a full barrier (`kernel/futex/waitwake.c`).
    fn sleep(&self, token: u32) {
        let bucket = self.bucket.lock().expect("nobody panics");
        fence(SeqCst);
        if self.token.load(Relaxed) == token {
            drop(self.woken.wait(bucket).expect("nobody panics"));
        }
    }

    /// `futex_wake`.
    fn wake(&self) {
        let _bucket = self.bucket.lock().expect("nobody panics");
        self.woken.notify_all();
    }
}

/// Two messages come through, whatever happens when, or it panics.
fn run(orderings: Orderings) {
    for capacity in [1, 2] {
        let mut model = loom::model::Builder::new();
        // What is found at all is found with few changes from one thread to the other where neither has to wait.
        model.preemption_bound = Some(3);
        model.check(move || {
            let ring = Arc::new(Ring::new(capacity, orderings));
            let theirs = Arc::clone(&ring);
            let consumer = thread::spawn(move || theirs.receive(2));
            ring.send(0);
            ring.send(1);
            consumer.join().expect("it ends");
        });
    }
}

/// Which ordering is weakened, of [`WEAKENED`].
const WEAK: &str = "ZBQTOP_WEAKENED";

type Weakened = (&'static str, fn(&mut Orderings) -> &mut Ordering);

const WEAKENED: [Weakened; 7] = [
    ("the store of head", |all| &mut all.head_store),
    ("the load of head", |all| &mut all.head_fence),
    ("the store of the tail", |all| &mut all.tail_store),
    ("the load of the tail", |all| &mut all.tail_fence),
    ("the addition to the token", |all| &mut all.bump),
    ("the fence behind it", |all| &mut all.bump_fence),
    ("the load of the token", |all| &mut all.token_fence),
];

#[test]
fn two_messages_come_through_whatever_happens_when() {
    let mut orderings = AS_THEY_ARE;
    if let Ok(name) = std::env::var(WEAK) {
        let (_, of) = WEAKENED.iter().find(|weak| weak.0 == name).expect("one");
        *of(&mut orderings) = Relaxed;
    }
    run(orderings);
}

#[test]
fn each_ordering_is_needed() {
    // In a process each: a model that fails takes its process with it.
    for (name, _) in WEAKENED {
        let mut child = std::process::Command::new(std::env::current_exe().expect("a file"));
        child.args(["--exact", "two_messages_come_through_whatever_happens_when"]);
        let output = child.env(WEAK, name).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("running 1 test"), "{said}");
        assert!(!output.status.success(), "{name} could as well be relaxed");
    }
}
