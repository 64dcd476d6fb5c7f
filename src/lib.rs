//! zbqtop.
pub mod observe;
pub mod output;
pub mod ring;
pub mod text;
