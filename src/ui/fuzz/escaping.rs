//! Any bytes as words on the screen: nothing in them acts, and they are as wide as is told.

use super::harmless::acts;
use crate::fuzzing::input::Input;
use crate::text::{self, escape_bytes};
use crate::ui::text::{escape, preview, width, wrap};
use crate::ui::view::canvas;

/// Characters that a preview is asked for at most.
const LONGEST: u64 = 100;

fn harmless(text: &str) {
    assert_eq!(acts(text), None, "in {text:?}");
}

/// Whole texts and bytes.
fn whole(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let escaped = text::escape(&text);
    harmless(&escaped);
    assert_eq!(
        text::escape(&escaped),
        escaped,
        "what is safe stays as it is"
    );
    // Character by character, as they stand beside each other.
    let one_by_one: String = text
        .chars()
        .map(|one| text::escape(&one.to_string()).into_owned())
        .collect();
    assert_eq!(escaped, one_by_one);
    let of_bytes = escape_bytes(bytes);
    harmless(&of_bytes);
    let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let rest = of_bytes.strip_prefix(&*text::escape(valid));
    let rest = rest.expect("text stays text");
    assert!(rest.is_empty() || rest.starts_with("\\x"));
    assert_eq!(rest.is_empty(), valid.len() == bytes.len());
}

/// Numbers, which have so many columns and no more.
fn numbers(input: &mut Input<'_>) {
    let (number, float) = (input.number(), f64::from_bits(input.word()));
    for (text, columns) in [
        (text::bytes(number), 8),
        (text::bytes_per_second(float), 10),
        (text::count(float), 6),
        (
            text::duration_in(number.min(273 * 31_556_952_000_000_000), "µs"),
            7,
        ),
        (text::percent(float), 3),
    ] {
        harmless(&text);
        assert!(width(&text) <= columns, "{text:?} of {number} and {float}");
    }
}

/// Escaping, previews, lines, cells.
pub fn escaping(data: &[u8]) {
    let mut input = Input::new(data);
    numbers(&mut input);
    let longest = input.below(LONGEST) as usize;
    let columns = input.below(37) as u16;
    let found = usize::from(input.byte());
    let found = found..found + usize::from(input.byte());
    let right = input.flag();
    let bytes = input.rest();
    whole(bytes);

    let text = String::from_utf8_lossy(bytes);
    let short = escape(&text, longest);
    harmless(&short);
    assert!(text::escape(&text).starts_with(&*short));

    let (line, marked) = preview(bytes, &found, longest);
    harmless(&line);
    assert!(
        marked.start <= marked.end && marked.end <= width(&line),
        "{marked:?} of {line:?}"
    );

    let lines = wrap(&text, columns);
    for line in &lines {
        harmless(line);
        // One that is wider than all the room there is has to stand somewhere.
        let wide = |one: &char| width(one.encode_utf8(&mut [0; 4])) > 0;
        assert!(
            width(line) <= columns.max(1) || line.chars().filter(wide).count() == 1,
            "{line:?} is wider than {columns}"
        );
    }
    let words = |text: &str| -> String { text.split_whitespace().collect() };
    assert_eq!(words(&lines.concat()), words(&escape(&text, 4096)));

    harmless(&canvas::fuzz::put(&text, columns, right));
}
