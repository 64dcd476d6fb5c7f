//! `doctor`, line by line: each with a real process, terminal or file in the state that the line is about.

mod namespaces;
mod surroundings;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::program::{can, public_copy, stderr, zbqtop};
use crate::support::{Peer, Place, example};

const PRODUCE: &str = "produce --impl reference --hold --consumers 0 --socket";
const NOBODY: &str = "--reuid=65534 --regid=65534 --clear-groups";
const OTHER: &str = "--reuid=65533 --regid=65533 --clear-groups";

/// What `doctor --json` said, and its exit status.
struct Answers {
    code: Option<i32>,
    report: Value,
}

impl Answers {
    fn of(output: &Output) -> Self {
        let said = String::from_utf8_lossy(&output.stdout);
        let report = serde_json::from_str(&said);
        Self {
            code: output.status.code(),
            report: report.unwrap_or_else(|why| panic!("{why}: {said}{}", stderr(output))),
        }
    }

    fn check(&self, name: &str) -> &Value {
        let checks = self.report["checks"].as_array().expect("an array");
        let found = checks.iter().find(|check| check["check"] == name);
        found.unwrap_or_else(|| panic!("no {name}: {:#}", self.report))
    }

    /// Expects an answer of that status whose text has all `words`.
    #[track_caller]
    fn is(&self, name: &str, status: &str, words: &[&str]) {
        let check = self.check(name);
        assert_eq!(check["status"], status, "{:#}", self.report);
        for word in words {
            assert!(check.to_string().contains(word), "no {word}: {check:#}");
        }
        let bad = matches!(status, "missing" | "broken");
        assert!(!bad || check["consequence"].is_string(), "{check:#}");
        assert!(!bad || self.code >= Some(1), "{:?}", self.code);
    }
}

/// The program in an environment that is known.
fn in_known_environment(mut command: Command) -> Command {
    for name in ["TMUX", "LC_ALL", "LC_CTYPE", "NO_COLOR", "COLORTERM"] {
        command.env_remove(name);
    }
    for name in ["CONFIG", "THEME", "COLOR"] {
        command.env_remove(format!("ZBQTOP_{name}"));
    }
    command.env("LANG", "C.UTF-8").env("TERM", "xterm-256color");
    command.env("XDG_CONFIG_HOME", "/dev/null");
    command
}

fn ours() -> Command {
    let mut command = in_known_environment(zbqtop());
    command.arg("doctor");
    command
}

fn ask(command: &mut Command, arguments: &[&str]) -> Answers {
    let output = command.arg("--json").args(arguments).output();
    Answers::of(&output.expect("it starts"))
}

/// Runs `doctor` through another program: `setpriv`, `unshare` with what it takes.
fn ask_through(through: &str, program: &Path, arguments: &[&str]) -> Answers {
    let mut words = through.split(' ');
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words).arg(program).arg("doctor");
    ask(&mut in_known_environment(command), arguments)
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("our own file");
}

/// A producer that is started through another program, which becomes it.
struct Producer {
    place: Place,
    peer: Peer,
    zbqtop: PathBuf,
}

impl Producer {
    fn through(through: &str, readable: bool) -> Self {
        let place = Place::new();
        let [zbqtop, peer] = [
            public_copy(place.path(), env!("CARGO_BIN_EXE_zbqtop").as_ref()),
            public_copy(place.path(), &example("peer")),
        ];
        mode(&peer, if readable { 0o755 } else { 0o711 });
        mode(place.path(), 0o777);
        let mut words = through.split(' ');
        let mut command = Command::new(words.next().expect("a program"));
        command
            .args(words)
            // By way of a shell: setpriv itself could still read what its user may not.
            .args(["sh", "-c", "exec \"$@\"", "sh"])
            .arg(peer)
            .args(PRODUCE.split(' '))
            .arg(place.socket());
        let mut peer = Peer::spawn(&mut command);
        peer.expect("ready");
        Self {
            peer: peer.settled(),
            zbqtop,
            place,
        }
    }

    fn pid(&self) -> String {
        self.peer.pid().to_string()
    }

    fn socket(&self) -> String {
        self.place.socket().display().to_string()
    }

    /// Asks about it by pid.
    fn ask(&self, through: &str) -> Answers {
        ask_through(through, &self.zbqtop, &["--pid", &self.pid()])
    }
}

#[test]
fn all_is_well_with_a_producer_of_our_own() {
    if !can("setpriv", &["--no-new-privs"]) {
        return;
    }
    let place = Place::new();
    let producer = Peer::producer(&place.socket(), "--impl reference --hold --consumers 0");
    let producer = producer.settled();
    let pid = producer.pid().to_string();
    let socket = place.socket().display().to_string();
    for target in [["--pid", &pid], ["--socket", &socket]] {
        let answers = ask(&mut ours(), &target);
        assert_eq!(answers.code, Some(0), "{:#}", answers.report);
        answers.is("target", "ok", &[&format!("pid {pid} (peer)")]);
        answers.is("uid", "ok", &["like the producer"]);
        answers.is("map_files", "ok", &[]);
        answers.is("hidepid", "ok", &[]);
        answers.is("settings", "ok", &[]);
        answers.is("tick_rate", "ok", &["Hz"]);
        answers.is("versions", "ok", &[env!("CARGO_PKG_VERSION"), "Linux "]);
        for kind in ["user", "pid", "mount", "network", "time"] {
            answers.is(&format!("{kind}_namespace"), "ok", &[&pid]);
        }
        assert_eq!(answers.report["schema_version"], 2);
        assert_eq!(answers.report["zbqtop_version"], env!("CARGO_PKG_VERSION"));
    }
    // Without a target there are more processes, and perhaps some that may not be asked.
    let answers = ask(&mut ours(), &[]);
    let found = answers.check("rings")["found"].to_string();
    assert!(found.contains(" found"), "{found}");
}

#[test]
fn another_uid_is_told_and_our_own_is_fine() {
    if !can("setpriv", &NOBODY.split(' ').collect::<Vec<_>>()) {
        return;
    }
    let producer = Producer::through(&format!("setpriv {OTHER}"), true);
    let answers = producer.ask(&format!("setpriv {NOBODY}"));
    assert_eq!(answers.code, Some(1));
    let why = "it belongs to uid 65533, we are uid 65534";
    answers.is("target", "missing", &[why]);
    answers.is("uid", "missing", &[why, "run as uid 65533"]);
    answers.is("cap_sys_ptrace", "missing", &["not held", "setcap"]);
    answers.is("cap_dac_read_search", "missing", &["not held", "setcap"]);
    answers.is("dumpable", "ok", &["the producer is dumpable"]);
    answers.is("user_namespace", "ok", &["the first one"]);
    answers.is("pid_namespace", "unknown", &["may not be seen"]);
    // By its socket, it is one of many that may not be asked.
    let socket = producer.socket();
    mode(Path::new(&socket), 0o777);
    let through = format!("setpriv {NOBODY}");
    let answers = ask_through(&through, &producer.zbqtop, &["--socket", &socket]);
    answers.is("target", "missing", &["a process listens there", "--join"]);
    // Without a target, those that may not be asked are counted.
    let answers = ask_through(&through, &producer.zbqtop, &[]);
    assert_eq!(answers.code, Some(1));
    answers.is("rings", "missing", &["processes"]);
    answers.is("uid", "missing", &["processes may not be inspected"]);

    let producer = Producer::through(&format!("setpriv {NOBODY}"), true);
    let answers = producer.ask(&through);
    answers.is("uid", "ok", &["65534, like the producer"]);
    for capability in ["sys_ptrace", "dac_read_search", "sys_admin"] {
        let name = format!("cap_{capability}");
        // Yama keeps memory from a sibling.
        if !Path::new("/proc/sys/kernel/yama").exists() {
            answers.is(
                &name,
                "ok",
                &["not held, and nothing that was found needs it"],
            );
        }
    }
    answers.is("dumpable", "ok", &["the producer is dumpable"]);
    // Root may look into everybody.
    let answers = producer.ask("setpriv --no-new-privs");
    answers.is("uid", "ok", &["we are uid 0, the producer is uid 65534"]);
}

#[test]
fn each_capability_that_is_lacking_is_told() {
    let tracer = format!("{NOBODY} --inh-caps=+sys_ptrace --ambient-caps=+sys_ptrace");
    if !can("setpriv", &tracer.split(' ').collect::<Vec<_>>()) {
        return;
    }
    let producer = Producer::through(&format!("setpriv {OTHER}"), true);
    let answers = producer.ask(&format!("setpriv {tracer}"));
    answers.is("cap_sys_ptrace", "ok", &["held"]);
    let why = "/proc/PID/fd of processes of others may not be listed";
    answers.is("cap_dac_read_search", "missing", &[why]);
    answers.is("uid", "ok", &[]);

    let producer = Producer::through("setpriv --no-new-privs", true);
    let answers = producer.ask("setpriv --bounding-set=-sys_ptrace --inh-caps=-all");
    answers.is("cap_sys_ptrace", "missing", &["not held"]);
    let answers =
        producer.ask("setpriv --bounding-set=-sys_admin,-checkpoint_restore --inh-caps=-all");
    // The producer has more than we: CAP_SYS_PTRACE overrules that, and its memory may be read.
    answers.is("map_files", "ok", &["/proc/PID/mem serves"]);
    assert!(answers.check("map_files")["consequence"].is_string());
    answers.is("cap_sys_admin", "ok", &["not held"]);
}

#[test]
fn a_producer_that_is_not_dumpable_is_told() {
    if !can("setpriv", &NOBODY.split(' ').collect::<Vec<_>>()) {
        return;
    }
    // A binary that its user may not read makes a process that is not dumpable.
    let producer = Producer::through(&format!("setpriv {NOBODY}"), false);
    let answers = producer.ask(&format!("setpriv {NOBODY}"));
    assert_eq!(answers.code, Some(1));
    answers.is("dumpable", "missing", &["not dumpable", "PR_SET_DUMPABLE"]);
    answers.is("cap_sys_ptrace", "missing", &[]);
    answers.is("uid", "ok", &[]);
    let answers = producer.ask("setpriv --no-new-privs");
    answers.is(
        "dumpable",
        "ok",
        &["is not dumpable; that is not what keeps us out"],
    );
}

#[test]
fn hidepid_is_told_and_so_is_a_proc_that_is_not_there() {
    if !can("unshare", &["--mount"]) {
        return;
    }
    let producer = Producer::through("setpriv --no-new-privs", true);
    let zbqtop = producer.zbqtop.display();
    let ask_in = |script: &str, arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, "sh"]);
        ask(&mut in_known_environment(command), arguments)
    };
    for (hides, name) in [(1, "noaccess"), (2, "invisible"), (4, "ptraceable")] {
        let mount = format!("mount -t proc -o hidepid={hides},gid=4242 proc /proc");
        let script = format!("{mount} && exec setpriv {NOBODY} '{zbqtop}' doctor \"$@\"");
        let hidden = format!("hidepid={name}");
        let answers = ask_in(&script, &["--pid", &producer.pid()]);
        assert_eq!(answers.code, Some(1));
        answers.is("hidepid", "missing", &[&hidden, "member of group 4242"]);
        answers.is("target", "missing", &[&hidden]);
        answers.is("cap_sys_ptrace", "missing", &[]);
        let answers = ask_in(&script, &[]);
        answers.is("hidepid", "missing", &[&hidden]);
        answers.is("rings", "missing", &[&hidden]);
        // Root sees all, and so does the group that is exempt where being traceable does not decide.
        let script = format!("{mount} && exec '{zbqtop}' doctor \"$@\"");
        ask_in(&script, &["--pid", &producer.pid()]).is("hidepid", "ok", &[]);
        let member = "setpriv --reuid=65534 --regid=65534 --groups=4242";
        let script = format!("{mount} && exec {member} '{zbqtop}' doctor \"$@\"");
        let expected = if hides == 4 { "missing" } else { "ok" };
        ask_in(&script, &["--pid", &producer.pid()]).is("hidepid", expected, &[]);
    }
    let script = format!("mount -t tmpfs none /proc && exec '{zbqtop}' doctor \"$@\"");
    let answers = ask_in(&script, &[]);
    assert_eq!(answers.code, Some(2));
    answers.is("hidepid", "broken", &["not mounted"]);
}

#[test]
fn few_descriptors_are_told() {
    let place = Place::new();
    let producer = Peer::producer(&place.socket(), "--impl reference --hold --consumers 0");
    let pid = producer.settled();
    let pid = pid.pid().to_string();
    let ask_with = |most: u32| {
        let program = env!("CARGO_BIN_EXE_zbqtop");
        let line = format!("ulimit -n {most} && exec {program} doctor \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &line, "sh"]);
        ask(&mut in_known_environment(command), &["--pid", &pid])
    };
    let answers = ask_with(64);
    let words = ["64 at most", "ulimit -Hn"];
    answers.is("file_descriptors", "missing", &words);
    ask_with(256).is("file_descriptors", "ok", &["256 at most"]);
}

#[test]
fn a_ring_that_is_missing_or_wrong_decides_the_exit_status() {
    let answers = ask(&mut ours(), &["--pid", "2147483647"]);
    answers.is("target", "missing", &["no such process"]);
    assert_eq!(answers.code, Some(1));
    let place = Place::new();
    let socket = place.socket().display().to_string();
    let answers = ask(&mut ours(), &["--socket", &socket]);
    answers.is("target", "missing", &["no such path"]);
    assert_eq!(answers.code, Some(1));
    let false_ring = Peer::holder("false 1024 4096 ring_capacity=4096");
    let pid = false_ring.pid().to_string();
    let answers = ask(&mut ours(), &["--pid", &pid]);
    answers.is("target", "broken", &["expected 4096"]);
    assert_eq!(answers.code, Some(2));
    let several = Peer::holder("false 4096 65536 ring_capacity=65536 rings=2");
    let pid = several.pid().to_string();
    ask(&mut ours(), &["--pid", &pid]).is("target", "unknown", &["--ring N"]);
}

#[test]
fn recordings_and_joining_are_refused() {
    for (arguments, words) in [
        (&["--file", "night.mcap"][..], "--file: doctor checks"),
        (
            &["--join", "--socket", "/run/q.sock"],
            "--join: doctor never",
        ),
    ] {
        let output = ours().args(arguments).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}
