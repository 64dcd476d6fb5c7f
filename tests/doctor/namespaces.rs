//! The lines about namespaces: the producer's, and our own.

use super::{Producer, ask, ask_through, ours};
use crate::support::program::can;

#[test]
fn namespaces_of_the_producer_are_compared_with_ours() {
    // What follows, and what would help.
    let cases: [(&str, &str, &str, &[&str]); 5] = [
        (
            "--pid --fork --kill-child",
            "pid",
            "missing",
            &["not joined", "nsenter --target", "--pid"],
        ),
        (
            "--net",
            "network",
            "missing",
            &["abstract sockets", "nsenter --target", "--net"],
        ),
        ("--mount", "mount", "ok", &["differs from", "/root/PATH"]),
        ("--user", "user", "ok", &["differs from"]),
        (
            "--time --monotonic 100 --fork --kill-child",
            "time",
            "ok",
            &["differs from", "clock is", "ahead"],
        ),
    ];
    for (options, kind, status, words) in cases {
        if !can("unshare", &options.split(' ').collect::<Vec<_>>()) {
            continue;
        }
        let producer = Producer::through(&format!("unshare {options}"), true);
        let socket = producer.socket();
        let answers = ask(&mut ours(), &["--socket", &socket]);
        answers.is("target", "ok", &[]);
        answers.is(&format!("{kind}_namespace"), status, words);
        for other in ["user", "pid", "mount", "network", "time"] {
            if other != kind {
                answers.is(
                    &format!("{other}_namespace"),
                    "ok",
                    &["same as that of pid "],
                );
            }
        }
        if kind == "network" {
            let without = "setpriv --bounding-set=-sys_admin --inh-caps=-all";
            let answers = ask_through(without, &producer.zbqtop, &["--pid", &producer.pid()]);
            answers.is("cap_sys_admin", "missing", &["by their names alone"]);
        }
    }
}

#[test]
fn our_own_namespaces_are_told() {
    if !can("unshare", &["--user", "--map-root-user"]) {
        return;
    }
    let producer = Producer::through("setpriv --no-new-privs", true);
    let answers = producer.ask("unshare --user --map-root-user");
    let why = "do not count outside of it";
    answers.is("user_namespace", "missing", &[why]);
    answers.is("cap_sys_ptrace", "ok", &["held"]);
    // /proc of the pid namespace outside.
    if can("unshare", &["--pid", "--fork", "--kill-child"]) {
        let answers = producer.ask("unshare --pid --fork --kill-child");
        let why = "/proc is that of another pid namespace";
        answers.is("pid_namespace", "missing", &[why, "--mount-proc"]);
    }
}
