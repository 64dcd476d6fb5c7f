//! Whether `y` in the dashboard reaches the terminal's clipboard (OSC 52), as far as a multiplexer in between tells.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::terminal::variable;
use crate::observe::model::DoctorCheck;

/// For so long tmux is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(5);

/// The answer, by the environment and by tmux, if we run in it.
pub(super) fn clipboard() -> DoctorCheck {
    let term = variable("TERM").unwrap_or_default();
    match variable("TMUX") {
        Some(_) => judge_tmux(ask_tmux().as_deref()),
        None => judge_term(&term),
    }
}

fn judge_term(term: &str) -> DoctorCheck {
    const NAME: &str = "clipboard";
    if term == "screen" || term.starts_with("screen.") || term.starts_with("screen-") {
        return DoctorCheck::unknown(NAME, format!("TERM is {term}: GNU screen takes no OSC 52"))
            .so("what is copied in the dashboard may not reach the clipboard");
    }
    DoctorCheck::unknown(
        NAME,
        "a terminal does not report whether it supports OSC 52",
    )
}

fn judge_tmux(set_clipboard: Option<&str>) -> DoctorCheck {
    const NAME: &str = "clipboard";
    match set_clipboard {
        Some("on") => DoctorCheck::ok(NAME, "set-clipboard of tmux is on"),
        Some(other) => DoctorCheck::missing(NAME, format!("set-clipboard of tmux is {other}"))
            .so("what is copied in the dashboard does not reach the clipboard")
            .with_remedy("tmux set -s set-clipboard on".to_owned()),
        None => DoctorCheck::unknown(NAME, "tmux does not tell its set-clipboard"),
    }
}

/// What tmux says its `set-clipboard` is.
fn ask_tmux() -> Option<String> {
    let mut tmux = Command::new("tmux")
        .args(["show-options", "-sv", "set-clipboard"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let until = Instant::now() + PATIENCE;
    let status = loop {
        match tmux.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(TICK),
            _ => {
                // It is ours, and hangs on a server that does not answer.
                let _ = (tmux.kill(), tmux.wait());
                break None;
            }
        }
    };
    // One that was ended may have left somebody behind who holds the pipe.
    let status = status?;
    let mut said = String::new();
    let out = tmux.stdout.take()?;
    out.take(64).read_to_string(&mut said).ok()?;
    status.success().then(|| said.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::DoctorStatus::{Missing, Ok, Unknown};

    #[test]
    fn tmux_takes_what_is_copied_only_where_it_is_told_to() {
        for (set, expected) in [
            (Some("on"), Ok),
            (Some("external"), Missing),
            (Some("off"), Missing),
            (None, Unknown),
        ] {
            assert_eq!(judge_tmux(set).status, expected, "{set:?}");
        }
        assert_eq!(judge_term("xterm").status, Unknown);
        assert!(judge_term("screen.xterm").consequence.is_some());
        assert!(judge_term("xterm").consequence.is_none());
    }
}
