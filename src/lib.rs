//! zbqtop.
pub mod cli;
pub mod commands;
pub mod demo;
pub mod observe;
pub mod output;
pub mod ring;
pub mod run;
pub mod text;
pub mod ui;
