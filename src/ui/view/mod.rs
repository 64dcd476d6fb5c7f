//! What is drawn: one file per panel, all of them pure functions of the state.
//!
//! A panel is given a canvas and the room inside its frame. None of them changes anything, and none writes to the
//! terminal but through [`canvas::Canvas::put`], which escapes.

pub(super) mod canvas;
mod chart;
mod consumers;
mod details;
mod ending;
mod fields;
mod findings;
mod footer;
mod header;
mod help;
mod hex;
mod holding;
mod inspector;
mod lags;
mod message;
mod messages;
mod pictures;
mod ring_bar;
mod ring_circle;
mod rings;
pub(super) mod screen;
mod sparkline;
mod stats;
mod table;
mod time_columns;
mod timeline;
mod waiting;
