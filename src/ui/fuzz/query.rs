//! Whatever is typed into the search, and whatever message it is held against.

use crate::fuzzing::input::Input;
use crate::observe::model::{Integrity, StoredMessage};
use crate::ring::MessageHeader;
use crate::ui::query::Query;

/// Characters that the prompt takes at most.
const LONGEST: usize = 200;

/// A condition as it is typed, and whether `value` meets it.
fn condition(name: &str, value: u64, input: &mut Input<'_>) -> (String, bool) {
    let (low, more) = (input.number(), input.number());
    let high = low.saturating_add(more);
    match input.below(9) {
        0 => (format!("{name}>{low}"), value > low),
        1 => (format!("{name}>={low}"), value >= low),
        2 => (format!("{name}<{low}"), value < low),
        3 => (format!("{name}<={low}"), value <= low),
        4 => (format!("{name}={low:#x}"), value == low),
        5 => (format!("{name}:{low}"), value == low),
        6 => (format!("{name}:{low}.."), value >= low),
        7 => (format!("{name}:..{low}"), value <= low),
        _ => (
            format!("{name}:{low}..{high}"),
            (low..=high).contains(&value),
        ),
    }
}

/// Where `text`, printable ASCII, is in `payload`, ASCII: small letters find capitals, too, if there are only small ones.
fn find(text: &[u8], payload: &[u8]) -> Option<usize> {
    let exact = text.iter().any(u8::is_ascii_uppercase);
    let fits = |window: &[u8]| {
        if exact {
            window == text
        } else {
            window.eq_ignore_ascii_case(text)
        }
    };
    payload.windows(text.len()).position(fits)
}

fn stored<'a>(payload: &'a [u8], input: &mut Input<'_>) -> StoredMessage<'a> {
    StoredMessage {
        row: 0,
        offset: input.number(),
        header: MessageHeader {
            payload_len: payload.len() as u32,
            fd_count: input.byte(),
            seq_id: input.number(),
            ..MessageHeader::default()
        },
        payload,
        integrity: Integrity::Intact,
    }
}

/// Conditions and a text, of which it is known what they find.
fn known(payload: &[u8], input: &mut Input<'_>) {
    let ascii: Vec<u8> = payload.iter().map(|byte| byte & 0x7f).collect();
    let message = stored(&ascii, input);
    let (mut typed, mut all) = (String::new(), true);
    for _ in 0..input.below(4) {
        let (name, value) = input.of(&[
            ("len", u64::from(message.header.payload_len)),
            ("seq", message.header.seq_id),
            ("fds", u64::from(message.header.fd_count)),
        ]);
        let (condition, met) = condition(name, value, input);
        typed += &condition;
        typed += " ";
        all &= met;
    }
    let conditions = !typed.is_empty();
    // An apostrophe in front keeps it from being another condition, an expression or bytes.
    let text: String = input
        .piece()
        .iter()
        .map(|byte| char::from(b' ' + byte % 95))
        .collect();
    let text = if text.is_empty() {
        text
    } else {
        format!("'{text}")
    };
    let text: String = text.chars().take(40).collect();
    typed += &text;
    let query = Query::parse(&typed, None).unwrap_or_else(|why| panic!("{typed:?}: {why}"));
    let Some(query) = query else {
        return assert!(!conditions && text.is_empty(), "{typed:?} asks for nothing");
    };
    let at = if text.is_empty() {
        Some(0)
    } else {
        find(text.as_bytes(), &ascii)
    };
    let expected = at.filter(|_| all).map(|at| at..at + text.len());
    assert_eq!(
        query.find(&message.raw(), message.integrity),
        expected,
        "{typed:?} in {ascii:?}"
    );
}

/// What is typed, and what it finds.
pub fn query(data: &[u8]) {
    let mut input = Input::new(data);
    let payload = input.piece();
    known(payload, &mut input);
    let message = stored(payload, &mut input);
    let most = usize::from(input.byte());
    let typed = String::from_utf8_lossy(input.rest());
    let typed: String = typed.chars().take(LONGEST).collect();
    match Query::parse(&typed, None) {
        Err(why) => assert!(!why.contains('\n'), "{typed:?}: {why:?}"),
        Ok(None) => {
            let nothing = typed.trim();
            assert!(
                ["", "re:", "hex:"].contains(&nothing),
                "{typed:?} asks for nothing"
            );
        }
        Ok(Some(query)) => {
            let found = query.find(&message.raw(), message.integrity);
            assert!(
                found
                    .as_ref()
                    .is_none_or(|found| found.start <= found.end && found.end <= payload.len())
            );
            let places = query.places(payload, most);
            assert!(places.len() <= most);
            assert!(
                places
                    .iter()
                    .all(|place| !place.is_empty() && place.end <= payload.len())
            );
            assert!(places.is_sorted_by(|one, other| one.end <= other.start));
            if let (Some(found), Some(first)) =
                (found.filter(|found| !found.is_empty()), places.first())
            {
                assert_eq!(found, *first);
            }
        }
    }
}
