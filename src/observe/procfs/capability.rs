//! Capabilities: their bits and their names (`include/uapi/linux/capability.h`).

/// Bit of CAP_DAC_READ_SEARCH: lets a directory of another user's be listed.
pub const DAC_READ_SEARCH: u64 = 1 << 2;

/// That, and the bit of CAP_DAC_OVERRIDE, which lets it be listed, too.
pub const DAC_READ: u64 = DAC_READ_SEARCH | 1 << 1;

/// Bit of CAP_SYS_PTRACE: lets any process of our user namespace be looked into.
pub const SYS_PTRACE: u64 = 1 << 19;

/// Bit of CAP_SYS_ADMIN: lets `/proc/PID/map_files` be opened, and other network namespaces be entered.
pub const SYS_ADMIN: u64 = 1 << 21;

/// Bit of CAP_CHECKPOINT_RESTORE: lets `/proc/PID/map_files` be opened, too.
pub const CHECKPOINT_RESTORE: u64 = 1 << 40;

/// Capabilities by bit (`include/uapi/linux/capability.h`).
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// The names of a set of capabilities, or how many there are when they are more than can be read at a glance.
pub(super) fn names(set: u64) -> String {
    /// More than that is everything, as root has it.
    const FEW: u32 = 6;
    if set.count_ones() > FEW {
        return format!("{} of them (CapPrm {set:016x})", set.count_ones());
    }
    let of = |bit: u32| {
        CAPABILITIES
            .get(bit as usize)
            .map_or_else(|| format!("number {bit}"), |name| format!("CAP_{name}"))
    };
    let held = (0..u64::BITS).filter(|bit| set & (1 << bit) != 0);
    held.map(of).collect::<Vec<_>>().join(", ")
}
