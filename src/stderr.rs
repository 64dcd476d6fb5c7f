//! What is said on stderr, at any time: what the user is to know and the output has no place for.
//!
//! Knows nothing of what it is about.

use std::io::Write as _;

/// Says something on stderr.
pub(crate) fn warn(text: &str) {
    // Where nobody can be told, there is nothing to be done about it.
    let _ = writeln!(std::io::stderr(), "zbqtop: {text}");
}
