//! How a consumer is called in messages.
//!
//! Knows nothing of what is said about it.

use crate::text::escape;

/// A consumer's slot and process, as far as they are known, in words that are safe on a terminal.
pub fn who(slot: Option<u32>, pid: Option<i32>, command: Option<&str>) -> String {
    let slot = slot.map(|slot| format!("slot {slot}"));
    let pid = pid.map(|pid| format!("pid {pid}"));
    let process = match (pid, command) {
        (Some(pid), Some(command)) => Some(format!("{} ({pid})", escape(command))),
        (pid, _) => pid,
    };
    let parts: Vec<String> = [slot, process].into_iter().flatten().collect();
    if parts.is_empty() {
        "a consumer".into()
    } else {
        parts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_named_by_what_could_steer_a_terminal() {
        assert_eq!(
            who(Some(2), Some(7), Some("a\u{1b}b")),
            format!("slot 2 {} (pid 7)", escape("a\u{1b}b"))
        );
        assert_eq!(who(Some(2), None, Some("a")), "slot 2");
        assert_eq!(who(None, Some(7), None), "pid 7");
        assert_eq!(who(None, None, None), "a consumer");
    }
}
