//! Any bytes as a recording: whatever it says, it is read to its end, and what comes out of it is in order.

use std::fs::File;
use std::io::{self, Cursor, Write as _};
use std::path::PathBuf;

use mcap::MAGIC;
use mcap::records::op;
use rustix::fd::AsRawFd as _;
use rustix::fs::{MemfdFlags, memfd_create};

use super::channel::Content;
use super::page::{Page, Part};
use super::playback::Playback;
use super::reader::{Recording, RecordingError};
use crate::capture::{MessageRecord, RecordKind, RecordedMessage};
use crate::fuzzing::input::Input;
use crate::observe::attach::AttachedRing;
use crate::observe::messages::{MessageReader, ReadEvent};
use crate::observe::model::{Integrity, Moment};
use crate::observe::sample::control;
use crate::ring::layout::{CTRL_RING_CAPACITY, CTRL_SIZE, META_SIZE};

/// A state as it is recorded.
const STATE: &str = include_str!("../../tests/data/state.json");
/// Steps that are taken through states, and messages that are read out of a ring.
const MOST: usize = 300;
/// Bytes of a ring that are read.
const READ: u64 = 1 << 20;
/// Notes of one recording at most.
const NOTES: usize = 16;

/// Bytes as a file and as a stream: as they are, or as choices of what is in a recording.
pub fn recording(data: &[u8]) {
    let bytes = match data.split_first() {
        Some((0, choices)) => chosen(&mut Input::new(choices)),
        _ => data.to_vec(),
    };
    read(&bytes);
}

/// Reads all that is in a recording with these bytes, from a file and from a stream.
pub(super) fn read(bytes: &[u8]) {
    if let Some((_file, path)) = file(bytes) {
        read_playback(Playback::open(&[path], None, true));
    }
    if let Ok(mut recording) = Recording::stream("stream", Cursor::new(bytes.to_vec())) {
        recording.finish();
        read_recording(&mut recording);
    }
}

/// A file with these bytes, and a path to it; `None` where no file can be had.
pub(super) fn file(bytes: &[u8]) -> Option<(File, PathBuf)> {
    let mut file = File::from(memfd_create("recording", MemfdFlags::CLOEXEC).ok()?);
    file.write_all(bytes).ok()?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    Some((file, path.into()))
}

fn read_playback(opened: Result<Playback, RecordingError>) {
    let mut playback = match opened {
        Ok(playback) => playback,
        Err(error) => return is_safe(&error.to_string()),
    };
    let (begin, end) = playback.span();
    assert!(begin <= end);
    for moment in [Moment::Finding, Moment::Event, Moment::At(begin)] {
        if let Err(error) = playback.go_to_moment(moment) {
            is_safe(&error.to_string());
        }
        assert!((begin..=end).contains(&playback.at_ns()));
    }
    playback.go_to(u64::MAX);
    for ring in playback.rings().to_vec() {
        if let Some((at, state)) = playback.state(&ring) {
            assert!(at <= end);
            let json = state.to_json().expect("what was read can be written");
            assert!(super::state::RecordedState::parse(&json).is_ok());
        }
        let events = playback.events(&ring, (0, u64::MAX));
        assert!(events.iter().all(|(at, _)| *at <= end));
        for chunk in playback.message_chunks(&ring).into_owned() {
            playback.messages_in(&ring, chunk, |_, message| {
                if let RecordedMessage::Message(raw, _) = message {
                    assert_eq!(raw.payload.len() as u64, u64::from(raw.header.payload_len));
                }
                true
            });
        }
        if playback.has(&ring, Content::Pages) {
            match playback.restored(&ring) {
                Ok(ring) => read_ring(&ring),
                Err(error) => is_safe(&error.to_string()),
            }
        }
    }
    playback.notes().iter().for_each(|note| is_safe(note));
}

fn read_recording(recording: &mut Recording) {
    assert!(recording.notes().len() <= NOTES);
    for ring in recording.rings() {
        let mut at = 0;
        for _ in 0..MOST {
            let Some(next) = recording.state_time_after(&ring, at) else {
                break;
            };
            assert!(next > at);
            // Times may go back: there may be another one before it, but none after it.
            let there = recording.state_time(&ring, next);
            assert!(there.is_none_or(|there| there <= next));
            at = next;
        }
        let events = recording.last_events(&ring, (0, u64::MAX), MOST);
        assert!(events.len() <= MOST);
        if let Some((begin, end)) = recording.span() {
            assert!(begin <= end);
            assert!(recording.state_time(&ring, end).is_none_or(|at| at <= end));
        }
    }
}

/// Messages out of a ring that was put together come in order, as from any ring.
fn read_ring(ring: &AttachedRing) {
    let head = control(ring).producer_head;
    // Where a lap begins a message does.
    let mut next = head - head % ring.capacity();
    let mut reader = MessageReader::at(next);
    let until = next.saturating_add(READ);
    let mut read = 0;
    for _ in 0..MOST {
        let more = reader.advance(ring, until, |event| {
            let (from, to) = match event {
                ReadEvent::Message(raw, _) => {
                    let to = raw.offset.saturating_add(raw.header.total_len());
                    (raw.offset, to)
                }
                ReadEvent::Gap(gap) => (gap.from, gap.to),
            };
            assert!(from >= next && to >= from);
            next = to;
            read += 1;
            if read > MOST {
                return Err(io::ErrorKind::Interrupted.into());
            }
            Ok(())
        });
        if !more.is_ok_and(|more| more) {
            break;
        }
    }
}

/// What is said of it may be shown anywhere.
fn is_safe(words: &str) {
    assert!(
        !words.chars().any(|one| one.is_control() && one != '\n'),
        "{words:?}"
    );
}

/// A recording of records that are framed as they should be, nearly always; what is in them is anything.
fn chosen(input: &mut Input<'_>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    let mut chunk: Option<Vec<u8>> = None;
    let mut chunks = Vec::new();
    for (number, topic) in ["state", "events", "messages", "pages"].iter().enumerate() {
        let encoding = ["json", "json", "zbq", "zbq-pages"][number];
        put(&mut bytes, op::CHANNEL, &channel(number, topic, encoding));
    }
    while !input.is_empty() && bytes.len() < 64 << 10 {
        let choice = input.below(16);
        if choice == 8 {
            if let Some(records) = chunk.replace(Vec::new()).filter(|old| !old.is_empty()) {
                let at = bytes.len() as u64;
                put(&mut bytes, op::CHUNK, &packed(&records, input));
                chunks.push((at, bytes.len() as u64 - at));
                chunk = None;
            }
            continue;
        }
        let out = chunk.as_mut().unwrap_or(&mut bytes);
        match choice {
            ..=8 => {
                let number = input.index(5);
                let record = message(number, input);
                put(out, op::MESSAGE, &record);
            }
            9 | 10 => {
                let opcode = input.byte();
                let body = input.piece();
                put(out, opcode, body);
            }
            11 => {
                let body = [&input.word().to_le_bytes()[..2], &[0; 4]].concat();
                put(out, op::MESSAGE_INDEX, &body);
            }
            12 => out.extend(input.piece()),
            _ => {
                let body = channel(input.index(8), "state", "json");
                put(out, op::CHANNEL, &body);
            }
        }
    }
    if input.flag() || !chunks.is_empty() {
        put(&mut bytes, op::DATA_END, &[0; 4]);
        let summary = bytes.len() as u64;
        for (number, topic) in ["state", "events", "messages", "pages"].iter().enumerate() {
            let encoding = ["json", "json", "zbq", "zbq-pages"][number];
            put(&mut bytes, op::CHANNEL, &channel(number, topic, encoding));
        }
        for (at, length) in chunks {
            put(&mut bytes, op::CHUNK_INDEX, &chunk_index(at, length));
        }
        let footer = [&summary.to_le_bytes()[..], &[0; 12]].concat();
        put(&mut bytes, op::FOOTER, &footer);
        bytes.extend(MAGIC);
    }
    bytes
}

pub(super) fn put(out: &mut Vec<u8>, opcode: u8, body: &[u8]) {
    out.push(opcode);
    out.extend((body.len() as u64).to_le_bytes());
    out.extend(body);
}

pub(super) fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

pub(super) fn channel(number: usize, content: &str, encoding: &str) -> Vec<u8> {
    let mut body = [(number as u16).to_le_bytes(), [0; 2]].concat();
    body.extend(string(&format!("zbq/a-1-2/{content}")));
    body.extend(string(encoding));
    let metadata = [string("id"), string("1/2")].concat();
    body.extend((metadata.len() as u32).to_le_bytes());
    body.extend(metadata);
    body
}

fn chunk_index(at: u64, length: u64) -> Vec<u8> {
    let numbers = [0, u64::MAX, at, length].map(u64::to_le_bytes).concat();
    let offsets = (0..4_u16).flat_map(|number| [&number.to_le_bytes()[..], &[0; 8]].concat());
    let offsets: Vec<u8> = offsets.collect();
    let sizes = (offsets.len() as u32).to_le_bytes();
    [
        &numbers[..],
        &sizes,
        &offsets,
        &[0; 8],
        &string(""),
        &[0; 16],
    ]
    .concat()
}

/// A chunk that is not packed, whose numbers may be lies.
fn packed(records: &[u8], input: &mut Input<'_>) -> Vec<u8> {
    let length = records.len() as u64;
    let mut number = |honest: u64| match input.below(8) {
        0 => input.number(),
        _ => honest,
    };
    let numbers = [number(0), number(u64::MAX), number(length)];
    let mut body = numbers.map(u64::to_le_bytes).concat();
    body.extend([0; 4]);
    let length = number(length).to_le_bytes();
    body.extend(string(if input.below(8) == 7 { "zstd" } else { "" }));
    body.extend(length);
    body.extend(records);
    body
}

fn message(channel: usize, input: &mut Input<'_>) -> Vec<u8> {
    let mut body = (channel as u16).to_le_bytes().to_vec();
    body.extend([0; 4]);
    let at = input.number();
    body.extend([at, at].map(u64::to_le_bytes).concat());
    match channel {
        0 => {
            let mut state = STATE.trim_end().as_bytes().to_vec();
            for _ in 0..input.below(4) {
                let at = input.index(state.len());
                state[at] = input.byte();
            }
            body.extend(state);
        }
        2 => {
            let record = MessageRecord {
                kind: input.of(&[RecordKind::Message, RecordKind::Gap]),
                integrity: Integrity::Intact,
                uncertainty_us: 0,
                offset: input.number(),
                skipped_bytes: input.number(),
            };
            body.extend(record.to_bytes());
            body.extend(input.piece());
        }
        3 => body.extend(page(input)),
        _ => body.extend(input.piece()),
    }
    body
}

fn page(input: &mut Input<'_>) -> Vec<u8> {
    let mut memory = input.piece().to_vec();
    let part = match input.below(4) {
        0 => {
            memory.resize(CTRL_SIZE, 0);
            let capacity = input.of(&[4096_u64, 65_536, 1 << 40, 1 << 62, 0, 77]);
            memory[CTRL_RING_CAPACITY..][..8].copy_from_slice(&capacity.to_le_bytes());
            Part::Control
        }
        1 => {
            memory.resize(META_SIZE, 0);
            Part::Consumer {
                inode: input.number(),
                slot: None,
                held: input.flag(),
            }
        }
        2 => Part::Offer {
            bytes: input.number(),
        },
        _ => Part::Ring,
    };
    let page = Page {
        part,
        offset: input.number(),
        heads: (input.number(), input.number()),
        bytes: &memory,
    };
    page.to_bytes()
}
