//! Messages as packets: a stream of pcapng, an interface a ring.

use std::io;

use rustix::system::uname;

use crate::capture::pcapng::{self, Counts};
use crate::observe::messages::Sighted;
use crate::observe::model::{Gap, Integrity};
use crate::ring::RawMessage;
use crate::text::{bytes, counted};

/// A stream that is being written.
#[derive(Debug)]
pub struct PacketStream {
    /// Whether every message is written: then what lacks between two of them was lost.
    takes_all: bool,
    /// Interfaces that were begun.
    interfaces: u32,
    counts: Counts,
    /// The sequence id of the last message, ...
    last_seq: Option<u64>,
    /// ... and whether there was a gap behind it.
    behind_gap: bool,
    skipped: u64,
    gaps: u64,
}

impl PacketStream {
    /// Nothing was written yet; `takes_all`: every message will be.
    #[must_use]
    pub fn new(takes_all: bool) -> Self {
        Self {
            takes_all,
            interfaces: 0,
            counts: Counts::default(),
            last_seq: None,
            behind_gap: false,
            skipped: 0,
            gaps: 0,
        }
    }

    /// What follows is of this ring; `at_ns` is now, ns since 1970.
    pub fn begin_ring(&mut self, out: &mut Vec<u8>, id: &str, description: &str, at_ns: u64) {
        if self.interfaces == 0 {
            let system = uname();
            let word = |word: &std::ffi::CStr| word.to_string_lossy().into_owned();
            let name = format!(
                "{} {}, host {}",
                word(system.sysname()),
                word(system.release()),
                word(system.nodename())
            );
            pcapng::section(out, &word(system.machine()), &name);
        } else {
            self.end(out, at_ns);
        }
        pcapng::interface(out, id, description);
        *self = Self {
            interfaces: self.interfaces + 1,
            ..Self::new(self.takes_all)
        };
    }

    /// Writes a message; `emit` takes pieces of a long one.
    ///
    /// # Errors
    /// Those of `emit`.
    pub fn message(
        &mut self,
        out: &mut Vec<u8>,
        raw: &RawMessage<'_>,
        integrity: Integrity,
        sighted: Sighted,
        emit: impl FnMut(&mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        let seq = raw.header.seq_id;
        let lost = match self.last_seq {
            Some(last) if self.behind_gap && self.takes_all && !raw.header.is_filler() => {
                seq.saturating_sub(last).saturating_sub(1)
            }
            _ => 0,
        };
        // A filler has no number.
        if !raw.header.is_filler() {
            self.last_seq = Some(seq);
            self.behind_gap = false;
        }
        self.counts.received += 1;
        self.counts.dropped = self.counts.dropped.saturating_add(lost);
        pcapng::message(out, self.interface(), sighted, raw, integrity, lost, emit)
    }

    /// Writes that bytes were passed over.
    pub fn gap(&mut self, out: &mut Vec<u8>, gap: &Gap, sighted: Sighted) {
        if gap.from == 0 && self.last_seq.is_none() {
            // Sequence ids begin with 1.
            self.last_seq = Some(0);
        }
        self.behind_gap = true;
        self.gaps += 1;
        let length = gap.to.saturating_sub(gap.from);
        self.skipped = self.skipped.saturating_add(length);
        pcapng::gap(out, self.interface(), sighted, gap);
    }

    /// Writes what the ring's interface has seen until `at_ns`, ns since 1970.
    pub fn end(&self, out: &mut Vec<u8>, at_ns: u64) {
        let remark = match self.gaps {
            0 => String::new(),
            gaps => format!(
                "skipped {} in {}",
                bytes(self.skipped),
                counted(gaps, "gap")
            ),
        };
        let counts = self.takes_all.then_some(self.counts);
        pcapng::statistics(out, self.interface(), at_ns, counts, &remark);
    }

    fn interface(&self) -> u32 {
        self.interfaces.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::pcapng::CaptureReader;
    use crate::observe::model::GapReason;
    use crate::ring::MessageHeader;

    const SEEN: Sighted = Sighted {
        at_ns: 5,
        uncertainty_us: 0,
    };

    fn send(stream: &mut PacketStream, out: &mut Vec<u8>, seq_id: u64) {
        let raw = RawMessage {
            offset: seq_id * 16,
            header: MessageHeader {
                seq_id,
                ..MessageHeader::default()
            },
            payload: b"",
        };
        let sent = stream.message(out, &raw, Integrity::Intact, SEEN, |_| Ok(()));
        sent.expect("a Vec");
    }

    fn skip(stream: &mut PacketStream, out: &mut Vec<u8>, from: u64, to: u64) {
        let why = GapReason::Overrun;
        let gap = Gap {
            from,
            to,
            why,
            torn: 0,
        };
        stream.gap(out, &gap, SEEN);
    }

    #[test]
    fn messages_in_gaps_are_counted_by_their_numbers() {
        let mut out = Vec::new();
        let mut stream = PacketStream::new(true);
        stream.begin_ring(&mut out, "1/2", "one", 0);
        skip(&mut stream, &mut out, 0, 32);
        send(&mut stream, &mut out, 3);
        send(&mut stream, &mut out, 4);
        skip(&mut stream, &mut out, 80, 160);
        send(&mut stream, &mut out, 10);
        let counts = Counts {
            received: 3,
            dropped: 7,
        };
        assert_eq!(stream.counts, counts);
        stream.begin_ring(&mut out, "3/4", "two", 9);
        assert_eq!(stream.counts, Counts::default());
        send(&mut stream, &mut out, 1);
        stream.end(&mut out, 9);
        let mut reader = CaptureReader::new(&out[..]);
        let mut interfaces = Vec::new();
        while let Some(record) = reader.next_record().expect("pcapng") {
            interfaces.push(record.interface);
        }
        assert_eq!(interfaces, [0, 0, 0, 0, 0, 1]);
        assert_eq!(reader.interfaces()[1].description, "two");
    }

    #[test]
    fn what_a_filter_leaves_out_is_not_lost() {
        let mut out = Vec::new();
        let mut stream = PacketStream::new(false);
        stream.begin_ring(&mut out, "1/2", "one", 0);
        send(&mut stream, &mut out, 3);
        skip(&mut stream, &mut out, 80, 160);
        send(&mut stream, &mut out, 10);
        assert_eq!(stream.counts.dropped, 0);
    }
}
