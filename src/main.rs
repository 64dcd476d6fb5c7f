//! zbqtop.
fn main() {}
