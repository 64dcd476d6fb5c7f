//! JSON for programs: one document, or one a line.

use std::io::{self, Write};

use serde::Serialize;

use super::safe_json;

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
        Layout::Pretty => safe_json::pretty(&mut *out, document)?,
        Layout::Lines => safe_json::compact(&mut *out, document)?,
    }
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use schemars::generate::SchemaSettings;

    use crate::observe::check::Verdict;
    use crate::observe::model::{BenchReport, DoctorReport, Event, Listing, Report};
    use crate::recording::RecordedState;

    /// The schemas in `assets/` are made from the types: `ZBQTOP_BLESS=1 cargo test schemas` writes them anew.
    #[test]
    fn schemas_in_assets_are_those_of_the_types() {
        // Of what is written: every field is there, if null.
        let written = || SchemaSettings::default().for_serialize().into_generator();
        for (name, schema) in [
            ("snapshot", written().into_root_schema_for::<Report>()),
            ("ls", written().into_root_schema_for::<Listing>()),
            ("check", written().into_root_schema_for::<Verdict>()),
            ("bench", written().into_root_schema_for::<BenchReport>()),
            ("doctor", written().into_root_schema_for::<DoctorReport>()),
            ("state", written().into_root_schema_for::<RecordedState>()),
            ("event", written().into_root_schema_for::<Event>()),
        ] {
            let path = format!("{}/assets/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            let made = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
            if std::env::var_os("ZBQTOP_BLESS").is_some() {
                std::fs::write(&path, &made).expect("assets/ can be written");
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                kept == made,
                "{path} is not what the types say; run: ZBQTOP_BLESS=1 cargo test schemas"
            );
        }
    }
}
