//! Text in lines, broken between words.

use unicode_width::UnicodeWidthStr as _;

/// Lines of so many columns at most, unless a single word is longer.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_too_long_has_a_line_of_its_own() {
        assert_eq!(wrapped("a bbbbbbbb c d", 4), ["a", "bbbbbbbb", "c d"]);
        assert!(wrapped(" ", 4).is_empty());
    }
}
