//! What a machine, a user and a terminal allow: one answer a question.

use serde::Serialize;

use super::snapshot::SCHEMA_VERSION;

/// How the answer to a question is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DoctorStatus {
    /// Nothing is missing.
    Ok,
    /// Something that zbqtop could use is not there, or not permitted.
    Missing,
    /// Something is wrong.
    Broken,
    /// It cannot be told.
    Unknown,
}

impl DoctorStatus {
    /// As JSON has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Broken => "broken",
            Self::Unknown => "unknown",
        }
    }
}

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DoctorCheck {
    /// What was asked: a stable name for scripts.
    pub check: &'static str,
    /// How the answer is.
    pub status: DoctorStatus,
    /// What was found, unescaped.
    pub found: String,
    /// What follows for zbqtop; null when nothing does.
    pub consequence: Option<String>,
    /// What would help; null when nothing need or can be done.
    pub remedy: Option<String>,
}

impl DoctorCheck {
    fn new(check: &'static str, status: DoctorStatus, found: impl Into<String>) -> Self {
        Self {
            check,
            status,
            found: found.into(),
            consequence: None,
            remedy: None,
        }
    }

    /// Nothing is missing.
    #[must_use]
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, DoctorStatus::Ok, found)
    }

    /// Something is not there, or not permitted.
    #[must_use]
    pub fn missing(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, DoctorStatus::Missing, found)
    }

    /// Something is wrong.
    #[must_use]
    pub fn broken(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, DoctorStatus::Broken, found)
    }

    /// It cannot be told.
    #[must_use]
    pub fn unknown(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, DoctorStatus::Unknown, found)
    }

    /// The same, with what follows.
    #[must_use]
    pub fn so(self, consequence: impl Into<String>) -> Self {
        Self {
            consequence: Some(consequence.into()),
            ..self
        }
    }

    /// The same, with what would help, if something would.
    #[must_use]
    pub fn with_remedy(self, remedy: impl Into<Option<String>>) -> Self {
        Self {
            remedy: remedy.into(),
            ..self
        }
    }
}

/// All questions and their answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DoctorReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the program that wrote it.
    pub zbqtop_version: &'static str,
    /// The answers, in the order of the questions.
    pub checks: Vec<DoctorCheck>,
}

impl DoctorReport {
    /// The report of these answers.
    #[must_use]
    pub fn new(checks: Vec<DoctorCheck>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            zbqtop_version: env!("CARGO_PKG_VERSION"),
            checks,
        }
    }

    /// How many answers have that status.
    #[must_use]
    pub fn count(&self, status: DoctorStatus) -> usize {
        let has = |check: &&DoctorCheck| check.status == status;
        self.checks.iter().filter(has).count()
    }

    /// The exit status: 2 when something is broken, 1 when something is missing, else 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self.count(DoctorStatus::Broken) > 0 {
            2
        } else {
            u8::from(self.count(DoctorStatus::Missing) > 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_answer_decides_and_unknown_is_no_failure() {
        let (ok, missing) = (DoctorCheck::ok, DoctorCheck::missing);
        let (broken, unknown) = (DoctorCheck::broken, DoctorCheck::unknown);
        for (checks, expected) in [
            (vec![], 0),
            (vec![ok("a", ""), unknown("b", "")], 0),
            (vec![missing("a", ""), ok("b", "")], 1),
            (vec![broken("a", ""), missing("b", "")], 2),
            (vec![unknown("a", ""), broken("b", "")], 2),
        ] {
            let report = DoctorReport::new(checks);
            assert_eq!(report.exit_code(), expected, "{report:?}");
        }
    }
}
