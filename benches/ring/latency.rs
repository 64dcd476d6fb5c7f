//! Time from a send to its read: there and back on two rings, one message at a time; and on one ring under a load that
//! does not wait for anybody.

use std::os::unix::net::UnixListener;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::interface::REFERENCE;
use crate::rig::{Role, now, role};
use crate::sides::{CReceiver, CSender, Receiver, Sender, connect, join_ours, ours};
use crate::{pin, spread};

const CAPACITY: u64 = 1 << 20;
const ROUNDS: usize = 50_000;
/// What is not counted, as nothing is warm yet.
const WARM: usize = 5_000;
/// Rounds with a sleeper, each of which is asleep by the time it is sent to.
const SLEEPS: usize = 2_000;
const ASLEEP: Duration = Duration::from_micros(200);
const QUANTILES: [f64; 3] = [0.5, 0.99, 0.999];
/// Messages of the loaded run, and how many a second.
const LOADED: usize = 300_000;
const RATES: [u64; 2] = [100_000, 1_000_000];

fn sender(make: &str) -> Box<dyn Sender> {
    match make {
        "reference" => Box::new(CSender::new(REFERENCE, CAPACITY)),
        _ => Box::new(ours(CAPACITY)),
    }
}

fn receiver(make: &str, conn: &std::os::unix::net::UnixStream, push: bool) -> Box<dyn Receiver> {
    match make {
        "reference" => Box::new(CReceiver::join(REFERENCE, conn, push)),
        _ => Box::new(join_ours(conn, push)),
    }
}

fn listen(socket: &str) -> UnixListener {
    UnixListener::bind(socket).expect("a free path")
}

/// Takes the next message, spinning or asleep.
fn next(receiver: &mut dyn Receiver, into: &mut [u8], push: bool) {
    loop {
        let token = if push { receiver.token() } else { 0 };
        if receiver.take(into).is_some() {
            return;
        }
        if push {
            receiver.sleep(token);
        } else {
            std::hint::spin_loop();
        }
    }
}

/// Sends, waits for the answer, and prints the quantiles of the time that took, ns.
pub(crate) fn ping(how: &[&str]) {
    let [make, there, back, push] = how else {
        panic!("{how:?}")
    };
    pin(0);
    let push = *push == "true";
    let (mut sender, listener) = (sender(make), listen(there));
    let (conn, _) = listener.accept().expect("somebody comes");
    sender.admit(&conn, push);
    let mut receiver = receiver(make, &connect(back), push);
    let mut into = [0; 64];
    let mut times = Histogram::<u64>::new(3).expect("three digits");
    let rounds = if push { SLEEPS } else { ROUNDS };
    for round in 0..rounds + WARM.min(rounds) {
        if push {
            // The other is asleep by then, and so its wake is in the time.
            std::thread::sleep(ASLEEP);
        }
        let before = now();
        assert!(sender.send(&[7; 48]));
        next(&mut *receiver, &mut into, push);
        if round >= WARM.min(rounds) {
            times.record(now() - before).expect("a time");
        }
    }
    println!(
        "{}",
        QUANTILES
            .map(|at| times.value_at_quantile(at).to_string())
            .join(" ")
    );
}

pub(crate) fn pong(how: &[&str]) {
    let [make, there, back, push] = how else {
        panic!("{how:?}")
    };
    pin(1);
    let push = *push == "true";
    let mut receiver = receiver(make, &connect(there), push);
    let (mut sender, listener) = (sender(make), listen(back));
    let (conn, _) = listener.accept().expect("somebody comes");
    sender.admit(&conn, push);
    let mut into = [0; 64];
    loop {
        next(&mut *receiver, &mut into, push);
        assert!(sender.send(&[7; 48]));
    }
}

/// Sends at a rate, each message with the time at which it was due.
pub(crate) fn paced(how: &[&str]) {
    let [make, socket, rate] = how else {
        panic!("{how:?}")
    };
    pin(0);
    let (mut sender, listener) = (sender(make), listen(socket));
    let (conn, _) = listener.accept().expect("somebody comes");
    sender.admit(&conn, false);
    let between = 1_000_000_000 / rate.parse::<u64>().expect("a rate");
    let (mut payload, start) = ([0; 48], now() + 1_000_000);
    for number in 0..LOADED as u64 {
        let due = start + number * between;
        while now() < due {
            std::hint::spin_loop();
        }
        payload[..8].copy_from_slice(&due.to_ne_bytes());
        while !sender.send(&payload) {}
    }
    // Until it is ended: a ring ends with its producer.
    std::thread::sleep(Duration::from_secs(60));
}

/// Reads them, and prints the quantiles of how late they were, ns.
pub(crate) fn timed(how: &[&str]) {
    let [make, socket] = how else {
        panic!("{how:?}")
    };
    pin(1);
    let mut receiver = receiver(make, &connect(socket), false);
    let mut into = [0; 64];
    let mut times = Histogram::<u64>::new(3).expect("three digits");
    for _ in 0..LOADED {
        next(&mut *receiver, &mut into, false);
        let due = u64::from_ne_bytes(into[..8].try_into().expect("eight bytes"));
        times.record(now().saturating_sub(due)).expect("a time");
    }
    println!(
        "{}",
        QUANTILES
            .map(|at| times.value_at_quantile(at).to_string())
            .join(" ")
    );
}

fn path(name: &str) -> String {
    let path = std::env::temp_dir().join(format!("zbqtop-{name}-{}-{}", std::process::id(), now()));
    path.to_str().expect("a temporary path is text").to_owned()
}

/// The quantiles that it prints.
fn told(role: &mut Role) -> Vec<f64> {
    let mut said = String::new();
    let mut out = role.0.stdout.take().expect("piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(&mut out), &mut said).expect("text");
    said.split_whitespace()
        .map(|word| word.parse().expect("ns"))
        .collect()
}

pub(crate) fn ping_pong(pairs: usize) {
    for push in [false, true] {
        let how = if push {
            "push, asleep"
        } else {
            "pull, spinning"
        };
        compare(&format!("there and back, 64 B, {how}"), pairs, |make| {
            let (there, back, push) = (path("there"), path("back"), push.to_string());
            let mut ping = role(&["ping", make, &there, &back, &push]);
            let pong = role(&["pong", make, &there, &back, &push]);
            let quantiles = told(&mut ping);
            drop(pong);
            for path in [there, back] {
                let _ = std::fs::remove_file(path);
            }
            quantiles
        });
    }
}

pub(crate) fn loaded(pairs: usize) {
    for rate in RATES {
        compare(
            &format!("one way, 64 B, {rate} messages a second, pull"),
            pairs,
            |make| {
                let (socket, rate) = (path("loaded"), rate.to_string());
                let paced = role(&["paced", make, &socket, &rate]);
                let mut timed = role(&["timed", make, &socket]);
                let quantiles = told(&mut timed);
                drop(paced);
                let _ = std::fs::remove_file(socket);
                quantiles
            },
        );
    }
}

fn compare(what: &str, pairs: usize, measure: impl Fn(&str) -> Vec<f64>) {
    let rounds: Vec<[Vec<f64>; 2]> = (0..pairs)
        .map(|_| ["reference", "ours"].map(&measure))
        .collect();
    println!("{what}:");
    for (at, quantile) in QUANTILES.iter().enumerate() {
        let of = |make: usize| {
            spread(
                &rounds
                    .iter()
                    .map(|round| round[make][at])
                    .collect::<Vec<_>>(),
            )
        };
        let ratios: Vec<f64> = rounds
            .iter()
            .map(|[reference, ours]| ours[at] / reference[at])
            .collect();
        let ((reference, ..), (ours, low, high)) = (of(0), of(1));
        println!(
            "  p{:<5} reference {reference:>7.0} ns, ours {ours:>7.0} ns ({low:.0} to {high:.0}), {:.2} times   (target 1.0)",
            quantile * 100.0,
            spread(&ratios).0
        );
    }
}
