//! A ring of which everything changes all the time, and mostly into what no producer would make of it, under two dashboards
//! with somebody who leans on the keyboard, `--watch`, and tails in all formats. Not among the default tests:
//! `cargo test --release --test main mutation -- --ignored --nocapture`; `ZBQTOP_SOAK=600` for ten minutes, `ZBQTOP_SEED=7`
//! for another ring.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::screen::assert_given_back;
use crate::support::program::zbqtop;
use crate::support::pty::Terminal;
use crate::support::{Peer, Place, example};

/// Most memory that any of them may ever have had, KiB.
const MOST_MEMORY: u64 = 64 << 10;
/// What is typed: all that is bound to something, but for what ends the program, and what is bound to nothing.
const KEYS: [&str; 38] = [
    "?", "\t", "1", "2", "3", "4", "z", "j", "k", "g", "G", "\x1b[5~", "\x1b[6~", "\x1b[A",
    "\x1b[B", "\x1b[C", "\x1b[D", "\r", "\x1b", "/", "n", "N", "&", "s", "<", ">", "r", " ", "[",
    "]", "+", "-", "f", "L", "\x0c", "w", "e", "\u{e9}",
];

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// The most memory it has had, KiB; `None` when it has ended.
fn memory(pid: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn is_stray(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One that prints, started again whenever it ends.
struct Printer {
    arguments: Vec<String>,
    child: Child,
    /// What it complains of.
    errors: File,
    starts: usize,
}

impl Printer {
    fn new(arguments: Vec<String>) -> Self {
        let errors = tempfile::tempfile().expect("room");
        let child = Self::start(&arguments, &errors);
        Self {
            arguments,
            child,
            errors,
            starts: 1,
        }
    }

    fn start(arguments: &[String], errors: &File) -> Child {
        let is_json = arguments.iter().any(|word| word.contains("json"));
        // Bytes as they are, whatever they do to a terminal, are what these formats are for.
        let is_raw = arguments
            .iter()
            .any(|word| word == "raw" || word == "len-prefixed");
        errors.set_len(0).expect("our own file");
        (&*errors).rewind().expect("our own file");
        let mut command = zbqtop();
        command
            .args(arguments)
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .stderr(errors.try_clone().expect("a descriptor"));
        let mut child = command.spawn().expect("it starts");
        let out = child.stdout.take().expect("piped");
        std::thread::spawn(move || {
            if is_raw {
                let _ = std::io::copy(&mut { out }, &mut std::io::sink());
            } else {
                check_lines(out, is_json);
            }
        });
        child
    }

    /// Sees to it that it lives, and that it ended for a reason of its own if it did not.
    fn look(&mut self) {
        let pid = Pid::from_child(&self.child).as_raw_nonzero().get();
        if let Some(memory) = memory(pid) {
            assert!(memory < MOST_MEMORY, "{:?}: {memory} KiB", self.arguments);
        }
        if let Some(status) = self.child.try_wait().expect("our child") {
            self.errors.rewind().expect("our own file");
            let said = std::io::read_to_string(&self.errors).expect("text");
            assert!(
                status.code().is_some_and(|code| code <= 5),
                "{:?}: {status}: {said}",
                self.arguments
            );
            assert!(!said.chars().any(is_stray), "{said:?}");
            self.child = Self::start(&self.arguments, &self.errors);
            self.starts += 1;
        }
    }

    fn end(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let asked = Instant::now();
        while self.child.try_wait().expect("our child").is_none() {
            assert!(
                asked.elapsed() < Duration::from_secs(30),
                "{:?}",
                self.arguments
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Every line is text without controls, and JSON where it should be. Ends the test process if not: it is nobody's thread.
fn check_lines(out: ChildStdout, is_json: bool) {
    for line in BufReader::new(out).split(b'\n').map_while(Result::ok) {
        let text = String::from_utf8(line.clone());
        let sound = text.is_ok_and(|text| {
            let parses = || serde_json::from_str::<serde_json::Value>(&text).is_ok();
            !text.chars().any(is_stray) && (!is_json || parses())
        });
        if !sound {
            let _ = writeln!(std::io::stderr(), "not sound: {}", line.escape_ascii());
            std::process::abort();
        }
    }
}

/// A dashboard, and somebody who leans on its keyboard.
struct Typist {
    terminal: Terminal,
    arguments: Vec<String>,
    starts: usize,
    random: u64,
}

impl Typist {
    fn new(arguments: Vec<String>, random: u64, directory: &Path) -> Self {
        Self {
            terminal: Self::start(&arguments, directory),
            arguments,
            starts: 1,
            random,
        }
    }

    fn start(arguments: &[String], directory: &Path) -> Terminal {
        let mut command = zbqtop();
        // What `w` writes.
        command.current_dir(directory).args(arguments);
        command.env("RUST_BACKTRACE", "0");
        Terminal::start(&mut command, 24, 80)
    }

    fn next(&mut self, end: usize) -> usize {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) as usize % end
    }

    fn look(&mut self, directory: &Path) {
        let pid = self.terminal.pid();
        match memory(pid) {
            Some(memory) if memory >= MOST_MEMORY => {
                // A panic that is being told takes much, too.
                std::thread::sleep(Duration::from_secs(2));
                panic!(
                    "{memory} KiB: {:?}\n{}",
                    self.arguments,
                    self.terminal.text()
                );
            }
            Some(_) => {}
            // It has ended: whatever for, the screen is given back.
            None => {
                let status = self.terminal.ended();
                let text = self.terminal.text();
                assert!(
                    status.code().is_some_and(|code| code <= 5),
                    "{status}\n{text}"
                );
                self.terminal = Self::start(&self.arguments, directory);
                self.starts += 1;
                return;
            }
        }
        for _ in 0..self.next(6) {
            let key = KEYS[self.next(KEYS.len())];
            self.terminal.keys(key);
        }
        if self.next(20) == 0 {
            let (rows, columns) = (1 + self.next(70), 1 + self.next(220));
            let cells = |count: usize| u16::try_from(count).expect("a terminal");
            self.terminal.resize(cells(rows), cells(columns));
        }
        self.terminal.screen();
        // What it wrote is of no more use but for how it began.
        if self.terminal.raw.len() > 1 << 20 {
            check_sequences(&self.terminal.raw);
            self.terminal.raw.truncate(4096);
        }
    }
}

/// A dashboard writes text, and sequences that begin with `ESC [`; nothing else that steers a terminal.
fn check_sequences(raw: &[u8]) {
    // It may begin and end within a sequence.
    let text = String::from_utf8_lossy(raw);
    for part in text.split('\x1b').skip(1) {
        let (start, rest) = part.split_at(part.len().min(1));
        // An OSC 52 is what `y` writes, which nobody types here.
        assert!(
            start == "[" || start.is_empty(),
            "a sequence: {:?}",
            &part[..part.len().min(40)]
        );
        let shown = rest.trim_start_matches(|letter: char| {
            letter.is_ascii_digit() || matches!(letter, ';' | '?')
        });
        assert!(!shown.chars().any(is_stray), "a control: {part:?}");
    }
}

#[test]
#[ignore = "takes a minute"]
fn mutation() {
    let (seconds, seed) = (number("ZBQTOP_SOAK", 60), number("ZBQTOP_SEED", 1));
    let place = Place::new();
    let mut command = Command::new(example("nuisance"));
    let mut ring = Peer::spawn(command.args(["mutate", &seed.to_string()]));
    ring.expect("ready");
    let pid = ring.pid().to_string();
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut printers = vec![
        Printer::new(words(&format!("--json --watch 50ms --pid {pid}"))),
        Printer::new(words(&format!("snapshot --watch 50ms --pid {pid}"))),
    ];
    for format in ["hex", "text", "raw", "json", "base64", "len-prefixed"] {
        for from in ["--from oldest", "-n 5 --torn"] {
            let line = format!("tail -f {from} --format {format} --pid {pid}");
            printers.push(Printer::new(words(&line)));
        }
    }
    let mut typists = [
        Typist::new(words(&format!("--pid {pid}")), seed, place.path()),
        Typist::new(words("--interval 20ms"), seed + 1, place.path()),
    ];
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        printers.iter_mut().for_each(Printer::look);
        for typist in &mut typists {
            typist.look(place.path());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    printers.iter_mut().for_each(Printer::end);
    for typist in &mut typists {
        let pid = Pid::from_raw(typist.terminal.pid()).expect("a pid");
        let _ = kill_process(pid, Signal::TERM);
        typist.terminal.ended();
        assert_given_back(&typist.terminal);
    }
    let starts: Vec<usize> = printers.iter().map(|printer| printer.starts).collect();
    let screens: Vec<usize> = typists.iter().map(|typist| typist.starts).collect();
    let _ = writeln!(
        std::io::stderr(),
        "{seconds} s, seed {seed}: no panic, no stray control; printers were started {starts:?} times, dashboards {screens:?}"
    );
}
