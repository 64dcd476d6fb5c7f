//! What the threads of a process wait on, by their `syscall` files.

use std::io;
use std::mem::MaybeUninit;

use rustix::fs::{OFlags, RawDir};

use crate::observe::model::FutexWait;
use crate::observe::procfs::Process;

/// What the threads of a process wait on.
#[derive(Debug, Default)]
pub(super) struct Asleep {
    /// Address of the futex, and how.
    pub(super) futexes: Vec<(u64, FutexWait)>,
    pub(super) asked: usize,
    /// There are threads that were not asked.
    pub(super) more: bool,
}

impl Asleep {
    /// Asks up to `most` threads of `process`.
    ///
    /// # Errors
    /// `PermissionDenied`, and whatever keeps all of them from being asked.
    pub(super) fn of(process: &Process, most: usize) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = process.open_at("task", flags)?;
        let mut entries = [MaybeUninit::uninit(); 4096];
        let mut entries = RawDir::new(&dir, &mut entries);
        let (mut asleep, mut failure) = (Self::default(), None);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let Some(thread) = entry.file_name().to_str().ok().filter(|name| is_id(name)) else {
                continue;
            };
            if asleep.asked == most {
                asleep.more = true;
                break;
            }
            asleep.asked += 1;
            match process.text(&format!("task/{thread}/syscall")) {
                Ok(line) => {
                    failure = None;
                    asleep.futexes.extend(futex_wait(&line));
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
                // One that has ended meanwhile is no error, unless none is left.
                Err(error) if asleep.asked == 1 => failure = Some(error),
                Err(_) => {}
            }
        }
        failure.map_or(Ok(asleep), Err)
    }
}

fn is_id(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

/// The address a thread waits on, by its `syscall` file: `202 0x7f… 0x0 0x5 0x0 0x0 0x0 <sp> <pc>`, number and arguments;
/// or `running`, or `-1 <sp> <pc>` when it is not in a system call.
pub(super) fn futex_wait(line: &[u8]) -> Option<(u64, FutexWait)> {
    // include/uapi/linux/futex.h: FUTEX_WAIT, FUTEX_WAIT_BITSET; FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME.
    const WAIT: u32 = 0;
    const WAIT_BITSET: u32 = 9;
    const FLAGS: u32 = 128 | 256;
    let mut words = std::str::from_utf8(line).ok()?.split_whitespace();
    if words.next()?.parse::<i64>().ok()? != libc::SYS_futex {
        return None;
    }
    let mut argument = || u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok();
    let [address, operation, _value, timeout] =
        [argument()?, argument()?, argument()?, argument()?];
    // The kernel takes an int: what the register holds above is nobody's.
    let command = u32::try_from(operation & u64::from(u32::MAX)).ok()? & !FLAGS;
    let wait = if timeout == 0 {
        FutexWait::Endless
    } else {
        FutexWait::Timed
    };
    matches!(command, WAIT | WAIT_BITSET).then_some((address, wait))
}

#[cfg(test)]
mod tests;
