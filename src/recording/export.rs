//! Messages that somebody has picked, written into a file of their own.

use std::fs::{File, remove_file};
use std::io::{self, BufWriter, Write};

use super::batch::MessageBatch;
use super::channel::{Content, RingName};
use super::recorder::create;
use super::state::RecordedState;
use super::writer::RecordingWriter;
use crate::capture::pcapng;
use crate::observe::messages::{Sighted, wall_ns};
use crate::observe::model::{Export, ExportedRow, Gap, GapReason, Message};
use crate::ring::RawMessage;
use crate::text::{bytes, counted, escape};

/// How a file is written.
enum FileFormat {
    Mcap,
    Pcapng,
    LenPrefixed,
}

/// Writes it, never over another file, in the format that the name's suffix stands for; says what came of it. `whole`
/// gives all of a message of which only the beginning was kept, if the ring still has it.
pub(super) fn export(
    export: &Export,
    mut whole: impl FnMut(&Message) -> Option<Vec<u8>>,
) -> String {
    let name = export.path.display().to_string();
    let name = escape(&name);
    let suffix = export.path.extension().and_then(|suffix| suffix.to_str());
    let format = match suffix {
        Some("mcap") => FileFormat::Mcap,
        Some("pcapng") => FileFormat::Pcapng,
        Some("bin") => FileFormat::LenPrefixed,
        _ => {
            return format!(
                "{name}: expected a name that ends in .mcap, .pcapng, or .bin (a u32 length before each payload)"
            );
        }
    };
    let file = match create(&export.path) {
        Ok(file) => file,
        Err(error) => return error.to_string(),
    };
    let mut rows = Rows::default();
    for row in &export.rows {
        rows.take(row, &mut whole);
    }
    let written = match format {
        FileFormat::Mcap => rows.to_mcap(file, export),
        FileFormat::Pcapng => rows.to_pcapng(file, export),
        FileFormat::LenPrefixed => rows.to_len_prefixed(file),
    };
    match written {
        Ok(()) => {
            let lost = match rows.lost {
                0 => String::new(),
                lost => format!("; left out as no longer whole in the ring: {lost}"),
            };
            let messages = counted(rows.messages.len() as u64, "message");
            format!(
                "wrote {name}: {messages}, {} of payload{lost}",
                bytes(rows.payload)
            )
        }
        Err(error) => {
            // Half of it is of no use; that is what is said, whether this works or not.
            let _ = remove_file(&export.path);
            format!("cannot write {name}: {error}")
        }
    }
}

/// What is written.
#[derive(Default)]
struct Rows {
    messages: Vec<Message>,
    /// Each before the message in that place.
    gaps: Vec<(usize, Gap)>,
    lost: u64,
    payload: u64,
}

impl Rows {
    fn take(&mut self, row: &ExportedRow, whole: &mut impl FnMut(&Message) -> Option<Vec<u8>>) {
        match row {
            ExportedRow::Gap(gap) => self.gaps.push((self.messages.len(), gap.clone())),
            ExportedRow::Message(message) => {
                let mut message = message.clone();
                if (message.payload.len() as u64) < u64::from(message.header.payload_len) {
                    let Some(payload) = whole(&message) else {
                        self.lost += 1;
                        let gap = Gap {
                            from: message.offset,
                            to: message.offset.saturating_add(message.header.total_len()),
                            why: GapReason::NoLongerHeld,
                            torn: 0,
                        };
                        return self.gaps.push((self.messages.len(), gap));
                    };
                    message.payload = payload;
                }
                self.payload += message.payload.len() as u64;
                self.messages.push(message);
            }
        }
    }

    fn to_len_prefixed(&self, file: File) -> io::Result<()> {
        let mut out = BufWriter::new(file);
        for message in &self.messages {
            let length = u32::try_from(message.payload.len()).map_err(io::Error::other)?;
            out.write_all(&length.to_le_bytes())?;
            out.write_all(&message.payload)?;
        }
        out.flush()
    }

    /// Each message, and each gap before the message in that place, in order.
    fn in_order(&self) -> impl Iterator<Item = Row<'_>> {
        let mut gaps = self.gaps.iter().peekable();
        let mut messages = self.messages.iter().enumerate().peekable();
        std::iter::from_fn(move || {
            let place = messages.peek().map_or(usize::MAX, |(place, _)| *place);
            if let Some((_, gap)) = gaps.next_if(|(before, _)| *before <= place) {
                return Some(Row::Gap(gap));
            }
            messages.next().map(|(_, message)| Row::Message(message))
        })
    }

    /// When each message was written is not known.
    fn to_pcapng(&self, file: File, export: &Export) -> io::Result<()> {
        let sighted = Sighted {
            at_ns: wall_ns(),
            uncertainty_us: u32::MAX,
        };
        let ring = &export.ring;
        let command = ring.producer.command.as_deref();
        let command = command.map(|command| format!("{}, ", escape(command)));
        let capacity = bytes(ring.control.ring_capacity);
        let description = command.unwrap_or_default() + &capacity;
        let mut bytes = Vec::new();
        let mut file = BufWriter::new(file);
        let system = rustix::system::uname();
        let hardware = system.machine().to_string_lossy();
        pcapng::section(&mut bytes, &hardware, &system.sysname().to_string_lossy());
        pcapng::interface(&mut bytes, &ring.id, &description);
        for row in self.in_order() {
            match row {
                Row::Gap(gap) => pcapng::gap(&mut bytes, 0, sighted, gap),
                Row::Message(message) => {
                    let (raw, integrity) = (raw(message), message.integrity);
                    pcapng::message(&mut bytes, 0, sighted, &raw, integrity, 0, |_| Ok(()))?;
                }
            }
            file.write_all(&bytes)?;
            bytes.clear();
        }
        file.write_all(&bytes)?;
        file.flush()
    }

    /// With the state of the ring, as every recording has one. When each message was written is not known.
    fn to_mcap(&self, file: File, export: &Export) -> io::Result<()> {
        let at_ns = wall_ns();
        let sighted = Sighted {
            at_ns,
            uncertainty_us: u32::MAX,
        };
        let (name, id) = (RingName::of(&export.ring), export.ring.id.clone());
        let state = RecordedState::now((*export.ring).clone(), None).to_json()?;
        let mut out = RecordingWriter::new(BufWriter::new(file))?;
        out.write(&name, &id, Content::State, [(at_ns, &state[..])])?;
        let mut batch = MessageBatch::default();
        for row in self.in_order() {
            match row {
                Row::Gap(gap) => batch.skip(gap, sighted),
                Row::Message(message) => batch.push(&raw(message), message.integrity, sighted),
            }
        }
        out.write(&name, &id, Content::Messages, batch.records())?;
        out.finish().map(|_| ())
    }
}

/// One of them.
enum Row<'a> {
    Message(&'a Message),
    Gap(&'a Gap),
}

fn raw(message: &Message) -> RawMessage<'_> {
    RawMessage {
        offset: message.offset,
        header: message.header,
        payload: &message.payload,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::Integrity;
    use crate::observe::model::fixtures::ring;
    use crate::recording::reader::Recording;
    use crate::ring::MessageHeader;

    fn message(offset: u64, payload: &[u8], length: u32) -> ExportedRow {
        ExportedRow::Message(Message {
            offset,
            header: MessageHeader {
                payload_len: length,
                ..MessageHeader::default()
            },
            payload: payload.to_vec(),
            integrity: Integrity::Likely,
        })
    }

    fn wrote(name: &str) -> (tempfile::TempDir, String) {
        let place = tempfile::tempdir().unwrap();
        let gap = Gap {
            from: 100,
            to: 200,
            why: GapReason::Overrun,
            torn: 0,
        };
        let rows = vec![
            message(0, b"one", 3),
            ExportedRow::Gap(gap),
            message(200, b"tw", 4),
            message(300, b"th", 9),
        ];
        let asked = Export {
            path: place.path().join(name),
            rows,
            ring: Box::new(ring(Vec::new())),
        };
        let whole = |message: &Message| (message.offset == 200).then(|| b"twoo".to_vec());
        let said = export(&asked, whole);
        let again = export(&asked, whole);
        assert!(
            again.contains("never overwritten") || again.contains("expected"),
            "{again}"
        );
        (place, said)
    }

    #[test]
    fn lengths_and_payloads() {
        let (place, said) = wrote("some.bin");
        assert!(
            said.ends_with(
                "2 messages, 7 B of payload; left out as no longer whole in the ring: 1"
            ),
            "{said}"
        );
        let bytes = std::fs::read(place.path().join("some.bin")).unwrap();
        assert_eq!(bytes, b"\x03\0\0\0one\x04\0\0\0twoo");
    }

    #[test]
    fn a_recording_that_is_read_back() {
        let (place, said) = wrote("some.mcap");
        assert!(said.contains("2 messages"), "{said}");
        let recording = Recording::open(&place.path().join("some.mcap")).unwrap();
        assert_eq!(recording.notes(), [""; 0]);
    }

    #[test]
    fn a_capture_that_is_read_back() {
        let (place, said) = wrote("some.pcapng");
        assert!(said.contains("2 messages"), "{said}");
        let bytes = std::fs::read(place.path().join("some.pcapng")).unwrap();
        let mut capture = pcapng::CaptureReader::new(&bytes[..]);
        let mut kinds = String::new();
        while let Some(record) = capture.next_record().unwrap() {
            kinds.push(
                match crate::capture::RecordedMessage::parse(&record.bytes) {
                    Some(crate::capture::RecordedMessage::Message(..)) => 'm',
                    Some(crate::capture::RecordedMessage::Gap(_)) => 'g',
                    _ => '?',
                },
            );
        }
        // One was no longer whole.
        assert_eq!(kinds, "mgmg");
        let recording = Recording::open(&place.path().join("some.pcapng")).unwrap();
        assert_eq!(recording.rings().len(), 1);
    }

    #[test]
    fn another_suffix_is_refused_and_nothing_is_made() {
        let (place, said) = wrote("some.txt");
        assert!(said.contains("ends in .mcap"), "{said}");
        assert!(!place.path().join("some.txt").exists());
    }
}
