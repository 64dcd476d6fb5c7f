//! Bytes from a terminal to keys.
//!
//! Owns what has been read of an escape sequence that is not complete. It does not read: whoever does decides how to
//! wait. crossterm's own reader is not used because it never returns once the terminal is gone (it retries end of file and
//! `EIO` for ever), blocks in the middle of a sequence, and forgets input beyond its buffer.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Longer than any sequence that means something here: what does not end by then is dropped.
const LONGEST: usize = 32;

const ESC: u8 = 0x1b;

/// Puts keys together from bytes.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    pending: Vec<u8>,
}

impl Decoder {
    /// Takes bytes in as they were read.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Whether a sequence has begun and not ended.
    pub(crate) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Nothing more came: an escape that stands alone was the key, any other beginning is dropped.
    pub(crate) fn settle(&mut self) -> Option<KeyEvent> {
        let alone = self.pending == [ESC];
        self.pending.clear();
        alone.then(|| KeyCode::Esc.into())
    }
}

/// Ends where more bytes are needed; goes on once they are fed.
impl Iterator for Decoder {
    type Item = KeyEvent;

    fn next(&mut self) -> Option<KeyEvent> {
        while !self.pending.is_empty() {
            let (used, key) = match decode(&self.pending) {
                Step::Key(used, key) => (used, Some(key)),
                Step::Skip(used) => (used, None),
                Step::More if self.pending.len() > LONGEST => (self.pending.len(), None),
                Step::More => return None,
            };
            self.pending.drain(..used);
            if key.is_some() {
                return key;
            }
        }
        None
    }
}

enum Step {
    Key(usize, KeyEvent),
    Skip(usize),
    More,
}

fn decode(bytes: &[u8]) -> Step {
    match bytes {
        [] | [ESC] | [ESC, b'[' | b'O'] => Step::More,
        [ESC, b'[', rest @ ..] => sequence(rest),
        [ESC, b'O', last, ..] => {
            named(*last).map_or(Step::Skip(3), |code| Step::Key(3, code.into()))
        }
        [ESC, ESC, ..] => Step::Key(1, KeyCode::Esc.into()),
        // Alt and a key: no such key is bound, and it must not be taken for Esc followed by the key.
        [ESC, ..] => match decode(&bytes[1..]) {
            Step::Key(used, _) | Step::Skip(used) => Step::Skip(used + 1),
            Step::More => Step::More,
        },
        [b'\r' | b'\n', ..] => Step::Key(1, KeyCode::Enter.into()),
        [b'\t', ..] => Step::Key(1, KeyCode::Tab.into()),
        [0x7f | 0x08, ..] => Step::Key(1, KeyCode::Backspace.into()),
        [byte @ 1..=26, ..] => Step::Key(
            1,
            KeyEvent::new(
                KeyCode::Char(char::from(byte + b'a' - 1)),
                KeyModifiers::CONTROL,
            ),
        ),
        [0..=31, ..] => Step::Skip(1),
        _ => character(bytes),
    }
}

/// What follows `ESC [`: parameters, then one byte that names the key.
fn sequence(rest: &[u8]) -> Step {
    let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
        return Step::More;
    };
    let used = end + 3;
    let parameter = rest[..end]
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    let code = match (rest[end], parameter) {
        (b'~', b"1" | b"7") => Some(KeyCode::Home),
        (b'~', b"4" | b"8") => Some(KeyCode::End),
        (b'~', b"5") => Some(KeyCode::PageUp),
        (b'~', b"6") => Some(KeyCode::PageDown),
        (last, _) => named(last),
    };
    code.map_or(Step::Skip(used), |code| Step::Key(used, code.into()))
}

fn named(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'Z' => KeyCode::BackTab,
        _ => return None,
    })
}

fn character(bytes: &[u8]) -> Step {
    let head = &bytes[..bytes.len().min(4)];
    let Some(chunk) = head.utf8_chunks().next() else {
        return Step::More;
    };
    match chunk.valid().chars().next() {
        Some(character) => Step::Key(character.len_utf8(), KeyCode::Char(character).into()),
        None if std::str::from_utf8(head).is_err_and(|error| error.error_len().is_none()) => {
            Step::More
        }
        None => Step::Skip(chunk.invalid().len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(chunks: &[&[u8]]) -> Vec<KeyCode> {
        let mut decoder = Decoder::default();
        let mut keys = Vec::new();
        for chunk in chunks {
            decoder.feed(chunk);
            keys.extend(decoder.by_ref().map(|key| key.code));
        }
        keys.extend(decoder.settle().map(|key| key.code));
        keys
    }

    #[test]
    fn sequences_are_put_together_however_they_are_cut() {
        use KeyCode::*;
        assert_eq!(
            keys(&[b"j\x1b[A\x1bOB\x1b[5~\x1b[Z\t\r"]),
            [Char('j'), Up, Down, PageUp, BackTab, Tab, Enter]
        );
        assert_eq!(keys(&[b"\x1b", b"[", b"1;5", b"Hq"]), [Home, Char('q')]);
        assert_eq!(
            keys(&["é".as_bytes(), &"é".as_bytes()[..1], &"é".as_bytes()[1..]]),
            [Char('é'), Char('é')]
        );
    }

    #[test]
    fn escape_alone_is_a_key_and_alt_is_not() {
        use KeyCode::*;
        assert_eq!(keys(&[b"\x1b"]), [Esc]);
        assert_eq!(keys(&[b"\x1bqj"]), [Char('j')]);
        assert_eq!(keys(&[b"\x1b[200~x\x1b[201~"]), [Char('x')]);
    }

    #[test]
    fn rubbish_ends() {
        assert_eq!(keys(&[b"\xff\xfe\x00q"]), [KeyCode::Char('q')]);
        let mut decoder = Decoder::default();
        decoder.feed(b"\x1b[");
        decoder.feed(&[b'1'; 10_000]);
        assert_eq!(decoder.next(), None);
        decoder.feed(b"q");
        assert_eq!(decoder.next().map(|key| key.code), Some(KeyCode::Char('q')));
    }

    #[test]
    fn control_is_kept() {
        let mut decoder = Decoder::default();
        decoder.feed(b"\x03");
        assert_eq!(
            decoder.next(),
            Some(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL))
        );
    }
}
