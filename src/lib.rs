//! zbqtop, as a library: so that tests, benches and other programs can use what the program is made of.
//!
//! The floors, each of which knows only those above it in this list:
//!
//! - [`ring`]: the zbq protocol in pure Rust, producer and consumer; useful to a program that has never heard of
//!   monitoring. [`text`] turns bytes, names and numbers into words that are safe on a terminal.
//! - [`observe`]: watching a ring that belongs to someone else: found, mapped, sampled, judged; plain data comes out.
//! - [`output`] prints that data, [`ui`] draws it. Neither knows a mapping.
//! - [`demo`]: a ring to look at. [`commands`], [`run`], [`settings`] and [`cli`]: from what
//!   the user typed, and wants always, to what is done.

pub mod cli;
pub mod commands;
pub mod demo;
pub mod observe;
pub mod output;
pub mod ring;
pub mod run;
pub mod settings;
pub mod shutdown;
pub mod text;
pub mod ui;
