//! Who we are, who the producers are, and whether they let themselves be looked into.

use super::subject::Subject;
use crate::observe::model::DoctorCheck;
use crate::observe::procfs::{Cause, Credentials, is_dumpable};

/// Our uid and gid against the producers'.
pub(super) fn uid(subject: &Subject, us: Option<&Credentials>) -> DoctorCheck {
    const NAME: &str = "uid";
    if let Some((first, words)) = subject.refused_for(&[Cause::Uid, Cause::Gid]) {
        return DoctorCheck::missing(NAME, words)
            .so(subject.consequence())
            .with_remedy(first.why.refusal.remedy.clone());
    }
    let Some(us) = us else {
        return DoctorCheck::unknown(NAME, "our own uid cannot be read from /proc/self/status");
    };
    let ours = us.euid();
    let producers = subject.seen.iter();
    let producers = producers.filter_map(|seen| Some(Credentials::of(&seen.process)?.euid()));
    let mut uids: Vec<u32> = producers.collect();
    uids.sort_unstable();
    uids.dedup();
    let found = match (&uids[..], subject.is_named()) {
        ([], _) => format!("we are uid {ours}; there is no producer to compare with"),
        ([only], true) if *only == ours => format!("we are uid {ours}, like the producer"),
        ([only], false) if *only == ours => format!("we are uid {ours}, like every producer"),
        ([other, ..], true) => {
            format!("we are uid {ours}, the producer is uid {other}, and we may look into it")
        }
        (others, false) => {
            let others: Vec<String> = others.iter().map(u32::to_string).collect();
            let others = crate::text::few(&others, ", ");
            format!("we are uid {ours}, producers are uid {others}, and we may look into them")
        }
    };
    DoctorCheck::ok(NAME, found)
}

/// Whether the producers are dumpable.
pub(super) fn dumpable(subject: &Subject) -> DoctorCheck {
    const NAME: &str = "dumpable";
    if let Some((first, words)) = subject.refused_for(&[Cause::NotDumpable]) {
        return DoctorCheck::missing(NAME, words)
            .so(subject.consequence())
            .with_remedy(first.why.refusal.remedy.clone());
    }
    let seen = subject.seen.iter().map(|seen| &seen.process);
    let refused = subject.refused.iter();
    let refused = refused.filter_map(|refused| refused.process.as_ref());
    let asked = seen.chain(refused);
    let asked: Vec<(Option<bool>, i32)> = asked
        .map(|process| (is_dumpable(process), process.pid()))
        .collect();
    let first = |wanted| asked.iter().find(|(is, _)| *is == wanted);
    if let Some((_, pid)) = first(Some(false)) {
        let found = format!("pid {pid} is not dumpable; that is not what keeps us out");
        return DoctorCheck::ok(NAME, found);
    }
    match (first(None), subject.refused.is_empty()) {
        _ if asked.is_empty() => DoctorCheck::ok(NAME, "there is no producer to check"),
        (Some(_), true) => DoctorCheck::ok(
            NAME,
            "not visible for processes of uid 0; we may inspect them all the same",
        ),
        (Some(_), false) => DoctorCheck::unknown(NAME, "not visible for processes of uid 0"),
        (None, _) if subject.is_named() => DoctorCheck::ok(NAME, "the producer is dumpable"),
        (None, _) => DoctorCheck::ok(NAME, "every process that was checked is dumpable"),
    }
}
