//! Tests of the dashboard: what is drawn for known samples, and what keys do to the state. Fuzzers share its samples.

#[cfg(test)]
mod any;
#[cfg(test)]
mod consumer_list;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod drawn;
#[cfg(test)]
mod fields;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "tests need more of them than fuzzers")
)]
pub(super) mod fixtures;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod message_list;
#[cfg(test)]
mod pictures;
#[cfg(test)]
mod pointer;
pub(super) mod random;
#[cfg(test)]
mod state;
#[cfg(test)]
mod themes;
#[cfg(test)]
mod time_axis;
