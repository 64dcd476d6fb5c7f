use proptest::prelude::*;

use super::*;
use crate::decode::{Decoded, line};

fn decoded(layout: &str, payload: &[u8]) -> Result<String, String> {
    let layout: Layout = layout.parse()?;
    let mut out = Decoded::default();
    layout
        .decode(payload, &mut out)
        .map_err(|error| error.to_string())?;
    Ok(line(&out))
}

#[test]
fn every_kind_of_field() {
    for (layout, payload, expected) in [
        ("a:u8 b:i8", &b"\xff\xff"[..], "a=255 b=-1"),
        ("a:u16 b:u16be", b"\x01\x02\x01\x02", "a=513 b=258"),
        ("a:i24 b:u24be", b"\xff\xff\xff\0\0\x07", "a=-1 b=7"),
        ("a:u32 b:i32be", b"\x01\0\0\0\xff\xff\xff\xfe", "a=1 b=-2"),
        (
            "a:u48 b:i56",
            b"\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff\xff\xff\xff",
            "a=281474976710655 b=-2",
        ),
        (
            "a:u64be",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            "a=18446744073709551615",
        ),
        ("a:i64", b"\xff\xff\xff\xff\xff\xff\xff\xff", "a=-1"),
        (
            "a:u128",
            &[0xff; 16],
            "a=340282366920938463463374607431768211455",
        ),
        ("a:i128", &[0xff; 16], "a=-1"),
        (
            "a:f32 b:f64be",
            b"\xcd\xcc\x8c\x3f\x3f\xf8\0\0\0\0\0\0",
            "a=1.1 b=1.5",
        ),
        (
            "a:f16 b:f16 c:f16be",
            b"\0\x3e\x01\0\x7c\0",
            "a=1.5 b=5.9604645e-8 c=inf",
        ),
        ("a:bool b:bool", b"\0\x02", "a=false b=true"),
        ("a:char[4] b:char", b"AB\0Xc", "a=\"AB\" b=\"c\""),
        ("a:char[2]", b"\xff\xfe", "a=0xfffe"),
        ("a:bytes[2] b:bytes", b"\x01\x02\x03", "a=0x0102 b=0x03"),
        ("a:bytes", b"", "a=0x"),
        (
            "s:u8{0=buy,1=sell} t:i8{-1=none}",
            b"\x01\xff",
            "s=sell t=none",
        ),
        ("s:u8{0=buy 0x10=sell}", b"\x10", "s=sell"),
        ("s:u8{0=buy}", b"\x07", "s=7"),
        ("f:u16{lo:4,_:4,hi:8}", b"\xa5\x3c", "f={lo=5 hi=60}"),
        ("f:u8{all:8}", b"\xff", "f={all=255}"),
        ("p:(x:i16 y:i16)", b"\x01\0\xff\xff", "p={x=1 y=-1}"),
        ("a:u8[3]", b"\x01\x02\x03", "a=[1 2 3]"),
        ("a:u8[2][2]", b"\x01\x02\x03\x04", "a=[[1 2] [3 4]]"),
        (
            "n:u8 a:u16[n] z:u8",
            b"\x02\x01\0\x02\0\x09",
            "n=2 a=[1 2] z=9",
        ),
        (
            "n:u8 m:u8 s:char[m] t:char[n]",
            b"\x01\x02abc",
            "n=1 m=2 s=\"ab\" t=\"c\"",
        ),
        (
            "s:char[u16be] t:bytes[u8]",
            b"\0\x02ab\x01\xff",
            "s=\"ab\" t=0xff",
        ),
        (
            "l:(n:u8 s:char[n])[]",
            b"\x01a\x02bc\0",
            "l=[{n=1 s=\"a\"} {n=2 s=\"bc\"} {n=0 s=\"\"}]",
        ),
        (
            "n:u8 l:(m:u8 v:u8[n])[2]",
            b"\x02\x09\x01\x02\x08\x03\x04",
            "n=2 l=[{m=9 v=[1 2]} {m=8 v=[3 4]}]",
        ),
        ("a:u8 _:u8[2] b:u8", b"\x01\xff\xff\x02", "a=1 b=2"),
        (
            "@be a:u16 @le b:u16, c:u8; d:u8",
            b"\0\x01\x01\0\x05\x06",
            "a=1 b=1 c=5 d=6",
        ),
        ("a:u8", b"\x01\x02\x03", "a=1 _rest=0x0203"),
        ("größe:u8", b"\x01", "größe=1"),
    ] {
        assert_eq!(
            decoded(layout, payload).as_deref(),
            Ok(expected),
            "{layout}"
        );
    }
}

#[test]
fn c_aligns_by_its_rules() {
    // struct { char a; double b; short c; struct { char d; int e; } f[2]; char g; }
    let layout = "@c a:u8 b:f64 c:u16 f:(d:u8 e:u32)[2] g:u8";
    let mut payload = vec![0xee; 40];
    payload[0] = 1;
    payload[8..16].copy_from_slice(&2.5_f64.to_le_bytes());
    payload[16..18].copy_from_slice(&3_u16.to_le_bytes());
    payload[20] = 4;
    payload[24..28].copy_from_slice(&5_u32.to_le_bytes());
    payload[28] = 6;
    payload[32..36].copy_from_slice(&7_u32.to_le_bytes());
    payload[36] = 8;
    let expected = "a=1 b=2.5 c=3 f=[{d=4 e=5} {d=6 e=7}] g=8";
    assert_eq!(decoded(layout, &payload).as_deref(), Ok(expected));
    // Without the padding at its end, too.
    assert_eq!(decoded(layout, &payload[..37]).as_deref(), Ok(expected));
}

#[test]
fn what_is_wrong_with_a_layout_is_said_where_it_is() {
    for (layout, words) in [
        ("", "expected a field"),
        ("a:u9", "character 3: found `u9`, expected a type"),
        (
            "a:u8 b",
            "character 7: found the end, expected `:` and a type",
        ),
        ("a:u136", "expected a type"),
        ("a:f128", "expected a type"),
        ("a:f24", "expected a type"),
        ("a:(b:u8", "expected `)`"),
        ("a:()", "expected a field in the record"),
        ("a:u8[n]", "whole number that stands before"),
        ("a:u8[3", "expected `]`"),
        ("a:u8{}", "expected names or bit fields"),
        ("a:u8{0=x,y:3}", "expected NUMBER=NAME"),
        ("a:u8{x:9}", "bit fields of 8 bits together"),
        ("a:f32{0=x}", "only behind a whole number"),
        ("@xx a:u8", "expected @le, @be or @c"),
        (":u8", "expected a name"),
    ] {
        let why = decoded(layout, b"").expect_err(layout);
        assert!(why.contains(words), "{layout}: {why}");
    }
    let deep = format!("{}b:u8{}", "a:(".repeat(40), ")".repeat(40));
    assert!(
        decoded(&deep, b"")
            .expect_err("deep")
            .contains("inside each other")
    );
}

#[test]
fn what_is_too_short_or_too_much_is_said() {
    for (layout, payload, words) in [
        (
            "a:u8 b:u32",
            &b"\x01\x02"[..],
            "b: 4 bytes at 1, but the payload has 2",
        ),
        ("n:u64 a:u8[n]", &[0xff; 8], "1 bytes at 8"),
        (
            "n:u64 a:bytes[n]",
            &[0xff; 8],
            "18446744073709551615 bytes at 8",
        ),
        (
            "n:u32 a:bytes[0][n]",
            b"\xff\xff\xff\x7f",
            "more than 100000 values",
        ),
        ("s:char[u8]", b"\x05ab", "s: 5 bytes at 1"),
    ] {
        let why = decoded(layout, payload).expect_err(layout);
        assert!(why.contains(words), "{layout}: {why}");
    }
    // Nothing again and again ends.
    assert_eq!(
        decoded("a:bytes[0][]", b"x").as_deref(),
        Ok("a=[0x] _rest=0x78")
    );
}

proptest! {
    #[test]
    fn numbers_of_any_width(bytes in 1_usize..=16, value: u128) {
        let bits = bytes * 8;
        let kept = value >> (128 - bits);
        let signed = (value.cast_signed()) >> (128 - bits);
        let little = &kept.to_le_bytes()[..bytes];
        let big: Vec<u8> = little.iter().rev().copied().collect();
        for (order, payload) in [("le", little), ("be", &big[..])] {
            let is = decoded(&format!("a:u{bits}{order}"), payload);
            prop_assert_eq!(is, Ok(format!("a={kept}")));
            let is = decoded(&format!("a:i{bits}{order}"), payload);
            prop_assert_eq!(is, Ok(format!("a={signed}")));
        }
    }

    #[test]
    fn halves_are_those_of_the_standard(bits: u16) {
        let mut out = Decoded::default();
        let layout: Layout = "a:f16".parse().expect("a layout");
        layout.decode(&bits.to_le_bytes(), &mut out).expect("two bytes");
        let expected = minicbor::decode::<f32>(&[0xf9, (bits >> 8) as u8, bits as u8]).expect("CBOR has the same");
        let is = out.field(1).expect("a").value();
        prop_assert!(is == crate::decode::Value::Single(expected) || expected.is_nan());
    }
}

#[test]
fn a_payload_may_end_within_what_aligns_it() {
    let layout: Layout = "@c a:u32 b:u8 l:(x:u32)[] rest:bytes".parse().unwrap();
    let mut out = Decoded::default();
    let payload = [1, 0, 0, 0, 2];
    layout.decode(&payload, &mut out).unwrap();
    let json = serde_json::to_string(&out.root().unwrap()).unwrap();
    assert_eq!(json, r#"{"a":1,"b":2,"l":[],"rest":{"base64":""}}"#);
    for number in 0..out.len() {
        let bytes = out.field(number).unwrap().bytes();
        assert!(
            bytes.start <= bytes.end && bytes.end <= payload.len(),
            "{bytes:?}"
        );
    }
}

#[test]
fn which_values_there_may_be_is_known() {
    let layout: Layout = "a:u8 p:(x:i16 y:i16)[3] m:u16{lo:3,hi:13} _:u8 s:char[4]"
        .parse()
        .unwrap();
    for (path, may) in [
        ("a", true),
        ("p", true),
        ("p.1", true),
        ("p.1.x", true),
        ("p.x", false),
        ("p.1.z", false),
        ("m.lo", true),
        ("m.lo.x", false),
        ("_", false),
        ("_rest", true),
        ("a.b", false),
        ("z", false),
    ] {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        assert_eq!(layout.may_have(&path), may, "{path:?}");
    }
    for (bad, why) in [
        (
            "a:u8 a:u8",
            "character 6: found `a:u8`, expected a name that does not stand before",
        ),
        (
            "a:u8{0=x,0=y}",
            "character 10: found `0=y}`, expected a number that does not stand before",
        ),
        (
            "a:bytes b:u8",
            "character 9: found `b:u8`, expected the end: the field before goes to the end of the payload",
        ),
    ] {
        assert_eq!(bad.parse::<Layout>(), Err(why.to_owned()));
    }
}
