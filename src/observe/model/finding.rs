//! What is wrong with a ring, how bad it is, and what that makes of the ring: one word, the same wherever it is said.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Something wrong, or worth knowing, and what follows from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Stable name for scripts, kebab-case.
    pub code: Cow<'static, str>,
    /// How bad it is.
    pub severity: Severity,
    /// In words.
    pub message: String,
    /// The slot it is about.
    pub slot: Option<u32>,
    /// The process it is about.
    pub pid: Option<i32>,
}

/// How bad a finding is; the worst sorts last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Will hurt if it goes on.
    Warning,
    /// Hurts now.
    Critical,
}

impl Severity {
    /// The word for it, as in the JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// How a ring is; the worst sorts last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Unknown, Self::Warning, Self::Critical];

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
