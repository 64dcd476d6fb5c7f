//! What goes into the terminal's clipboard, and how a terminal is asked to take it (OSC 52).
//!
//! Writes nothing: the loop does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::text;
use crate::observe::model::StoredMessage;
use crate::text::counted;

/// Bytes of base64 that terminals and multiplexers take; what is longer some of them cut, and others forget.
const LONGEST: usize = 74_000;

/// Text to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clip {
    text: String,
    /// What it is, in words.
    what: String,
}

impl Clip {
    /// A line of text, made harmless.
    pub(super) fn line(text: &str, what: &str) -> Self {
        Self {
            text: text::escape(text, 4096).into_owned(),
            what: what.to_owned(),
        }
    }

    /// A payload: as it is if it is text that does nothing where it is pasted, else in hex.
    pub(super) fn payload(message: &StoredMessage<'_>) -> Self {
        let payload = message.payload;
        let plain = std::str::from_utf8(payload)
            .ok()
            .filter(|text| crate::text::escape(text) == *text);
        let (text, form) = match plain {
            Some(text) => (text.to_owned(), "as text"),
            None => {
                let pairs: Vec<String> = payload.iter().map(|byte| format!("{byte:02x}")).collect();
                (pairs.join(" "), "in hex")
            }
        };
        let (kept, all) = (payload.len(), message.header.payload_len);
        let what = if message.is_cut() {
            format!("the first {kept} of {all} bytes {form}")
        } else {
            format!("{} {form}", counted(kept as u64, "byte"))
        };
        Self { text, what }
    }

    /// What is to be said once it is copied, or why it is not; `saves` is the key that writes a message to a file.
    pub(super) fn said(&self, saves: Option<&str>) -> String {
        if self.sequence().is_some() {
            return format!("copied {}", self.what);
        }
        let way = saves.map_or_else(String::new, |key| format!("; {key} writes them to a file"));
        format!("too long to copy: {}{way}", self.what)
    }

    /// What the terminal is to be told; `None` if it is too long for that.
    pub(super) fn sequence(&self) -> Option<String> {
        let encoded = STANDARD.encode(&self.text);
        (encoded.len() <= LONGEST).then(|| format!("\x1b]52;c;{encoded}\x07"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::Integrity;
    use crate::ring::MessageHeader;

    fn clip(payload: &[u8], payload_len: u32) -> Clip {
        Clip::payload(&StoredMessage {
            row: 0,
            offset: 0,
            header: MessageHeader {
                payload_len,
                ..MessageHeader::default()
            },
            payload,
            integrity: Integrity::Intact,
        })
    }

    #[test]
    fn text_is_copied_as_it_is_and_the_rest_in_hex() {
        let text = clip("price 1.07 €".as_bytes(), 14);
        assert_eq!(
            text.sequence().as_deref(),
            Some("\x1b]52;c;cHJpY2UgMS4wNyDigqw=\x07")
        );
        assert_eq!(text.said(Some("w")), "copied 14 bytes as text");
        for hostile in ["\x1b[2J", "rm -rf /\n", "a\u{202e}b", "\u{9b}1m", "\0"] {
            let clip = clip(hostile.as_bytes(), 3);
            assert!(
                clip.text
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() || byte == b' ')
            );
            assert!(clip.said(Some("w")).ends_with("in hex"));
        }
        assert_eq!(clip(&[0xde, 0xad], 2).text, "de ad");
        assert_eq!(
            clip(b"abc", 9).said(Some("w")),
            "copied the first 3 of 9 bytes as text"
        );
    }

    #[test]
    fn what_is_too_long_is_not_copied() {
        assert!(clip(&[0xff; 18_000], 18_000).sequence().is_some());
        let long = clip(&[0xff; 19_000], 19_000);
        assert_eq!(long.sequence(), None);
        assert!(
            long.said(Some("w"))
                .starts_with("too long to copy: 19000 bytes in hex")
        );
    }

    #[test]
    fn lines_are_harmless_where_they_are_pasted() {
        let line = Clip::line("slot 2 \x1b[31m\nx", "the consumer");
        assert_eq!(line.text, "slot 2 \\x1b[31m\\nx");
        assert_eq!(line.said(Some("w")), "copied the consumer");
    }
}
