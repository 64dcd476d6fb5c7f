//! What the bytes from the one that is looked at could mean: numbers in either byte order, and text.
//!
//! Says it in lines, the most telling first; where they stand is left to the dump.

use crate::observe::model::StoredMessage;
use crate::ui::text;

/// From this width on both byte orders of the longest numbers stand in one line.
const WIDE: u16 = 62;

/// Lines in all, in that width.
pub(super) fn rows(width: u16) -> u16 {
    if width >= WIDE { 10 } else { 13 }
}

/// Where the byte stands.
pub(super) fn place(message: &StoredMessage<'_>, at: usize) -> String {
    let offset = message.offset.wrapping_add(16).wrapping_add(at as u64);
    let length = message.header.payload_len;
    format!("byte {at} of {length}  offset {offset}")
}

/// All lines.
pub(super) fn lines(
    message: &StoredMessage<'_>,
    at: usize,
    width: u16,
    unknown: &str,
) -> Vec<String> {
    let rest = message.payload.get(at..).unwrap_or_default();
    let Some(&byte) = rest.first() else {
        return Vec::new();
    };
    let mut lines = vec![
        place(message, at),
        format!(
            "{byte:#04x} {byte:#010b} u8 {byte} i8 {} {}",
            byte.cast_signed(),
            character(rest)
        ),
    ];
    let both = |name: &str, size: usize, values: Option<[String; 2]>| {
        let [little, big] = values.unwrap_or([unknown, unknown].map(str::to_owned));
        let room = if width >= WIDE { 24 } else { 14 };
        let long = width < WIDE && size == 8;
        if long {
            vec![format!("{name} le {little}"), format!("    be {big}")]
        } else {
            vec![format!("{name} le {little:<room$} be {big}")]
        }
    };
    macro_rules! both {
        ($name:literal, $type:ty) => {
            lines.extend(both(
                $name,
                size_of::<$type>(),
                rest.first_chunk().map(|bytes| {
                    [
                        <$type>::from_le_bytes(*bytes),
                        <$type>::from_be_bytes(*bytes),
                    ]
                    // Floats in the shortest way that tells them apart.
                    .map(|value| format!("{value:?}"))
                }),
            ));
        };
    }
    both!("u16", u16);
    both!("u32", u32);
    both!("u64", u64);
    both!("i16", i16);
    both!("i32", i32);
    both!("i64", i64);
    both!("f32", f32);
    both!("f64", f64);
    lines
}

/// The character that begins here.
fn character(bytes: &[u8]) -> String {
    let seen = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(seen) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&seen[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(character) => format!("'{}'", text::escape(character.encode_utf8(&mut [0; 4]), 1)),
        None => "no UTF-8".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::Integrity;
    use crate::ring::MessageHeader;

    fn inspected(payload: &[u8], at: usize, width: u16) -> Vec<String> {
        let message = StoredMessage {
            row: 0,
            offset: 1000,
            header: MessageHeader {
                payload_len: u32::try_from(payload.len()).unwrap(),
                ..MessageHeader::default()
            },
            payload,
            integrity: Integrity::Intact,
        };
        lines(&message, at, width, "-")
    }

    #[test]
    fn numbers_are_read_both_ways() {
        let payload = [0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8];
        let shown = inspected(&payload, 1, 77).join("\n");
        for line in [
            "byte 1 of 9  offset 1017",
            "0xff 0b11111111 u8 255 i8 -1 no UTF-8",
            "u16 le 65279                    be 65534",
            "i32 le -50462977                be -66052",
            "u64 le 17940646550795321087     be 18446460386757245432",
            "i64 le -506097522914230529      be -283686952306184",
        ] {
            assert!(shown.contains(line), "{line} is not in\n{shown}");
        }
        let float = inspected(&1.5_f32.to_be_bytes(), 0, 77).join("\n");
        assert!(float.contains("be 1.5\n"), "{float}");
        let double = inspected(&(-1e300_f64).to_le_bytes(), 0, 77).join("\n");
        assert!(double.contains("f64 le -1e300 "), "{double}");
    }

    #[test]
    fn at_the_end_what_is_too_short_is_unknown() {
        let shown = inspected("aé".as_bytes(), 1, 39).join("\n");
        assert!(
            shown.contains("'é'") && shown.contains("u16 le 43459"),
            "{shown}"
        );
        assert!(shown.contains("u32 le -              be -\n"), "{shown}");
        assert!(inspected(b"\x1b", 0, 39)[1].ends_with("'\\x1b'"));
        assert!(inspected(b"", 0, 39).is_empty());
    }

    #[test]
    fn lines_are_as_many_as_are_said_and_fit() {
        let extremes = [
            [0xff; 8],
            [0; 8],
            [0x80; 8],
            [0x01; 8],
            f64::MIN_POSITIVE.to_le_bytes(),
        ];
        for width in [39, WIDE, 77] {
            for payload in extremes {
                let shown = inspected(&payload, 0, width);
                assert_eq!(shown.len(), usize::from(rows(width)));
                for line in &shown[2..] {
                    assert!(line.len() <= usize::from(width), "{line}");
                }
            }
        }
    }
}
