//! What is found in rings of which the truth is known, and what it costs.
#![expect(
    clippy::print_stdout,
    reason = "shares and times are figures to be read"
)]

use proptest::prelude::*;

use super::rings::{HARMFUL, HARMLESS, NUMBERS, Numbering, Recipe, Ring, RingKind, frame};
use super::*;
use crate::ring::MessageHeader;
use crate::ring::layout::HEADER_SIZE;

#[test]
fn nearly_all_messages_of_ordinary_rings_are_found() {
    let capacities = [64 << 10, 256 << 10, 1 << 20, 4 << 20];
    let (mut found, mut all) = ([0; NUMBERS.len()], [0; NUMBERS.len()]);
    for seed in 0..120 {
        let mut recipe = Recipe::random(seed, &capacities, &HARMLESS);
        if seed % 60 == 0 {
            recipe.capacity = 16 << 20;
        }
        let ring = recipe.make();
        let (some, whole) = ring
            .judge(ring.region(), usize::MAX)
            .unwrap_or_else(|why| panic!("{why}: {recipe:?}"));
        found[recipe.numbers as usize] += some;
        all[recipe.numbers as usize] += whole;
    }
    let share = |found: usize, all: usize| found as f64 / all as f64;
    for (numbers, (found, all)) in NUMBERS.iter().zip(found.into_iter().zip(all)) {
        println!("{numbers:?}: {found} of {all}, {:.4}", share(found, all));
    }
    let all = share(found.iter().sum(), all.iter().sum());
    println!("all: {all:.4}");
    assert!(all >= 0.99);
}

#[test]
fn nothing_is_invented_where_payloads_look_like_messages() {
    let capacities = [64 << 10, 128 << 10, 256 << 10, 1 << 20];
    let (mut found, mut all) = (0, 0);
    // More of them when a change needs it.
    let seeds = std::env::var("SEEDS").map_or(300, |seeds| seeds.parse().unwrap());
    // One that took a number met by chance for a proof.
    for seed in (0..seeds).chain([113_471]) {
        let recipe = Recipe::random(seed, &capacities, &HARMFUL);
        let ring = recipe.make();
        let (some, whole) = ring
            .judge(ring.region(), usize::MAX)
            .unwrap_or_else(|why| panic!("{why}: {recipe:?}"));
        (found, all) = (found + some, all + whole);
    }
    println!("{found} of {all}");
    // Where it is not in doubt, much is found all the same.
    assert!(found * 2 > all);
}

fn plain(numbers: Numbering, kind: RingKind) -> Ring {
    let recipe = Recipe {
        seed: 5,
        capacity: 4 << 20,
        longest: 1000,
        aligned: false,
        numbers,
        kinds: vec![kind],
        laps: 1500,
    };
    recipe.make()
}

#[test]
fn a_few_messages_cost_a_few_bytes() {
    for (numbers, most) in [(Numbering::Running, 64 << 10), (Numbering::Zero, 3 << 19)] {
        let ring = plain(numbers, RingKind::Text);
        let region = ring.region();
        let mut read = 0;
        let found = oldest(region, 10, |from, to, out| {
            if to <= region.end {
                read += to - from;
            }
            ring.read(from, to, out)
        })
        .unwrap();
        assert_eq!(
            (found.messages, ring.judge(region, 10)),
            (10, Ok((10, ring.whole(region).len())))
        );
        assert!(read <= most, "{read}");
    }
}

#[test]
fn calls_compose_at_a_known_boundary() {
    for numbers in [Numbering::Running, Numbering::Zero, Numbering::Arbitrary] {
        let ring = plain(numbers, RingKind::Random);
        let region = ring.region();
        let whole = ring.whole(region);
        let tail = whole[whole.len() / 2];
        let above = RetainedRegion {
            floor: tail,
            ..region
        };
        let below = RetainedRegion {
            end: tail,
            known: region.end,
            ..region
        };
        let (above, below) = (ring.judge(above, usize::MAX), ring.judge(below, usize::MAX));
        let sum = above.unwrap().0 + below.unwrap().0;
        assert!(sum + 1 >= whole.len(), "{sum} of {}", whole.len());
    }
}

#[test]
fn without_anything_known_only_long_chains_are_believed() {
    let ring = plain(Numbering::Zero, RingKind::Text);
    let region = RetainedRegion {
        known: 0,
        ..ring.region()
    };
    let (found, all) = ring.judge(region, usize::MAX).unwrap();
    assert!(found + 8 >= all, "{found} of {all}");
    let short = RetainedRegion {
        floor: region.end - (1 << 20),
        ..region
    };
    assert_eq!(ring.judge(short, usize::MAX).unwrap().0, 0);
}

#[test]
fn a_message_longer_than_what_is_read_first_is_looked_past() {
    let mut bytes = Vec::new();
    let mut boundaries = Vec::new();
    for seq_id in 1..100 {
        boundaries.push(bytes.len() as u64);
        let length = if seq_id == 95 { 3 << 20 } else { 100 };
        frame(&mut bytes, length, 0, seq_id);
        bytes.resize(bytes.len() + length, 0);
    }
    let capacity = 8 << 20;
    let end = boundaries[97];
    let head = bytes.len() as u64;
    bytes.resize(capacity, 0);
    // As if of the lap before: its first message is gone.
    let ring = Ring {
        bytes,
        head,
        boundaries,
    };
    let region = RetainedRegion {
        floor: 8,
        end,
        known: head,
        capacity: capacity as u64,
    };
    assert_eq!(ring.judge(region, usize::MAX), Ok((96, 96)));
    assert_eq!(ring.judge(region, 5), Ok((5, 96)));
}

#[test]
fn flags_of_the_application_are_learned() {
    let mut bytes = Vec::new();
    let mut boundaries = Vec::new();
    for seq_id in 1..=200 {
        boundaries.push(bytes.len() as u64);
        let header = MessageHeader {
            payload_len: 64,
            fd_count: 0,
            flags: 3,
            reserved: 0x102,
            seq_id,
        };
        bytes.extend(header.to_bytes());
        bytes.resize(bytes.len() + 64, b'x');
    }
    let (head, end) = (bytes.len() as u64, boundaries[100]);
    bytes.resize(1 << 16, 0);
    let ring = Ring {
        bytes,
        head,
        boundaries,
    };
    let region = RetainedRegion {
        floor: 1,
        end,
        known: head,
        capacity: 1 << 16,
    };
    assert_eq!(ring.judge(region, usize::MAX), Ok((99, 99)));
}

#[test]
fn a_failing_read_is_handed_on() {
    let region = RetainedRegion {
        floor: 5,
        end: 4096,
        known: 4096,
        capacity: 4096,
    };
    let failed = oldest(region, 1, |_, _, _| Err(io::Error::other("gone")));
    assert_eq!(failed.unwrap_err().to_string(), "gone");
}

/// A second chain beside the true one, as long and as low, in its payloads: which of them is true is not to be told.
#[test]
fn where_two_chains_compete_there_is_none() {
    let (capacity, count) = (1 << 18, 1000);
    let mut bytes = Vec::new();
    for index in 0..count {
        frame(&mut bytes, 84, 0, 0);
        bytes.resize(bytes.len() + 14, b'x');
        // To the one in the next message, or to the end.
        let last = index == count / 2 - 1;
        frame(&mut bytes, if last { 54 } else { 84 }, 0, 0);
        bytes.resize(bytes.len() + 54, b'x');
    }
    let ring = Ring {
        head: bytes.len() as u64,
        boundaries: (0..count).map(|index| index * 100).collect(),
        bytes: bytes
            .into_iter()
            .chain(std::iter::repeat(0))
            .take(capacity)
            .collect(),
    };
    let region = RetainedRegion {
        floor: 50,
        end: count / 2 * 100,
        known: ring.head,
        capacity: capacity as u64,
    };
    assert_eq!(ring.judge(region, usize::MAX), Ok((0, 499)));
}

/// Cut off anywhere, a message shows the rest of its payload with nothing above it to explain what is in there.
#[test]
fn the_rest_of_a_payload_holds_no_messages() {
    let kinds = [
        (Numbering::Zero, RingKind::Records(Numbering::Zero)),
        (Numbering::Zero, RingKind::Captured(Numbering::Zero)),
        (
            Numbering::Arbitrary,
            RingKind::Captured(Numbering::Arbitrary),
        ),
        (Numbering::Zero, RingKind::Small(4)),
        (Numbering::Zero, RingKind::Constant(8)),
        (Numbering::Zero, RingKind::Text),
        (Numbering::Running, RingKind::Wrapped),
        (Numbering::Running, RingKind::Echo),
    ];
    for (numbers, kind) in kinds {
        let recipe = Recipe {
            seed: 9,
            capacity: 2 << 20,
            longest: 4000,
            aligned: false,
            numbers,
            kinds: vec![kind],
            laps: 1024,
        };
        let ring = recipe.make();
        for cut in 0..100 {
            let floor = 9000 * cut + 1;
            let end = ring.boundaries
                [ring.boundaries.partition_point(|at| *at < floor) + cut as usize % 40];
            let region = RetainedRegion {
                floor,
                end,
                known: recipe.capacity,
                capacity: recipe.capacity,
            };
            ring.judge(region, usize::MAX)
                .unwrap_or_else(|why| panic!("{why}: {numbers:?} {kind:?}"));
        }
    }
}

/// One message, or a few, of the present lap are sure, and a filler without a number ends the one before.
#[test]
fn a_filler_says_nothing_of_numbers() {
    let capacity = 256 << 10;
    for known in 1..4 {
        let mut seq_id = 0;
        let mut message = |bytes: &mut Vec<u8>, payload: usize| {
            seq_id += 1;
            frame(bytes, payload, 0, seq_id);
            bytes.resize(bytes.len() + payload, b'x');
        };
        let (mut old, mut boundaries) = (Vec::new(), Vec::new());
        while old.len() + 200 < capacity {
            boundaries.push(old.len() as u64);
            let payload = 50 + old.len() % 60;
            message(&mut old, payload);
        }
        boundaries.push(old.len() as u64);
        let payload = capacity - old.len() - HEADER_SIZE;
        frame(&mut old, payload, crate::ring::FLAG_FILLER, 0);
        old.resize(capacity, 0);
        boundaries.push(capacity as u64);
        let mut new = Vec::new();
        (0..known).for_each(|_| message(&mut new, 64));
        old[..new.len()].copy_from_slice(&new);
        let head = (capacity + new.len()) as u64;
        let region = RetainedRegion {
            floor: new.len() as u64,
            end: capacity as u64,
            known: head,
            capacity: capacity as u64,
        };
        let all = boundaries.len();
        let ring = Ring {
            bytes: old,
            head,
            boundaries,
        };
        let (found, _) = ring.judge(region, usize::MAX).unwrap();
        assert!(found + 10 > all, "{known}: {found} of {all}");
    }
}

/// A filler is written over the end of the lap before it, which had messages up to the same end.
#[test]
fn what_a_filler_left_as_it_was_is_not_found() {
    let capacity = 1 << 16;
    let mut old = Vec::new();
    while old.len() < capacity {
        let payload = 84.min(capacity - old.len() - HEADER_SIZE);
        frame(&mut old, payload, 0, 0);
        old.resize(old.len() + payload, b'x');
    }
    // What did not fit at the lap's end begins the next one.
    let mut new = Vec::new();
    for payload in std::iter::once(5600).chain([84; 40]) {
        frame(&mut new, payload, 0, 0);
        new.resize(new.len() + payload, b'x');
    }
    let head = (capacity + new.len()) as u64;
    old[..new.len()].copy_from_slice(&new);
    let region = RetainedRegion {
        floor: 60_016,
        end: capacity as u64,
        known: head,
        capacity: capacity as u64,
    };
    let boundaries = vec![60_000, capacity as u64];
    let ring = Ring {
        bytes: old,
        head,
        boundaries,
    };
    assert_eq!(ring.judge(region, usize::MAX), Ok((0, 0)));
}

/// Bytes that are hard on a search: many chains, many of them long.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let run = prop_oneof![
        (1usize..400).prop_map(|length| vec![0; length]),
        prop::collection::vec(any::<u8>(), 1..40),
        // Headers of small and blank messages at every offset.
        prop::collection::vec((0u8..40, 0u8..2), 1..40).prop_map(|all| {
            all.iter()
                .flat_map(|(length, seq)| [*length, 0, 0, 0, 0, 0, 0, 0, *seq])
                .collect()
        }),
    ];
    prop::collection::vec(run, 1..40).prop_map(|runs| runs.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_searched_to_an_end(
        bytes in hostile(),
        end in any::<prop::sample::Index>(),
        floor in any::<u64>(),
        lap in 0u64..3,
        capacity in prop_oneof![0u64..100, Just(4096), Just(1 << 20)],
        enough in prop_oneof![0usize..10, Just(usize::MAX)],
    ) {
        let base = lap * capacity;
        let at = base + end.index(bytes.len() + 1) as u64;
        let mut asked = 0;
        let region = RetainedRegion { floor: floor % (at + 1).max(1), end: at, known: base + bytes.len() as u64, capacity };
        let found = oldest(region, enough, |from, to, out| {
            asked += to - from;
            let byte = |at: u64| at.checked_sub(base).and_then(|at| bytes.get(at as usize));
            out.extend((from..to).map(|at| byte(at).copied().unwrap_or(0)));
            Ok(())
        }).unwrap();
        prop_assert!(found.messages <= enough);
        prop_assert!(asked <= 6 * at + (1 << 20));
        // What it says is so: messages run from there to the end.
        let mut position = found.boundary;
        for _ in 0..found.messages {
            let start = (position - base) as usize;
            position += MessageHeader::from_bytes(*bytes[start..].first_chunk().unwrap()).total_len();
        }
        prop_assert_eq!(position, at);
    }
}

/// One header in 16 bytes, all in chains, or one in each byte: linear all the same.
#[test]
fn the_worst_bytes_take_their_time_and_no_more() {
    let size = 64 << 20;
    let mut bytes = vec![0; size];
    // Sixteen short messages at each remainder, so that every place in the zeros below is in a chain.
    let mut at = size - 16;
    for length in 1..16u8 {
        at -= 16 + 17;
        bytes[at] = (size - at - 16 - 16 * usize::from(length)) as u8;
    }
    for region in [0, 1] {
        let start = std::time::Instant::now();
        let region = RetainedRegion {
            floor: region,
            end: size as u64,
            known: 0,
            capacity: 1 << 30,
        };
        let found = oldest(region, usize::MAX, |from, to, out| {
            out.extend(&bytes[from as usize..to as usize]);
            Ok(())
        });
        println!("{:?} in {:?}", found.unwrap(), start.elapsed());
        assert!(start.elapsed().as_secs() < 30);
    }
}

#[test]
#[ignore = "a measurement: cargo test --release recover -- --ignored --nocapture"]
fn speed() {
    let capacity = 64 << 20;
    for (numbers, kinds) in [
        (Numbering::Running, vec![RingKind::Random]),
        (Numbering::Zero, vec![RingKind::Random]),
        (Numbering::Running, vec![RingKind::Text]),
        (Numbering::Zero, vec![RingKind::Text]),
        (Numbering::Running, vec![RingKind::Zeros]),
        (Numbering::Zero, vec![RingKind::Zeros]),
        (Numbering::Zero, vec![RingKind::Counting(4)]),
        (Numbering::Zero, vec![RingKind::Records(Numbering::Zero)]),
    ] {
        let recipe = Recipe {
            seed: 1,
            capacity,
            longest: 65536,
            aligned: false,
            numbers,
            kinds,
            laps: 1034,
        };
        let ring = recipe.make();
        let start = std::time::Instant::now();
        let (found, whole) = ring.judge(ring.region(), usize::MAX).unwrap();
        let took = start.elapsed();
        let bytes = ring.region().end - ring.region().floor;
        println!(
            "{numbers:?} {:?}: {found} of {whole}, {took:?}, {:.2} ns/byte",
            recipe.kinds,
            took.as_nanos() as f64 / bytes as f64
        );
    }
}
