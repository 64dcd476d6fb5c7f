//! Any bytes from a terminal: they come to an end, and it does not matter where they were cut.

use crossterm::event::{Event, KeyCode};

use super::{Decoder, LONGEST};
use crate::fuzzing::input::Input;

/// The events of `bytes`, where `cut` says how long the next piece is; and whether something may have been dropped for being
/// too long, which is decided by what has come so far.
fn events(bytes: &[u8], mut cut: impl FnMut() -> usize) -> (Vec<Event>, bool) {
    let mut decoder = Decoder::default();
    let (mut events, mut dropped) = (Vec::new(), false);
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(cut().clamp(1, rest.len()));
        decoder.feed(piece);
        rest = behind;
        dropped |= decoder.pending.len() > LONGEST;
        events.extend(decoder.by_ref());
        assert!(
            decoder.pending.len() <= LONGEST,
            "it holds on to what never ends"
        );
        assert!(events.len() <= bytes.len(), "more events than bytes");
        assert_eq!(decoder.next(), None, "it had said that there are no more");
    }
    let alone = decoder.pending == [super::ESC];
    let last = decoder.settle();
    assert_eq!(last.is_some(), alone);
    assert!(!decoder.is_pending());
    events.extend(last);
    (events, dropped)
}

/// Bytes as they are read, in pieces of any size.
pub fn input_decoder(data: &[u8]) {
    let mut input = Input::new(data);
    let cuts = input.piece();
    let bytes = input.rest();
    let (one_by_one, dropped) = events(bytes, || 1);
    for event in &one_by_one {
        let Event::Key(key) = event else { continue };
        if let KeyCode::Char(character) = key.code {
            assert!(!character.is_ascii_control(), "{key:?}");
        }
    }
    if dropped {
        return;
    }
    let mut cuts = cuts.iter().cycle();
    let (in_pieces, _) = events(bytes, || {
        cuts.next().map_or(usize::MAX, |cut| usize::from(*cut))
    });
    assert_eq!(in_pieces, one_by_one);
    let (in_one, _) = events(bytes, || usize::MAX);
    assert_eq!(in_one, one_by_one);
}
