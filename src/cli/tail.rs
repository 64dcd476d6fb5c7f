//! Options of `tail`: which messages, and how they are written.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use regex::bytes::Regex;

use super::screen::When;
use super::target::Target;
use super::values::{RingPosition, end, pattern, period, size, whole};
use crate::decode::{Condition, DecodeRule, DecodeSpec, TimeField, conditions, path};
use crate::observe::messages::{hex_pattern, number_range};
use crate::output::tail::Format;

/// Options of `tail`.
#[derive(Args, Clone, Debug)]
pub struct TailArgs {
    /// Which ring.
    #[command(flatten)]
    pub target: Target,
    /// Keep printing messages as they come.
    #[arg(short, long)]
    pub follow: bool,
    /// Like -f, and when the ring ends, go on with the ring that replaces it: the one behind --socket, or the next one of
    /// the same process.
    #[arg(short = 'F', long, conflicts_with = "until")]
    pub follow_name: bool,
    /// Only the last N matching messages that are still in the ring; with -f, before the new ones
    /// [default: 10; with --from all]
    #[arg(short = 'n', long = "lines", value_name = "N", value_parser = whole::<usize>)]
    pub last: Option<usize>,
    /// Begin with the oldest message that can be found, at head, or with the first one at or after an offset.
    #[arg(long, value_name = "oldest|head|OFFSET")]
    pub from: Option<RingPosition>,
    /// End before the first message at or after an offset.
    #[arg(long, value_name = "head|OFFSET", value_parser = end)]
    pub until: Option<RingPosition>,
    /// End after N messages.
    #[arg(short, long, value_name = "N", value_parser = whole::<u64>)]
    pub count: Option<u64>,
    /// With -f, -F or --lossless: end when no message has come for this long.
    #[arg(long, value_name = "TIME", value_parser = period)]
    pub idle_timeout: Option<Duration>,
    /// How messages are written [default: hex; text with --columns]
    #[arg(long, value_enum)]
    pub format: Option<TailFormat>,
    /// Allow raw bytes on a terminal, which they may garble.
    #[arg(long)]
    pub force: bool,
    /// Colours in `hex` and `text`: bytes by their kind, matches, gaps [default: auto] [env: ZBQTOP_COLOR, NO_COLOR]
    #[arg(long, value_name = "WHEN", hide_possible_values = true)]
    pub color: Option<When>,
    /// Also show torn messages: their bytes may have been overwritten while they were copied.
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
    /// What is in them.
    #[command(flatten)]
    pub decoding: DecodeArgs,
}

/// What is in payloads.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Decoding")]
pub struct DecodeArgs {
    /// Decode payloads: json, msgpack, cbor, protobuf:FILE:TYPE, exec:COMMAND, or a layout such as
    /// 'px:f64 qty:u32 side:u8{0=buy,1=sell} rest:bytes'
    #[arg(long, value_name = "SPEC")]
    pub decode: Option<DecodeSpec>,
    /// The decoded value that tells when a message was made, as ns, us, ms or s since 1970, such as sent:us. Shows how old
    /// each message was when it was committed
    #[arg(long, value_name = "NAME:ns|us|ms|s", requires = "decode")]
    pub time_field: Option<TimeField>,
    /// Messages whose decoded values meet all of these, as in '.px > 100 .sym == "ABC"'
    #[arg(long = "where", value_name = "CONDITIONS", value_parser = field_conditions, requires = "decode")]
    pub conditions: Option<Conditions>,
    /// Only these decoded values, with tabs between them, as in px,order.qty
    #[arg(long, value_name = "NAMES", value_parser = columns, requires = "decode")]
    pub columns: Option<Columns>,
}

impl DecodeArgs {
    /// Which of the names that were typed nothing has, if that is so.
    fn misuse(&self) -> Option<String> {
        let spec = self.decode.as_ref()?;
        let lacks = |option: &str, path: &[String]| {
            let why = spec.lacks(path)?;
            Some(format!("{option}: {why}"))
        };
        let mut columns = self.columns.iter().flat_map(|columns| columns.iter());
        let mut conditions = self.conditions.iter().flat_map(|all| all.iter());
        columns
            .find_map(|path| lacks("--columns", path))
            .or_else(|| conditions.find_map(|condition| lacks("--where", condition.path())))
            .or_else(|| lacks("--time-field", self.time_field.as_ref()?.path()))
    }
}

/// What is in payloads that tells how old messages are.
#[derive(Args, Clone, Debug, Default)]
pub struct AgeArgs {
    /// Decode payloads, as `tail --decode` does
    #[arg(long, value_name = "SPEC")]
    pub decode: Option<DecodeSpec>,
    /// The decoded value that tells when a message was made, as ns, us, ms or s since 1970, such as sent:us. Shows how old
    /// messages were when they were committed
    #[arg(long, value_name = "NAME:ns|us|ms|s", requires = "decode")]
    pub time_field: Option<TimeField>,
}

impl AgeArgs {
    /// What they say of all rings.
    #[must_use]
    pub fn rule(&self) -> Option<DecodeRule> {
        rule(self.decode.as_ref(), self.time_field.as_ref())
    }

    /// Why they make no sense where a ring is watched, or only its ages are told, if they do not.
    #[must_use]
    pub fn misuse(&self, target: &Target, only_ages: bool) -> Option<String> {
        if !target.file.is_empty()
            && (only_ages && self.decode.is_some() || self.time_field.is_some())
        {
            let why = "--time-field: a recording has ages as they were recorded: leave it out, or use `tail`, which reads the \
                       messages themselves";
            return Some(why.to_owned());
        }
        if let (Some(spec), Some(field)) = (&self.decode, &self.time_field)
            && let Some(why) = spec.lacks(field.path())
        {
            return Some(format!("--time-field: {why}"));
        }
        (only_ages && self.decode.is_some() && self.time_field.is_none())
            .then(|| "--decode: here it is for --time-field, which is missing".to_owned())
    }
}

/// How all rings are decoded, if they are.
pub(super) fn rule(
    decode: Option<&DecodeSpec>,
    time_field: Option<&TimeField>,
) -> Option<DecodeRule> {
    Some(DecodeRule::of_all(decode?.clone(), time_field.cloned()))
}

/// Conditions on decoded values.
pub(crate) type Conditions = Arc<[Condition]>;

/// Names that lead to decoded values.
pub(crate) type Columns = Arc<[Vec<String>]>;

fn field_conditions(text: &str) -> Result<Conditions, String> {
    match conditions(text)? {
        (all, "") if !all.is_empty() => Ok(all.into()),
        (_, rest) => Err(format!(
            "found `{rest}`, expected a condition such as .px > 100"
        )),
    }
}

fn columns(text: &str) -> Result<Columns, String> {
    let names = text.split(',').map(|name| path(name.trim()));
    names.collect::<Result<Vec<_>, _>>().map(Into::into)
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailFormat {
    /// One after the other.
    Messages(Format),
    /// As packets, for Wireshark.
    Pcapng,
}

impl TailFormat {
    /// Whether what is written is not for a terminal.
    #[must_use]
    pub fn is_binary(self) -> bool {
        match self {
            Self::Messages(format) => format.is_binary(),
            Self::Pcapng => true,
        }
    }
}

impl ValueEnum for TailFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Messages(Format::Hex),
            Self::Messages(Format::Text),
            Self::Messages(Format::Raw),
            Self::Messages(Format::Json),
            Self::Messages(Format::Base64),
            Self::Messages(Format::LenPrefixed),
            Self::Pcapng,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Messages(format) => format.to_possible_value(),
            Self::Pcapng => Some(
                PossibleValue::new("pcapng")
                    .help("Packets for Wireshark and tshark; `zbqtop wireshark install` teaches them what is in them"),
            ),
        }
    }
}

impl TailArgs {
    /// Whether there are to be colours, once `color` has been settled.
    #[must_use]
    pub fn is_colored(&self) -> bool {
        !matches!(self.color, None | Some(When::Auto | When::Never))
    }

    /// How messages are written.
    #[must_use]
    pub fn format(&self) -> TailFormat {
        self.format
            .unwrap_or(TailFormat::Messages(match self.decoding.columns {
                Some(_) => Format::Text,
                None => Format::Hex,
            }))
    }

    /// Why it makes no sense, if it does not.
    #[must_use]
    pub fn misuse(&self) -> Option<String> {
        let format = self.format();
        if self.decoding.columns.is_some() && format != TailFormat::Messages(Format::Text) {
            let why = "--columns is for --format text: leave out the other format, or --columns";
            return Some(why.to_owned());
        }
        let tells = matches!(
            format,
            TailFormat::Messages(Format::Hex | Format::Text | Format::Json)
        );
        if self.decoding.time_field.is_some() && !tells {
            let why = "--time-field is for --format hex, text and json: leave out the other format, or --time-field";
            return Some(why.to_owned());
        }
        if self.lossless && !self.target.file.is_empty() {
            return Some("--lossless joins a ring: leave out --file".to_owned());
        }
        if let (Some(least), Some(most)) = (self.wanted.min_len, self.wanted.max_len)
            && least > most
        {
            return Some(format!(
                "--min-len {least} --max-len {most}: no payload is as long as that"
            ));
        }
        self.decoding.misuse()
    }

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
    /// Messages with these sequence ids: A..B (inclusive), A.., ..B, or a single one.
    #[arg(long, value_name = "A..B", value_parser = number_range)]
    pub seq: Option<RangeInclusive<u64>>,
    /// Payloads of at least SIZE bytes.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub min_len: Option<u64>,
    /// Payloads of at most SIZE bytes.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_len: Option<u64>,
}
