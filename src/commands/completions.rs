//! `completions`: scripts by which shells ask the program what fits a command line, and the answers.
//!
//! An answer may hold up somebody who types: it asks `/proc` for a fraction of a second at most, and complains of nothing.

mod bash;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::time::Duration;

use clap::CommandFactory as _;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{Elvish, Fish, Powershell, Shells, Zsh};

use self::bash::Bash;
use crate::cli::{Cli, Shell};
use crate::observe::attach::{LiveProducer, live_producers};
use crate::stdout::{Printer, Stdout};
use crate::text::escape;

/// Set by the scripts: which shell asks.
const VARIABLE: &str = "ZBQTOP_COMPLETE";
const NAME: &str = "zbqtop";
const SHELLS: Shells<'_> = Shells(&[&Bash, &Zsh, &Fish, &Elvish, &Powershell]);

/// For so long `/proc` is asked.
const PATIENCE: Duration = Duration::from_millis(300);

/// What the script of zsh ends with: as a file in its `fpath` it is run by the first question, and has to answer that, too.
const ZSH_AUTOLOADED: &str = "
if [ \"$funcstack[1]\" = \"_zbqtop\" ]; then
    _clap_dynamic_completer_zbqtop \"$@\"
fi";

/// Prints the script for a shell.
///
/// # Errors
/// Those of `out`.
pub fn print(shell: Shell, out: &mut Printer) -> io::Result<()> {
    let Some(completer) = SHELLS.completer(shell.name()) else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    completer.write_registration(VARIABLE, NAME, NAME, NAME, out)?;
    if shell == Shell::Zsh {
        writeln!(out, "{ZSH_AUTOLOADED}")?;
    }
    out.flush()
}

/// Answers the script of a shell, if it is one that asks. Where that fails, nothing is completed.
#[must_use]
pub fn answer() -> bool {
    let Some(shell) = std::env::var(VARIABLE).ok() else {
        return false;
    };
    let Some(completer) = SHELLS.completer(&shell) else {
        return false;
    };
    let words: Vec<OsString> = std::env::args_os()
        .skip_while(|word| word != "--")
        .skip(1)
        .collect();
    if words.is_empty() {
        return false;
    }
    let directory = std::env::current_dir().ok();
    let mut text = Vec::new();
    let mut cli = command_line();
    if completer
        .write_complete(&mut cli, words, directory.as_deref(), &mut text)
        .is_ok()
    {
        let out = &mut Stdout::printer();
        // Nobody is there to be told that this failed.
        let _ = out.write_all(&text).and_then(|()| out.flush());
    }
    true
}

/// The command line with what fits its options now.
fn command_line() -> clap::Command {
    fn with_values(command: clap::Command) -> clap::Command {
        command
            .mut_args(|option| match option.get_id().as_str() {
                "pid" => option.add(ArgValueCandidates::new(pids)),
                "socket" => option.add(ArgValueCandidates::new(sockets)),
                _ => option,
            })
            .mut_subcommands(with_values)
    }
    let mut command = with_values(Cli::command());
    command.build();
    command
}

fn producers() -> Vec<LiveProducer> {
    live_producers(PATIENCE).unwrap_or_default()
}

fn pids() -> Vec<CompletionCandidate> {
    let producers = producers().into_iter();
    producers
        .map(|producer| {
            let pid = CompletionCandidate::new(producer.pid.to_string());
            pid.help(
                producer
                    .command
                    .map(|name| escape(&name).into_owned().into()),
            )
        })
        .collect()
}

fn sockets() -> Vec<CompletionCandidate> {
    let of = |producer: LiveProducer| {
        let command = producer.command.unwrap_or_else(|| "?".into());
        let owner = format!("pid {} ({})", producer.pid, escape(&command));
        let names = producer.sockets.into_iter().filter(|name| is_plain(name));
        names.map(move |name| CompletionCandidate::new(name).help(Some(owner.clone().into())))
    };
    producers().into_iter().flat_map(of).collect()
}

/// Whether a name means the same from any directory, and nothing else to any shell: whoever binds a socket chooses its name,
/// and not every shell quotes what it completes.
fn is_plain(name: &str) -> bool {
    let is_plain = |character: char| character.is_alphanumeric() || "/._-@:+,=".contains(character);
    name.starts_with(['/', '@']) && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_to_a_shell_are_left_out() {
        for (name, expected) in [
            ("/run/quotes.sock", true),
            ("@quotes:1", true),
            ("/run/zürich/q+1,2=3_4-5", true),
            ("quotes.sock", false),
            ("@$(id)", false),
            ("@`id`", false),
            ("/run/a b", false),
            ("@a;id", false),
            ("@a\nb", false),
            ("@a\u{1b}[2J", false),
            ("@a'b", false),
            ("@a\"b", false),
            ("@a|b", false),
            ("@~", false),
            ("", false),
        ] {
            assert_eq!(is_plain(name), expected, "{name:?}");
        }
    }

    #[test]
    fn every_shell_has_a_script() {
        use clap::ValueEnum as _;
        for shell in Shell::value_variants() {
            let shell = shell.name();
            assert!(SHELLS.completer(shell).is_some_and(|it| it.name() == shell));
        }
    }
}
