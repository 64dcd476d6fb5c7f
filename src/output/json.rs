//! JSON for programs: one document, or one a line.

use std::io::{self, Write};

use serde::Serialize;

/// How a document is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Indented, for a single document.
    Pretty,
    /// One document a line, for a stream of them.
    Lines,
}

/// Writes one document and a newline.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, document: &impl Serialize, layout: Layout) -> io::Result<()> {
    match layout {
        Layout::Pretty => serde_json::to_writer_pretty(&mut *out, document)?,
        Layout::Lines => serde_json::to_writer(&mut *out, document)?,
    }
    out.write_all(b"\n")
}
