//! Options of `tail`: which messages, and how they are written.

use std::ops::RangeInclusive;
use std::time::Duration;

use clap::Args;
use regex::bytes::Regex;

use super::target::Target;
use super::values::{RingPosition, end, pattern, period, size};
use crate::observe::messages::{hex_pattern, number_range};
use crate::output::tail::Format;

/// Options of `tail`.
#[derive(Args, Clone, Debug)]
pub struct TailArgs {
    /// Which ring.
    #[command(flatten)]
    pub target: Target,
    /// Go on with messages as they come.
    #[arg(short, long)]
    pub follow: bool,
    /// Like -f; and when the ring is over, wait for the one that takes its place, that behind --socket or the next of the
    /// same process, and go on with that.
    #[arg(short = 'F', long, conflicts_with = "until")]
    pub follow_name: bool,
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
    /// With -f, -F or --lossless: end when nothing has come for so long.
    #[arg(long, value_name = "TIME", value_parser = period)]
    pub idle_timeout: Option<Duration>,
    /// How messages are written.
    #[arg(long, value_enum, default_value_t = Format::Hex)]
    pub format: Format,
    /// Write raw bytes to a terminal, too: they may do there what they like.
    #[arg(long)]
    pub force: bool,
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

impl TailArgs {
    /// Whether to go on with messages as they come.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.follow || self.follow_name
    }
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
