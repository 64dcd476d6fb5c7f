//! Tests of the dashboard: what is drawn for known samples, and what keys do to the state.

mod any;
mod consumer_list;
mod crowd;
mod drawn;
mod fixtures;
mod hostile;
mod message_list;
mod pictures;
mod pointer;
mod state;
mod themes;
