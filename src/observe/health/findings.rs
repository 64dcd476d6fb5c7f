//! What is wrong with a ring and what follows from it: the short list that people read first.
//!
//! A pure function of a snapshot whose states are judged already ([`super::states`]). Owns the order of findings, and knows
//! nothing of any single rule. Reads nothing, remembers nothing.

mod consumer_states;
mod rules;
mod side_socket;

use consumer_states::state_finding;
use rules::{CONSUMER_RULES, RING_RULES, RuleContext};

use crate::observe::model::{Finding, RingSnapshot, Thresholds};

/// What is wrong with a ring and what follows from it, worst first.
#[must_use]
pub fn findings(ring: &RingSnapshot, thresholds: &Thresholds) -> Vec<Finding> {
    let context = RuleContext { ring, thresholds };
    let consumers = &ring.consumers;
    let of_ring = RING_RULES
        .iter()
        .filter_map(|rule| rule.finding(ring, &context));
    let of_consumers = consumers.iter().flat_map(|one| {
        let rules = CONSUMER_RULES.iter();
        rules.filter_map(|rule| rule.finding(one, &context))
    });
    let of_states = consumers
        .iter()
        .filter_map(|one| state_finding(one, ring, &thresholds.max_lag));
    let mut findings: Vec<Finding> = of_ring.chain(of_consumers).chain(of_states).collect();
    // Stable: of those that are equally bad, what is wrong with the whole ring comes first.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

#[cfg(test)]
mod tests;
