//! stub
#![expect(missing_docs)]
use crate::cli::Role;
pub fn demo(_: bool, show: impl FnOnce(i32) -> anyhow::Result<()>) -> anyhow::Result<()> { show(1) }
pub fn play(_: Role, _: &std::path::Path) -> anyhow::Result<()> { Ok(()) }
