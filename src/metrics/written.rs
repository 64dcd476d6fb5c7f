//! Metrics as text: every family of the table, one after the other.

use std::time::Instant;

use super::exposition::{Encoding, Exposition};
use super::families::FAMILIES;
use super::store::Metrics;

impl Metrics {
    /// All of it, as it stands now.
    pub fn write(&mut self, encoding: Encoding) -> String {
        self.begun = Some(Instant::now());
        let mut out = Exposition::new(encoding, self.size + self.size / 8);
        let families = FAMILIES.iter();
        for family in families.filter(|family| !(self.is_recorded && family.is_counted)) {
            out.begin(family.name, family.kind, family.help);
            (family.samples)(self, &mut out);
        }
        let text = out.end();
        self.size = text.len();
        text
    }
}
