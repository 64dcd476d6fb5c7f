//! Dumps: the memory of a ring, as far as it is written, with the state that it was in.
//!
//! The copy of a ring that runs is no instant. It is made first, as fast as memory is copied, into memory of our own, and followed by
//! copies of what came meanwhile, until that is little; then tails, head and what the producer may be writing are read, in this
//! order, so that what was copied can be judged as that of a ring that is there.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;

use rustix::fs::{MemfdFlags, memfd_create};

use super::batch::MessageBatch;
use super::channel::{Content, RingName};
use super::page::{LONGEST, Page, Part};
use super::state::RecordedState;
use super::writer::{RecordingWriter, Written};
use crate::observe::attach::{AttachedRing, Writing};
use crate::observe::messages::{MessageReader, ReadEvent, older, oldest_boundary};
use crate::observe::messages::{Sighted, wall_ns};
use crate::observe::model::RingSnapshot;
use crate::observe::sample::control;
use crate::ring::layout::{CTRL_SIZE, META_SIZE};
use crate::ring::{Mapping, RawMessage, ReadOnly};
use crate::text::bytes;

/// What comes while a copy is made is copied, too, until it is less than this ...
const LITTLE: u64 = 64 << 10;
/// ... or so often.
const FOLLOWS: usize = 20;
/// Pages of zeros are left out: whoever reads them finds them.
const HOLE: usize = 4096;

/// A ring's memory, copied.
struct Copy {
    bytes: File,
    /// What lies below was committed when it was copied.
    head: u64,
}

/// Writes a dump of `ring`, which is in the state `seen`, to `out`. `tell` is told how far it has come, in bytes and of how many, and says
/// whether to go on.
///
/// # Errors
/// Those of `out`, and when the ring cannot be read, or there is too little memory for a copy of it.
pub fn dump(
    ring: &AttachedRing,
    seen: RingSnapshot,
    interval_ns: Option<u64>,
    out: impl Write,
    mut tell: impl FnMut(u64, u64) -> bool,
) -> io::Result<Written> {
    let copy = copy(ring, &mut tell)?;
    let pages: Vec<_> = ring
        .members()
        .iter()
        .map(|member| {
            let part = Part::Consumer {
                inode: member.file.ino,
                slot: member.slot.map(|slot| slot.index),
                held: ring.still_holds(member),
            };
            (part, page(&member.meta, META_SIZE))
        })
        .collect();
    let after = control(ring).producer_head;
    let writing = ring.writing();
    let mut ctrl = page(ring.ctrl(), CTRL_SIZE);
    // What was copied reaches to here.
    ctrl[..8].copy_from_slice(&copy.head.to_ne_bytes());

    let (mut writer, name, id, at_ns) = begin(seen, interval_ns, out)?;
    let heads = (copy.head, after);
    let mut put = |part, offset, bytes: &[u8]| {
        let page = Page {
            part,
            offset,
            heads,
            bytes,
        }
        .to_bytes();
        writer.write(&name, &id, Content::Pages, [(at_ns, &page[..])])
    };
    put(Part::Control, 0, &ctrl)?;
    for (part, page) in &pages {
        put(*part, 0, page)?;
    }
    if let Some(Writing { head, offer }) = writing {
        let part = Part::Offer {
            bytes: offer.map_or(0, |offer| offer.bytes),
        };
        let offset = offer.map_or(0, |offer| offer.offset);
        put(part, offset, &head.to_le_bytes())?;
    }
    let all = copy.head.min(ring.capacity());
    let mut buffer = vec![0; LONGEST];
    let mut at = 0;
    while at < all {
        let length = usize::try_from(all - at).map_or(LONGEST, |left| left.min(LONGEST));
        let piece = &mut buffer[..length];
        copy.bytes.read_exact_at(piece, at)?;
        // Each run of pages with something in them.
        let mut from = 0;
        while from < length {
            let is_empty = |page: &[u8]| page.iter().all(|byte| *byte == 0);
            let pages = piece[from..].chunks(HOLE);
            let skipped: usize = pages
                .take_while(|page| is_empty(page))
                .map(<[u8]>::len)
                .sum();
            let begin = from + skipped;
            let pages = piece[begin..].chunks(HOLE);
            let full: usize = pages
                .take_while(|page| !is_empty(page))
                .map(<[u8]>::len)
                .sum();
            if full > 0 {
                put(Part::Ring, at + begin as u64, &piece[begin..begin + full])?;
            }
            from = begin + full;
        }
        at += length as u64;
        goes_on(tell(at, all))?;
    }
    writer.finish()
}

/// As [`dump`], but of messages only their headers, as they are found in the ring.
///
/// # Errors
/// Those of `out`, and when the ring cannot be read.
pub fn dump_headers(
    ring: &AttachedRing,
    seen: RingSnapshot,
    interval_ns: Option<u64>,
    out: impl Write,
    mut tell: impl FnMut(u64, u64) -> bool,
) -> io::Result<Written> {
    let (mut writer, name, id, at_ns) = begin(seen, interval_ns, out)?;
    let head = control(ring).producer_head;
    let known = oldest_boundary(ring);
    let from = older(ring, known, usize::MAX)?.clear;
    let mut reader = MessageReader::at_found(from, known);
    let mut batch = MessageBatch::default();
    let sighted = Sighted {
        at_ns,
        uncertainty_us: u32::MAX,
    };
    loop {
        let more = reader.advance(ring, head, |event| {
            match event {
                ReadEvent::Message(raw, integrity) => {
                    let payload = &[];
                    batch.push(&RawMessage { payload, ..raw }, integrity, sighted);
                }
                ReadEvent::Gap(gap) => batch.skip(&gap, sighted),
            }
            Ok(())
        })?;
        writer.write(&name, &id, Content::Messages, batch.records())?;
        batch = MessageBatch::default();
        let (done, all) = (reader.position(), head);
        goes_on(tell(done.saturating_sub(from), all.saturating_sub(from)))?;
        if !more {
            return writer.finish();
        }
    }
}

/// Begins a recording of one ring with the state that it is in.
fn begin<W: Write>(
    seen: RingSnapshot,
    interval_ns: Option<u64>,
    out: W,
) -> io::Result<(RecordingWriter<W>, RingName, String, u64)> {
    let (name, id) = (RingName::of(&seen), seen.id.clone());
    let at_ns = wall_ns();
    let mut writer = RecordingWriter::new(out)?;
    let state = RecordedState::now(seen, interval_ns);
    let json = state.to_json().map_err(io::Error::other)?;
    writer.write(&name, &id, Content::State, [(at_ns, &json[..])])?;
    Ok((writer, name, id, at_ns))
}

/// Copies what is written of the ring, and what comes meanwhile.
fn copy(ring: &AttachedRing, tell: &mut impl FnMut(u64, u64) -> bool) -> io::Result<Copy> {
    let capacity = ring.capacity();
    let mut head = control(ring).producer_head;
    let all = head.min(capacity);
    if let Some(free) = free_memory()
        && free / 2 < all
    {
        return Err(io::Error::new(
            io::ErrorKind::OutOfMemory,
            format!(
                "a copy of the ring needs {} of memory, but only {} is free",
                bytes(all),
                bytes(free)
            ),
        ));
    }
    // Not named like the ring's: nobody is to take us for one who holds it.
    let copy = File::from(memfd_create("zbqtop_copy", MemfdFlags::CLOEXEC)?);
    copy.set_len(capacity)?;
    let mut buffer = vec![0; LONGEST];
    let mut take = |from: u64, to: u64| -> io::Result<()> {
        let mut at = from;
        while at < to {
            let length = usize::try_from(to - at).map_or(LONGEST, |left| left.min(LONGEST));
            ring.copy_out(at, &mut buffer[..length])?;
            copy.write_all_at(&buffer[..length], at)?;
            at += length as u64;
        }
        Ok(())
    };
    let mut at = 0;
    while at < all {
        let end = all.min(at + (64 << 20));
        take(at, end)?;
        goes_on(tell(end, all))?;
        at = end;
    }
    for _ in 0..FOLLOWS {
        let now = control(ring).producer_head;
        let new = now.saturating_sub(head);
        if new == 0 {
            break;
        }
        if new >= capacity {
            take(0, capacity)?;
        } else {
            let (from, to) = (head % capacity, now % capacity);
            if from < to {
                take(from, to)?;
            } else {
                take(from, capacity)?;
                take(0, to)?;
            }
        }
        head = now;
        if new < LITTLE {
            break;
        }
    }
    Ok(Copy { bytes: copy, head })
}

/// Whether to go on.
fn goes_on(wanted: bool) -> io::Result<()> {
    if wanted {
        return Ok(());
    }
    let why = "stopped before it was complete";
    Err(io::Error::new(io::ErrorKind::Interrupted, why))
}

/// A page of the protocol, as it is now.
fn page(mapping: &Mapping<ReadOnly>, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    for at in (0..size).step_by(8) {
        bytes.extend_from_slice(&mapping.load_u64_relaxed(at).to_ne_bytes());
    }
    bytes
}

/// Memory that can be had, bytes.
pub(super) fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kib.checked_mul(1024)
}
