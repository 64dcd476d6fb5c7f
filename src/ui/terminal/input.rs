//! Bytes from a terminal to keys and what the mouse does.
//!
//! Owns what has been read of an escape sequence that is not complete. It does not read: whoever does decides how to
//! wait. crossterm's own reader is not used because it never returns once the terminal is gone (it retries end of file
//! and `EIO` for ever), blocks in the middle of a sequence, and forgets input beyond its buffer.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

/// Longer than any sequence that means something here: what does not end by then is dropped.
const LONGEST: usize = 32;

const ESC: u8 = 0x1b;

/// What a terminal says of itself when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TerminalReply {
    /// Its background: red, green, blue, of 255 (OSC 11).
    Background([u8; 3]),
    /// What it can do (DA1): every terminal answers that.
    Attributes,
}

/// Puts events together from bytes.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    pending: Vec<u8>,
    reply: Option<TerminalReply>,
}

impl Decoder {
    /// Takes bytes in as they were read.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// What the terminal has said of itself last, once.
    pub(crate) fn take_reply(&mut self) -> Option<TerminalReply> {
        self.reply.take()
    }

    /// Whether a sequence has begun and not ended.
    pub(crate) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Nothing more came: an escape that stands alone was the key, any other beginning is dropped.
    pub(crate) fn settle(&mut self) -> Option<Event> {
        let alone = self.pending == [ESC];
        self.pending.clear();
        alone.then(|| Event::Key(KeyCode::Esc.into()))
    }
}

/// Ends where more bytes are needed; goes on once they are fed.
impl Iterator for Decoder {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        while !self.pending.is_empty() {
            let (used, event) = match decode(&self.pending) {
                KeyStep::Key(used, key) => (used, Some(Event::Key(key))),
                KeyStep::Mouse(used, mouse) => (used, Some(Event::Mouse(mouse))),
                KeyStep::Skip(used) => (used, None),
                KeyStep::Reply(used, reply) => {
                    // The colour comes first, and is what was asked for.
                    let known = matches!(self.reply, Some(TerminalReply::Background(_)));
                    self.reply = if known { self.reply } else { Some(reply) };
                    (used, None)
                }
                KeyStep::More if self.pending.len() > LONGEST => (self.pending.len(), None),
                KeyStep::More => return None,
            };
            self.pending.drain(..used);
            if event.is_some() {
                return event;
            }
        }
        None
    }
}

enum KeyStep {
    Key(usize, KeyEvent),
    Mouse(usize, MouseEvent),
    Skip(usize),
    Reply(usize, TerminalReply),
    More,
}

fn decode(bytes: &[u8]) -> KeyStep {
    match bytes {
        [] | [ESC] | [ESC, b'[' | b'O'] => KeyStep::More,
        // The Linux console, F1 to F5.
        [ESC, b'[', b'[', rest @ ..] => match rest {
            [] => KeyStep::More,
            [last @ b'A'..=b'E', ..] => KeyStep::Key(4, KeyCode::F(last - b'A' + 1).into()),
            _ => KeyStep::Skip(4),
        },
        [ESC, b'[', rest @ ..] => sequence(rest),
        [ESC, b']', rest @ ..] => command(rest),
        [ESC, b'O', last @ b'P'..=b'S', ..] => KeyStep::Key(3, KeyCode::F(last - b'P' + 1).into()),
        [ESC, b'O', last, ..] => {
            named(*last).map_or(KeyStep::Skip(3), |code| KeyStep::Key(3, code.into()))
        }
        [ESC, ESC, ..] => KeyStep::Key(1, KeyCode::Esc.into()),
        // Alt and a key: no such key is bound, and it must not be taken for Esc followed by the key.
        [ESC, ..] => match decode(&bytes[1..]) {
            KeyStep::Key(used, _)
            | KeyStep::Mouse(used, _)
            | KeyStep::Reply(used, _)
            | KeyStep::Skip(used) => KeyStep::Skip(used + 1),
            KeyStep::More => KeyStep::More,
        },
        [b'\r' | b'\n', ..] => KeyStep::Key(1, KeyCode::Enter.into()),
        [b'\t', ..] => KeyStep::Key(1, KeyCode::Tab.into()),
        [0x7f | 0x08, ..] => KeyStep::Key(1, KeyCode::Backspace.into()),
        [byte @ 1..=26, ..] => KeyStep::Key(
            1,
            KeyEvent::new(
                KeyCode::Char(char::from(byte + b'a' - 1)),
                KeyModifiers::CONTROL,
            ),
        ),
        [0..=31, ..] => KeyStep::Skip(1),
        _ => character(bytes),
    }
}

/// What follows `ESC ]`, an operating system command: text up to BEL or `ESC \`.
fn command(rest: &[u8]) -> KeyStep {
    let Some(end) = rest.iter().position(|byte| matches!(*byte, 0x07 | ESC)) else {
        return KeyStep::More;
    };
    let used = match (rest[end], rest.get(end + 1)) {
        (0x07, _) => end + 3,
        (_, Some(b'\\')) => end + 4,
        (_, None) => return KeyStep::More,
        // Something else begins.
        (_, Some(_)) => return KeyStep::Skip(end + 2),
    };
    match background(&rest[..end]) {
        Some(color) => KeyStep::Reply(used, TerminalReply::Background(color)),
        None => KeyStep::Skip(used),
    }
}

/// `11;rgb:ffff/ffff/ffff`, or with an alpha (`rgba:`), with one to four digits for each.
fn background(text: &[u8]) -> Option<[u8; 3]> {
    let text = std::str::from_utf8(text).ok()?.strip_prefix("11;rgb")?;
    let text = text.strip_prefix('a').unwrap_or(text).strip_prefix(':')?;
    let mut parts = text.split('/').map(|digits| {
        let most = 16_u32
            .checked_pow(u32::try_from(digits.len()).ok()?)?
            .checked_sub(1)?;
        let value = u32::from_str_radix(digits, 16).ok()?;
        u8::try_from(value * 255 / most.max(1)).ok()
    });
    Some([parts.next()??, parts.next()??, parts.next()??])
}

/// What follows `ESC [`: parameters, then one byte that names the key.
fn sequence(rest: &[u8]) -> KeyStep {
    if rest[0] == b'M' {
        // Terminals that know no decimal numbers tell of the mouse in three bytes more, which are no keys.
        let [_, button, column, row, ..] = *rest else {
            return KeyStep::More;
        };
        let [button, column, row] = [button, column, row].map(|byte| byte.checked_sub(32));
        let event = button
            .zip(column.zip(row))
            .and_then(|(button, (column, row))| mouse(button.into(), column.into(), row.into()));
        return event.map_or(KeyStep::Skip(6), |event| KeyStep::Mouse(6, event));
    }
    let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
        return KeyStep::More;
    };
    let used = end + 3;
    if (rest[0], rest[end]) == (b'?', b'c') {
        return KeyStep::Reply(used, TerminalReply::Attributes);
    }
    if let [b'<', numbers @ ..] = &rest[..end] {
        let event = (rest[end] == b'M').then(|| decimal(numbers)).flatten();
        return event.map_or(KeyStep::Skip(used), |event| KeyStep::Mouse(used, event));
    }
    let parameter = rest[..end]
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    let code = match (rest[end], parameter) {
        (b'~', b"1" | b"7") => Some(KeyCode::Home),
        (b'~', b"4" | b"8") => Some(KeyCode::End),
        (b'~', b"2") => Some(KeyCode::Insert),
        (b'~', b"3") => Some(KeyCode::Delete),
        (b'~', b"5") => Some(KeyCode::PageUp),
        (b'~', b"6") => Some(KeyCode::PageDown),
        (b'~', number) => function(number).map(KeyCode::F),
        (last, _) => named(last),
    };
    code.map_or(KeyStep::Skip(used), |code| KeyStep::Key(used, code.into()))
}

/// `button;column;row` of a press.
fn decimal(numbers: &[u8]) -> Option<MouseEvent> {
    let mut numbers = std::str::from_utf8(numbers).ok()?.split(';');
    let mut number = || numbers.next()?.parse::<u16>().ok();
    let event = mouse(number()?, number()?, number()?)?;
    numbers.next().is_none().then_some(event)
}

/// A press of the left button or a turn of the wheel, without Shift, Alt or Ctrl; nothing else is bound. Columns and
/// rows are counted from 1.
fn mouse(button: u16, column: u16, row: u16) -> Option<MouseEvent> {
    let kind = match button {
        0 => MouseEventKind::Down(MouseButton::Left),
        2 => MouseEventKind::Down(MouseButton::Right),
        64 => MouseEventKind::ScrollUp,
        65 => MouseEventKind::ScrollDown,
        _ => return None,
    };
    Some(MouseEvent {
        kind,
        column: column.checked_sub(1)?,
        row: row.checked_sub(1)?,
        modifiers: KeyModifiers::NONE,
    })
}

/// The function key of a number: they were given out with gaps.
fn function(number: &[u8]) -> Option<u8> {
    let number: u8 = std::str::from_utf8(number).ok()?.parse().ok()?;
    match number {
        11..=15 => Some(number - 10),
        17..=21 => Some(number - 11),
        23 | 24 => Some(number - 12),
        _ => None,
    }
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

fn character(bytes: &[u8]) -> KeyStep {
    let head = &bytes[..bytes.len().min(4)];
    let Some(chunk) = head.utf8_chunks().next() else {
        return KeyStep::More;
    };
    match chunk.valid().chars().next() {
        Some(character) => KeyStep::Key(character.len_utf8(), KeyCode::Char(character).into()),
        None if std::str::from_utf8(head).is_err_and(|error| error.error_len().is_none()) => {
            KeyStep::More
        }
        None => KeyStep::Skip(chunk.invalid().len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: &[&[u8]]) -> Vec<Event> {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.feed(chunk);
            events.extend(decoder.by_ref());
        }
        events.extend(decoder.settle());
        events
    }

    fn keys(chunks: &[&[u8]]) -> Vec<KeyCode> {
        let events = events(chunks).into_iter();
        events
            .map(|event| event.as_key_event().expect("only keys").code)
            .collect()
    }

    fn mouse_at(kind: MouseEventKind, column: u16, row: u16) -> Event {
        Event::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        })
    }

    const PRESS: MouseEventKind = MouseEventKind::Down(MouseButton::Left);

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
        assert_eq!(decoder.next(), Some(Event::Key(KeyCode::Char('q').into())));
    }

    #[test]
    fn function_keys_have_come_in_three_ways() {
        let vt = [
            &b"\x1bOP\x1bOQ\x1bOR\x1bOS"[..],
            b"\x1b[15~\x1b[17~\x1b[18~\x1b[19~\x1b[20~\x1b[21~\x1b[23~\x1b[24~",
        ];
        let all: Vec<KeyCode> = (1..=12).map(KeyCode::F).collect();
        assert_eq!(keys(&vt), all);
        assert_eq!(keys(&[b"\x1b[11~\x1b[12~\x1b[13~\x1b[14~"]), all[..4]);
        assert_eq!(keys(&[b"\x1b[[A\x1b[[B\x1b[[C\x1b[[D\x1b[[E"]), all[..5]);
        assert_eq!(
            keys(&[b"\x1b[2~\x1b[3~"]),
            [KeyCode::Insert, KeyCode::Delete]
        );
        assert_eq!(keys(&[b"\x1b[16~\x1b[22~\x1b[25~\x1b[999~\x1b[[Z"]), []);
        for cut in 1..4 {
            let (start, end) = b"\x1b[[A".split_at(cut);
            assert_eq!(keys(&[start, end]), all[..1]);
        }
    }

    #[test]
    fn control_is_kept() {
        let mut decoder = Decoder::default();
        decoder.feed(b"\x03");
        assert_eq!(
            decoder.next(),
            Some(Event::Key(KeyEvent::new(
                KeyCode::Char('c'),
                KeyModifiers::CONTROL
            )))
        );
    }

    #[test]
    fn the_mouse_presses_and_scrolls() {
        let seen = events(&[b"\x1b[<0;1;1M\x1b[<0;1;1m\x1b[<64;80;24M\x1b[<65;65535;2Mq"]);
        assert_eq!(
            seen,
            [
                mouse_at(PRESS, 0, 0),
                mouse_at(MouseEventKind::ScrollUp, 79, 23),
                mouse_at(MouseEventKind::ScrollDown, 65534, 1),
                Event::Key(KeyCode::Char('q').into()),
            ]
        );
        // The way of old terminals: its bytes could be anything, and are no keys.
        assert_eq!(
            events(&[b"\x1b[M qq\x1b[M`\xff!\x1b[M#qqj"]),
            [
                mouse_at(PRESS, 80, 80),
                mouse_at(MouseEventKind::ScrollUp, 222, 0),
                Event::Key(KeyCode::Char('j').into()),
            ]
        );
    }

    #[test]
    fn a_mouse_sequence_may_be_cut_anywhere() {
        for whole in [&b"\x1b[<0;33;12M"[..], b"\x1b[M A,"] {
            for cut in 1..whole.len() {
                let (start, end) = whole.split_at(cut);
                assert_eq!(
                    events(&[start, end]),
                    [mouse_at(PRESS, 32, 11)],
                    "{cut} of {whole:?}"
                );
            }
        }
        // What does not go on is dropped, and what comes then is read again.
        let mut decoder = Decoder::default();
        decoder.feed(b"\x1b[<0;33");
        assert_eq!((decoder.next(), decoder.settle()), (None, None));
        decoder.feed(b"j");
        assert_eq!(decoder.next(), Some(Event::Key(KeyCode::Char('j').into())));
    }

    #[test]
    fn a_mouse_that_lies_does_nothing() {
        for nothing in [
            &b"\x1b[<0;0;0M"[..],
            b"\x1b[<0;0;1M",
            b"\x1b[<0;65536;1M",
            b"\x1b[<0;1;99999999999999M",
            b"\x1b[<0;-1;1M",
            b"\x1b[<0;1M",
            b"\x1b[<0;1;1;1M",
            b"\x1b[<;;M",
            b"\x1b[<M",
            b"\x1b[<0;1;1A",
            b"\x1b[<4;1;1M",
            b"\x1b[<32;1;1M",
            b"\x1b[<68;1;1M",
            b"\x1b[<256;1;1M",
            b"\x1b[M   ",
            b"\x1b[M\0\0\0",
            b"\x1b\x1b[<0;1;1m",
        ] {
            let seen = events(&[nothing, b"j"]);
            let last = Event::Key(KeyCode::Char('j').into());
            assert_eq!(seen.last(), Some(&last), "{nothing:?}");
            let mouse = seen.iter().find(|event| matches!(event, Event::Mouse(_)));
            assert_eq!(mouse, None, "{nothing:?}");
        }
        let mut decoder = Decoder::default();
        decoder.feed(b"\x1b[<0;");
        decoder.feed(&[b'1'; 10_000]);
        assert_eq!(decoder.next(), None);
        assert!(!decoder.is_pending());
    }
}
