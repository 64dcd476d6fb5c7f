//! Tests of the dashboard: what is drawn for known samples, and what keys do to the state.

mod any;
mod crowd;
mod drawn;
mod fixtures;
mod hostile;
mod pictures;
mod pointer;
mod reading;
mod roster;
mod state;
mod themes;
