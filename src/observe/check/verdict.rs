//! One verdict over rings: what was observed against limits, as OK, WARNING, CRITICAL or UNKNOWN with the reasons.
//!
//! A pure function ([`judge`]) over plain data. What cannot be known is never OK: where a limit is set on a figure that
//! is unknown, the verdict is UNKNOWN, unless what is certain of the figure decides. Knows nothing of plugins' lines.

use std::borrow::Cow;

use serde::Serialize;

use super::limits::Limits;
use super::measure::{Figure, Measure, Observed, Status};
use super::measured::{Measured, measure_all};
use crate::observe::model::{Limitation, RingState, SCHEMA_VERSION, Severity};
use crate::text::{bytes_per_second, counted, escape};

/// Why a verdict is not OK.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reason {
    /// Stable name for scripts, kebab-case: a finding's, or a limit's.
    pub code: Cow<'static, str>,
    /// What it makes of the verdict.
    pub severity: Status,
    /// In words.
    pub message: String,
    /// The ring it is about; null when it is about none that could be read.
    pub ring: Option<String>,
    /// The slot it is about.
    pub slot: Option<u32>,
    /// The process it is about.
    pub pid: Option<i32>,
    /// The figure that is past its limit, or unknown; null for a finding.
    pub figure: Option<Figure>,
}

/// The verdict on one ring.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RingVerdict {
    /// `<producer pid>/<ctrl fd>`.
    pub id: String,
    /// Pid of the producer as the watcher sees it.
    pub pid: i32,
    /// The producer's process name, unescaped.
    pub command: Option<String>,
    /// What it is called where its id will not do, as that changes whenever its producer starts anew: the socket that it is
    /// joined through, unescaped, if there is just one, else the producer's name.
    pub label: String,
    /// How it is.
    pub status: Status,
    /// Every figure, limited or not.
    pub figures: Vec<Figure>,
}

/// The verdict on all rings that were asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Verdict {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the program that wrote it.
    pub zbqtop_version: &'static str,
    /// The worst of all reasons.
    pub status: Status,
    /// In words: one line, names in it escaped.
    pub message: String,
    /// What `message` is made of, worst first: what it begins with, and then what stands for itself.
    #[serde(skip)]
    pub parts: (String, Vec<String>),
    /// Why, worst first; empty when all is well.
    pub reasons: Vec<Reason>,
    /// The rings.
    pub rings: Vec<RingVerdict>,
}

impl Verdict {
    /// Nothing could be looked at.
    #[must_use]
    pub fn unknown(code: &'static str, message: &str) -> Self {
        // Some errors list what there is to choose from, a line each.
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let message = escape(&message).into_owned();
        let reasons = vec![unread(code, message.clone())];
        Self::of(String::new(), vec![message], reasons, Vec::new())
    }

    fn of(
        begin: String,
        parts: Vec<String>,
        mut reasons: Vec<Reason>,
        rings: Vec<RingVerdict>,
    ) -> Self {
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.severity));
        Self {
            schema_version: SCHEMA_VERSION,
            zbqtop_version: env!("CARGO_PKG_VERSION"),
            status: worst(&reasons),
            message: format!("{begin}{}", parts.join("; ")),
            parts: (begin, parts),
            reasons,
            rings,
        }
    }
}

/// Judges one ring that was asked for.
#[must_use]
pub fn judge(seen: &Observed, limits: &Limits) -> Verdict {
    let (ring, reasons) = one(seen, limits);
    let parts = if reasons.is_empty() {
        vec![summary(seen, limits)]
    } else {
        said_of(&reasons)
    };
    Verdict::of(format!("{}: ", name(&ring)), parts, reasons, vec![ring])
}

/// Whether a time is unknown, as it reaches back to before the first look, and decides.
#[must_use]
pub fn is_undecided(seen: &Observed, limits: &Limits) -> bool {
    measure_all(seen, limits).iter().any(|measured| {
        let figure = measured.figure();
        matches!(figure.name, Measure::LagTimeNs | Measure::IdleNs)
            && figure.at_most.is_none()
            && measured.status() == Some(Status::Unknown)
    })
}

/// Judges every ring of the machine. `broken` are the rings that could not be read, `hidden` the processes that could
/// not be asked whether they hold any.
#[must_use]
pub fn judge_all(
    all: &[Observed],
    broken: &[String],
    hidden: &[Limitation],
    limits: &Limits,
) -> Verdict {
    let hidden: Vec<String> = hidden
        .iter()
        .map(|limit| format!("{} not seen: {}", limit.what, limit.reason()))
        .collect();
    if all.is_empty() && broken.is_empty() {
        let words: Vec<String> = std::iter::once("no zbq ring found".into())
            .chain(hidden)
            .collect();
        return Verdict::unknown("no-ring", &words.join("; "));
    }
    let (mut said, mut reasons, mut rings) = (Vec::new(), Vec::new(), Vec::new());
    for seen in all {
        let (ring, own) = one(seen, limits);
        let what = if own.is_empty() {
            format!("{} OK", name(&ring))
        } else {
            let why = said_of(&own).join("; ");
            format!("{} {}: {why}", name(&ring), ring.status.word())
        };
        said.push((ring.status, what));
        reasons.extend(own);
        rings.push(ring);
    }
    for broken in broken {
        let reason = unread("ring-unreadable", escape(broken).into_owned());
        said.push((
            reason.severity,
            format!("a ring cannot be read: {}", reason.message),
        ));
        reasons.push(reason);
    }
    said.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
    let said = said.into_iter().map(|(_, said)| said).chain(hidden);
    let many = counted(rings.len() as u64, "ring");
    // The worst first here, too: what is left out where there is no room is what is best.
    rings.sort_by_key(|ring: &RingVerdict| std::cmp::Reverse(ring.status));
    Verdict::of(format!("{many}: "), said.collect(), reasons, rings)
}

/// The verdict on one ring, and its reasons, worst first.
fn one(seen: &Observed, limits: &Limits) -> (RingVerdict, Vec<Reason>) {
    let ring = &seen.ring;
    let mut reasons: Vec<Reason> = ring
        .findings
        .iter()
        .filter_map(|finding| {
            let severity = match finding.severity {
                Severity::Info => return None,
                Severity::Warning => Status::Warning,
                Severity::Critical => Status::Critical,
            };
            Some(Reason {
                code: finding.code.clone(),
                severity,
                message: finding.message.clone(),
                ring: Some(ring.id.clone()),
                slot: finding.slot,
                pid: finding.pid,
                figure: None,
            })
        })
        .collect();
    let mut told = Vec::new();
    for measured in measure_all(seen, limits) {
        let figure = measured.figure();
        told.push(figure);
        if let Some(severity) = measured.status() {
            reasons.push(Reason {
                code: measured.code().into(),
                severity,
                message: measured.words(severity),
                ring: Some(ring.id.clone()),
                slot: measured.of().and_then(|consumer| consumer.slot),
                pid: measured.of().and_then(|consumer| consumer.pid),
                figure: Some(figure),
            });
        }
    }
    if reasons.is_empty() && ring.control.head().is_none() {
        // As of a capture, which has messages and nothing else.
        reasons.push(Reason {
            ring: Some(ring.id.clone()),
            ..unread("ring-unknown", ring.reason.clone())
        });
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.severity));
    let verdict = RingVerdict {
        id: ring.id.clone(),
        pid: ring.producer.pid,
        command: ring.producer.command.clone(),
        label: match (ring.producer.sockets.as_deref(), &ring.producer.command) {
            (Some([socket]), _) => socket.clone(),
            (_, Some(command)) => command.clone(),
            (_, None) => ring.id.clone(),
        },
        status: worst(&reasons),
        figures: told,
    };
    (verdict, reasons)
}

/// What is well, in one line.
fn summary(seen: &Observed, limits: &Limits) -> String {
    let ring = &seen.ring;
    let mut parts = vec![match ring.rate.bytes_per_second {
        Some(rate) if ring.state == RingState::Flowing => {
            format!("{} at {}", ring.state.word(), bytes_per_second(rate))
        }
        _ => ring.state.word().to_owned(),
    }];
    let all = measure_all(seen, limits);
    let told = all.iter().filter(|measured| measured.is_told());
    parts.extend(told.map(Measured::show));
    parts.join(", ")
}

/// Why, in one line. Nagios' own transports cut lines at a kilobyte, so the rest is counted.
fn said_of(reasons: &[Reason]) -> Vec<String> {
    const MOST: usize = 4;
    let mut said: Vec<String> = reasons
        .iter()
        .take(MOST)
        .map(|reason| reason.message.clone())
        .collect();
    if let Some(more) = reasons.len().checked_sub(MOST).filter(|more| *more > 0) {
        said.push(format!("and {more} more"));
    }
    said
}

fn name(ring: &RingVerdict) -> String {
    let command = ring.command.as_deref().map_or("?".into(), escape);
    format!("{command} ring {}", ring.id)
}

fn unread(code: &'static str, message: String) -> Reason {
    Reason {
        code: code.into(),
        severity: Status::Unknown,
        message,
        ring: None,
        slot: None,
        pid: None,
        figure: None,
    }
}

fn worst(reasons: &[Reason]) -> Status {
    let severities = reasons.iter().map(|reason| reason.severity);
    severities.max().unwrap_or(Status::Ok)
}

#[cfg(test)]
mod tests;
