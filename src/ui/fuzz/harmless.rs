//! What must not reach a terminal, told apart by other means than those that keep it away.

/// The first character that a terminal would act on, or that hides, or turns the line around.
pub(super) fn acts(text: &str) -> Option<char> {
    if let [b' '..=b'~'] = text.as_bytes() {
        return None;
    }
    text.chars().find(|character| {
        character.is_control()
            || matches!(character,
                '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
    })
}
