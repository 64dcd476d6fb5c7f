//! stub until the real one lands
#![expect(missing_docs)]
use crate::observe::frame::Source;
pub struct Options { pub interval: std::time::Duration, pub color: bool, pub ascii: bool, pub target: Option<String> }
pub fn run(_: &mut dyn Source, _: Options) -> std::io::Result<()> { Ok(()) }
