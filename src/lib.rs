//! zbqtop.
pub mod observe;
pub mod ring;
