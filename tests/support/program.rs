//! The real binary, run to its end, and what it said.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::eventually;

/// The program under test, without the settings of whoever runs the tests.
pub(crate) fn zbqtop() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zbqtop"));
    command.stdin(Stdio::null());
    command.env("XDG_CONFIG_HOME", "/dev/null");
    for name in ["CONFIG", "THEME", "COLOR"] {
        command.env_remove(format!("ZBQTOP_{name}"));
    }
    command
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    zbqtop().args(arguments).output().expect("zbqtop starts")
}

/// Runs it and expects success; returns what it printed.
pub(crate) fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        stderr(&output)
    );
    String::from_utf8(output.stdout).expect("it prints text")
}

/// What it complained of.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The one ring of a JSON snapshot of process `pid`, without rates.
pub(crate) fn ring(pid: u32) -> Value {
    ring_by(&["--pid", &pid.to_string()])
}

/// As [`ring`], however the ring is named.
pub(crate) fn ring_by(target: &[&str]) -> Value {
    let mut arguments = vec!["--json", "--interval", "0"];
    arguments.extend(target);
    let mut report: Value = serde_json::from_str(&stdout(&arguments)).expect("it prints JSON");
    report["rings"][0].take()
}

/// A snapshot of process `pid` that is as `wanted`, once it is.
pub(crate) fn ring_when(what: &str, pid: u32, wanted: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || Some(ring(pid)).filter(&wanted))
}

/// A copy of a binary that every user may run.
pub(crate) fn public_copy(place: &Path, binary: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let copy = place.join(binary.file_name().expect("a file"));
    // By a process of its own: a child that another test starts meanwhile would hold the file open for writing for a
    // moment, and what is written to cannot be run.
    let copied = Command::new("cp").arg(binary).arg(&copy).status();
    assert!(
        copied.is_ok_and(|status| status.success()),
        "room for a copy"
    );
    for path in [place, &copy] {
        let all = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, all).expect("our own file");
    }
    copy
}

/// Whether `program` can do what a test needs; if not, it is said.
pub(crate) fn can(program: &str, arguments: &[&str]) -> bool {
    let done = Command::new(program).args(arguments).arg("true").output();
    let can =
        rustix::process::geteuid().is_root() && done.is_ok_and(|output| output.status.success());
    if !can {
        let _ = writeln!(
            std::io::stderr(),
            "not tried: `{program} {}` is refused, or we are not root",
            arguments.join(" ")
        );
    }
    can
}

/// Whether a program is installed; if it has to be, it is.
pub(crate) fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output();
    let found = found.is_ok_and(|output| output.status.success());
    let required = std::env::var_os("ZBQTOP_REQUIRE_PEERS").is_some();
    assert!(found || !required, "{program} is not installed");
    if !found {
        let _ = writeln!(std::io::stderr(), "not tried: {program} is not installed");
    }
    found
}
