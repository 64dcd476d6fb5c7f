//! zbqtop.
pub mod observe;
pub mod ring;
pub mod ui;
