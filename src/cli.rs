//! What the user typed. Nothing is resolved here: no process is looked at, no default depends on the machine.

mod check;
pub mod values;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub use check::{Check, Lag};
use regex::bytes::Regex;

use crate::observe::messages::{hex_pattern, number_range};
use values::{RingPosition, end, pattern, size};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// htop, tail -f and hexdump for zbq shared-memory rings.
///
/// Without a command: a live dashboard of the ring, or, if stdout is not a terminal, its state as a table.
/// Watching takes no slot in the ring, wakes nobody and writes nothing.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 done, 1 failed, 2 usage, 3 no such ring, 4 not permitted, 5 not a zbq ring this version understands."
)]
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
    /// Where the settings are.
    #[command(flatten)]
    pub configuration: Configuration,
    /// Print a file of settings: every one with its default, explained.
    #[arg(long)]
    pub print_config: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the state of a ring once: a table, or JSON.
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
        /// Where the settings are.
        #[command(flatten)]
        configuration: Configuration,
    },
    /// List every ring on this machine.
    Ls {
        /// Also rings whose producer is gone, in processes that still map them; `--pid` with such a process opens the
        /// ring. Every process is asked what it maps: dear.
        #[arg(long)]
        all: bool,
        /// JSON instead of a table.
        #[arg(long)]
        json: bool,
        /// Time between the two looks that rates come from; 0: one look, no rates.
        #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = duration)]
        interval: Duration,
    },
    /// Print messages: those the ring still holds, and with -f those to come.
    Tail(TailArgs),
    /// Judge the health of a ring, for scripts and for Nagios: one line, and OK, WARNING, CRITICAL or UNKNOWN.
    #[command(after_help = check::AFTER)]
    Check(Check),
    /// Run a live ring of its own and show it: a producer and consumers, one slow, one that hangs now and then.
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

/// Which ring is meant; nothing: the only one there is.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// The ring's producer.
    #[arg(short, long, value_name = "PID", group = "process", value_parser = clap::value_parser!(i32).range(1..))]
    pub pid: Option<i32>,
    /// The ring whose consumers join through this unix socket; `@name` for an abstract one. If the process that
    /// listens there may be looked into, it is watched as with --pid, and no connection is made; if not, the ring is
    /// joined as a passive consumer.
    #[arg(short, long, value_name = "PATH", group = "process")]
    pub socket: Option<String>,
    /// Join in any case. Joining takes a slot, parked at once, until the producer's next scan.
    #[arg(long, requires = "socket", conflicts_with = "pid")]
    pub join: bool,
    /// How long joining may take.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration, requires = "socket", conflicts_with = "pid")]
    pub timeout: Duration,
    /// Which of that process's rings, from 0.
    #[arg(long, value_name = "N", requires = "process", conflicts_with = "fd")]
    pub ring: Option<usize>,
    /// Which of that process's rings, by its control region's descriptor there.
    #[arg(long, value_name = "FD", requires = "process")]
    pub fd: Option<i32>,
}

/// How samples are taken.
#[derive(Args, Clone, Copy, Debug)]
pub struct Sampling {
    /// Time between the two samples that rates come from; 0: one sample, no rates. In the dashboard, the
    /// sampling period [default: 200ms; in the dashboard 100ms]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub interval: Option<Duration>,
    /// Print the state again and again, this often; JSON: one object a line.
    #[arg(long, value_name = "TIME", value_parser = period)]
    pub watch: Option<Duration>,
}

/// How the screen looks.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ScreenArgs {
    /// The colours [default: terminal] [env: ZBQTOP_THEME]
    #[arg(long)]
    pub theme: Option<ThemeName>,
    /// When to use colours, and how many; NO_COLOR and TERM=dumb turn `auto` off [default: auto] [env:
    /// ZBQTOP_COLOR]
    #[arg(long, value_name = "WHEN")]
    pub color: Option<When>,
    /// Draw with ASCII characters only.
    #[arg(long)]
    pub ascii: bool,
    /// Leave the mouse to the terminal.
    #[arg(long)]
    pub no_mouse: bool,
}

/// Where the settings are.
#[derive(Args, Clone, Debug)]
pub struct Configuration {
    /// Read the settings in FILE. What is typed comes before the environment (ZBQTOP_*, NO_COLOR), and that before them
    /// [default: $XDG_CONFIG_HOME/zbqtop/config.toml, if it is there] [env: ZBQTOP_CONFIG]
    // Not by clap: it would take an empty variable for a value, and refuse a wrong one where nothing asks for it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ThemeName {
    /// The terminal's own palette, on its own background.
    Terminal,
    /// Light on dark.
    Dark,
    /// Dark on light.
    Light,
    /// None.
    Mono,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal that can.
    Auto,
    /// Whatever the terminal.
    Always,
    /// Never.
    Never,
    /// Whatever the terminal, the sixteen of its palette.
    #[value(name = "16")]
    Sixteen,
    /// Whatever the terminal, 256.
    #[value(name = "256")]
    Indexed,
    /// Whatever the terminal, any.
    #[value(name = "truecolor")]
    True,
}

/// Options of `tail`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
What the ring wrote over before it could be read is reported in its place: -- skipped 3.1 MiB (head overran the \
reader) --, in JSON as {\"skipped_bytes\", \"from\", \"to\", \"why\"}; raw, base64 and len-prefixed have no place for it, \
and it goes to stderr. Each message says how far its copy can be trusted: intact (it lies in the \
producer's present lap, or a consumer's tail vouches for it), likely (neither, but the producer has stayed well \
clear), torn (it may have been written over meanwhile).")]
pub struct TailArgs {
    /// Which ring.
    #[command(flatten)]
    pub target: Target,
    /// Go on with messages as they come.
    #[arg(short, long)]
    pub follow: bool,
    /// Only the last N of the messages that the ring holds and that are wanted; with -f, before those to come
    /// [default: 10; with --from all]
    #[arg(short = 'n', long = "lines", value_name = "N")]
    pub last: Option<usize>,
    /// Begin with the oldest message that can be found, at head, or with the first one at or behind an offset.
    #[arg(long, value_name = "oldest|head|OFFSET")]
    pub from: Option<RingPosition>,
    /// End before the first message at or behind an offset.
    #[arg(long, value_name = "head|OFFSET", value_parser = end)]
    pub until: Option<RingPosition>,
    /// End after N messages.
    #[arg(short, long, value_name = "N")]
    pub count: Option<u64>,
    /// With -f or --lossless: end when nothing has come for so long.
    #[arg(long, value_name = "TIME", value_parser = period)]
    pub idle_timeout: Option<Duration>,
    /// How messages are written.
    #[arg(long, value_enum, default_value_t = Format::Hex)]
    pub format: Format,
    /// Show torn messages, too: their bytes may have been written over while they were copied.
    #[arg(long)]
    pub torn: bool,
    /// Join the ring behind --socket as a true consumer and miss nothing from then on. It holds ring space until what
    /// it read is written out: a slow reader slows the producer down
    #[arg(long, requires = "socket", conflicts_with_all = ["last", "from", "torn", "pid", "ring", "fd"])]
    pub lossless: bool,
    /// Receive the descriptors that come with messages, say what they are, and close them.
    #[arg(long, requires = "lossless", conflicts_with = "pid")]
    pub fds: bool,
    /// Which messages.
    #[command(flatten)]
    pub wanted: FilterArgs,
}

/// Which messages are wanted: those that meet every condition given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Filters")]
pub struct FilterArgs {
    /// Payloads in which REGEX is found; if given more than once, any of them. It is matched against bytes: (?-u)
    /// turns Unicode off, (?s) lets a dot match newlines.
    #[arg(long, value_name = "REGEX", value_parser = pattern)]
    pub include: Vec<Regex>,
    /// Payloads in which REGEX is not found; if given more than once, none of them.
    #[arg(long, value_name = "REGEX", value_parser = pattern)]
    pub exclude: Vec<Regex>,
    /// Payloads in which these bytes are found, as in 'de ad ?? ef', where `?` stands for any digit; if given more than
    /// once, any of them.
    #[arg(long, value_name = "BYTES", value_parser = hex_pattern)]
    pub hex_match: Vec<Regex>,
    /// Sequence ids: A..B with both ends, A.., ..B, or one.
    #[arg(long, value_name = "A..B", value_parser = number_range)]
    pub seq: Option<RangeInclusive<u64>>,
    /// Payloads of at least so many bytes.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub min_len: Option<u64>,
    /// Payloads of at most so many bytes.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_len: Option<u64>,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A header line (offset, seq, length, fds, flags, integrity) and a canonical hex dump.
    Hex,
    /// One line each; what is not printable UTF-8 is escaped.
    Text,
    /// The payload's bytes and nothing else, not even a newline.
    Raw,
    /// One JSON object a line; the payload as `text` if it is UTF-8, else as `base64`.
    Json,
    /// The payload in base64, one line each.
    Base64,
    /// The payload's length as a little-endian u32, then the payload.
    LenPrefixed,
}

/// The processes of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DemoRole {
    /// Writes, at a rate that swells and ebbs.
    Producer,
    /// Push, keeps up.
    Fast,
    /// Pull, keeps up.
    Poller,
    /// Push, falls behind when the rate swells.
    Slow,
    /// Pull, hangs now and then, is evicted, and joins again.
    Flaky,
}

/// The longest time that can be asked for: ten years, which any clock can be added to.
const LONGEST: Duration = Duration::from_secs(87_600 * 3600);

/// A duration with a unit: `250ms`, `5s`, `1m 30s`; a bare 0 needs none.
fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let parsed: Result<jiff::SignedDuration, _> = text.parse();
    let duration = parsed
        .map_err(|_| "expected a number and a unit, as in 250ms, 5s or 1m".to_owned())
        .and_then(|time| {
            Duration::try_from(time).map_err(|_| "expected a time that is not negative".into())
        })?;
    if duration > LONGEST {
        return Err(format!("expected at most {} h", LONGEST.as_secs() / 3600));
    }
    Ok(duration)
}

/// A duration that time passes in.
pub(crate) fn period(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        period if period < Duration::from_millis(1) => Err("expected at least 1ms".into()),
        period => Ok(period),
    }
}

/// Whether `check` is what the user meant, however wrong the rest is.
pub fn means_check(arguments: impl Iterator<Item = std::ffi::OsString>) -> bool {
    use clap::CommandFactory as _;
    let lenient = Cli::command()
        .ignore_errors(true)
        .args_conflicts_with_subcommands(false);
    let matches = lenient.try_get_matches_from(arguments);
    matches.is_ok_and(|matches| matches.subcommand_name() == Some("check"))
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
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for bad in [
            "",
            "5",
            "s",
            "5 parsecs",
            "1.2.3s",
            "-1s",
            "1e400h",
            "3000000000000000000s",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
