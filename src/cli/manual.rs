//! What help and manual say of each command besides its options: remarks, exit status and examples, in one table.

use crate::observe::model::LagLimit;

/// What is said of one command.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The command; empty: the program itself.
    pub command: &'static str,
    /// Paragraphs.
    remarks: &'static [&'static str],
    /// What each status means.
    pub exit: &'static [(&'static str, &'static str)],
    /// Command lines and what they do.
    pub examples: &'static [(&'static str, &'static str)],
}

/// How most commands end.
const EXIT: &[(&str, &str)] = &[
    ("0", "done"),
    ("1", "failed"),
    ("2", "wrong usage, or several rings of which none was named"),
    ("3", "no such ring"),
    ("4", "not permitted"),
    ("5", "not a zbq ring that this version understands"),
];

/// How a command ends that has nothing to do with rings.
const PLAIN_EXIT: &[(&str, &str)] = &[("0", "done"), ("1", "failed"), ("2", "wrong usage")];

const PAGES: &[Page] = &[
    Page {
        command: "",
        remarks: &[],
        exit: EXIT,
        examples: &[
            ("zbqtop", "the dashboard, or first a list of rings"),
            ("zbqtop --pid 6388", "the ring of a process"),
            ("zbqtop --socket /run/q.sock", "the ring behind a socket"),
            (
                "zbqtop --json --watch 1s",
                "its state as JSON, every second",
            ),
            ("zbqtop --file night.mcap", "the dashboard on a recording"),
            ("zbqtop demo", "try it on a ring of its own"),
        ],
    },
    Page {
        command: "snapshot",
        remarks: &[],
        exit: EXIT,
        examples: &[
            ("zbqtop snapshot", "the state of the only ring, as a table"),
            (
                "zbqtop snapshot --pid 6388 --json",
                "that of a process's ring, as JSON",
            ),
            (
                "zbqtop snapshot --json --watch 1s",
                "one JSON object a line, every second",
            ),
            (
                "zbqtop snapshot --file night.mcap --at finding",
                "the state when something was first wrong",
            ),
        ],
    },
    Page {
        command: "ls",
        remarks: &[],
        exit: EXIT,
        examples: &[
            ("zbqtop ls", "every ring, with rates"),
            (
                "zbqtop ls --json --interval 0",
                "at once, as JSON, without rates",
            ),
            ("zbqtop ls --all", "also rings whose producer is gone"),
            ("zbqtop ls --file night.mcap", "the rings in a recording"),
        ],
    },
    Page {
        command: "tail",
        remarks: &[
            "What was overwritten before it could be read is reported in its place: -- skipped 3.1 MiB (head \
             overran the reader) --, in JSON as {\"skipped_bytes\", \"from\", \"to\", \"why\"}; raw, base64 and \
             len-prefixed report it on stderr.",
            "Each message says how far its copy can be trusted: intact (it lies in the producer's current lap, or a \
             consumer's tail vouches for it), likely (neither, but the producer has stayed well clear), torn (it may \
             have been overwritten meanwhile).",
            "A layout for --decode is a list of fields, name:type. Types: u8 to u128 and i8 to i128 in steps of 8 bits, f16, \
             f32, f64, bool, char[N] (text), bytes[N], (...) (a record). Behind a number, le or be is its byte order; \
             {0=buy,1=sell} names the values of a whole number, {lo:4,hi:4} its bits. [3] repeats a type, [n] as often as \
             field n says, [u16] as often as a u16 before says, [] to the end. A field named _ is not shown; @be, @le and \
             @c (aligned as in C) hold for all that follows. What is left over is shown as _rest.",
        ],
        exit: EXIT,
        examples: &[
            ("zbqtop tail -n 20", "the last 20 messages, as a hex dump"),
            (
                "zbqtop tail -f --format json",
                "every message as it comes, one object a line",
            ),
            (
                "zbqtop tail -f --include 'BRAVO|CHARLIE' -c 5",
                "five messages that match",
            ),
            (
                "zbqtop tail --from oldest --until head --format raw > old.bin",
                "the payloads that the ring still holds",
            ),
            (
                "zbqtop tail --lossless --socket /run/q.sock",
                "as a consumer that misses nothing",
            ),
        ],
    },
    Page {
        command: "events",
        remarks: &[
            "Without a target: the events of every ring on this machine, also of those that appear later. Runs until it is \
             stopped, or until the given ring has ended. With --file: the events in a recording, and with -f those that are \
             still being recorded.",
        ],
        exit: EXIT,
        examples: &[
            ("zbqtop events", "what happens to any ring, line by line"),
            ("zbqtop events --pid 6388 --json", "one JSON object a line"),
            (
                "zbqtop events --severity critical --exec ./page",
                "run a command for each that is critical",
            ),
            (
                "zbqtop events --file night.mcap",
                "what happened last night",
            ),
        ],
    },
    Page {
        command: "record",
        remarks: &[
            "The file is in the MCAP format, compressed: `zbqtop --file FILE` shows it as if it were now, and every \
             MCAP tool reads it. A crash loses at most the last half second.",
            "With --on-finding, what is kept for --before takes at most about 256 MiB of memory; beyond that, the oldest is \
             dropped.",
        ],
        exit: EXIT,
        examples: &[
            (
                "zbqtop record --pid 6388 -o night.mcap",
                "the state, and at most 100 messages, each second",
            ),
            (
                "zbqtop record --all -o day.mcap --max-size 1GiB --keep 10",
                "every ring; the last ten files of a gigabyte",
            ),
            (
                "zbqtop record -o bad.mcap --on-finding warning --before 1m",
                "only the time around trouble",
            ),
            (
                "ssh host zbqtop record -o - | zbqtop --file -",
                "the dashboard of another machine",
            ),
        ],
    },
    Page {
        command: "dump",
        remarks: &[],
        exit: EXIT,
        examples: &[
            ("zbqtop dump -o now.mcap", "the only ring as it is"),
            (
                "zbqtop dump --pid 6388 --no-payload -o now.mcap",
                "without what is in its messages",
            ),
            (
                "zbqtop tail --file now.mcap --from oldest",
                "the messages in a dump",
            ),
        ],
    },
    Page {
        command: "check",
        remarks: &[
            "A limit is W:C, a level for WARNING and one for CRITICAL: `50%:90%`. One level alone is for CRITICAL; `50%:` \
             is for WARNING alone. A value at its level is still OK, one beyond it is not.",
            "Without a target, every ring that can be seen on this machine is judged, and each is named; processes that \
             may not be inspected are counted in the line, and a ring that cannot be read is UNKNOWN.",
            "Without limits, OK means that every producer is alive, that `zbqtop snapshot` has no warning or critical finding, \
             and that no consumer lags more than {usual lag} of the ring, unless the settings say otherwise. A limit on \
             a figure that is unknown makes the status UNKNOWN, with the reason; an estimate is marked `~`. Of several, \
             the worst is the status, in the order CRITICAL, WARNING, UNKNOWN, OK.",
            "Run checks as the producer's user, or as root: with --join, each run takes a slot until the producer's next scan, \
             and from the second run on that is a WARNING.",
        ],
        exit: &[
            ("0", "OK"),
            ("1", "WARNING"),
            ("2", "CRITICAL"),
            (
                "3",
                "UNKNOWN (also: no such ring, not permitted, wrong usage)",
            ),
        ],
        examples: &[
            ("zbqtop check", "every ring of this machine"),
            (
                "zbqtop check --socket /run/q.sock --max-lag 50%:90% --max-lag 500ms:2s",
                "one ring, with limits in space and time",
            ),
            (
                "zbqtop check --pid 6388 --min-consumers 2 --json",
                "with every reason and figure",
            ),
        ],
    },
    Page {
        command: "metrics",
        remarks: &[
            "Without --listen and --textfile, metrics are printed once. Without a target, they cover every ring on this machine, \
             also those that appear later. --listen serves /metrics (OpenMetrics if the client accepts it) and /healthz; a \
             socket passed by systemd replaces ADDRESS.",
        ],
        exit: EXIT,
        examples: &[
            ("zbqtop metrics", "print them once"),
            ("zbqtop metrics --listen", "serve them on 127.0.0.1:9937"),
            (
                "zbqtop metrics --textfile /var/lib/prometheus/node-exporter/zbq.prom --every 15s",
                "for node_exporter",
            ),
        ],
    },
    Page {
        command: "pub",
        remarks: &[
            "The ring is the program's own, and ends with it; the ring of another program is never written to. What `tail` and \
             `record` write comes back with its sequence ids and flags; descriptors do not, and bytes that were skipped \
             are counted.",
            "Consumers join at any time. Without --wait-consumers, messages are sent whether or not anybody is there to read \
             them.",
        ],
        exit: PLAIN_EXIT,
        examples: &[
            (
                "journalctl -f | zbqtop pub --socket /tmp/log.sock",
                "a ring of the lines of a log",
            ),
            (
                "zbqtop pub --socket /tmp/q.sock night.mcap --rate as-recorded",
                "what was recorded, at its own speed",
            ),
            (
                "zbqtop pub --socket /tmp/q.sock lines.txt --rate 1000/s --loop",
                "a thousand lines a second, again and again",
            ),
            (
                "zbqtop tail -f --format len-prefixed | zbqtop pub -s /tmp/copy.sock --input len-prefixed",
                "a copy of another ring",
            ),
        ],
    },
    Page {
        command: "wireshark",
        remarks: &[
            "Two files are installed for this user: a dissector, which makes the fields of a message known to Wireshark, and a \
             capture interface, with which Wireshark lists every ring on this machine and captures from it. `zbqtop tail \
             --format pcapng` writes what they read; without them, Wireshark shows bytes.",
            "A capture filter of such an interface is a regular expression for the bytes of the payload, as with \
             `zbqtop tail --include`.",
        ],
        exit: &[
            ("0", "done (status: both are installed)"),
            ("1", "failed (status: not installed, or by another version)"),
            ("2", "wrong usage"),
        ],
        examples: &[
            (
                "zbqtop wireshark install",
                "rings are interfaces of Wireshark now",
            ),
            (
                "zbqtop tail -f --format pcapng | wireshark -k -i -",
                "the same without the capture interface",
            ),
            (
                "zbqtop tail --from oldest --format pcapng > ring.pcapng",
                "what a ring holds, in a file for tshark",
            ),
            ("tshark -r ring.pcapng -Y 'zbq.kind == 2'", "the gaps in it"),
        ],
    },
    Page {
        command: "doctor",
        remarks: &[
            "Without a target: every ring on this machine, and every process that may not be inspected. Nothing is \
             joined, and no recording is opened. What cannot be determined does not count as a failure.",
        ],
        exit: &[
            ("0", "nothing is missing"),
            ("1", "something is missing"),
            ("2", "something is broken (also: wrong usage)"),
        ],
        examples: &[
            ("zbqtop doctor", "what is allowed, and what would help"),
            ("zbqtop doctor --pid 6388", "may that process be watched?"),
            ("sudo zbqtop doctor --json", "what root may do, as JSON"),
        ],
    },
    Page {
        command: "bench",
        remarks: &[
            "A latency is the time from when a message was due by the schedule until a consumer has copied it out of the ring, \
             by CLOCK_MONOTONIC. The schedule waits for nobody: a message that is sent late counts from when it was due. With \
             --ping-pong, where there is no schedule, it is the time from a send until the answer has been copied out.",
            "The producer, and consumers with --mode pull, look at clock or ring all the time. Where there are more processes \
             than CPUs they let others run between two looks, and the figures say more about the scheduler than about the \
             ring; it is said in the output. A producer whose next message is due in more than 200 microseconds sleeps.",
            "Messages that do not arrive, or arrive changed or out of order, make the status 1. Compare figures only of the same \
             size, mode and build, and of machines with nothing else to do: what it ran on is printed with them.",
        ],
        exit: PLAIN_EXIT,
        examples: &[
            (
                "zbqtop bench",
                "throughput, then latency at 100000 messages/s",
            ),
            (
                "zbqtop bench --rate max --size 4KiB --pin",
                "throughput of larger messages, pinned",
            ),
            (
                "zbqtop bench --rate 10k/s --consumers 4 --mode pull",
                "latency for four consumers that poll",
            ),
            ("zbqtop bench --ping-pong --json", "round trips, as JSON"),
        ],
    },
    Page {
        command: "demo",
        remarks: &[],
        exit: PLAIN_EXIT,
        examples: &[
            ("zbqtop demo", "the dashboard on the demo's ring"),
            (
                "zbqtop demo --headless",
                "only the ring, for other commands to look at",
            ),
        ],
    },
    Page {
        command: "completions",
        remarks: &[
            "The script asks `zbqtop` each time Tab is pressed. It completes commands, options and values, and after --pid and \
             --socket the producers that are running now and their sockets. Names with characters that are special to a \
             shell are left out.",
        ],
        exit: PLAIN_EXIT,
        examples: &[
            (
                "source <(zbqtop completions bash)",
                "in ~/.bashrc, for bash",
            ),
            (
                "source <(zbqtop completions zsh)",
                "in ~/.zshrc, below compinit, for zsh",
            ),
            (
                "zbqtop completions fish > ~/.config/fish/completions/zbqtop.fish",
                "once, for fish",
            ),
        ],
    },
    Page {
        command: "man",
        remarks: &[],
        exit: PLAIN_EXIT,
        examples: &[
            ("zbqtop man | man -l -", "read the manual"),
            (
                "zbqtop man ~/.local/share/man/man1",
                "write all pages where `man zbqtop-tail` finds them",
            ),
        ],
    },
];

impl Page {
    /// What is said of a command; nothing for the name of another.
    #[must_use]
    pub fn of(command: &str) -> Option<Self> {
        PAGES.iter().find(|page| page.command == command).copied()
    }

    /// Its remarks, a paragraph each.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        let usual = LagLimit::default().to_string();
        (self.remarks.iter()).map(move |text| text.replace("{usual lag}", &usual))
    }
}

/// What stands below the options in the help of a command.
pub(super) fn after_help(command: &str) -> String {
    let Some(page) = Page::of(command) else {
        return String::new();
    };
    let exit: Vec<String> = (page.exit.iter())
        .map(|(status, meaning)| format!("{status} {meaning}"))
        .collect();
    let mut parts: Vec<String> = page.remarks().collect();
    parts.push(format!("Exit status: {}.", exit.join(", ")));
    parts.push(examples(page.examples));
    parts.join("\n\n")
}

/// One example a line, or two where both parts are long.
fn examples(examples: &[(&str, &str)]) -> String {
    const WIDTH: usize = 78;
    let width = |part: &str| part.chars().count();
    let fits = |(line, does): &&(&str, &str)| width(line) + width(does) + 5 <= WIDTH;
    let column = (examples.iter().filter(fits))
        .map(|(line, _)| width(line))
        .max()
        .unwrap_or_default();
    let mut text = "Examples:".to_owned();
    for (line, does) in examples {
        if column + width(does) + 5 <= WIDTH && width(line) <= column {
            text.push_str(&format!("\n  {line:column$}   {does}"));
        } else {
            text.push_str(&format!("\n  {line}\n      {does}"));
        }
    }
    text
}

#[cfg(test)]
mod tests;
