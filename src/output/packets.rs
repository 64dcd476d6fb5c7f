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
    interfaces: Vec<Interface>,
    /// The one that what follows is of.
    at: usize,
}

/// What went through one of them.
#[derive(Debug, Default)]
struct Interface {
    counts: Counts,
    /// The sequence id of the last message, ...
    last_seq: Option<u64>,
    /// ... and whether there was a gap behind it.
    behind_gap: bool,
    skipped: u64,
    gaps: u64,
    /// That is written.
    is_ended: bool,
}

impl PacketStream {
    /// Nothing was written yet; `takes_all`: every message will be.
    #[must_use]
    pub fn new(takes_all: bool) -> Self {
        Self {
            takes_all,
            interfaces: Vec::new(),
            at: 0,
        }
    }

    /// What follows is of this ring.
    pub fn begin_ring(&mut self, out: &mut Vec<u8>, id: &str, description: &str) {
        if self.interfaces.is_empty() {
            let system = uname();
            let word = |word: &std::ffi::CStr| word.to_string_lossy().into_owned();
            let name = format!(
                "{} {}, host {}",
                word(system.sysname()),
                word(system.release()),
                word(system.nodename())
            );
            pcapng::section(out, &word(system.machine()), &name);
        }
        pcapng::interface(out, id, description);
        self.at = self.interfaces.len();
        self.interfaces.push(Interface::default());
    }

    /// What follows is of the ring that was begun as this one.
    pub fn select(&mut self, number: usize) {
        self.at = number;
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
        let (number, takes_all) = (self.number(), self.takes_all);
        let Some(interface) = self.interfaces.get_mut(self.at) else {
            return Ok(());
        };
        let seq = raw.header.seq_id;
        let lost = match interface.last_seq {
            Some(last) if interface.behind_gap && takes_all && !raw.header.is_filler() => {
                seq.saturating_sub(last).saturating_sub(1)
            }
            _ => 0,
        };
        // A filler has no number.
        if !raw.header.is_filler() {
            interface.last_seq = Some(seq);
            interface.behind_gap = false;
        }
        interface.counts.received += 1;
        interface.counts.dropped = interface.counts.dropped.saturating_add(lost);
        pcapng::message(out, number, sighted, raw, integrity, lost, emit)
    }

    /// Writes that bytes were passed over.
    pub fn gap(&mut self, out: &mut Vec<u8>, gap: &Gap, sighted: Sighted) {
        let number = self.number();
        let Some(interface) = self.interfaces.get_mut(self.at) else {
            return;
        };
        if gap.from == 0 && interface.last_seq.is_none() {
            // Sequence ids begin with 1.
            interface.last_seq = Some(0);
        }
        interface.behind_gap = true;
        interface.gaps += 1;
        let length = gap.to.saturating_sub(gap.from);
        interface.skipped = interface.skipped.saturating_add(length);
        pcapng::gap(out, number, sighted, gap);
    }

    /// Writes what the interfaces have seen until `at_ns`, ns since 1970, of those of which that is not written yet.
    pub fn end(&mut self, out: &mut Vec<u8>, at_ns: u64) {
        for (number, interface) in (0..).zip(&mut self.interfaces) {
            if std::mem::replace(&mut interface.is_ended, true) {
                continue;
            }
            let remark = match interface.gaps {
                0 => String::new(),
                gaps => format!(
                    "skipped {} in {}",
                    bytes(interface.skipped),
                    counted(gaps, "gap")
                ),
            };
            let counts = self.takes_all.then_some(interface.counts);
            pcapng::statistics(out, number, at_ns, counts, &remark);
        }
    }

    fn number(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
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
        stream.begin_ring(&mut out, "1/2", "one");
        skip(&mut stream, &mut out, 0, 32);
        send(&mut stream, &mut out, 3);
        send(&mut stream, &mut out, 4);
        skip(&mut stream, &mut out, 80, 160);
        send(&mut stream, &mut out, 10);
        let counts = Counts {
            received: 3,
            dropped: 7,
        };
        assert_eq!(stream.interfaces[0].counts, counts);
        stream.begin_ring(&mut out, "3/4", "two");
        send(&mut stream, &mut out, 1);
        stream.select(0);
        send(&mut stream, &mut out, 11);
        assert_eq!(stream.interfaces[0].counts.received, 4);
        assert_eq!(stream.interfaces[1].counts.received, 1);
        stream.end(&mut out, 9);
        let mut reader = CaptureReader::new(&out[..]);
        let mut interfaces = Vec::new();
        while let Some(record) = reader.next_record().expect("pcapng") {
            interfaces.push(record.interface);
        }
        assert_eq!(interfaces, [0, 0, 0, 0, 0, 1, 0]);
        assert_eq!(reader.interfaces()[1].description, "two");
    }

    #[test]
    fn what_a_filter_leaves_out_is_not_lost() {
        let mut out = Vec::new();
        let mut stream = PacketStream::new(false);
        stream.begin_ring(&mut out, "1/2", "one");
        send(&mut stream, &mut out, 3);
        skip(&mut stream, &mut out, 80, 160);
        send(&mut stream, &mut out, 10);
        assert_eq!(stream.interfaces[0].counts.dropped, 0);
    }
}
