//! Recordings that are made to cost more than there is: the program, with little memory to be had, says what is wrong and ends.
//!
//! What else may be wrong in them is tried in `src/recording/hostile.rs`.

use std::process::{Command, Output};

use crate::support::Place;
use crate::support::program::stderr;

const MAGIC: &[u8] = b"\x89MCAP0\r\n";
const CHANNEL: u8 = 4;
const CHUNK: u8 = 6;

fn record(opcode: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u64).to_le_bytes();
    [&[opcode][..], &length, body].concat()
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// A frame of zstd that unpacks to so many blocks of 128 KiB of zeros.
fn packed(blocks: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    for block in 1..=blocks {
        let head = u32::from(block == blocks) | 1 << 1 | (128 << 10) << 3;
        frame.extend(&head.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// A recording with a channel and a chunk that says it unpacks to `size` bytes.
fn recording(chunk: &[u8], size: u64) -> Vec<u8> {
    let channel = [
        &[0; 4][..],
        &string("zbq/a/state"),
        &string("json"),
        &[0; 4],
    ]
    .concat();
    let numbers = [0, u64::MAX, size].map(u64::to_le_bytes).concat();
    let length = (chunk.len() as u64).to_le_bytes();
    // With a checksum, so that all of it has to be unpacked first.
    let body = [&numbers[..], &[1, 0, 0, 0], &string("zstd"), &length, chunk].concat();
    [MAGIC, &record(CHANNEL, &channel), &record(CHUNK, &body)].concat()
}

/// Runs it on a file or a stream with so many KiB of memory, all that it maps counted.
fn limited(place: &Place, bytes: &[u8], kib: u32, streams: bool) -> Output {
    let path = place.path().join("bomb.mcap");
    std::fs::write(&path, bytes).expect("ours");
    let file = if streams { "- <bomb.mcap" } else { "bomb.mcap" };
    let program = env!("CARGO_BIN_EXE_zbqtop");
    let words = format!("ulimit -v {kib} -c 0; '{program}' snapshot --file {file}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &words]).current_dir(place.path());
    shell.output().expect("a shell")
}

#[test]
fn a_bomb_is_told_with_its_place_and_costs_no_memory() {
    let place = Place::new();
    let place_of_chunk = MAGIC.len() + 9 + 4 + 15 + 8 + 4;
    let gibibytes = recording(&packed(24 << 10), 3 << 30);
    assert!(gibibytes.len() < 100 << 10);
    // As much as a chunk may be, all of it zeros.
    let longest = recording(&packed(272 << 3), 272 << 20);
    // A lie: there is next to nothing.
    let lie = recording(&packed(1), 272 << 20);
    // A record that is said to be as long as can be, and one that is as long as may be.
    let endless = [MAGIC, &[CHUNK], &u64::MAX.to_le_bytes(), b"..."].concat();
    let long = [MAGIC, &[CHUNK], &(272_u64 << 20).to_le_bytes(), b"..."].concat();
    for (name, bytes, kib, about) in [
        ("gibibytes", &gibibytes, 200_000, Some("exceeds limit")),
        ("longest", &longest, 480_000, Some("CRC failed")),
        ("lie", &lie, 200_000, Some("exceeds limit")),
        ("endless", &endless, 200_000, None),
        ("long", &long, 200_000, None),
    ] {
        for streams in [false, true] {
            let output = limited(&place, bytes, kib, streams);
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(5), "{name}, {streams}: {said}");
            if let Some(about) = about {
                let at = format!("byte {place_of_chunk}: ");
                assert!(said.contains(&at) && said.contains(about), "{name}: {said}");
            }
        }
    }
}
