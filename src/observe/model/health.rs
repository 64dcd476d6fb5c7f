//! How a ring is, in one word: from its findings, and the same wherever it is said.

use serde::Serialize;

use super::snapshot::{Finding, Severity};

/// How a ring is; the worst sorts last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Health {
    /// Nothing is wrong.
    Ok,
    /// Nothing is known to be wrong, but consumers are hidden.
    Unknown,
    /// Something will hurt if it goes on.
    Warning,
    /// Something hurts now.
    Critical,
}

impl Health {
    /// By what is wrong; `hidden` is whether consumers may be there that are not seen.
    #[must_use]
    pub fn of(findings: &[Finding], hidden: bool) -> Self {
        let worst = findings.iter().map(|finding| finding.severity).max();
        match worst {
            Some(Severity::Critical) => Self::Critical,
            Some(Severity::Warning) => Self::Warning,
            Some(Severity::Info) | None if hidden => Self::Unknown,
            Some(Severity::Info) | None => Self::Ok,
        }
    }

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
