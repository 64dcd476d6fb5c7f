//! zbqtop: the [zbq](https://crates.io/crates/zbq) protocol in pure Rust, and a program that watches rings.
//!
//! [`ring`] is a library for any program: producer and consumer, wire-compatible with the reference either way round.
//! It needs no feature of this crate (`default-features = false`).
//!
//! All else is what the program is made of. It is here for its tests, benches and examples, and may change at any time.
//! The floors, each of which knows only those before it:
//!
//! - `observe` (feature `observe`): watching a ring that belongs to someone else: found, mapped, sampled, judged; plain
//!   data comes out. `text` turns bytes, names and numbers into words that are safe on a terminal.
//! - `ui` (feature `tui`) draws that data. It knows no mapping.
//! - `recording` (feature `cli`): rings in files. `metrics` (feature `cli`): rings for Prometheus. `output`, `bench`, `demo`, `cli`, `settings`, `commands`, `run` (feature `cli`): what the user typed, and wants always, and
//!   what is done about it.

pub mod ring;

/// What README shows compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

#[cfg(feature = "observe")]
#[doc(hidden)]
pub mod decode;
#[cfg(feature = "observe")]
#[doc(hidden)]
pub mod observe;
#[cfg(feature = "observe")]
#[doc(hidden)]
pub mod text;

#[cfg(feature = "tui")]
#[doc(hidden)]
pub mod ui;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod bench;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod capture;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod commands;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod demo;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod metrics;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod output;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod recording;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod run;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod settings;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod shutdown;
#[cfg(feature = "cli")]
mod stderr;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod stdout;
