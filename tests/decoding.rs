//! What is in payloads, against those who have the formats: Python's `msgpack`, `cbor2` and `struct`, `protoc`, and a C compiler
//! with `pahole`. Where they are not installed, that is said; with `ZBQTOP_REQUIRE_PEERS` it is a failure.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};
use zbqtop::capture::pcapng;
use zbqtop::observe::messages::Sighted;
use zbqtop::observe::model::Integrity;
use zbqtop::ring::{MessageHeader, RawMessage};

use crate::support::program::{is_there, run, stderr, zbqtop};
use crate::support::recordings::Recording;
use crate::support::{Peer, Place, eventually};

/// Debian's: it has the modules that Debian packs.
const PYTHON: &str = "/usr/bin/python3";

/// A capture with these payloads; the last of them may be torn.
fn capture(place: &Place, payloads: &[Vec<u8>], last: Integrity) -> PathBuf {
    let mut out = Vec::new();
    pcapng::section(&mut out, "", "");
    pcapng::interface(&mut out, "1/2", "test, 64 KiB");
    let mut offset = 0;
    for (number, payload) in payloads.iter().enumerate() {
        let header = MessageHeader {
            payload_len: u32::try_from(payload.len()).expect("short"),
            seq_id: number as u64 + 1,
            ..MessageHeader::default()
        };
        let raw = RawMessage {
            offset,
            header,
            payload,
        };
        let seen = Sighted {
            at_ns: 1_764_137_290_000_000_000 + number as u64,
            uncertainty_us: 1,
        };
        let integrity = match number + 1 == payloads.len() {
            true => last,
            false => Integrity::Intact,
        };
        pcapng::message(&mut out, 0, seen, &raw, integrity, 0, |_| Ok(())).expect("a Vec");
        offset += header.total_len();
    }
    let file = place.path().join("payloads.pcapng");
    std::fs::write(&file, out).expect("room");
    file
}

/// What `tail` says of each message.
fn tail(file: &Path, spec: &str, options: &[&str]) -> Vec<Value> {
    let file = file.to_str().expect("text");
    let words = [
        "tail", "--file", file, "--from", "oldest", "--format", "json", "--decode", spec,
    ];
    let output = run(&[&words, options].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// What it decodes of each payload.
fn decoded(payloads: &[Vec<u8>], spec: &str) -> Vec<Value> {
    let place = Place::new();
    let file = capture(&place, payloads, Integrity::Intact);
    let lines = tail(&file, spec, &[]);
    assert_eq!(lines.len(), payloads.len());
    lines
        .into_iter()
        .map(|mut line| {
            assert!(line["decode_error"].is_null(), "{line}");
            line["decoded"].take()
        })
        .collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).expect("hex"), 16).expect("hex"))
        .collect()
}

/// Lines of JSON that a program in Python prints.
fn python(script: &str) -> Vec<Value> {
    let output = Command::new(PYTHON)
        .args(["-c", script])
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// What Python packs, and what it says that is.
fn packed(script: &str) -> (Vec<Vec<u8>>, Vec<Value>) {
    let lines = python(script);
    assert!(!lines.is_empty());
    let each = lines.into_iter();
    each.map(|mut line| {
        (
            bytes(line["hex"].as_str().expect("hex")),
            line["value"].take(),
        )
    })
    .unzip()
}

fn has_modules() -> bool {
    is_there(PYTHON) && {
        let found = Command::new(PYTHON)
            .args(["-c", "import msgpack, cbor2"])
            .status();
        let found = found.is_ok_and(|status| status.success());
        let required = std::env::var_os("ZBQTOP_REQUIRE_PEERS").is_some();
        assert!(
            found || !required,
            "python3-msgpack and python3-cbor2 are not installed"
        );
        found
    }
}

/// Values of all kinds, which JSON has, too.
const VALUES: &str = "
import json, random
random.seed(5)
def value(depth):
    kind = random.randrange(9 if depth < 4 else 7)
    return [lambda: None, lambda: random.random() < .5, lambda: random.randrange(-2**63, 2**64),
        lambda: random.randrange(-200, 300), lambda: random.uniform(-1e9, 1e9), lambda: 'x' * random.randrange(40),
        lambda: 'grün \\u20ac \\U0001f600', lambda: [value(depth + 1) for _ in range(random.randrange(20))],
        lambda: {f'k{n}': value(depth + 1) for n in range(random.randrange(20))}][kind]()
";

#[test]
fn msgpack_is_what_python_says() {
    if !has_modules() {
        return;
    }
    let script = format!(
        "{VALUES}
import msgpack
for _ in range(200):
    v = value(0)
    print(json.dumps({{'hex': msgpack.packb(v).hex(), 'value': v}}))
"
    );
    let (payloads, expected) = packed(&script);
    assert_eq!(decoded(&payloads, "msgpack"), expected);
}

#[test]
fn cbor_is_what_python_says() {
    if !has_modules() {
        return;
    }
    let script = format!("{VALUES}
import cbor2
for n in range(200):
    v = value(0)
    print(json.dumps({{'hex': cbor2.dumps(v, canonical=n % 2 == 0).hex(), 'value': json.loads(json.dumps(v, sort_keys=True))}}))
");
    let (payloads, expected) = packed(&script);
    assert_eq!(decoded(&payloads, "cbor"), expected);
}

#[test]
fn layouts_are_what_struct_says() {
    if !is_there(PYTHON) {
        return;
    }
    for (order, directive) in [("<", "@le"), (">", "@be")] {
        let script = format!("
import json, random, struct
random.seed(7)
for _ in range(100):
    v = [random.randrange(-2**7, 2**7), random.randrange(2**8), random.randrange(-2**15, 2**15), random.randrange(2**16),
         random.randrange(-2**31, 2**31), random.randrange(2**32), random.randrange(-2**63, 2**63), random.randrange(2**64),
         random.uniform(-1e9, 1e9), random.random() < .5]
    names = 'bBhHiIqQd?'
    print(json.dumps({{'hex': struct.pack('{order}' + names, *v).hex(), 'value': v}}))
");
        let (payloads, expected) = packed(&script);
        let layout =
            format!("{directive} b:i8 B:u8 h:i16 H:u16 i:i32 I:u32 q:i64 Q:u64 d:f64 t:bool");
        for (decoded, expected) in decoded(&payloads, &layout).iter().zip(expected) {
            let values: Vec<&Value> = "b B h H i I q Q d t"
                .split(' ')
                .map(|name| &decoded[name])
                .collect();
            assert_eq!(json!(values), expected);
        }
    }
}

const QUOTE: &str = "
syntax = \"proto3\";
package pkg;
enum Side { BUY = 0; SELL = 1; }
message Leg { int32 qty = 1; double px = 2; }
message Quote {
  string sym = 1; sint64 delta = 2; fixed32 seq = 3; Side side = 4; repeated Leg legs = 5; repeated uint32 packed = 6;
  map<string, int32> tags = 7; bytes raw = 8; bool ok = 9; float rate = 10; oneof either { string a = 11; uint64 b = 12; }
}
";

#[test]
fn protobuf_is_what_protoc_says() {
    if !is_there("protoc") {
        return;
    }
    let place = Place::new();
    let proto = place.path().join("quote.proto");
    std::fs::write(&proto, QUOTE).expect("room");
    let protoc = |words: &[&str], input: &[u8]| {
        let mut child = Command::new("protoc")
            .arg("-I")
            .arg(place.path())
            .args(words)
            .arg("quote.proto")
            .current_dir(place.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(input)
            .expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", stderr(&output));
        output.stdout
    };
    protoc(
        &["--include_imports", "--descriptor_set_out=quote.desc"],
        b"",
    );
    let text = "sym: \"EUR\\\"USD\"\ndelta: -5\nseq: 4000000000\nside: SELL\nlegs {\n  qty: 3\n  px: 1.25\n}\nlegs {\n  qty: -4\n}\npacked: 1\npacked: 300\ntags {\n  key: \"x\"\n  value: 7\n}\nraw: \"\\001\\377\"\nok: true\nrate: 1.1\nb: 18446744073709551615\n";
    let payload = protoc(&["--encode=pkg.Quote"], text.as_bytes());
    let again = protoc(&["--decode=pkg.Quote"], &payload);
    assert_eq!(String::from_utf8(again).expect("text"), text);
    let spec = format!(
        "protobuf:{}:pkg.Quote",
        place.path().join("quote.desc").display()
    );
    let is = decoded(&[payload.clone(), Vec::new()], &spec);
    let expected = json!({
        "sym": "EUR\"USD", "delta": -5, "seq": 4_000_000_000_u32, "side": "SELL",
        "legs": [{ "qty": 3, "px": 1.25 }, { "qty": -4 }], "packed": [1, 300], "tags": { "x": 7 },
        "raw": { "base64": "Af8=" }, "ok": true, "rate": 1.1, "b": u64::MAX,
    });
    assert_eq!(is, [expected, json!({})]);
    // A field that the descriptor does not have is not passed over in silence.
    let more = [&payload[..], b"\x80\x7d\x01"].concat();
    assert_eq!(decoded(&[more], &spec)[0]["_unknown"], json!([2000]));

    let output = run(&[
        "tail",
        "--file",
        "x",
        "--decode",
        &spec.replace("pkg.Quote", "pkg.None"),
    ]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn c_layouts_are_what_the_compiler_says() {
    if !is_there("pahole") || !is_there("cc") {
        return;
    }
    let place = Place::new();
    let source = place.path().join("quote.c");
    std::fs::write(
        &source,
        "struct inner { char c; double d; short s; };
         struct quote { char a; int b; char name[5]; long long l; struct inner in[2]; char e; float f; unsigned char tail[3]; } q;",
    )
    .expect("room");
    let object = place.path().join("quote.o");
    let built = Command::new("cc")
        .args(["-g", "-c", "-o"])
        .arg(&object)
        .arg(&source)
        .status();
    assert!(built.is_ok_and(|status| status.success()));
    let output = Command::new("pahole")
        .args(["-C", "quote", "--expand_types"])
        .arg(&object)
        .output()
        .expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    // ``` int b; /* 4 4 */ ```: offset and size.
    let offset = |field: &str| -> usize {
        let line = text
            .lines()
            .find(|line| line.contains(field))
            .unwrap_or_else(|| panic!("{field}: {text}"));
        let comment = line.split("/*").nth(1).expect("a comment");
        comment
            .split_whitespace()
            .next()
            .expect("an offset")
            .parse()
            .expect("a number")
    };
    let size: usize = text
        .split("/* size: ")
        .nth(1)
        .and_then(|rest| rest.split(',').next())
        .expect("a size")
        .parse()
        .expect("a number");
    let mut payload = vec![0xcc_u8; size];
    let mut put = |at: usize, value: &[u8]| payload[at..at + value.len()].copy_from_slice(value);
    put(offset(" a;"), &[1]);
    put(offset(" b;"), &2_i32.to_le_bytes());
    put(offset(" name[5];"), b"abc\0\0");
    put(offset(" l;"), &(-3_i64).to_le_bytes());
    let (c, d, s) = (offset(" c;"), offset(" d;"), offset(" s;"));
    // The stride of the array, whose end is where the next field is, or before.
    let stride = 24;
    for number in 0..2 {
        put(c + number * stride, &[4 + number as u8]);
        put(d + number * stride, &1.5_f64.to_le_bytes());
        put(s + number * stride, &6_i16.to_le_bytes());
    }
    put(offset(" e;"), &[7]);
    put(offset(" f;"), &2.5_f32.to_le_bytes());
    put(offset(" tail[3];"), &[8, 9, 10]);
    let layout = "@c a:i8 b:i32 name:char[5] l:i64 in:(c:i8 d:f64 s:i16)[2] e:i8 f:f32 tail:u8[3]";
    let expected = json!({
        "a": 1, "b": 2, "name": "abc", "l": -3, "in": [{ "c": 4, "d": 1.5, "s": 6 }, { "c": 5, "d": 1.5, "s": 6 }],
        "e": 7, "f": 2.5, "tail": [8, 9, 10],
    });
    assert_eq!(decoded(&[payload], layout), [expected]);
}

#[test]
fn what_cannot_be_decoded_is_shown_and_counted() {
    let place = Place::new();
    let payloads = [
        &b"{\"px\":1.5,\"s\":\"\\u001b[1m\"}"[..],
        b"no",
        b"{\"px\":2.5,\"s\":\"b\"}",
        b"{\"px\":9}",
    ]
    .map(<[u8]>::to_vec);
    let file = capture(&place, &payloads, Integrity::Torn);
    let lines = tail(&file, "json", &["--torn"]);
    assert_eq!(lines[0]["decoded"]["px"], 1.5);
    assert!(
        lines[1]["decode_error"]
            .as_str()
            .expect("why")
            .contains("expected")
    );
    assert_eq!(lines[1]["text"], "no");
    assert_eq!(lines[3]["decode_error"], "it is torn");
    let file = file.to_str().expect("text");
    let shown = |options: &[&str]| {
        let words = [
            "tail", "--file", file, "--from", "oldest", "--torn", "--decode", "json",
        ];
        let output = run(&[&words, options].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        (
            String::from_utf8(output.stdout.clone()).expect("text"),
            stderr(&output),
        )
    };
    let (text, said) = shown(&["--format", "text"]);
    assert_eq!(text.lines().next(), Some("px=1.5 s=\"\\x1b[1m\""));
    assert!(
        text.contains("-- not decoded: expected ident at line 1 column 2 -- no\n"),
        "{text}"
    );
    assert!(said.contains("2 messages could not be decoded"), "{said}");
    let (hex, _) = shown(&[]);
    assert!(hex.contains("\n   px=2.5 s=\"b\"\n00000000  7b"), "{hex}");
    assert!(hex.contains("\n   not decoded: it is torn\n"), "{hex}");
    let (columns, _) = shown(&["--columns", "s,px,.none"]);
    assert!(
        columns.starts_with("s\tpx\tnone\n\"\\x1b[1m\"\t1.5\t-\n"),
        "{columns}"
    );
    // A message that cannot be decoded meets no condition.
    let (some, _) = shown(&["--where", ".px > 2", "--format", "text"]);
    assert_eq!(some, "px=2.5 s=\"b\"\n");
    let (some, _) = shown(&[
        "--where",
        ".px < 2 .s ~ \"[1m\"",
        "-n",
        "1",
        "--format",
        "base64",
    ]);
    assert_eq!(some.lines().count(), 1);
    for (options, words) in [
        (&["--decode", "yaml"][..], "expected json, msgpack"),
        (
            &["--decode", "json", "--where", "px"],
            "expected a condition",
        ),
        (
            &["--decode", "json", "--where", ".px >"],
            "expected a value",
        ),
        (&["--where", ".px"], "--decode"),
        (
            &["--decode", "json", "--columns", "a", "--format", "json"],
            "--columns is for",
        ),
        (&["--decode", "a:u9"], "expected a type"),
    ] {
        let output = run(&[&["tail", "--file", file], options].concat());
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert!(
            stderr(&output).contains(words),
            "{options:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn a_live_ring_is_decoded() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --seed 7 --max-payload 80",
    )
    .settled();
    producer.ask("send 60", "done");
    let pid = producer.pid().to_string();
    let mut command = zbqtop();
    command.args([
        "tail",
        "--pid",
        &pid,
        "-n",
        "60",
        "--format",
        "json",
        "--decode",
        "a:u16 b:u8[2] rest:bytes",
    ]);
    let output = command.output().expect("zbqtop starts");
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    let mut failed = 0;
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let payload = crate::support::contents(7, 80, line["seq_id"].as_u64().expect("a number"));
        if payload.len() < 4 {
            failed += 1;
            assert!(
                line["decode_error"]
                    .as_str()
                    .expect("why")
                    .contains("but the payload has")
            );
        } else {
            assert_eq!(
                line["decoded"]["a"],
                u16::from_le_bytes([payload[0], payload[1]])
            );
            assert_eq!(line["decoded"]["b"], json!([payload[2], payload[3]]));
        }
    }
    let said = stderr(&output);
    assert_eq!(failed > 0, said.contains("could not be decoded"), "{said}");
}

#[test]
fn what_is_decoded_is_recorded_on_a_channel_of_its_own() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl reference --hold --consumers 0 --seed 7 --max-payload 80",
    )
    .settled();
    let arguments = "--messages all --decode a:u32,rest:bytes";
    let recording = Recording::of(&producer, place.path().join("ring.mcap"), arguments);
    producer.ask("send 40", "done");
    let path = recording.path.clone();
    let file = path.to_str().expect("text");
    eventually("all are recorded", || {
        let output = run(&["tail", "--file", file, "-n", "100", "--format", "base64"]);
        let lines = String::from_utf8_lossy(&output.stdout).lines().count();
        (lines == 40).then_some(())
    });
    let (status, said) = recording.end(Signal::INT);
    assert_eq!(status, Some(0), "{said}");
    let bytes = std::fs::read(&path).expect("a recording");
    let (mut decoded, mut failed) = (0, 0);
    for message in mcap::MessageStream::new(&bytes).expect("MCAP") {
        let message = message.expect("a message");
        if !message.channel.topic.ends_with("/decoded") {
            continue;
        }
        assert_eq!(message.channel.message_encoding, "json");
        let line: Value = serde_json::from_slice(&message.data).expect("JSON");
        let payload = crate::support::contents(7, 80, line["seq_id"].as_u64().expect("a number"));
        match payload.first_chunk() {
            Some(first) => {
                assert_eq!(line["decoded"]["a"], u32::from_le_bytes(*first));
                decoded += 1;
            }
            None => {
                assert!(line["decode_error"].is_string(), "{line}");
                failed += 1;
            }
        }
    }
    assert_eq!(decoded + failed, 40);
    assert_eq!(failed > 0, said.contains("not decoded"), "{said}");
    // It is still a recording like any other.
    let lines = run(&[
        "tail",
        "--file",
        path.to_str().expect("text"),
        "-n",
        "100",
        "--format",
        "json",
    ]);
    assert_eq!(String::from_utf8_lossy(&lines.stdout).lines().count(), 40);
}

#[test]
fn the_unused_end_of_a_lap_is_not_decoded() {
    let place = Place::new();
    let mut producer = Peer::producer(
        &place.socket(),
        "--impl zbqtop --hold --consumers 0 --payload 900 --capacity 16384",
    )
    .settled();
    producer.ask("send 20", "done");
    let pid = producer.pid().to_string();
    let words = [
        "tail", "--pid", &pid, "--from", "oldest", "--format", "json", "--decode",
    ];
    let output = run(&[&words[..], &["a:u8[900]"]].concat());
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let (fillers, others): (Vec<Value>, Vec<Value>) =
        lines.partition(|line: &Value| line["flags"] == 0x80);
    assert!(!fillers.is_empty() && !others.is_empty(), "{text}");
    for line in fillers {
        let why = line["decode_error"].as_str().expect("why");
        assert!(why.contains("filler"), "{line}");
    }
    assert!(others.iter().all(|line| line["decode_error"].is_null()));
    assert!(
        !stderr(&output).contains("could not be decoded"),
        "{}",
        stderr(&output)
    );
}
