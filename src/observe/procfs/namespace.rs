//! Namespaces of processes against ours (`namespaces(7)`). What follows of a difference, it does not know.

use super::process::{Process, has_vanished};

/// A kind of namespace in which rings and what leads to them are seen, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// Users and capabilities.
    User,
    /// Process numbers.
    Pid,
    /// Mounts, and with them paths.
    Mount,
    /// Sockets.
    Network,
    /// Clocks.
    Time,
}

impl Namespace {
    /// The link below `/proc/PID` that stands for it.
    fn link(self) -> &'static str {
        match self {
            Self::User => "ns/user",
            Self::Pid => "ns/pid",
            Self::Mount => "ns/mnt",
            Self::Network => "ns/net",
            Self::Time => "ns/time",
        }
    }

    /// Whether `process` is in the same as we are; `None` when that may not be seen.
    #[must_use]
    pub fn is_shared_with(self, process: &Process) -> Option<bool> {
        let ours = Process::ourselves().ok()?.read_link(self.link());
        let theirs = process.read_link(self.link());
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => Some(ours == theirs),
            // A kernel without such namespaces has one for all.
            (Err(ours), Err(theirs)) if has_vanished(&ours) && has_vanished(&theirs) => Some(true),
            _ => None,
        }
    }
}

/// Whether our user namespace is the first one, where a capability counts everywhere; `None` when that cannot be seen.
#[must_use]
pub fn is_first_user_namespace() -> Option<bool> {
    Some(maps_all(
        &std::fs::read_to_string("/proc/self/uid_map").ok()?,
    ))
}

/// Whether a `uid_map` maps every uid to itself, as that of the first namespace does.
fn maps_all(uid_map: &str) -> bool {
    let numbers: Vec<&str> = uid_map.split_whitespace().collect();
    numbers == ["0", "0", "4294967295"]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_share_every_namespace_with_ourselves() {
        let ours = Process::ourselves().expect("we exist");
        for kind in [
            Namespace::User,
            Namespace::Pid,
            Namespace::Mount,
            Namespace::Network,
            Namespace::Time,
        ] {
            assert_eq!(kind.is_shared_with(&ours), Some(true), "{kind:?}");
        }
    }

    #[test]
    fn the_first_user_namespace_maps_all() {
        assert!(maps_all("         0          0 4294967295\n"));
        for other in ["", "0 1000 1\n", "0 0 1\n", "0 0 4294967295\n5 5 5\n"] {
            assert!(!maps_all(other), "{other}");
        }
    }
}
