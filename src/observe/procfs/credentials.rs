//! Who a process is to the kernel, by `/proc/PID/status`, which everyone may read. What follows, it does not know.

use super::process::{Process, field};

/// What the kernel compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Real, effective, saved and file system uid.
    pub(super) uids: [u32; 4],
    /// Gids in the same order.
    pub(super) gids: [u32; 4],
    /// Capabilities that it may take.
    pub(super) permitted: u64,
    /// Capabilities that count.
    pub(super) effective: u64,
}

impl Credentials {
    /// Our own; `None` when `/proc` does not tell.
    #[must_use]
    pub fn ours() -> Option<Self> {
        Self::parse(&std::fs::read("/proc/self/status").ok()?)
    }

    /// Those of `process`; `None` when it does not tell.
    #[must_use]
    pub fn of(process: &Process) -> Option<Self> {
        Self::parse(&process.text("status").ok()?)
    }

    /// Effective uid.
    #[must_use]
    pub fn euid(&self) -> u32 {
        self.uids[1]
    }

    /// Whether one of the capabilities in `set` is in effect.
    #[must_use]
    pub fn has(&self, set: u64) -> bool {
        self.effective & set != 0
    }

    /// From the text of `/proc/PID/status`.
    pub(super) fn parse(status: &[u8]) -> Option<Self> {
        let ids = |name| -> Option<[u32; 4]> {
            let ids = field(status, name)?.split_whitespace();
            let ids: Vec<u32> = ids.map(str::parse).collect::<Result<_, _>>().ok()?;
            ids.try_into().ok()
        };
        let capabilities = |name| u64::from_str_radix(field(status, name)?, 16).ok();
        Some(Self {
            uids: ids("Uid:")?,
            gids: ids("Gid:")?,
            permitted: capabilities("CapPrm:")?,
            effective: capabilities("CapEff:")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_credentials_are_read() {
        let status = std::fs::read("/proc/self/status").expect("we exist");
        let us = Credentials::parse(&status).expect("the kernel's own text");
        assert_eq!(us.uids[1], rustix::process::geteuid().as_raw());
        assert_eq!(us.gids[1], rustix::process::getegid().as_raw());
        assert_eq!(us.effective & !us.permitted, 0);
    }
}
