//! What keeps something from us: the evidence, and what to try.

/// What hides a process, and what to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The evidence.
    pub why: String,
    /// What to try.
    pub remedy: Option<String>,
}

impl Refusal {
    pub(super) fn new(why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            remedy: Some(remedy.into()),
        }
    }
}
