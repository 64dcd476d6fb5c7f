//! What the state of a consumer makes of it as a finding: a code and a severity for each.
//!
//! Owns that table. Knows nothing of how a state was come by: its words are the reason that came with it.

use super::rules::name;
use crate::observe::model::{
    ConsumerSnapshot, ConsumerState, Finding, LagLimit, RingSnapshot, Severity,
};

/// The finding that a consumer's state is; `None` where it is well, or minds nobody any more.
pub(super) fn state_finding(
    one: &ConsumerSnapshot,
    ring: &RingSnapshot,
    max_lag: &LagLimit,
) -> Option<Finding> {
    // A producer that has ended scans no more, and waits for nobody.
    if ring.state.is_over() && one.state != ConsumerState::Evicted {
        return None;
    }
    let lags = max_lag.severity(one).filter(|_| one.held);
    let (code, severity) = match (code_and_severity(one, ring), lags) {
        (Some((code, severity)), lags) => (code, lags.map_or(severity, |lags| lags.max(severity))),
        (None, lags) => ("consumer-lagging", lags?),
    };
    Some(Finding {
        code: code.into(),
        severity,
        message: format!("{}: {}", name(one), one.reason),
        slot: one.slot,
        pid: one.pid,
    })
}

/// The table. It is a match so that a new state does not compile without its row.
fn code_and_severity(
    one: &ConsumerSnapshot,
    ring: &RingSnapshot,
) -> Option<(&'static str, Severity)> {
    use ConsumerState as State;
    Some(match one.state {
        // That head is lost is found of the ring.
        State::Ok | State::Idle | State::Unknown => return None,
        State::Lagging => ("consumer-lagging", Severity::Info),
        State::Stalled => ("consumer-stalled", Severity::Warning),
        State::Blocking => ("consumer-blocking", of_blocking(one)),
        State::Overdue => ("consumer-overdue", Severity::Critical),
        State::Dead => ("consumer-dead", of_absent(one, ring)),
        State::Left => ("consumer-left", of_absent(one, ring)),
        State::Evicted => ("consumer-evicted", Severity::Critical),
        State::Parked => ("consumer-parked", Severity::Info),
        State::Invalid => ("consumer-invalid", Severity::Critical),
    })
}

/// One that moves sets the pace: that may be how the ring is meant to work.
fn of_blocking(one: &ConsumerSnapshot) -> Severity {
    if one.rate_bytes_per_second > Some(0.0) {
        Severity::Warning
    } else {
        Severity::Critical
    }
}

/// Nobody is there to make room: only a scan does, which may never come.
fn of_absent(one: &ConsumerSnapshot, ring: &RingSnapshot) -> Severity {
    let gates = ring.gating_meta_inode == Some(one.meta_inode);
    if ring.state.has_no_room() && gates {
        Severity::Critical
    } else {
        Severity::Warning
    }
}
