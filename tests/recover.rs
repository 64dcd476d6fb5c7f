//! Boundaries found again in live rings of the reference, next to where the messages really are.
#![expect(clippy::print_stdout, reason = "a share is a figure to be read")]

use std::process::Command;

use zbqtop::observe::attach::{AttachedRing, Choice};
use zbqtop::observe::recover::{Region, oldest};

use crate::support::{Peer, example};

/// A reference producer that has sent what `arguments` say, the messages it sent, and its head.
fn mixed(arguments: &str) -> (Peer, Vec<u64>, u64) {
    let mut command = Command::new(example("mixed"));
    let mut producer = Peer::spawn(command.args(arguments.split_whitespace()));
    let done = producer.expect("done");
    let offsets = (0..field(&done, 2)).map(|_| field(&producer.expect("message"), 1));
    let offsets = offsets.collect();
    (producer, offsets, field(&done, 1))
}

fn field(line: &str, index: usize) -> u64 {
    let word = line.split_whitespace().nth(index).expect("a field");
    word.parse().expect("a number")
}

/// Messages found and messages whole in the old lap of such a ring. None is found that was not sent.
fn found_of(arguments: &str) -> (usize, usize) {
    let (producer, offsets, head) = mixed(arguments);
    let ring = AttachedRing::by_pid(producer.pid().cast_signed(), Choice::Only).expect("ours");
    let capacity = ring.capacity();
    let region = Region {
        floor: head - capacity,
        end: head - head % capacity,
        known: head,
        capacity,
    };
    let found = oldest(region, usize::MAX, |from, to, bytes| {
        let before = bytes.len();
        bytes.resize(before + usize::try_from(to - from).expect("small"), 0);
        ring.copy_out(from % capacity, &mut bytes[before..])
    })
    .expect("the ring can be read");
    let whole: Vec<u64> = offsets
        .into_iter()
        .filter(|offset| (region.floor..region.end).contains(offset))
        .collect();
    let first = whole.len().checked_sub(found.messages);
    let boundary = first.map(|first| whole.get(first).copied().unwrap_or(region.end));
    assert_eq!(
        boundary,
        Some(found.boundary),
        "{found:?} of {}: {arguments}",
        whole.len()
    );
    (found.messages, whole.len())
}

#[test]
fn messages_of_the_lap_before_are_found_where_they_are() {
    let (mut found, mut all) = (0, 0);
    for (seed, capacity) in [64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20]
        .into_iter()
        .cycle()
        .take(30)
        .enumerate()
    {
        let numbers = ["running", "zero", "arbitrary"][seed % 3];
        let aligned = ["", "--aligned"][seed % 2];
        let max_payload = [200, 4 << 10, 64 << 10][seed / 5 % 3].min(capacity / 4);
        let laps = 2050 + seed * 61 % 900;
        let (some, whole) = found_of(&format!(
            "--seed {seed} --capacity {capacity} --laps {laps} --numbers {numbers} --max-payload {max_payload} {aligned}"
        ));
        found += some;
        all += whole;
    }
    println!("{found} of {all}");
    assert!(found * 100 >= all * 99, "{found} of {all}");
}
