//! Any bytes as a ring's: walks through them end, and say what there is; filters want what they say they want.

use std::collections::HashSet;

use regex::bytes::Regex;

use super::filter::{Filter, hex_pattern, number, number_range};
use super::validity::Validity;
use super::walk::{CHUNK, count, first_clear, lands};
use crate::fuzzing::input::Input;
use crate::observe::model::Integrity;
use crate::ring::layout::{HEADER_SIZE, MAX_FDS};
use crate::ring::{CorruptionKind, MessageHeader, RawMessage, Walk, WalkState};

pub use super::recover::fuzz::recovery;

/// Bytes of an image at most.
const LARGEST: usize = 1 << 20;

/// Messages, zeros and anything else, one behind the other.
fn image(input: &mut Input<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !input.is_empty() && bytes.len() < LARGEST {
        match input.below(8) {
            0 => bytes.extend(input.piece()),
            1 => bytes.resize(bytes.len() + usize::from(input.byte()), 0),
            2 => bytes.resize(bytes.len() + input.index(CHUNK as usize), b'x'),
            _ => {
                let header = MessageHeader {
                    payload_len: input.below(300) as u32,
                    fd_count: if input.below(16) == 15 {
                        input.byte()
                    } else {
                        0
                    },
                    seq_id: input.byte().into(),
                    ..MessageHeader::default()
                };
                bytes.extend(header.to_bytes());
                let payload = input.piece();
                let payload = &payload[..payload.len().min(header.payload_len as usize)];
                bytes.extend(payload);
                bytes.resize(bytes.len() + header.payload_len as usize - payload.len(), 7);
            }
        }
    }
    bytes
}

/// A walk step by step: in order, each message once, within its lap; and it ends for the reason that it tells. Returns
/// where the messages are.
fn steps(bytes: &[u8], start: u64, capacity: u64) -> (Vec<u64>, WalkState) {
    let mut walk = Walk::new(bytes, start, capacity);
    let (mut offsets, mut passed) = (Vec::new(), 0);
    let mut corruption = None;
    for step in walk.by_ref() {
        assert!(corruption.is_none(), "nothing follows a corruption");
        assert!(offsets.len() <= bytes.len() / HEADER_SIZE);
        match step {
            Ok(message) => {
                let whole = &bytes[passed..passed + HEADER_SIZE + message.payload.len()];
                assert_eq!(message.offset, start.wrapping_add(passed as u64));
                assert_eq!(whole[..HEADER_SIZE], message.header.to_bytes());
                assert_eq!(whole[HEADER_SIZE..], *message.payload);
                assert_eq!(message.header.total_len(), whole.len() as u64);
                assert!(message.offset % capacity + message.header.total_len() <= capacity);
                assert!(usize::from(message.header.fd_count) <= MAX_FDS);
                offsets.push(message.offset);
                passed += whole.len();
            }
            Err(wrong) => corruption = Some(wrong),
        }
    }
    assert_eq!(walk.position(), start.wrapping_add(passed as u64));
    // What was passed and what is left are all there is.
    let left = &bytes[passed..];
    let claims = left
        .first_chunk()
        .map(|header| MessageHeader::from_bytes(*header));
    let lap_left = capacity - walk.position() % capacity;
    match (walk.state(), corruption) {
        (WalkState::Complete, None) => assert!(left.is_empty()),
        (WalkState::Incomplete, None) => {
            assert!(!left.is_empty() && lap_left >= HEADER_SIZE as u64);
            let short = |claims: MessageHeader| claims.total_len() > left.len() as u64;
            assert!(claims.is_none_or(short));
        }
        (WalkState::Corrupt, Some(wrong)) => {
            assert_eq!((wrong.offset, wrong.lap_left), (walk.position(), lap_left));
            assert!(match wrong.kind {
                CorruptionKind::HeaderCrossesLap => lap_left < HEADER_SIZE as u64,
                CorruptionKind::PayloadCrossesLap =>
                    claims.is_some_and(|claims| claims.total_len() > lap_left),
                CorruptionKind::TooManyFds =>
                    claims.is_some_and(|claims| usize::from(claims.fd_count) > MAX_FDS),
            });
            assert!(wrong.to_string().len() < 200);
        }
        other => panic!("{other:?}"),
    }
    (offsets, walk.state())
}

/// Walks over any bytes, from anywhere, in a ring of any size.
pub fn walk(data: &[u8]) {
    let mut input = Input::new(data);
    let capacity = match input.below(4) {
        0 => input.number().max(1),
        _ => 4096 << input.below(10),
    };
    let (start, head) = (input.number(), input.number());
    let min_tail = input.flag().then(|| input.number());
    let bytes = image(&mut input);
    let (offsets, state) = steps(&bytes, start, capacity);
    // The rest is asked about offsets that do not wrap.
    let start = start.min(u64::MAX - bytes.len() as u64);
    let end = start + bytes.len() as u64;
    let mut asked = 0;
    let mut read = |from: u64, to: u64, out: &mut Vec<u8>| {
        assert!(start <= from && from <= to && to <= end);
        asked += to - from;
        let at = |offset: u64| (offset - start) as usize;
        out.extend(&bytes[at(from)..at(to)]);
        Ok(())
    };
    let mut found = Vec::new();
    let landed = lands(start, end, capacity, &mut read, |at| found.push(at));
    let landed = landed.expect("bytes in memory");
    assert!(found.iter().is_sorted_by(|one, other| one < other));
    assert!(found.first().is_none_or(|first| *first == start));
    if state == WalkState::Complete && offsets.first().is_none_or(|first| *first == start) {
        assert!(landed);
        assert_eq!(found, offsets);
    }
    let validity = Validity {
        min_tail,
        head,
        capacity,
        writing: None,
    };
    let clear = |offset| validity.integrity(offset) != Integrity::Torn;
    let first = first_clear(start, end, &validity, clear, &mut read).expect("bytes in memory");
    if let Some((first, torn)) = first {
        assert!(landed && clear(first));
        assert_eq!(found.get(torn as usize), Some(&first));
        assert!(found[..torn as usize].iter().all(|torn| !clear(*torn)));
    }
    // Twice what there is, and a piece for each message that is longer than one.
    let long = bytes.len() as u64 / CHUNK + 1;
    assert!(asked <= 2 * (bytes.len() as u64 + found.len() as u64 * 64 + long * CHUNK));
    let tails = HashSet::from([start, end, input.number()]);
    if let Some(counted) = count(&bytes, start, capacity, &tails) {
        assert!(landed);
        for (tail, messages) in counted {
            let behind = found.iter().filter(|at| **at >= tail).count();
            assert_eq!(messages, behind as u64, "from {tail}");
        }
    }
}

/// Digits and blanks as a pattern of bytes, by the book: high and low half of each byte, `None` for any.
fn by_the_book(text: &str) -> Option<Vec<[Option<u8>; 2]>> {
    let digits = text.chars().filter(|one| !one.is_whitespace());
    let halves = digits.map(|one| match one {
        '?' => Some(None),
        _ => one.to_digit(16).map(|digit| Some(digit as u8)),
    });
    let halves: Vec<Option<u8>> = halves.collect::<Option<_>>()?;
    let pairs = halves.chunks(2).map(|pair| <[_; 2]>::try_from(pair).ok());
    pairs
        .collect::<Option<Vec<_>>>()
        .filter(|pairs| !pairs.is_empty())
}

fn is_in(pattern: &[[Option<u8>; 2]], payload: &[u8]) -> Option<usize> {
    let fits = |window: &[u8]| {
        let mut bytes = window.iter().zip(pattern);
        bytes.all(|(byte, [high, low])| {
            high.is_none_or(|high| high == byte >> 4) && low.is_none_or(|low| low == byte & 15)
        })
    };
    payload.windows(pattern.len()).position(fits)
}

/// A few patterns of bytes as they are typed, and by the book.
fn patterns(input: &mut Input<'_>, payload: &[u8]) -> Vec<(Regex, bool)> {
    let mut patterns = Vec::new();
    for _ in 0..input.below(3) {
        let typed = input.piece();
        let typed = String::from_utf8_lossy(&typed[..typed.len().min(40)]);
        let (built, expected) = (hex_pattern(&typed), by_the_book(&typed));
        assert_eq!(built.is_ok(), expected.is_some(), "{typed:?}: {built:?}");
        if let (Ok(built), Some(expected)) = (built, expected) {
            let found = built.find(payload).map(|found| found.start());
            assert_eq!(found, is_in(&expected, payload), "{typed:?} in {payload:?}");
            patterns.push((built, found.is_some()));
        }
    }
    patterns
}

/// Numbers, ranges and patterns of bytes as they are typed, and which messages they want.
pub fn filters(data: &[u8]) {
    let mut input = Input::new(data);
    let payload = input.piece();
    let [include, bytes, exclude] = [(); 3].map(|()| patterns(&mut input, payload));
    let any = |all: &[(Regex, bool)]| all.is_empty() || all.iter().any(|(_, found)| *found);
    let contents = any(&include) && any(&bytes) && !exclude.iter().any(|(_, found)| *found);
    let header = MessageHeader {
        payload_len: payload.len() as u32,
        seq_id: input.number(),
        ..MessageHeader::default()
    };
    let (least, most) = (input.number() % 300, input.number());
    let only = |all: Vec<(Regex, bool)>| all.into_iter().map(|(pattern, _)| pattern).collect();
    let filter = Filter {
        include: only(include),
        bytes: only(bytes),
        exclude: only(exclude),
        lengths: least..=u64::MAX,
        seqs: 0..=most,
    };
    let raw = RawMessage {
        offset: 0,
        header,
        payload,
    };
    let wanted = payload.len() as u64 >= least && header.seq_id <= most && contents;
    assert_eq!(filter.wants(&raw), wanted);
    assert!(wanted || !filter.takes_all());

    let typed = String::from_utf8_lossy(input.rest());
    let (digits, radix) = match typed.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (&*typed, 10),
    };
    let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    match number(&typed) {
        Ok(read) => {
            assert!(is_number, "{typed:?} is {read}");
            assert_eq!(number(&read.to_string()), Ok(read));
            assert_eq!(number(&format!("{read:#x}")), Ok(read));
            assert_eq!(number_range(&typed), Ok(read..=read));
        }
        // One that is no number is too large.
        Err(_) => assert!(
            !is_number
                || u128::from_str_radix(digits, radix).map_or(true, |it| it > u64::MAX.into())
        ),
    }
    if let Ok(range) = number_range(&typed) {
        let (first, last) = range.into_inner();
        assert!(first <= last);
        assert_eq!(number_range(&format!("{first}..{last}")), Ok(first..=last));
    }
}
