//! One verdict over rings: what was observed against limits, as OK, WARNING, CRITICAL or UNKNOWN with the reasons.

mod figures;
mod limits;
mod measure;
mod measured;
mod table;
mod verdict;

pub use limits::Limits;
pub use measure::{Figure, Measure, Observed, Status};
pub use verdict::{Reason, RingVerdict, Verdict, is_undecided, judge, judge_all};
