//! Files of a recording: their names, what becomes of earlier ones, and how large they get.

use super::*;
use crate::observe::messages::Sighted;
use crate::observe::model::Integrity;
use crate::observe::model::fixtures::{consumer, ring};
use crate::recording::{RecordedState, Recording};
use crate::ring::{MessageHeader, RawMessage};

fn plan(keep: usize) -> FilePlan {
    FilePlan {
        keep: Some(keep),
        ..FilePlan::default()
    }
}

#[test]
fn files_of_an_earlier_recording_are_gone_on_from_and_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    for name in [
        "ring-0001.mcap",
        "ring-0003.mcap",
        "ring-0007.mcap",
        "ring-8.mcap",
        "ring-0008.txt",
        "string-0009.mcap",
    ] {
        std::fs::write(at(name), name).expect("room");
    }
    std::fs::create_dir(at("ring-0009.mcap")).expect("room");
    let mut files = Files::new(Output::File(at("ring.mcap")), plan(2), false);
    let names = || {
        let entries = std::fs::read_dir(folder.path()).expect("ours");
        let names = entries.map(|entry| entry.expect("ours").file_name());
        let mut names: Vec<String> = names
            .map(|name| name.into_string().expect("text"))
            .collect();
        names.sort();
        names
    };
    let others = [
        "ring-0008.txt",
        "ring-0009.mcap",
        "ring-8.mcap",
        "string-0009.mcap",
    ];
    for expected in [
        ["ring-0007.mcap", "ring-0008.mcap"],
        // What is no file has the name in between.
        ["ring-0008.mcap", "ring-0010.mcap"],
        ["ring-0010.mcap", "ring-0011.mcap"],
    ] {
        files.begin().expect("room");
        let mut expected = [&expected[..], &others].concat();
        expected.sort_unstable();
        assert_eq!(names(), expected);
        files.end().expect("room");
    }
    for name in ["ring-8.mcap", "ring-0008.txt", "string-0009.mcap"] {
        assert_eq!(std::fs::read(at(name)).expect("ours"), name.as_bytes());
    }
}

#[test]
fn what_another_recorder_writes_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = || Output::File(folder.path().join("ring.mcap"));
    let is_there = |number: u32| {
        folder
            .path()
            .join(format!("ring-000{number}.mcap"))
            .exists()
    };
    let mut one = Files::new(output(), plan(1), false);
    one.begin().expect("room");
    let mut other = Files::new(output(), plan(1), false);
    other.begin().expect("room");
    assert!(is_there(1) && is_there(2));
    one.end().expect("room");
    other.end().expect("room");
    let mut next = Files::new(output(), plan(1), false);
    next.begin().expect("room");
    assert_eq!([1, 2, 3].map(is_there), [false, false, true]);
}

#[test]
fn without_a_number_of_files_to_keep_none_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("ring-0004.mcap"), "mine").expect("room");
    let mut files = Files::new(Output::File(at("ring.mcap")), FilePlan::default(), true);
    files.begin().expect("room");
    assert_eq!(files.path(), Some(&*at("ring-0005.mcap")));
    files.end().expect("room");
    assert_eq!(std::fs::read(at("ring-0004.mcap")).expect("ours"), b"mine");
}

fn recorded() -> (Recorded, Vec<u8>) {
    let seen = ring((0..8).map(consumer).collect());
    let of = Recorded {
        name: RingName::of(&seen),
        id: seen.id.clone(),
    };
    let json = RecordedState::now(seen, None).to_json().expect("JSON");
    (of, json)
}

/// A batch of so many messages, of as many bytes each, of which no two are alike and none can be packed.
fn batch(count: u64, length: usize, seed: &mut u64) -> MessageBatch {
    let mut batch = MessageBatch::default();
    for seq_id in 0..count {
        let mut noise = || {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (*seed >> 56) as u8
        };
        let payload: Vec<u8> = (0..length).map(|_| noise()).collect();
        let header = MessageHeader {
            payload_len: u32::try_from(length).expect("short"),
            fd_count: 0,
            flags: 0,
            reserved: 0,
            seq_id,
        };
        let raw = RawMessage {
            offset: seq_id * (16 + length as u64),
            header,
            payload: &payload,
        };
        let sighted = Sighted {
            at_ns: seq_id,
            uncertainty_us: 0,
        };
        batch.push(&raw, Integrity::Intact, sighted);
    }
    batch
}

/// Writes pieces of all kinds until several files are full, and gives what each of them takes.
fn sizes(most: u64, keep: Option<usize>, message: usize) -> (Vec<u64>, Counted) {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = FilePlan {
        max_size: Some(most),
        max_time: None,
        keep,
    };
    let path = folder.path().join("ring.mcap");
    let mut files = Files::new(Output::File(path), plan, false);
    files.begin().expect("room");
    let ((of, json), mut seed) = (recorded(), 1);
    // As large as batches are that a ring's thread hands over.
    let count = (256 << 10) / (message as u64 + 40);
    for at_ns in 1..=u64::MAX {
        let state = What::State {
            at_ns,
            json: json.clone(),
            worst: None,
        };
        for what in [state, What::Messages(batch(count, message, &mut seed))] {
            let of = of.clone();
            files.write(&Piece { of, what }).expect("room");
        }
        if !files.tend().expect("room") || files.before.bytes > 4 * most {
            break;
        }
    }
    files.end().expect("room");
    let entries = std::fs::read_dir(folder.path()).expect("ours");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("ours").path()).collect();
    paths.sort();
    let counted = files.counted();
    let mut read = 0;
    for path in &paths {
        let recording = Recording::open(path).expect("a recording");
        assert!(recording.is_whole(), "{}", path.display());
        let mut playback =
            crate::recording::Playback::open(std::slice::from_ref(path), None, true).expect("one");
        let ring = playback.rings()[0].clone();
        for chunk in playback.message_chunks(&ring).into_owned() {
            playback.messages_in(&ring, chunk, |_, _| {
                read += 1;
                true
            });
        }
    }
    assert_eq!(read, counted.messages, "each is in one of them");
    let sizes = paths
        .iter()
        .map(|path| path.metadata().expect("there").len());
    (sizes.collect(), counted)
}

#[test]
fn a_file_takes_about_as_much_as_it_may() {
    for most in [64 << 10, 200 << 10, 1 << 20] {
        for message in [48, 1000] {
            let (sizes, _) = sizes(most, Some(100), message);
            assert!(sizes.len() > 3, "{most}: {sizes:?}");
            let full = &sizes[..sizes.len() - 1];
            let (least, largest) = (full.iter().min(), full.iter().max());
            let bounds = (most * 3 / 4, most + most / 10);
            assert!(
                least >= Some(&bounds.0) && largest <= Some(&bounds.1),
                "{most} {message}: {sizes:?}"
            );
        }
        let (sizes, _) = sizes(most, None, 48);
        assert!(
            sizes.len() == 1 && sizes[0] <= most + most / 10,
            "{most}: {sizes:?}"
        );
    }
}
