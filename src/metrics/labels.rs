//! Labels: names and values as they stand between braces.

use std::fmt::Write as _;

use crate::text::push_escaped;

/// Labels, with commas between them: made once, written with every sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Labels(String);

impl Labels {
    /// None.
    pub(super) const NONE: Self = Self(String::new());

    /// The same, and another one.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut labels = self.clone();
        labels.push(name, value);
        labels
    }

    fn push(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{name}=\"");
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b'"');
        if value.bytes().all(is_plain) {
            self.0.push_str(value);
            self.0.push('"');
            return;
        }
        for character in value.chars() {
            match character {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                // Nor may it act on a terminal: what it is written as is the value.
                unsafe_or_not => {
                    let mut written = String::new();
                    push_escaped(&mut written, unsafe_or_not);
                    self.0.push_str(&written.replace('\\', "\\\\"));
                }
            }
        }
        self.0.push('"');
    }

    /// As they are written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped() {
        let labels = Labels::NONE.with("ring", "/run/a b.sock");
        let labels = labels.with("command", "a\"b\\c\nd\u{1b}[2J\u{202e}é");
        assert_eq!(
            labels.as_str(),
            r#"ring="/run/a b.sock",command="a\"b\\c\nd\\x1b[2J\\u{202e}é""#
        );
    }
}
