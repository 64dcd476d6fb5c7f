//! Rings as interfaces of Wireshark: the program's side of extcap (doc/README.extcap of Wireshark, extcap(4)).
//!
//! Wireshark runs the program with a question, and reads the answer from its standard output: nothing else is written there.
//! What it asks besides may change with any version: words that are not known are passed over.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::fs::OFlags;

use crate::cli::pattern;
use crate::observe::model::{RingListing, RingSource as _};
use crate::observe::rings::Rings;
use crate::shutdown::StopSignal;
use crate::stdout::Printer;
use crate::text::{bytes, escape};

/// Names of interfaces begin with it; then come pid and descriptor, `zbq-6388-4`.
const PREFIX: &str = "zbq-";
/// Who is to read what is captured comes within this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// What Wireshark wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The rings there are.
    Interfaces,
    /// What packets are.
    LinkTypes,
    /// What can be chosen before a capture.
    Options,
    /// Whether a capture filter is one.
    Filter(String),
    /// Messages, until nobody reads them.
    Capture(Capture),
    /// Nothing that is known.
    Unknown,
}

/// A capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capture {
    interface: String,
    fifo: PathBuf,
    filter: String,
    from_oldest: bool,
    torn: bool,
}

impl Question {
    /// What these words ask, whatever else stands among them.
    pub fn of(words: impl IntoIterator<Item = OsString>) -> Self {
        let mut capture = Capture::default();
        let (mut interfaces, mut link_types, mut options, mut captures) =
            (false, false, false, false);
        let mut filter = None;
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            let (name, joined) = split(&word);
            // What stands behind it, whatever it looks like.
            let mut value = || joined.clone().or_else(|| words.next());
            let text = |value: Option<OsString>| {
                value
                    .map(|value| value.to_string_lossy().into_owned())
                    .unwrap_or_default()
            };
            match &name[..] {
                "--extcap-interfaces" => interfaces = true,
                "--extcap-dlts" => link_types = true,
                "--extcap-config" => options = true,
                "--capture" => captures = true,
                "--extcap-interface" => capture.interface = text(value()),
                "--extcap-capture-filter" => filter = Some(text(value())),
                "--fifo" => capture.fifo = value().unwrap_or_default().into(),
                "--from" => capture.from_oldest = text(value()) == "oldest",
                // Alone it means yes.
                "--torn" => {
                    let is_value = |next: &OsString| next == "true" || next == "false";
                    let value = joined.or_else(|| words.next_if(is_value));
                    capture.torn = value.is_none_or(|value| value == "true");
                }
                _ => {}
            }
        }
        match filter {
            _ if interfaces => Self::Interfaces,
            _ if link_types => Self::LinkTypes,
            _ if options => Self::Options,
            filter if captures => {
                capture.filter = filter.unwrap_or_default();
                Self::Capture(capture)
            }
            Some(filter) => Self::Filter(filter),
            None => Self::Unknown,
        }
    }
}

/// `--name` and, of `--name=value`, the value.
fn split(word: &OsStr) -> (String, Option<OsString>) {
    let bytes = word.as_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=');
    let name = &bytes[..at.unwrap_or(bytes.len())];
    let value = at.map(|at| OsString::from_vec(bytes[at + 1..].to_vec()));
    (String::from_utf8_lossy(name).into_owned(), value)
}

/// Answers what can be answered at once.
///
/// # Errors
/// Those of `out`.
pub fn answer(question: &Question, out: &mut Printer) -> io::Result<()> {
    match question {
        Question::Interfaces => {
            let version = env!("CARGO_PKG_VERSION");
            writeln!(out, "extcap {{version={version}}}{{display=zbqtop}}")?;
            for ring in &Rings::default().list().rings {
                if let Some(name) = interface_name(ring) {
                    let display = in_braces(&description(ring));
                    writeln!(out, "interface {{value={name}}}{{display={display}}}")?;
                }
            }
        }
        Question::LinkTypes => {
            writeln!(out, "dlt {{number=147}}{{name=USER0}}{{display=zbq ring}}")?;
        }
        Question::Options => {
            let begin = "{display=Begin with}{tooltip=Which messages come first}{type=selector}";
            writeln!(out, "arg {{number=0}}{{call=--from}}{begin}")?;
            writeln!(
                out,
                "value {{arg=0}}{{value=head}}{{display=New messages}}{{default=true}}"
            )?;
            writeln!(
                out,
                "value {{arg=0}}{{value=oldest}}{{display=What the ring still holds}}{{default=false}}"
            )?;
            let torn = "{display=Torn messages, too}{tooltip=They may have been overwritten while they were copied}";
            writeln!(
                out,
                "arg {{number=1}}{{call=--torn}}{torn}{{type=boolflag}}{{default=false}}"
            )?;
        }
        // Whatever is said means that the filter is none.
        Question::Filter(filter) => {
            if !filter.is_empty()
                && let Err(why) = pattern(filter)
            {
                writeln!(
                    out,
                    "Expected a regular expression for the bytes of the payload: {why}"
                )?;
            }
        }
        Question::Capture(_) | Question::Unknown => {}
    }
    out.flush()
}

/// `zbq-6388-4`; none for a ring without a producer.
fn interface_name(ring: &RingListing) -> Option<String> {
    let (pid, fd) = ring.id.split_once('/')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(pid) && is_number(fd)).then(|| format!("{PREFIX}{pid}-{fd}"))
}

/// `zbq ring of md-gateway (pid 6388), 4.0 MiB, /run/quotes.sock`.
fn description(ring: &RingListing) -> String {
    let mut text = "zbq ring".to_owned();
    if let Some(command) = &ring.command {
        text += &format!(" of {}", escape(command));
    }
    text += &format!(" (pid {})", ring.pid);
    if let Some(capacity) = ring.ring_capacity {
        text += &format!(", {}", bytes(capacity));
    }
    for socket in ring.sockets.iter().flatten() {
        text += &format!(", {}", escape(socket));
    }
    text
}

/// What stands in braces has none in it.
fn in_braces(text: &str) -> String {
    text.replace('{', "(").replace('}', ")")
}

impl Capture {
    /// The command line that does it; the messages go to standard output.
    ///
    /// # Errors
    /// When the interface is none.
    pub fn words(&self) -> anyhow::Result<Vec<OsString>> {
        let named = self.interface.strip_prefix(PREFIX);
        let Some((pid, fd)) = named.and_then(|name| name.split_once('-')) else {
            bail!(
                "--extcap-interface {:?}: expected one that --extcap-interfaces lists, such as {PREFIX}6388-4",
                self.interface
            );
        };
        let begin: &[&str] = match self.from_oldest {
            true => &["--from", "oldest"],
            false => &["-n", "0"],
        };
        let words = ["zbqtop", "tail", "--pid", pid, "--fd", fd, "-f"];
        let words = words.iter().chain(begin).chain(&["--format", "pcapng"]);
        let mut words: Vec<OsString> = words.map(OsString::from).collect();
        if self.torn {
            words.push("--torn".into());
        }
        if !self.filter.is_empty() {
            words.push(OsString::from_vec(
                [b"--include=", self.filter.as_bytes()].concat(),
            ));
        }
        Ok(words)
    }

    /// Makes the pipe that Wireshark reads standard output, once it does read it.
    ///
    /// # Errors
    /// When it cannot be opened, or nobody comes to read it.
    pub fn open(&self) -> anyhow::Result<()> {
        let name = escape(&self.fifo.display().to_string()).into_owned();
        let ending = StopSignal::watch()?;
        let deadline = Instant::now() + PATIENCE;
        let fifo = loop {
            let opened = OpenOptions::new()
                .write(true)
                .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
                .open(&self.fifo);
            match opened {
                // A pipe that nobody has open to read (fifo(7)).
                Err(error)
                    if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) =>
                {
                    if ending.asked() || Instant::now() >= deadline {
                        bail!("--fifo {name}: nobody reads it");
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
                opened => {
                    break opened.with_context(|| format!("--fifo {name}: cannot be opened"))?;
                }
            }
        };
        rustix::stdio::dup2_stdout(&fifo).context("cannot make the pipe standard output")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(line: &str) -> Question {
        Question::of(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn questions_are_understood_among_words_that_are_not() {
        for (line, expected) in [
            (
                "--extcap-interfaces --extcap-version=4.0",
                Question::Interfaces,
            ),
            (
                "--extcap-version 4.2 --extcap-interfaces --new",
                Question::Interfaces,
            ),
            (
                "--extcap-dlts --extcap-interface zbq-1-2",
                Question::LinkTypes,
            ),
            (
                "--extcap-interface=zbq-1-2 --extcap-config",
                Question::Options,
            ),
            (
                "--extcap-interface zbq-1-2 --extcap-capture-filter a.b",
                Question::Filter("a.b".into()),
            ),
            (
                "--extcap-interface zbq-1-2 --extcap-capture-filter --x",
                Question::Filter("--x".into()),
            ),
            ("--extcap-cleanup-postkill", Question::Unknown),
            ("", Question::Unknown),
        ] {
            assert_eq!(question(line), expected, "{line}");
        }
        let Question::Capture(capture) = question(
            "--capture --extcap-interface zbq-6388-4 --fifo /tmp/f --from oldest --torn --what=ever --extcap-capture-filter BUY",
        ) else {
            panic!("a capture");
        };
        let line = capture.words().expect("an interface").join(" ".as_ref());
        assert_eq!(
            line,
            "zbqtop tail --pid 6388 --fd 4 -f --from oldest --format pcapng --torn --include=BUY"
        );
        assert!(Capture::default().words().is_err());
    }
}
