//! Captures (pcapng) as recordings: messages are taken over; of the rings that they come from nothing else is known.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::capture::pcapng::{CaptureReader, Captured, Interface, ReadError};
use crate::observe::messages::wall_ns;
use crate::observe::model::{
    Attach, ControlRegion, Estimate, Health, Limitation, MessageFigures, Method, ProducerInfo,
    Rate, RingSnapshot, RingState,
};
use crate::recording::channel::{Content, RingName};
use crate::recording::state::RecordedState;
use crate::recording::writer::RecordingWriter;
use crate::text::{counted, escape};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 20;

/// What could not be taken over, in words, as far as it is known.
pub(super) type Notes = Arc<Mutex<Vec<String>>>;

/// The capture in `file` as a recording, in a file that has no name, and what could not be taken over.
///
/// # Errors
/// When it cannot be read, or there is no room for it.
pub(super) fn as_file(file: &File) -> io::Result<(File, Vec<String>)> {
    let place = std::env::temp_dir();
    let made = nameless(&place).map_err(|error| in_place(&error, &place))?;
    let mut notes = Vec::new();
    let done = convert(file, BufWriter::new(&made), |note| notes.push(note));
    done.map_err(|error| match error {
        Failure::Input(error) => error,
        Failure::Output(error) => in_place(&error, &place),
    })?;
    Ok((made, notes))
}

/// A file in `place` that goes when it is closed.
fn nameless(place: &Path) -> io::Result<File> {
    let path = place.join(format!("zbqtop-{}-{}", std::process::id(), wall_ns()));
    let made = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(made)
}

fn in_place(error: &io::Error, place: &Path) -> io::Error {
    let place = place.display().to_string();
    let why = format!(
        "a capture is converted before it is shown, which fails in {}: {error}; TMPDIR names another place",
        escape(&place)
    );
    io::Error::new(error.kind(), why)
}

/// The capture that comes from `input` as a recording that comes; and what could not be taken over of it, which is known when
/// that ends.
///
/// # Errors
/// When there is no pipe or no thread for it.
pub(super) fn as_stream(
    input: impl Read + Send + 'static,
) -> io::Result<(impl Read + Send + 'static, Notes)> {
    let (reader, writer) = io::pipe()?;
    let notes = Notes::default();
    let theirs = Arc::clone(&notes);
    std::thread::Builder::new()
        .name("capture".into())
        .spawn(move || {
            let note = |note| lock(&theirs).push(note);
            // Where the recording ends without an end, its reader says so, too.
            let _ = convert(input, writer, note);
        })?;
    Ok((reader, notes))
}

/// Takes the notes there are.
pub(super) fn take_notes(notes: &Notes) -> Vec<String> {
    std::mem::take(&mut *lock(notes))
}

fn lock(notes: &Notes) -> MutexGuard<'_, Vec<String>> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What went wrong where.
enum Failure {
    Input(io::Error),
    Output(io::Error),
}

/// Writes what is in `input` as a recording; `note` is told what cannot be taken over, before that ends.
fn convert(input: impl Read, out: impl Write, mut note: impl FnMut(String)) -> Result<(), Failure> {
    let mut capture = CaptureReader::new(BufReader::with_capacity(BUFFER, input));
    let mut out = RecordingWriter::new(out).map_err(Failure::Output)?;
    let mut names: Vec<Option<(RingName, String)>> = Vec::new();
    loop {
        // What comes next may take its time.
        if capture.get_ref().buffer().is_empty() {
            out.flush().map_err(Failure::Output)?;
        }
        let record = match capture.next_record() {
            Ok(Some(record)) => record,
            Ok(None) => break,
            Err(ReadError::Io(error)) => {
                note(error.to_string());
                return Err(Failure::Input(error));
            }
            Err(error) => {
                note(error.to_string());
                break;
            }
        };
        let number = record.interface;
        if names.len() <= number {
            names.resize(number + 1, None);
        }
        let (name, id) = match &mut names[number] {
            Some(known) => known,
            unknown => {
                let interface = &capture.interfaces()[number];
                let begun = begin(&mut out, &record, number, interface);
                unknown.insert(begun.map_err(Failure::Output)?)
            }
        };
        let messages = [(record.at_ns, &record.bytes[..])];
        out.write(name, id, Content::Messages, messages)
            .map_err(Failure::Output)?;
    }
    if capture.foreign() > 0 {
        let packets = counted(capture.foreign(), "packet");
        note(format!("{packets} of other protocols were left out"));
    }
    out.finish().map_err(Failure::Output)?;
    Ok(())
}

/// Writes what is known of a ring when its first message comes.
fn begin<W: Write>(
    out: &mut RecordingWriter<W>,
    first: &Captured,
    number: usize,
    interface: &Interface,
) -> io::Result<(RingName, String)> {
    let id = match &interface.name[..] {
        "" => format!("interface {number}"),
        name => name.to_owned(),
    };
    let ring = nothing_but_messages(&id, number, &interface.description);
    let name = RingName::of(&ring);
    let state = RecordedState {
        // It does not get old.
        interval_ns: Some(u64::MAX),
        captured_at: Timestamp::from_nanosecond(first.at_ns.into())
            .unwrap_or(Timestamp::MAX)
            .to_string(),
        ring,
    };
    let json = state.to_json()?;
    out.write(&name, &id, Content::State, [(first.at_ns, &json[..])])?;
    Ok((name, id))
}

/// A ring of which nothing else is known.
fn nothing_but_messages(id: &str, number: usize, description: &str) -> RingSnapshot {
    let pid = id.split_once('/').and_then(|(pid, _)| pid.parse().ok());
    let what = "everything but the messages";
    RingSnapshot {
        id: id.to_owned(),
        // Interfaces of one name are still several.
        ctrl_inode: number as u64,
        state: RingState::Unknown,
        health: Health::Unknown,
        reason: format!("a capture contains nothing but messages ({description})"),
        sampled_ns: 0,
        attach: Attach {
            method: Method::File,
            slot_table: false,
            joined: None,
            limits: vec![
                Limitation::new(what, "it is a pcapng capture")
                    .with_remedy("`zbqtop record` also records the state of the ring".to_owned()),
            ],
        },
        producer: ProducerInfo {
            pid: pid.unwrap_or(0),
            ns_pid: None,
            command: None,
            command_line: None,
            uid: None,
            user: None,
            process_state: None,
            alive: false,
            started_at: None,
            sockets: None,
        },
        control: ControlRegion {
            truncated: true,
            producer_head: 0,
            broadcast_futex: 0,
            producer_pid: 0,
            ring_capacity: 0,
            clog_threshold: 0,
            stall_timeout_ns: 0,
        },
        slots: None,
        free_bytes: None,
        gating_slot: None,
        gating_pid: None,
        gating_meta_inode: None,
        time_to_full_ns: None,
        rate: Rate {
            bytes_per_second: None,
            messages_per_second: Estimate::default(),
        },
        messages: MessageFigures::default(),
        consumers: Vec::new(),
        hidden_consumers: None,
        findings: Vec::new(),
        events: Vec::new(),
    }
}
