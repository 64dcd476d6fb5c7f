//! Packets for Wireshark, as `tshark` and `capinfos` see them: what is in them, and rings as its interfaces. Where they are not
//! installed, that is said; with `ZBQTOP_REQUIRE_PEERS` it is a failure.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::program::{is_there, run, stderr, stdout, zbqtop};
use crate::support::recordings::Recording;
use crate::support::{Peer, Place, contents, eventually};

/// A user of Wireshark, who has what zbqtop installs.
struct User {
    home: Place,
}

impl User {
    fn new() -> Option<Self> {
        if !is_there("tshark") || !is_there("capinfos") {
            return None;
        }
        let user = Self { home: Place::new() };
        let said = user.zbqtop(&["wireshark", "install"]);
        assert_eq!(said.matches(": installed").count(), 2, "{said}");
        Some(user)
    }

    fn at_home(&self, command: &mut Command) {
        let home = self.home.path();
        command
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"));
    }

    fn zbqtop(&self, words: &[&str]) -> String {
        let mut command = zbqtop();
        self.at_home(command.args(words));
        let output = command.output().expect("zbqtop starts");
        assert!(output.status.success(), "{words:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    fn tshark(&self, words: &[&str]) -> Command {
        let mut command = Command::new("tshark");
        self.at_home(command.args(words).stdin(Stdio::null()));
        command
    }

    /// What tshark says of a file, which it must read without a complaint.
    fn says(&self, file: &Path, words: &[&str]) -> String {
        let mut command = self.tshark(&["-r"]);
        let output = command.arg(file).args(words).output().expect("it starts");
        let said = stderr(&output);
        let complaints = said
            .lines()
            .filter(|line| !line.starts_with("Running as user"));
        assert_eq!(complaints.count(), 0, "{said}");
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Values of fields of the packets that a filter lets pass, a row each.
    fn fields(&self, file: &Path, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
        let mut words = vec!["-T", "fields", "-Y", filter];
        fields.iter().for_each(|field| words.extend(["-e", *field]));
        let rows = self.says(file, &words);
        rows.lines()
            .map(|row| row.split('\t').map(str::to_owned).collect())
            .collect()
    }
}

fn capinfos(file: &Path) -> String {
    let output = Command::new("capinfos").arg(file).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    String::from_utf8(output.stdout).expect("text")
}

/// The same messages in two formats.
fn both(place: &Place, target: &[&str]) -> (std::path::PathBuf, Vec<Value>) {
    let tail = |format: &str| {
        let words = [&["tail"], target, &["--format", format]].concat();
        let output = run(&words);
        assert!(output.status.success(), "{}", stderr(&output));
        output.stdout
    };
    let json = String::from_utf8(tail("json")).expect("text");
    let json = json
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let file = place.path().join("messages.pcapng");
    std::fs::write(&file, tail("pcapng")).expect("room");
    (file, json)
}

fn hexadecimal(message: &Value) -> String {
    let bytes = match (&message["text"], &message["base64"]) {
        (Value::String(text), _) => text.clone().into_bytes(),
        (_, Value::String(base64)) => {
            use base64::Engine as _;
            let standard = base64::engine::general_purpose::STANDARD;
            standard.decode(base64).expect("base64")
        }
        _ => panic!("no payload: {message}"),
    };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Each packet says what each line says.
fn same(user: &User, file: &Path, lines: &[Value]) {
    let fields = [
        "zbq.kind",
        "zbq.offset",
        "zbq.seq",
        "zbq.payload_len",
        "zbq.fd_count",
        "zbq.flags",
        "zbq.integrity",
        "zbq.skipped_bytes",
        "zbq.reason",
        "zbq.payload",
    ];
    let packets = user.fields(file, "zbq.kind != 3", &fields);
    assert_eq!(packets.len(), lines.len());
    for (packet, line) in packets.iter().zip(lines) {
        let number = |name: &str| line[name].as_u64().expect("a number").to_string();
        let expected = if line["skipped_bytes"].is_null() {
            let integrity = match line["integrity"].as_str() {
                Some("intact") => "0",
                Some("likely") => "1",
                _ => "2",
            };
            vec![
                "1".into(),
                number("offset"),
                number("seq_id"),
                number("payload_len"),
                number("fd_count"),
                format!("0x{:02x}", line["flags"].as_u64().expect("a number")),
                integrity.into(),
                String::new(),
                String::new(),
                hexadecimal(line),
            ]
        } else {
            let why = line["why"].as_str().expect("words").to_owned();
            let mut gap = vec![String::new(); 10];
            gap[0] = "2".into();
            gap[1] = number("from");
            gap[7] = number("skipped_bytes");
            gap[8] = why;
            gap
        };
        let mut packet = packet.clone();
        if packet[9].len() > 2 * 200_000 {
            packet[9].truncate(2 * 200_000);
            let mut expected = expected;
            expected[9].truncate(2 * 200_000);
            assert!(packet == expected, "a long message");
        } else {
            assert_eq!(packet, expected);
        }
    }
}

#[test]
fn packets_say_what_lines_say() {
    let Some(user) = User::new() else { return };
    let place = Place::new();
    // More than it holds: there are gaps.
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --seed 7 --max-payload 500 --capacity 65536 --fds 2 --fds-every 7",
    )
    .settled();
    producer.ask("send 700", "done");
    let pid = producer.pid().to_string();
    let (file, lines) = both(&place, &["--pid", &pid, "--from", "0"]);
    assert!(lines.len() > 100);
    same(&user, &file, &lines);

    let gaps = lines.iter().filter(|line| !line["skipped_bytes"].is_null());
    let gaps = gaps.count();
    assert!(gaps > 0);
    let count = |filter: &str| user.fields(&file, filter, &["frame.number"]).len();
    assert_eq!(count("zbq.kind == 2"), gaps);
    assert_eq!(count("zbq.expert.gap"), gaps);
    assert_eq!(count("zbq.skipped_bytes > 0"), gaps);
    assert_eq!(count("_ws.malformed"), 0);
    let seq = lines.last().expect("one")["seq_id"].to_string();
    assert_eq!(count(&format!("zbq.seq == {seq}")), 1);
    assert_eq!(count("zbq.integrity == 2"), 0);
    // Nothing is missing but what is in the gaps.
    assert!(count("zbq.missing") <= gaps);
    // A filler has no number, and so none before it.
    let previous = user.fields(&file, "zbq.seq > 0", &["frame.number", "zbq.previous"]);
    assert!(previous.windows(2).all(|pair| pair[1][1] == pair[0][0]));

    let infos = capinfos(&file);
    let packets = format!("Number of packets = {}", lines.len());
    for expected in [
        "pcapng",
        "USER 0",
        "nanoseconds",
        "Capture application: zbqtop",
        "Capture oper-sys:    Linux",
        &packets,
        &format!("Name = {pid}/"),
        "Description = peer, 64.0 KiB",
        "Number of stat entries = 1",
    ] {
        assert!(infos.contains(expected), "{expected}: {infos}");
    }
    // A filter leaves messages out, and that is seen in them.
    let wanted = format!("{seq}..{seq}");
    let few = ["--pid", &pid, "--from", "oldest", "--seq", &wanted];
    let (file, lines) = both(&place, &few);
    same(&user, &file, &lines);
}

#[test]
fn times_are_those_of_the_lines() {
    let Some(user) = User::new() else { return };
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --consumers 0 --seed 7 --max-payload 100 --rate 400 --messages 1000000",
    );
    let recording = place.path().join("ring.mcap");
    let recording = recording.to_str().expect("text");
    let pid = producer.pid().to_string();
    let record = ["record", "--pid", &pid, "-o", recording];
    stdout(&[&record[..], &["--messages", "all", "--max-time", "1s"]].concat());
    producer.kill();
    let (file, lines) = both(&place, &["--file", recording, "-n", "1000000"]);
    assert!(lines.len() > 5, "{}", lines.len());
    same(&user, &file, &lines);
    let fields = ["frame.time_epoch", "zbq.uncertainty_us"];
    let times = user.fields(&file, "zbq.kind == 1", &fields);
    let messages: Vec<&Value> = lines
        .iter()
        .filter(|it| it["skipped_bytes"].is_null())
        .collect();
    assert_eq!(times.len(), messages.len());
    for (time, message) in times.iter().zip(messages) {
        let observed = message["observed_at"].as_str().expect("a time");
        let observed: jiff::Timestamp = observed.parse().expect("RFC 3339");
        let ns = observed.as_nanosecond();
        let epoch = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
        assert_eq!(time[0], epoch);
        let uncertainty = match message["uncertainty_ns"].as_u64() {
            Some(ns) => ns / 1000,
            None => u64::from(u32::MAX),
        };
        assert_eq!(time[1], uncertainty.to_string());
    }
    // Back again.
    let again = stdout(&[
        "tail",
        "--file",
        file.to_str().expect("text"),
        "-n",
        "1000000",
        "--format",
        "json",
    ]);
    let again: Vec<Value> = again
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(again == lines);
}

#[test]
fn a_message_longer_than_any_packet_is_read_without_a_complaint() {
    let Some(user) = User::new() else { return };
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --payload 900000 --capacity 4194304",
    )
    .settled();
    producer.ask("send 3", "done");
    let pid = producer.pid().to_string();
    let (file, lines) = both(&place, &["--pid", &pid, "-n", "10"]);
    assert_eq!(lines.len(), 3);
    same(&user, &file, &lines);
    let pieces = user.fields(&file, "zbq", &["zbq.kind", "frame.cap_len", "frame.len"]);
    assert_eq!(pieces.len(), 3 * 4);
    assert_eq!(pieces[0], ["1", "262144", "900040"]);
    assert_eq!(pieces[1], ["3", "262144", "262144"]);
    let cut = user.fields(&file, "zbq.expert.cut", &["frame.number"]);
    assert_eq!(cut, [["1"], ["5"], ["9"]]);
}

#[test]
fn two_rings_are_two_interfaces() {
    let Some(user) = User::new() else { return };
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --max-payload 40",
    )
    .settled();
    producer.ask("send 5", "done");
    let socket = place.socket();
    let file = place.path().join("two.pcapng");
    let out = std::fs::File::create(&file).expect("room");
    let mut tail = zbqtop()
        .args(["tail", "-F", "-c", "9", "--format", "pcapng", "--socket"])
        .arg(&socket)
        .stdout(out)
        .stderr(Stdio::null())
        .spawn()
        .expect("zbqtop starts");
    eventually("five messages", || {
        std::fs::metadata(&file)
            .ok()
            .filter(|file| file.len() > 300)
    });
    producer.ask("remake", "remade");
    producer.ask("send 4", "done");
    let ended = eventually("nine messages", || tail.try_wait().expect("our child"));
    assert!(ended.success());
    let infos = capinfos(&file);
    assert!(infos.contains("Number of interfaces in file: 2"), "{infos}");
    let of = user.fields(&file, "zbq", &["frame.interface_id", "zbq.seq"]);
    let expected: Vec<[String; 2]> = (1..=5)
        .map(|seq| ["0".into(), seq.to_string()])
        .chain((1..=4).map(|seq| ["1".into(), seq.to_string()]))
        .collect();
    assert_eq!(of, expected);
    // They are told apart: nothing goes backwards.
    assert!(
        user.fields(&file, "zbq.expert.backwards", &["zbq.seq"])
            .is_empty()
    );
}

#[test]
fn all_rings_of_a_recording_are_interfaces() {
    let Some(user) = User::new() else { return };
    let place = Place::new();
    let producers = ["one", "two"].map(|name| {
        Peer::producer(
            &place.path().join(name),
            "--impl reference --consumers 0 --seed 7 --max-payload 50 --rate 200 --messages 1000000",
        )
    });
    // Both at once.
    let recordings = [("one.mcap", 0), ("two.mcap", 1)].map(|(name, number)| {
        let path = place.path().join(name);
        Recording::of(&producers[number], path, "--messages all")
    });
    let both_go = |recording: &Recording| {
        eventually("messages are recorded", || {
            let file = recording.path.to_str().expect("text");
            let words = ["tail", "--file", file, "-n", "50", "--format", "base64"];
            let lines = String::from_utf8_lossy(&run(&words).stdout).lines().count();
            (lines == 50).then_some(())
        });
    };
    recordings.iter().for_each(both_go);
    let recordings = recordings.map(Recording::finish);
    let [one, two] = recordings.map(|path| path.to_str().expect("text").to_owned());
    let words = [
        "tail", "--file", &one, "--file", &two, "--from", "oldest", "--format", "pcapng",
    ];
    let output = run(&words);
    assert!(output.status.success(), "{}", stderr(&output));
    let file = place.path().join("both.pcapng");
    std::fs::write(&file, &output.stdout).expect("room");
    let infos = capinfos(&file);
    assert!(infos.contains("Number of interfaces in file: 2"), "{infos}");
    for producer in &producers {
        assert!(
            infos.contains(&format!("Name = {}/", producer.pid())),
            "{infos}"
        );
    }
    assert!(
        user.fields(&file, "zbq.expert.backwards", &["zbq.seq"])
            .is_empty()
    );
    // In the order of time, and of one and the other by turns.
    let packets = user.fields(&file, "zbq", &["frame.time_epoch", "frame.interface_id"]);
    let times: Vec<&str> = packets
        .iter()
        .filter_map(|packet| Some(packet.first()?.as_str()))
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    let turns = packets.windows(2).filter(|two| two[0][1] != two[1][1]);
    assert!(turns.count() > 10);
    assert!(infos.contains("Strict time order:   True"), "{infos}");
    // An offset is of one ring.
    for (option, place) in [("--from", "64"), ("--until", "head")] {
        let words = [
            "tail", "--file", &one, "--file", &two, option, place, "--format", "pcapng",
        ];
        let output = run(&words);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            stderr(&output).contains("offsets of its own"),
            "{}",
            stderr(&output)
        );
    }
    // Those that are written are counted, not those that were read.
    let words = [
        "tail", "--file", &one, "--file", &two, "--from", "oldest", "-c", "20", "--format",
        "pcapng",
    ];
    let said = stderr(&run(&words));
    assert!(
        said.contains("20 messages") && said.contains("; 20 scanned"),
        "{said}"
    );
    // Back again: both of them.
    let rings = stdout(&["ls", "--json", "--file", file.to_str().expect("text")]);
    let rings: Value = serde_json::from_str(&rings).expect("JSON");
    assert_eq!(rings["rings"].as_array().expect("a list").len(), 2);
}

#[test]
fn the_end_of_a_lap_is_no_message_that_lacks() {
    let Some(user) = User::new() else { return };
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl zbqtop --hold --consumers 0 --payload 900 --capacity 16384",
    )
    .settled();
    producer.ask("send 20", "done");
    let pid = producer.pid().to_string();
    let (file, lines) = both(&place, &["--pid", &pid, "--from", "oldest"]);
    assert!(lines.iter().any(|line| line["flags"] == 0x80), "{lines:?}");
    assert!(
        user.fields(&file, "zbq.expert.backwards", &["zbq.seq"])
            .is_empty()
    );
    assert!(user.fields(&file, "zbq.missing", &["zbq.seq"]).is_empty());
}

#[test]
fn payloads_are_handed_to_dissectors() {
    let Some(user) = User::new() else { return };
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --seed 7 --max-payload 60",
    )
    .settled();
    producer.ask("send 4", "done");
    let pid = producer.pid().to_string();
    let (file, _) = both(&place, &["--pid", &pid]);
    let protocols = |options: &[&str]| {
        let words = [&["-T", "fields", "-e", "frame.protocols"], options].concat();
        user.says(&file, &words)
    };
    assert!(protocols(&[]).lines().all(|line| line == "zbq:data"));
    for kind in ["json", "cbor", "msgpack"] {
        let option = format!("zbq.payload:{kind}");
        let seen = protocols(&["-o", &option]);
        assert!(
            seen.lines()
                .any(|line| line.starts_with(&format!("zbq:{kind}"))),
            "{seen}"
        );
    }
}

/// A process that captures.
struct Capturing(Child);

impl Drop for Capturing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processes that were started as capture interfaces for `interface`.
fn extcaps(interface: &str) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("proc");
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        line.contains("--capture")
            && line.contains("extcap")
            && line.contains(interface)
            && !line.contains("tshark")
    })
    .collect()
}

#[test]
fn a_live_ring_is_an_interface() {
    let Some(user) = User::new() else { return };
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --consumers 0 --seed 9 --max-payload 50 --rate 200 --messages 1000000 --capacity 4194304",
    );
    let pid = producer.pid();
    let list = user.tshark(&["-D"]).output().expect("it starts");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let interface = list
        .split_whitespace()
        .find(|word| word.starts_with(&format!("zbq-{pid}-")))
        .unwrap_or_else(|| panic!("no ring of {pid}: {list}"))
        .to_owned();
    assert!(
        list.contains(&format!("zbq ring of peer (pid {pid}), 4.0 MiB")),
        "{list}"
    );

    // So many messages, and then it ends by itself.
    let words = [
        "-i",
        &interface,
        "-c",
        "20",
        "-T",
        "fields",
        "-e",
        "zbq.seq",
        "-e",
        "zbq.payload",
    ];
    let output = user.tshark(&words).output().expect("it starts");
    assert!(output.status.success(), "{}", stderr(&output));
    let rows = String::from_utf8(output.stdout).expect("text");
    assert_eq!(rows.lines().count(), 20, "{rows}");
    for row in rows.lines() {
        let (seq, payload) = row.split_once('\t').expect("two fields");
        let bytes = contents(9, 50, seq.parse().expect("a number"));
        let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(payload, expected);
    }
    eventually("the capture interface ends", || {
        extcaps(&interface).is_empty().then_some(())
    });

    // Told to end.
    let file = place.path().join("live.pcapng");
    let mut command = user.tshark(&["-i", &interface, "-w"]);
    command
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut capturing = Capturing(command.spawn().expect("it starts"));
    eventually("messages", || {
        std::fs::metadata(&file)
            .ok()
            .filter(|file| file.len() > 4000)
    });
    let tshark = rustix::process::Pid::from_child(&capturing.0);
    rustix::process::kill_process(tshark, Signal::INT).expect("our child");
    eventually("tshark ends", || capturing.0.try_wait().expect("our child"));
    eventually("the capture interface ends", || {
        extcaps(&interface).is_empty().then_some(())
    });
    let seqs = user.fields(&file, "zbq.kind == 1", &["zbq.seq"]);
    assert!(seqs.len() > 10);
    producer.kill();
}

#[test]
fn the_capture_interface_keeps_to_its_protocol() {
    let place = Place::new();
    let producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --seed 9 --max-payload 50",
    )
    .settled();
    let pid = producer.pid();
    let ask = |line: &str| {
        stdout(
            &[
                &["extcap"],
                &line.split_whitespace().collect::<Vec<_>>()[..],
            ]
            .concat(),
        )
    };
    let interfaces = ask("--extcap-interfaces --extcap-version=9.9 --what-ever 7 -x");
    let mut lines = interfaces.lines();
    assert!(
        lines
            .next()
            .is_some_and(|line| line.starts_with("extcap {version="))
    );
    assert!(
        lines
            .clone()
            .all(|line| line.starts_with("interface {value=zbq-")),
        "{interfaces}"
    );
    let ours = lines
        .find(|line| line.contains(&format!("=zbq-{pid}-")))
        .expect("ours");
    let interface = ours["interface {value=".len()..]
        .split('}')
        .next()
        .expect("a value");

    let link = ask(&format!("--extcap-interface {interface} --extcap-dlts"));
    assert_eq!(link, "dlt {number=147}{name=USER0}{display=zbq ring}\n");
    let options = ask(&format!(
        "--extcap-config --extcap-interface {interface} --extcap-version=4.4"
    ));
    assert!(
        options
            .lines()
            .all(|line| line.starts_with("arg {number=") || line.starts_with("value {arg="))
    );
    assert_eq!(
        ask(&format!(
            "--extcap-interface {interface} --extcap-capture-filter a+"
        )),
        ""
    );
    assert!(
        ask(&format!(
            "--extcap-interface {interface} --extcap-capture-filter a("
        ))
        .contains("regular expression")
    );
    assert_eq!(ask("--extcap-cleanup-postkill"), "");
    assert_eq!(ask("--help"), "");

    // The ring is idle: that nobody reads any more is seen all the same.
    let fifo = place.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .expect("a pipe");
    let mut capture = zbqtop();
    capture
        .args([
            "extcap",
            "--capture",
            "--extcap-interface",
            interface,
            "--fifo",
        ])
        .arg::<&OsStr>(fifo.as_ref())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut capture = capture.spawn().expect("zbqtop starts");
    let reader = rustix::fs::open(&fifo, OFlags::RDONLY, Mode::empty()).expect("it writes");
    let mut head = [0; 4];
    assert_eq!(rustix::io::read(&reader, &mut head), Ok(4));
    assert_eq!(&head, b"\n\r\r\n");
    drop(reader);
    let ended = eventually("it ends", || capture.try_wait().expect("our child"));
    assert_eq!(ended.code(), Some(0));
    let said = capture.wait_with_output().expect("it has ended");
    assert!(said.stdout.is_empty());

    // No such interface.
    let output = run(&[
        "extcap",
        "--capture",
        "--extcap-interface",
        "lo",
        "--fifo",
        "/nowhere",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("--extcap-interface \"lo\""),
        "{}",
        stderr(&output)
    );
}

#[test]
fn what_is_installed_is_told_from_what_is_not_ours() {
    let place = Place::new();
    let (plugins, extcap) = (place.path().join("plugins"), place.path().join("extcap"));
    let act = |action: &str| {
        let mut command = zbqtop();
        command
            .args(["wireshark", action, "--plugins"])
            .arg(&plugins);
        command.arg("--extcap").arg(&extcap);
        command.output().expect("zbqtop starts")
    };
    let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let status = act("status");
    assert_eq!(status.status.code(), Some(1));
    assert_eq!(said(&status).matches("not installed").count(), 2);
    assert_eq!(act("install").status.code(), Some(0));
    assert_eq!(act("status").status.code(), Some(0));
    assert!(said(&act("install")).contains("already installed"));
    // That of another version is replaced.
    let dissector = plugins.join("zbq.lua");
    let old = "-- Installed by `zbqtop wireshark install`.\n";
    std::fs::write(&dissector, old).expect("room");
    let status = act("status");
    assert_eq!(status.status.code(), Some(1));
    assert!(said(&status).contains("another version"));
    assert_eq!(act("install").status.code(), Some(0));
    assert_eq!(act("status").status.code(), Some(0));
    assert_eq!(act("uninstall").status.code(), Some(0));
    assert!(!dissector.exists());
    assert!(said(&act("uninstall")).contains("not installed"));
    // What is not ours is left alone.
    std::fs::write(&dissector, "-- mine\n").expect("room");
    for action in ["install", "uninstall"] {
        let output = act(action);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            stderr(&output).contains("is not from zbqtop"),
            "{}",
            stderr(&output)
        );
    }
    assert_eq!(std::fs::read(&dissector).expect("there"), b"-- mine\n");
}

/// Rings that come and rings that are silent, in a stream: each is an interface.
#[test]
fn rings_of_a_stream_are_interfaces_as_they_come() {
    let Some(user) = User::new() else { return };
    let place = Place::new();
    let flowing = "--impl reference --consumers 0 --payload 40 --rate 200 --messages 1000000";
    let silent = Peer::producer(
        &place.path().join("silent"),
        "--impl reference --consumers 0 --hold",
    );
    let one = Peer::producer(&place.path().join("one"), flowing);
    let mut record = zbqtop()
        .args([
            "record",
            "--all",
            "-o",
            "-",
            "--messages",
            "all",
            "--interval",
            "100ms",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let file = place.path().join("live.pcapng");
    let mut tail = zbqtop()
        .args([
            "tail", "--file", "-", "-f", "--from", "oldest", "--format", "pcapng",
        ])
        .stdin(record.stdout.take().expect("piped"))
        .stdout(std::fs::File::create(&file).expect("room"))
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let has = |ring: &Peer, packets: usize| {
        let infos = Command::new("capinfos")
            .arg(&file)
            .output()
            .expect("it starts");
        let infos = String::from_utf8_lossy(&infos.stdout).into_owned();
        let begins = format!("Name = {}/", ring.pid());
        let mut lines = infos
            .lines()
            .skip_while(|line| !line.trim().starts_with(&begins));
        let count = lines.find_map(|line| line.trim().strip_prefix("Number of packets = "));
        count
            .and_then(|count| count.parse().ok())
            .is_some_and(|count: usize| count >= packets)
    };
    eventually("the first ring is there", || has(&one, 50).then_some(()));
    let two = Peer::producer(&place.path().join("two"), flowing);
    eventually("the second one, too", || has(&two, 100).then_some(()));
    eventually("and the silent one", || has(&silent, 0).then_some(()));
    kill_process(Pid::from_child(&record), Signal::INT).expect("our child");
    record.wait().expect("our child");
    tail.wait().expect("our child");
    let infos = capinfos(&file);
    assert!(infos.contains("Number of interfaces in file: "), "{infos}");
    let gaps = user.fields(&file, "zbq.expert.backwards", &["zbq.seq"]);
    assert!(gaps.is_empty(), "{gaps:?}");
}
