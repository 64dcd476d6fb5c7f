//! Any keys, any bytes and any ring: the dashboard goes on, and shows nothing that acts.

mod dashboard;
mod escaping;
mod query;

pub use super::terminal::fuzz::input_decoder;
pub use dashboard::dashboard;
#[cfg(test)]
pub(super) use dashboard::draw_inside;
pub use escaping::escaping;
pub use query::query;

/// The first character that a terminal would act on, or that hides, or turns the line around.
fn acts(text: &str) -> Option<char> {
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
