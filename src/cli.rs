//! What the user typed. Nothing is resolved here: no process is looked at, no default depends on the machine.

mod bare_target;
mod bench;
mod check;
mod doctor;
mod events;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod manual;
mod metrics;
mod publish;
mod record;
mod screen;
mod shell;
mod tail;
mod target;
mod values;
mod wireshark;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use bare_target::name_target;
pub use bench::BenchArgs;
pub use check::CheckArgs;
pub use doctor::DoctorArgs;
pub use events::EventsArgs;
pub use manual::Page;
pub use metrics::MetricsArgs;
pub use publish::{InputFormat, PublishArgs, PublishRate};
pub use record::{DumpArgs, RecordArgs};
pub use screen::{Sampling, ScreenArgs, ThemeName, When};
pub use shell::Shell;
pub use tail::{AgeArgs, DecodeArgs, FilterArgs, TailArgs, TailFormat};
pub use target::{Configuration, Target};
use values::duration;
pub(crate) use values::{RingPosition, pattern, period, shown};
pub use wireshark::{WiresharkAction, WiresharkArgs};

use crate::bench::roles::BenchRole;
use crate::demo::roles::DemoRole;
use crate::observe::model::Moment;

/// The options of the program itself that `-h` shows; `--help` shows all.
const FIRST: [&str; 3] = ["pid", "socket", "file"];

/// What `-h` ends with.
const BRIEF: &str = "\
More: zbqtop --help, zbqtop COMMAND --help, zbqtop doctor, zbqtop man";

/// How the program is called.
const USAGE: &str = "zbqtop [OPTIONS] [PID|SOCKET]  or  zbqtop COMMAND ...";

/// `-h`: on a screen of 80x24.
const SHORT: &str = "{about}\n{usage-heading} {usage}\n{subcommands}\n{options}{after-help}";

fn brief(option: clap::Arg) -> clap::Arg {
    let is_first = FIRST.contains(&option.get_id().as_str());
    option.hide_short_help(!is_first)
}

/// htop, tail -f and hexdump for zbq shared-memory rings.
///
/// Without a command: a live dashboard of the ring, or, if stdout is not a terminal, its state as a table.
/// Watching takes no slot in the ring, wakes nobody and writes nothing.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, max_term_width = 100)]
#[command(after_help = BRIEF, after_long_help = manual::after_help(""), mut_args = brief)]
#[command(override_usage = USAGE, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do; nothing: the dashboard.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Which ring.
    #[command(flatten)]
    pub target: Target,
    /// Print the state once, as JSON, instead of the dashboard.
    #[arg(long)]
    pub json: bool,
    /// How samples are taken.
    #[command(flatten)]
    pub sampling: Sampling,
    /// How the screen looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
    /// What is in messages.
    #[command(flatten)]
    pub ages: AgeArgs,
    /// Where the settings are.
    #[command(flatten)]
    pub configuration: Configuration,
    /// Print a settings file: every setting with its default, explained.
    #[arg(long)]
    pub print_config: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the state of a ring once: a table, or JSON.
    #[command(after_help = manual::after_help("snapshot"))]
    Snapshot {
        /// Which ring.
        #[command(flatten)]
        target: Target,
        /// JSON instead of a table.
        #[arg(long)]
        json: bool,
        /// How samples are taken.
        #[command(flatten)]
        sampling: Sampling,
        /// How old messages are.
        #[command(flatten)]
        ages: AgeArgs,
        /// Where the settings are.
        #[command(flatten)]
        configuration: Configuration,
    },
    /// List every ring on this machine.
    #[command(after_help = manual::after_help("ls"))]
    Ls {
        /// Also rings whose producer is gone, found in processes that still map them; `--pid` with such a process opens
        /// the ring. Reads the mappings of every process, which is slow.
        #[arg(long)]
        all: bool,
        /// JSON instead of a table.
        #[arg(long)]
        json: bool,
        /// Time between the two samples that rates come from; 0: one sample, no rates.
        #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = duration)]
        interval: Duration,
        /// The rings in a recording or a dump, instead of those of this machine; `-`: from stdin.
        #[arg(long, value_name = "FILE", conflicts_with = "all")]
        file: Vec<PathBuf>,
        /// When in the recording, as elsewhere [default: its end]
        #[arg(long, value_name = "TIME", requires = "file", value_parser = target::moment, allow_hyphen_values = true)]
        at: Option<Moment>,
        /// Where the settings are.
        #[command(flatten)]
        configuration: Configuration,
    },
    /// Print messages: those still in the ring, and with -f new ones.
    #[command(after_help = manual::after_help("tail"))]
    Tail(TailArgs),
    /// Print events: who joins, leaves, stalls, is evicted.
    #[command(after_help = manual::after_help("events"))]
    Events(EventsArgs),
    /// Record the state and the messages of rings to a file or a stream.
    #[command(after_help = manual::after_help("record"))]
    Record(RecordArgs),
    /// Save a ring as it is now, its memory and state, to a file.
    #[command(after_help = manual::after_help("dump"))]
    Dump(DumpArgs),
    /// Check the health of rings, for scripts and Nagios.
    #[command(after_help = manual::after_help("check"))]
    Check(CheckArgs),
    /// Export metrics of rings to Prometheus.
    #[command(after_help = manual::after_help("metrics"))]
    Metrics(MetricsArgs),
    /// Publish lines, or what was recorded, in a ring of its own.
    #[command(after_help = manual::after_help("pub"))]
    Pub(PublishArgs),
    /// Show rings in Wireshark: install what it needs for that.
    #[command(after_help = manual::after_help("wireshark"))]
    Wireshark(WiresharkArgs),
    /// Check what is permitted here, and what would help.
    #[command(after_help = manual::after_help("doctor"))]
    Doctor(DoctorArgs),
    /// Measure throughput and latency of rings on this machine.
    ///
    /// Producer and consumers are processes of their own, on zbqtop's own ring. Each message is sent by itself, and every
    /// consumer copies it out and checks that it comes once, in order and unchanged.
    #[command(after_help = manual::after_help("bench"))]
    Bench(BenchArgs),
    /// Run a live ring and show it: one consumer is slow, one hangs.
    #[command(after_help = manual::after_help("demo"))]
    Demo {
        /// Only run the ring, print its producer's pid and its socket, and wait.
        #[arg(long)]
        headless: bool,
        /// How the screen looks.
        #[command(flatten)]
        screen: ScreenArgs,
        /// Where the settings are.
        #[command(flatten)]
        configuration: Configuration,
    },
    /// Print a completion script for a shell.
    #[command(after_help = manual::after_help("completions"))]
    Completions {
        /// For which shell.
        shell: Shell,
    },
    /// Print the manual page, or write one for each command.
    #[command(after_help = manual::after_help("man"))]
    Man {
        /// Write all pages to DIR, replacing older ones; without DIR, print the page of the program itself.
        dir: Option<PathBuf>,
    },
    /// What Wireshark asks of a capture interface.
    #[command(hide = true, disable_help_flag = true)]
    Extcap {
        /// The question.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// One process of a benchmark.
    #[command(hide = true)]
    BenchRole {
        /// Which.
        role: BenchRole,
        /// The ring's rendezvous socket.
        address: String,
        /// The process that started it.
        parent: i32,
    },
    /// One process of the demo.
    #[command(hide = true)]
    DemoRole {
        /// Which.
        role: DemoRole,
        /// The ring's rendezvous socket.
        socket: PathBuf,
        /// The process that started it.
        parent: i32,
    },
}

impl Cli {
    /// The command line, in words.
    ///
    /// # Errors
    /// What is wrong with it; or the help or the version that was asked for.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut program = Self::command();
        let mut words = name_target(&program, words);
        // `help tail` is `tail --help`.
        if words.get(1).is_some_and(|word| word == "help") {
            words.remove(1);
            words.push("--help".into());
        }
        if words.get(1).is_some_and(|word| word == "-h") {
            program = program.help_template(SHORT);
        }
        Self::from_arg_matches(&program.try_get_matches_from(words)?)
    }
}

/// Whether `check` is what the user meant, however wrong the rest is.
pub fn means_check(arguments: impl Iterator<Item = std::ffi::OsString>) -> bool {
    let lenient = Cli::command()
        .ignore_errors(true)
        .args_conflicts_with_subcommands(false);
    let matches = lenient.try_get_matches_from(arguments);
    matches.is_ok_and(|matches| matches.subcommand_name() == Some("check"))
}

/// A line with `command` in it that is wrong in a way that only shows where it is run.
#[must_use]
pub fn misuse(command: &str, why: &str) -> clap::Error {
    let mut program = Cli::command();
    program.build();
    let command = program.find_subcommand_mut(command);
    let kind = clap::error::ErrorKind::ArgumentConflict;
    match command {
        Some(command) => command.error(kind, why),
        None => program.error(kind, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_is_recognized_in_a_line_that_is_wrong() {
        for (line, expected) in [
            ("check", true),
            ("check --bogus", true),
            ("check --max-lag", true),
            ("check --max-lag 7 extra", true),
            ("--pid 5 check", true),
            ("--pid none check --bogus", true),
            ("--pid check", false),
            ("tail --socket check --bogus", false),
            ("tail check", false),
            ("snapshot --bogus", false),
            ("", false),
        ] {
            let words = std::iter::once("zbqtop").chain(line.split_whitespace());
            assert_eq!(means_check(words.map(Into::into)), expected, "{line}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
