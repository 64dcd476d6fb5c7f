//! Our namespaces against the producers', or, where there is none, against those of pid 1.

use super::subject::Subject;
use crate::observe::model::DoctorCheck;
use crate::observe::procfs::{
    Cause, Namespace, Process, Refusal, clock_ahead_ns, foreign_proc, is_first_user_namespace,
};
use crate::text::duration;

/// The answer for each kind.
pub(super) fn all(subject: &Subject) -> [DoctorCheck; 5] {
    let others = others(subject);
    let compare = |kind| Comparison::of(kind, &others, subject);
    [
        user(&compare(Namespace::User), subject),
        pid(&compare(Namespace::Pid)),
        mount(&compare(Namespace::Mount)),
        network(&compare(Namespace::Network)),
        time(&compare(Namespace::Time)),
    ]
}

/// Whom we compare ourselves with.
fn others(subject: &Subject) -> Vec<Process> {
    let seen = subject.seen.iter().map(|seen| &seen.process);
    let refused = subject.refused.iter().filter(|_| subject.is_named());
    let refused = refused.filter_map(|refused| refused.process.as_ref());
    let others: Vec<Process> = seen.chain(refused).cloned().collect();
    if others.is_empty() {
        return Process::open(1).into_iter().collect();
    }
    others
}

/// How our namespace of a kind relates to that of others.
struct Comparison<'a> {
    /// What it is called in words.
    found: String,
    /// The first process that is in another one.
    other: Option<&'a Process>,
    /// Whether all could be compared.
    is_known: bool,
}

impl<'a> Comparison<'a> {
    fn of(kind: Namespace, others: &'a [Process], subject: &Subject) -> Self {
        let shares = |process: &&Process| kind.is_shared_with(process);
        let other = others.iter().find(|process| shares(process) == Some(false));
        let unseen = others.iter().find(|process| shares(process).is_none());
        let found = match (other, unseen) {
            (Some(process), _) => format!("differs from that of pid {}", process.pid()),
            (None, Some(process)) => format!("that of pid {} may not be seen", process.pid()),
            (None, None) if others.is_empty() => "no process to compare with".into(),
            (None, None) if subject.seen.is_empty() && subject.refused.is_empty() => {
                "same as that of pid 1".into()
            }
            (None, None) if others.len() == 1 => format!("same as that of pid {}", others[0].pid()),
            (None, None) => "same as that of every producer".into(),
        };
        Self {
            found,
            other,
            is_known: unseen.is_none() && !others.is_empty(),
        }
    }

    /// The answer where nothing hangs on a difference.
    fn plain(&self, name: &'static str) -> DoctorCheck {
        if self.is_known || self.other.is_some() {
            DoctorCheck::ok(name, &self.found)
        } else {
            DoctorCheck::unknown(name, &self.found)
        }
    }
}

/// How to run in a namespace of `process`.
fn enter(process: &Process, option: &str) -> String {
    let pid = process.pid();
    format!("run zbqtop there (nsenter --target {pid} {option})")
}

fn user(compared: &Comparison<'_>, subject: &Subject) -> DoctorCheck {
    const NAME: &str = "user_namespace";
    let is_first = is_first_user_namespace();
    let refused = subject.refused_for(&[Cause::NamespaceOrModule]);
    if let Some((_, words)) = refused.filter(|_| is_first == Some(false)) {
        return DoctorCheck::missing(NAME, words)
            .so("capabilities that we hold in our user namespace do not count outside of it")
            .with_remedy("run zbqtop as root outside of this user namespace".to_owned());
    }
    match (is_first, compared.other.is_some() || compared.is_known) {
        (Some(true), false) => DoctorCheck::ok(NAME, "the first one, where capabilities count"),
        (Some(false), false) => {
            DoctorCheck::unknown(NAME, format!("zbqtop runs in its own; {}", compared.found))
        }
        _ => compared.plain(NAME),
    }
}

fn pid(compared: &Comparison<'_>) -> DoctorCheck {
    const NAME: &str = "pid_namespace";
    if let Some(Refusal { why, remedy }) = foreign_proc() {
        return DoctorCheck::missing(NAME, why)
            .so("/proc shows the pids of another pid namespace: no ring can be joined")
            .with_remedy(remedy);
    }
    match compared.other {
        Some(other) => DoctorCheck::missing(NAME, &compared.found)
            .so("its ring can be watched, but not joined: pids in it are those of its own namespace")
            .with_remedy(enter(other, "--pid")),
        None => compared.plain(NAME),
    }
}

fn mount(compared: &Comparison<'_>) -> DoctorCheck {
    let check = compared.plain("mount_namespace");
    match compared.other {
        Some(other) => check
            .so("paths of its sockets are valid in its own mount namespace only")
            .with_remedy(format!(
                "give a path as --socket /proc/{}/root/PATH",
                other.pid()
            )),
        None => check,
    }
}

fn network(compared: &Comparison<'_>) -> DoctorCheck {
    const NAME: &str = "network_namespace";
    match compared.other {
        Some(other) => DoctorCheck::missing(NAME, &compared.found)
            .so("descriptors in flight in side sockets are not counted, and abstract sockets (@name) are not found")
            .with_remedy(enter(other, "--net")),
        None => compared.plain(NAME),
    }
}

fn time(compared: &Comparison<'_>) -> DoctorCheck {
    const NAME: &str = "time_namespace";
    let Some(other) = compared.other else {
        return compared.plain(NAME);
    };
    let found = &compared.found;
    match clock_ahead_ns(other) {
        Some(ahead) => {
            let way = if ahead < 0 { "behind" } else { "ahead" };
            let by = duration(ahead.unsigned_abs());
            let found = format!("{found}, whose clock is {by} {way}; that is taken into account");
            DoctorCheck::ok(NAME, found)
        }
        None => DoctorCheck::missing(NAME, found)
            .so("times of progress of its consumers are unknown")
            .with_remedy(enter(other, "--time")),
    }
}
