//! JSON that is safe on a terminal: what could act on one, or reorder a line, is written as `\u` escapes, which read back as
//! what they were.
//!
//! C0 controls are escaped by JSON itself; C1 controls, DEL and bidirectional controls are not. It knows nothing of what is
//! written.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// Writes `value` in one line.
///
/// # Errors
/// Those of `out`.
pub(super) fn compact(out: impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Escaping(CompactFormatter));
    Ok(value.serialize(&mut serializer)?)
}

/// Writes `value`, indented.
///
/// # Errors
/// Those of `out`.
pub(super) fn pretty(out: impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Escaping(PrettyFormatter::new()));
    Ok(value.serialize(&mut serializer)?)
}

/// Lays out as another formatter does, and escapes what strings hold.
struct Escaping<F>(F);

/// Hands a formatter's method on to the one that lays out.
macro_rules! as_inside {
    ($($method:ident($($argument:ident: $kind:ty),*)),* $(,)?) => {$(
        fn $method<W: ?Sized + Write>(&mut self, out: &mut W $(, $argument: $kind)*) -> io::Result<()> {
            self.0.$method(out $(, $argument)*)
        }
    )*};
}

impl<F: Formatter> Formatter for Escaping<F> {
    as_inside! {
        begin_array(), end_array(), begin_array_value(first: bool), end_array_value(),
        begin_object(), end_object(), begin_object_key(first: bool), end_object_key(),
        begin_object_value(), end_object_value(),
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        // Nearly all there is has no byte that could begin one.
        while let Some(at) = rest.bytes().position(|byte| byte >= 0x7f) {
            let Some(found) = rest[at..].char_indices().find(|(_, one)| acts(*one)) else {
                break;
            };
            let (place, one) = (at + found.0, found.1);
            out.write_all(&rest.as_bytes()[..place])?;
            write!(out, "\\u{:04x}", u32::from(one))?;
            rest = &rest[place + one.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

/// DEL, C1 controls, bidirectional controls, and line and paragraph separators.
fn acts(character: char) -> bool {
    matches!(character, '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        compact(&mut out, &text).expect("memory takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        for (text, expected) in [
            ("a\u{9b}31mb", r#""a\u009b31mb""#),
            ("\u{7f}", r#""\u007f""#),
            ("x\u{202e}y\u{2066}", r#""x\u202ey\u2066""#),
            ("\u{1b}[2J", r#""\u001b[2J""#),
            ("é…µ \u{200f}", r#""é…µ \u200f""#),
            ("\u{2028}", r#""\u2028""#),
        ] {
            assert_eq!(written(text), expected);
        }
    }

    #[test]
    fn it_is_laid_out_as_ever() {
        let value = serde_json::json!({"a": [1, {"b": null}], "c": {}, "d": []});
        let mut out = Vec::new();
        pretty(&mut out, &value).expect("memory takes it");
        let usual = serde_json::to_string_pretty(&value).expect("JSON");
        assert_eq!(String::from_utf8(out).expect("text"), usual);
    }

    proptest! {
        #[test]
        fn any_text_comes_back_and_nothing_in_it_acts(text in any::<String>()) {
            let json = written(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
            prop_assert!(!json.chars().any(|one| one.is_control() || acts(one)), "{}", json);
        }
    }
}
