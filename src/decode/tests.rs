use super::decoder::Kind;
use super::*;

fn decoded(spec: &str, payload: &[u8]) -> Result<String, String> {
    let spec: DecodeSpec = spec.parse()?;
    let mut out = Decoded::default();
    let mut decoder = spec.open()?;
    decoder
        .decode_with_places(payload, &mut out)
        .map_err(|error| error.to_string())?;
    Ok(serde_json::to_string(&out.root().expect("a value")).expect("plain data"))
}

/// Each value with the bytes that it says are its own.
fn places(spec: &str, payload: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut out = Decoded::default();
    let spec: DecodeSpec = spec.parse().expect(spec);
    let mut decoder = spec.open().expect("it needs nothing");
    decoder
        .decode_with_places(payload, &mut out)
        .expect("decoded");
    (0..out.len())
        .filter_map(|number| out.field(number))
        .map(|field| (field.name().to_owned(), payload[field.bytes()].to_vec()))
        .collect()
}

#[test]
fn json_comes_out_as_it_went_in() {
    for text in [
        r#"{"px":101.5,"sym":"A\"B","legs":[{"q":1},{"q":-2}],"none":null,"ok":true,"":[]}"#,
        "7",
        "-7",
        "18446744073709551615",
        "\"x\"",
        "[]",
        "{}",
        "[[[]],{}]",
        "1e300",
    ] {
        let again: serde_json::Value =
            serde_json::from_str(&decoded("json", text.as_bytes()).expect(text)).expect("JSON");
        let expected: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(again, expected, "{text}");
    }
    for (bad, words) in [
        ("", "EOF"),
        ("{\"a\":1", "EOF"),
        ("1 2", "trailing"),
        ("\u{0}", "expected value"),
    ] {
        let why = decoded("json", bad.as_bytes()).expect_err(bad);
        assert!(why.contains(words), "{why}");
    }
    let deep = "[".repeat(100) + &"]".repeat(100);
    assert_eq!(
        decoded("json", deep.as_bytes()).expect_err("deep"),
        "more than 64 values inside each other"
    );
    let many = format!("[{}1]", "1,".repeat(100_000));
    assert_eq!(
        decoded("json", many.as_bytes()).expect_err("many"),
        "more than 100000 values"
    );
    let large = format!("\"{}\"", "x".repeat(5 << 20));
    assert_eq!(
        decoded("json", large.as_bytes()).expect_err("large"),
        "more than 4 MiB of names and texts"
    );
}

#[test]
fn whole_numbers_of_json_keep_their_digits() {
    for (text, expected) in [
        ("18446744073709551617", "18446744073709551617"),
        (
            "[-9223372036854775809, 9.3e18]",
            "[-9223372036854775809,9.3e+18]",
        ),
        (
            r#"{"a":["18446744073709551617",18446744073709551615]}"#,
            r#"{"a":["18446744073709551617",18446744073709551615]}"#,
        ),
        // As others of which JSON has none.
        (&"1".repeat(60), &format!("\"{}\"", "1".repeat(60))),
    ] {
        assert_eq!(decoded("json", text.as_bytes()).expect(text), expected);
    }
}

/// What a command says of a payload does not lie in it.
#[test]
fn digits_in_the_answer_of_a_command_are_nowhere_in_the_payload() {
    let command =
        r#"exec:while true; do head -c 8 >/dev/null; echo '{"a":18446744073709551617}'; done"#;
    let mut decoder = command.parse::<DecodeSpec>().unwrap().open().unwrap();
    let mut out = Decoded::default();
    decoder.decode_with_places(b"abcd", &mut out).unwrap();
    let field = out.find(&["a".to_owned()]).unwrap();
    assert_eq!(field.value(), Value::Big("18446744073709551617"));
    assert!((0..out.len()).all(|number| out.field(number).unwrap().bytes().is_empty()));
}

#[test]
fn of_equal_names_the_last_counts() {
    let mut decoder = "json".parse::<DecodeSpec>().unwrap().open().unwrap();
    let mut out = Decoded::default();
    decoder
        .decode(br#"{"a":1,"a":2,"b":18446744073709551617}"#, &mut out)
        .unwrap();
    for (conditions_, expected) in [
        (".a == 2", true),
        (".a == 1", false),
        (".b == 18446744073709551617", true),
        (".b > 18446744073709551616", true),
        (".b < 18446744073709551617", false),
    ] {
        let (all, _) = conditions(conditions_).unwrap();
        assert_eq!(
            all.iter().all(|one| one.holds(&out)),
            expected,
            "{conditions_}"
        );
    }
}

#[test]
fn json_says_where_each_value_is() {
    let text = br#" {"a" : [1, "x\"y]", {}], "b":true } "#;
    let expected = [
        ("", &br#"{"a" : [1, "x\"y]", {}], "b":true }"#[..]),
        ("a", br#"[1, "x\"y]", {}]"#),
        ("", b"1"),
        ("", br#""x\"y]""#),
        ("", b"{}"),
        ("b", b"true"),
    ];
    let expected = expected.map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
    assert_eq!(places("json", text), expected);
}

#[test]
fn msgpack_of_every_kind() {
    // {"a": [1, -1, 300, 1.5], "b": nil, 7: b"\x01\x02", "e": ext 5}
    let payload = b"\x84\xa1a\x94\x01\xff\xcd\x01\x2c\xcb\x3f\xf8\0\0\0\0\0\0\xa1b\xc0\x07\xc4\x02\x01\x02\xa1e\xd4\x05\x09";
    assert_eq!(
        decoded("msgpack", payload).expect("msgpack"),
        r#"{"a":[1,-1,300,1.5],"b":null,"7":{"base64":"AQI="},"e":{"ext":5,"data":{"base64":"CQ=="}}}"#
    );
    let list = &places("msgpack", payload)[1];
    assert_eq!(list, &("a".to_owned(), payload[3..18].to_vec()));
    for end in 0..payload.len() {
        let why = decoded("msgpack", &payload[..end]).expect_err("cut");
        assert!(why.contains("ends in the middle"), "{end}: {why}");
    }
    assert!(
        decoded("msgpack", b"\xc1")
            .expect_err("none")
            .contains("0xc1")
    );
    assert!(
        decoded("msgpack", b"\x01\x02")
            .expect_err("two")
            .contains("1 bytes behind")
    );
    let deep = [0x91; 70];
    assert!(
        decoded("msgpack", &deep)
            .expect_err("deep")
            .contains("64 values inside")
    );
    // Says that 4 billion come.
    assert!(
        decoded("msgpack", b"\xdd\xff\xff\xff\xff\x01")
            .expect_err("lie")
            .contains("in the middle")
    );
}

#[test]
fn cbor_of_every_kind() {
    // RFC 8949, appendix A.
    for (bytes, expected) in [
        (&b"\x00"[..], "0"),
        (
            b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
            "18446744073709551615",
        ),
        (
            b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
            "-18446744073709551616",
        ),
        (b"\xf9\x3e\x00", "1.5"),
        (b"\xf9\x7e\x00", "\"NaN\""),
        (b"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a", "1.1"),
        (b"\xfa\x47\xc3\x50\x00", "100000.0"),
        (b"\xf4", "false"),
        (b"\xf6", "null"),
        (b"\xf7", "null"),
        (
            b"\xc1\x1a\x51\x4b\x67\xb0",
            r#"{"tag":1,"value":1363896240}"#,
        ),
        (b"\x44\x01\x02\x03\x04", r#"{"base64":"AQIDBA=="}"#),
        (b"\x64IETF", "\"IETF\""),
        (b"\x83\x01\x82\x02\x03\x82\x04\x05", "[1,[2,3],[4,5]]"),
        (b"\xa2\x61a\x01\x61b\x82\x02\x03", r#"{"a":1,"b":[2,3]}"#),
        (
            b"\x5f\x42\x01\x02\x43\x03\x04\x05\xff",
            r#"{"base64":"AQIDBAU="}"#,
        ),
        (b"\x7f\x65strea\x64ming\xff", "\"streaming\""),
        (
            b"\x9f\x01\x82\x02\x03\x9f\x04\x05\xff\xff",
            "[1,[2,3],[4,5]]",
        ),
        (
            b"\xbf\x63Fun\xf5\x63Amt\x21\xff",
            r#"{"Fun":true,"Amt":-2}"#,
        ),
    ] {
        assert_eq!(
            decoded("cbor", bytes).as_deref(),
            Ok(expected),
            "{bytes:x?}"
        );
        if bytes.len() > 1 {
            assert!(
                decoded("cbor", &bytes[..bytes.len() - 1]).is_err(),
                "{bytes:x?}"
            );
        }
    }
    assert!(
        decoded("cbor", b"\x01\x02")
            .expect_err("two")
            .contains("behind")
    );
    assert!(
        decoded("cbor", b"\xff")
            .expect_err("a break")
            .contains("expected a value")
    );
    assert!(
        decoded("cbor", &[0x81; 80])
            .expect_err("deep")
            .contains("64 values")
    );
}

#[test]
fn what_cannot_be_named_is_refused() {
    for (spec, words) in [
        ("yaml", "expected json, msgpack"),
        ("protobuf:x", "expected protobuf:FILE:TYPE"),
        ("exec: ", "without a command"),
        ("protobuf:/none/there:a.B", "cannot read /none/there"),
        ("", "expected json"),
    ] {
        let why = decoded(spec, b"").expect_err(spec);
        assert!(why.contains(words), "{spec}: {why}");
    }
}

#[test]
fn a_command_decodes_and_is_started_again() {
    let python = std::process::Command::new("python3")
        .arg("--version")
        .output();
    let is_there = python.is_ok_and(|output| output.status.success());
    assert!(is_there || std::env::var_os("ZBQTOP_REQUIRE_PEERS").is_none());
    if !is_there {
        return;
    }
    let echo = "exec:python3 -uc '
import json,struct,sys
while head := sys.stdin.buffer.read(4):
    data = sys.stdin.buffer.read(struct.unpack(\"<I\", head)[0])
    if data == b\"die\": sys.exit()
    if data == b\"sleep\": import time; time.sleep(9)
    print(data.decode() if data == b\"none\" else json.dumps({\"n\": len(data)}))
'";
    let spec: DecodeSpec = echo.parse().expect("a command");
    let mut decoder = spec.open().expect("it needs nothing");
    let mut out = Decoded::default();
    let mut ask = |payload: &[u8]| {
        let done = decoder.decode(payload, &mut out);
        (
            done.map(|()| line(&out)).map_err(|error| error.to_string()),
            decoder.restarts(),
        )
    };
    assert_eq!(ask(b"abc"), (Ok("n=3".into()), 0));
    // More than a pipe holds.
    assert_eq!(ask(&vec![7; 300_000]), (Ok("n=300000".into()), 0));
    assert!(ask(b"none").0.expect_err("no JSON").contains("expected"));
    let (said, _) = ask(b"die");
    let said = said.expect_err("it has ended");
    assert!(
        said.starts_with("the command has ended: exit status: "),
        "{said}"
    );
    assert_eq!(ask(b"again"), (Ok("n=5".into()), 2));
    let (said, _) = ask(b"sleep");
    assert_eq!(said, Err("the command did not answer within 1.0 s".into()));
    assert_eq!(ask(b""), (Ok("n=0".into()), 3));
}

#[test]
fn a_command_that_is_none_is_left_alone() {
    let mut out = Decoded::default();
    // What it says besides is not taken for the answer to the next one.
    let spec: DecodeSpec = "exec:echo ready; exec cat".parse().expect("a command");
    let mut decoder = spec.open().expect("it needs nothing");
    for _ in 0..3 {
        assert!(decoder.decode(b"x", &mut out).is_err());
    }
    let spec: DecodeSpec = "exec:exit 3".parse().expect("a command");
    let mut decoder = spec.open().expect("it needs nothing");
    for _ in 0..5 {
        assert!(decoder.decode(b"x", &mut out).is_err());
    }
    assert!(decoder.restarts() <= 3, "{}", decoder.restarts());
}

#[test]
fn conditions_hold_or_do_not() {
    let mut out = Decoded::default();
    let text = br#"{"px":101.5,"qty":3,"sym":"ABC","side":null,"big":18446744073709551615,"legs":[{"q":-2}],"ok":true}"#;
    Decoder(Kind::Json).decode(text, &mut out).expect("JSON");
    for (typed, holds) in [
        (".px > 100", true),
        (".px>101.5", false),
        (".px >= 101.5 .qty == 3", true),
        (".px == 101.5 .qty==4", false),
        (".sym == \"ABC\"", true),
        (".sym == ABC", true),
        (".sym != ABC", false),
        (".sym ~ \"B\"", true),
        (".sym ~ X", false),
        (".sym < B", true),
        (".side == null", true),
        (".side", true),
        (".none", false),
        (".none == 1", false),
        (".none != 1", true),
        (".legs.0.q < 0", true),
        (".legs.1.q < 0", false),
        (".big == 18446744073709551615", true),
        (".big > 0xffff", true),
        (".ok == true", true),
        (".ok == 1", false),
        (".qty > 2.5", true),
    ] {
        let (all, rest) = conditions(typed).expect(typed);
        assert_eq!(rest, "", "{typed}");
        assert_eq!(all.iter().all(|one| one.holds(&out)), holds, "{typed}");
    }
    let (all, rest) = conditions(" .a == 1 text . then").expect("one");
    assert_eq!((all.len(), rest), (1, "text . then"));
    for (bad, words) in [
        (".a ==", "expected a value"),
        (".a == \"x", "no end"),
        (".a ~ 5", "expected a text"),
        (".a..b", "expected names"),
        (".a>1, .b<5", "a blank between them"),
        (".a == x&&.b", "double quotes"),
    ] {
        let why = conditions(bad).expect_err(bad);
        assert!(why.contains(words), "{why}");
    }
}

#[test]
fn words_are_for_people() {
    let mut out = Decoded::default();
    let text = "{\"a\":\"x\\\"y\\u001b[1m\\u202e\",\"b c\":[1,{\"d\":null}],\"\\u001b\":1.5}";
    Decoder(Kind::Json)
        .decode(text.as_bytes(), &mut out)
        .expect("JSON");
    assert_eq!(
        line(&out),
        r#"a="x\"y\x1b[1m\u{202e}" b c=[1 {d=null}] \x1b=1.5"#
    );
    Decoder(Kind::Json)
        .decode(b"[1,2]", &mut out)
        .expect("JSON");
    assert_eq!(line(&out), "[1 2]");
}
