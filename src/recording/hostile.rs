//! Recordings that are cut, damaged, or made to do harm: read to where they can be, with no more time and memory than they are worth.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::time::{Duration, Instant};

use mcap::MAGIC;
use mcap::records::op;

use super::channel::{Content, RingName};
use super::fuzz::{channel, file, put, read, string};
use super::page::{Page, Part};
use super::playback::Playback;
use super::reader::{Recording, RecordingError};
use super::writer::RecordingWriter;
use crate::observe::attach::AttachedRing;
use crate::observe::messages::oldest_boundary;
use crate::observe::model::fixtures::ring;
use crate::observe::sample::control;
use crate::ring::layout::{CTRL_PRODUCER_HEAD, CTRL_RING_CAPACITY, CTRL_SIZE};

/// Far longer than any of it takes.
const LONG: Duration = Duration::from_secs(20);

/// A small recording and a small dump of a ring of the reference, as they were written.
fn written() -> [Vec<u8>; 2] {
    ["recording-2.mcap", "dump-2.mcap"].map(|name| {
        let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(&path).unwrap_or_else(|why| panic!("{path}: {why}"))
    })
}

fn open(bytes: &[u8]) -> Result<Playback, RecordingError> {
    let (_file, path) = file(bytes).expect("memory");
    Playback::open(&[path], None, true)
}

/// Where the records of a file begin.
fn heads(bytes: &[u8]) -> Vec<usize> {
    let mut heads = Vec::new();
    let mut at = MAGIC.len();
    while let Some(length) = bytes.get(at + 1..).and_then(|rest| rest.first_chunk()) {
        heads.push(at);
        at += 9 + u64::from_le_bytes(*length) as usize;
    }
    assert_eq!(at + MAGIC.len(), bytes.len(), "it ends with a footer");
    heads
}

#[test]
fn cut_anywhere_it_is_read_to_there() {
    for bytes in written() {
        let heads = heads(&bytes);
        let (file, path) = file(&bytes).expect("memory");
        let mut end = u64::MAX;
        let near = |length: usize| heads.iter().any(|head| head.abs_diff(length) < 48);
        for length in (0..bytes.len()).rev() {
            // Inside of long records one place is like another.
            if length % 8 != 0 && !near(length) {
                continue;
            }
            file.set_len(length as u64).expect("ours");
            let opened = Playback::open(std::slice::from_ref(&path), None, true);
            let there = opened.map_or(0, |playback| playback.span().1);
            // What can be read gets less, and never more again.
            assert!(there <= end, "{length}");
            end = there;
        }
        assert_eq!(end, 0);
        for head in heads {
            for length in head.saturating_sub(1)..(head + 10).min(bytes.len()) {
                read(&bytes[..length]);
            }
        }
    }
}

#[test]
fn heads_that_lie_do_no_harm() {
    for bytes in written() {
        let mut kinds = BTreeSet::new();
        for at in heads(&bytes) {
            let length = u64::from_le_bytes(bytes[at + 1..at + 9].try_into().expect("eight"));
            for lie in [
                0,
                1,
                length - 1,
                length + 1,
                1 << 32,
                i64::MAX as u64,
                u64::MAX,
            ] {
                let mut changed = bytes.clone();
                changed[at + 1..at + 9].copy_from_slice(&lie.to_le_bytes());
                read(&changed);
            }
            for opcode in 0..=op::DATA_END + 1 {
                let mut changed = bytes.clone();
                changed[at] = opcode;
                read(&changed);
            }
            // Numbers in one of each kind: each byte of the first ones, and of the last.
            if !kinds.insert(bytes[at]) {
                continue;
            }
            let body = at + 9..at + 9 + length as usize;
            let first = body.clone().take(72);
            let last = body.rev().take(24);
            for place in first.chain(last) {
                for byte in [0, 0x7f, 0xff, !bytes[place]] {
                    let mut changed = bytes.clone();
                    changed[place] = byte;
                    read(&changed);
                }
            }
        }
    }
}

/// A file with one chunk that is not packed, without an index.
fn chunked(records: &[u8], size: u64, compression: &str, crc: u32) -> Vec<u8> {
    let mut body = [0, u64::MAX, size].map(u64::to_le_bytes).concat();
    body.extend(crc.to_le_bytes());
    body.extend(string(compression));
    body.extend((records.len() as u64).to_le_bytes());
    body.extend(records);
    let mut bytes = MAGIC.to_vec();
    put(&mut bytes, op::CHANNEL, &channel(0, "state", "json"));
    put(&mut bytes, op::CHUNK, &body);
    bytes
}

/// What is said of a recording that nothing can be read in.
fn refused(bytes: &[u8]) -> String {
    let begun = Instant::now();
    let from_file = open(bytes).expect_err("nothing is in it").to_string();
    let from_stream = Recording::stream("stream", Cursor::new(bytes.to_vec()));
    assert!(from_stream.is_err());
    assert!(begun.elapsed() < LONG);
    from_file
}

#[test]
fn records_that_end_behind_their_chunk_are_damage() {
    let mut records = Vec::new();
    put(&mut records, op::MESSAGE, &[0; 40]);
    let there = records.len() as u64;
    for cut in [1, 20, 48] {
        let short = &records[..records.len() - cut];
        let said = refused(&chunked(short, short.len() as u64, "", 0));
        assert!(said.contains("is damaged"), "{said}");
    }
    read(&chunked(&records, there, "", 0));
    // The bytes are there, but are said not to be the chunk's any more.
    let mut bytes = chunked(&records, there - 1, "", 0);
    let at = bytes.len() - records.len() - 8;
    bytes[at..at + 8].copy_from_slice(&(there - 1).to_le_bytes());
    let said = refused(&bytes);
    assert!(said.contains("is damaged"), "{said}");
    // Of kinds that nobody looks at, and that are shorter than they may be.
    for opcode in [op::ATTACHMENT, op::SCHEMA, op::METADATA, op::STATISTICS] {
        for length in [0, 3, 30, 32, 34] {
            let mut records = Vec::new();
            put(&mut records, opcode, &vec![0; length]);
            read(&chunked(&records, records.len() as u64, "", 0));
            let mut bytes = MAGIC.to_vec();
            put(&mut bytes, opcode, &vec![0; length]);
            let summary = (MAGIC.len() as u64).to_le_bytes();
            put(&mut bytes, op::FOOTER, &[&summary[..], &[0; 12]].concat());
            bytes.extend(MAGIC);
            read(&bytes);
        }
    }
}

/// A frame of zstd that unpacks to so many blocks of 128 KiB of zeros: four bytes each.
fn bomb(blocks: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    for block in 1..=blocks {
        let is_last = u32::from(block == blocks);
        let head = is_last | 1 << 1 | (128 << 10) << 3;
        frame.extend(&head.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

#[test]
fn what_unpacks_to_more_than_any_chunk_is_not_unpacked() {
    let blocks = 16 << 10;
    let packed = bomb(blocks);
    assert!(packed.len() < 80 << 10);
    let size = (blocks as u64) << 17;
    for crc in [0, 1] {
        // As long as it says; as long as any may be; longer than the bytes can be; shorter than it is.
        for said in [size, 272 << 20, u64::MAX, 1 << 20] {
            let said = refused(&chunked(&packed, said, "zstd", crc));
            assert!(
                said.contains("byte 65: ") && said.contains("is damaged"),
                "{said}"
            );
        }
        let said = refused(&chunked(&bomb(1), 64 << 20, "zstd", crc));
        assert!(said.contains("exceeds limit"), "{said}");
    }
    let said = refused(&chunked(&packed, size, "lz4", 0));
    assert!(said.contains("is damaged"), "{said}");
}

/// A dump whose pages are these.
fn dump(pages: &[Page<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = RecordingWriter::new(&mut bytes).expect("memory");
    let name = RingName::of(&ring(Vec::new()));
    let state = super::state::RecordedState::now(ring(Vec::new()), None);
    let json = state.to_json().expect("plain data");
    let mut put = |content, data: &[u8]| {
        writer
            .write(&name, "7/3", content, [(1, data)])
            .expect("memory");
    };
    put(Content::State, &json);
    for page in pages {
        put(Content::Pages, &page.to_bytes());
    }
    writer.finish().expect("memory");
    bytes
}

fn page(part: Part, offset: u64, bytes: &[u8]) -> Page<'_> {
    Page {
        part,
        offset,
        heads: (64, u64::MAX),
        bytes,
    }
}

fn restored(bytes: &[u8]) -> Result<AttachedRing, String> {
    let mut playback = open(bytes).expect("it has a state");
    let ring = playback.rings()[0].clone();
    playback.restored(&ring).map_err(|error| error.to_string())
}

fn ctrl(capacity: u64, head: u64) -> Vec<u8> {
    let mut ctrl = vec![0; CTRL_SIZE];
    ctrl[CTRL_RING_CAPACITY..][..8].copy_from_slice(&capacity.to_ne_bytes());
    ctrl[CTRL_PRODUCER_HEAD..][..8].copy_from_slice(&head.to_ne_bytes());
    ctrl
}

#[test]
fn pages_that_contradict_each_other_make_no_ring() {
    let good = ctrl(65_536, 64);
    let control_page = page(Part::Control, 0, &good);
    let memory = [1; 4096];
    assert!(restored(&dump(&[control_page, page(Part::Ring, 61_440, &memory)])).is_ok());
    let consumer = Part::Consumer {
        inode: 1,
        slot: None,
        held: true,
    };
    let (none, odd) = (ctrl(0, 0), ctrl(77, 0));
    for (pages, expected) in [
        (vec![], "its control region is not there"),
        (
            vec![page(Part::Ring, 0, &memory)],
            "come before its control region",
        ),
        (
            vec![page(Part::Control, 0, &good[..100])],
            "is 100 bytes, expected 4096",
        ),
        (vec![page(Part::Control, 0, &none)], "ring_capacity = 0"),
        (vec![page(Part::Control, 0, &odd)], "ring_capacity = 77"),
        (
            vec![control_page, page(Part::Ring, 61_441, &memory)],
            "beyond its capacity",
        ),
        (
            vec![control_page, page(Part::Ring, u64::MAX - 1, &memory)],
            "beyond its capacity",
        ),
        (
            vec![control_page, page(consumer, 0, &memory[..9])],
            "is 9 bytes, expected 4096",
        ),
        (
            vec![control_page, page(Part::Offer { bytes: 1 }, 0, &[1])],
            "is not there",
        ),
    ] {
        let said = restored(&dump(&pages)).expect_err(expected);
        assert!(said.contains(expected), "{said}");
    }
    // What a false ring could say as well is no worse in a dump.
    for (capacity, head) in [(65_536, u64::MAX), (1 << 46, 1 << 45), (4096, 7)] {
        let lies = ctrl(capacity, head);
        let offer = Part::Offer { bytes: u64::MAX };
        let pages = [
            page(Part::Control, 0, &lies),
            page(offer, u64::MAX, &[0xff; 8]),
        ];
        let bytes = dump(&pages);
        let ring = restored(&bytes).expect("a ring");
        assert_eq!(control(&ring).producer_head, head);
        assert!(oldest_boundary(&ring) <= head);
        read(&bytes);
    }
}

#[test]
fn a_dump_of_which_something_is_lost_makes_no_ring() {
    let [_, bytes] = written();
    assert!(restored(&bytes).is_ok());
    // The last byte of each chunk's memory.
    let chunks = heads(&bytes)
        .into_iter()
        .filter(|at| bytes[*at] == op::CHUNK);
    let chunks: Vec<usize> = chunks.collect();
    let last = *chunks.last().expect("a chunk");
    let length = u64::from_le_bytes(bytes[last + 1..last + 9].try_into().expect("eight"));
    let mut changed = bytes.clone();
    changed[last + 8 + length as usize] ^= 0xff;
    let said = restored(&changed).expect_err("it is damaged");
    assert!(said.contains("bytes of the ring are missing"), "{said}");
    let said = restored(&bytes[..last + 20]).expect_err("it is cut");
    assert!(said.contains("is not whole"), "{said}");
}

#[test]
fn states_that_are_none_are_passed_over_and_told() {
    let good = super::state::RecordedState::now(ring(Vec::new()), None);
    let good = good.to_json().expect("plain data");
    let deep = "[".repeat(1 << 20);
    let deep_inside = format!("{{\"captured_at\":{deep}");
    let long = format!("{{\"captured_at\":\"{}\"}}", "x".repeat(65 << 20));
    for bad in ["", "{}", "null", "\u{feff}", &deep, &deep_inside, &long] {
        let mut bytes = Vec::new();
        let mut writer = RecordingWriter::new(&mut bytes).expect("memory");
        let name = RingName::of(&ring(Vec::new()));
        for (at, json) in [(5, &good[..]), (9, bad.as_bytes())] {
            writer
                .write(&name, "7/3", Content::State, [(at, json)])
                .expect("memory");
        }
        writer.finish().expect("memory");
        let mut playback = open(&bytes).expect("it has a state");
        let ring = playback.rings()[0].clone();
        let at = playback.state(&ring).map(|(at, _)| at);
        assert_eq!(at, Some(5), "the one before");
        assert_eq!(playback.notes().len(), 1);
    }
}

#[test]
fn a_channel_that_ends_before_it_begins_has_a_moment() {
    let mut records = Vec::new();
    put(&mut records, op::MESSAGE, &[0; 40]);
    let mut bytes = chunked(&records, records.len() as u64, "", 0);
    // The times of the chunk, which is the last record.
    let at = bytes.len() - records.len() - 8 - 4 - 4 - 24;
    bytes[at..at + 16].copy_from_slice(&[9_u64, 3].map(u64::to_le_bytes).concat());
    let playback = open(&bytes).expect("a channel of ours has a record");
    assert_eq!(playback.span(), (3, 9));
    assert_eq!(playback.at_ns(), 9);
}
