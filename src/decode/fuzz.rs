//! Any bytes in any decoder, and any words as a layout or a condition: nothing panics, and what comes out is in order.

use super::limits::{DEEPEST, LARGEST, MOST_VALUES};
use super::{Condition, DecodeSpec, Decoded, Decoder, Field, conditions, line};
use crate::fuzzing::input::Input;

/// Words that layouts are made of.
const WORDS: [&str; 24] = [
    "a:u8",
    "b:u16be",
    "n:u32",
    "c:i64",
    "d:u128",
    "e:i24",
    "f:f16",
    "g:f64be",
    "ok:bool",
    "s:char[8]",
    "t:char[n]",
    "u:bytes[u8]",
    "rest:bytes",
    "k:u8{0=buy,1=sell}",
    "m:u16{x:3,y:13}",
    "p:(q:u8 r:u16)",
    "v:(w:u8)[3]",
    "x:u8[a]",
    "y:(z:u8[a])[]",
    "@c",
    "@be",
    "@le",
    "_:u8[3]",
    "l:i16[2][2]",
];

/// Everything inside a value is inside its number of values, and its bytes in the payload.
fn in_order(field: Field<'_>, payload: &[u8], depth: usize) -> usize {
    assert!(depth <= DEEPEST + 1);
    let bytes = field.bytes();
    assert!(
        bytes.start <= bytes.end && bytes.end <= payload.len(),
        "{bytes:?}"
    );
    let inside: usize = field
        .children()
        .map(|child| in_order(child, payload, depth + 1))
        .sum();
    assert_eq!(inside, field.below());
    inside + 1
}

fn try_out(decoder: &mut Decoder, payload: &[u8], wanted: &[Condition]) {
    let mut plain = Decoded::default();
    let outcome = decoder.decode(payload, &mut plain);
    assert!(plain.len() <= MOST_VALUES);
    let Ok(()) = outcome else {
        let said = outcome.map_err(|error| error.to_string());
        assert!(said.is_err_and(|said| !said.is_empty()));
        return;
    };
    let root = plain.root().expect("a value");
    assert_eq!(in_order(root, payload, 0), plain.len());
    let text = line(&plain);
    assert!(!text.contains(|one: char| one.is_control()), "{text:?}");
    assert!(text.len() <= 8 * LARGEST);
    let json = serde_json::to_string(&root).expect("it is plain data");
    let back: Result<serde_json::Value, _> = serde_json::from_str(&json);
    assert!(back.is_ok() || json.len() > 1 << 16, "{json}");
    for condition in wanted {
        let _ = condition.holds(&plain);
    }
    let mut placed = Decoded::default();
    assert_eq!(decoder.decode_with_places(payload, &mut placed), Ok(()));
    assert_eq!(
        in_order(placed.root().expect("a value"), payload, 0),
        plain.len()
    );
}

/// A decoder by the first byte, then what it is to decode.
pub fn decoders(data: &[u8]) {
    let mut input = Input::new(data);
    let typed = String::from_utf8_lossy(input.piece()).into_owned();
    let wanted = conditions(&typed).map(|(all, _)| all).unwrap_or_default();
    let spec = match input.byte() % 5 {
        0 => "json".to_owned(),
        1 => "msgpack".to_owned(),
        2 => "cbor".to_owned(),
        3 => {
            let words: Vec<&str> = (0..=input.below(8)).map(|_| input.of(&WORDS)).collect();
            words.join(" ")
        }
        _ => typed,
    };
    // A command is not for a fuzzer to make up.
    if spec.starts_with("exec:") || spec.starts_with("protobuf:") {
        return;
    }
    match spec.parse::<DecodeSpec>() {
        Ok(spec) => {
            if let Ok(mut decoder) = spec.open() {
                try_out(&mut decoder, input.rest(), &wanted);
            }
        }
        Err(why) => assert!(!why.is_empty()),
    }
}
