//! `man`: the manual, a page a command, made of the same words as `--help`.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::cli::{Cli, Page};
use crate::stdout::Printer;

/// When the manual last changed in what it says.
const DATE: &str = "2026-11-26";

/// What a page tells of a file or a variable, where the command has one of these options, or any.
struct Note {
    options: &'static [&'static str],
    name: &'static str,
    meaning: &'static str,
}

const ANY: &[&str] = &[];

const FILES: &[Note] = &[
    Note {
        options: &["config"],
        name: "$XDG_CONFIG_HOME/zbqtop/config.toml",
        meaning: "The settings, if --config names no other file; ~/.config stands for $XDG_CONFIG_HOME where that is not \
                  set. zbqtop --print-config prints one with every default.",
    },
    Note {
        options: &["pid", "all"],
        name: "/proc/PID/fd, /proc/PID/maps, /proc/PID/mem, /proc/PID/map_files",
        meaning: "Where rings are found and read. zbqtop doctor says which of them may be used.",
    },
    Note {
        options: &["join"],
        name: "$XDG_RUNTIME_DIR/zbqtop",
        meaning: "Notes which rings this user has joined; below the directory for temporary files where $XDG_RUNTIME_DIR is \
                  not set.",
    },
    Note {
        options: &["output"],
        name: "FILE, NAME-0001.EXT, ...",
        meaning: "What is written: MCAP files that only their owner may read. None is written over another file.",
    },
    Note {
        options: &["ping_pong"],
        name: "/proc/cpuinfo, /proc/loadavg, /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
        meaning: "Where what is said of the machine comes from.",
    },
    Note {
        options: &["headless"],
        name: "$TMPDIR/zbqtop-demo-PID",
        meaning: "The directory of the ring's socket, as long as the demo runs.",
    },
    Note {
        options: &["wait_consumers"],
        name: "PATH",
        meaning: "The socket at which consumers join, as long as pub runs.",
    },
    Note {
        options: &["action"],
        name: "PLUGINS/zbq.lua, EXTCAP/zbqtop",
        meaning: "The dissector and the capture interface, in the folders that Wireshark names.",
    },
    Note {
        options: &["shell"],
        name: "/usr/share/bash-completion/completions/zbqtop",
        meaning: "Where a package puts the script for bash.",
    },
    Note {
        options: &["shell"],
        name: "/usr/share/zsh/vendor-completions/_zbqtop",
        meaning: "Where it puts that for zsh.",
    },
    Note {
        options: &["shell"],
        name: "/usr/share/fish/vendor_completions.d/zbqtop.fish",
        meaning: "Where it puts that for fish.",
    },
    Note {
        options: &["dir"],
        name: "DIR/zbqtop.1, DIR/zbqtop-COMMAND.1",
        meaning: "The pages.",
    },
];

const ENVIRONMENT: &[Note] = &[
    Note {
        options: &["config"],
        name: "ZBQTOP_CONFIG",
        meaning: "The file of settings, if --config names none.",
    },
    Note {
        options: &["config"],
        name: "XDG_CONFIG_HOME",
        meaning: "Where the file of settings is looked for otherwise.",
    },
    Note {
        options: &["theme"],
        name: "ZBQTOP_THEME, ZBQTOP_COLOR",
        meaning: "As --theme and --color.",
    },
    Note {
        options: &["theme"],
        name: "NO_COLOR",
        meaning: "If it is not empty: no colours, unless they are asked for.",
    },
    Note {
        options: &["theme"],
        name: "TERM, COLORTERM",
        meaning: "What the terminal can do; with TERM=dumb the state is printed instead of the dashboard.",
    },
    Note {
        options: &["exec"],
        name: "JOURNAL_STREAM",
        meaning: "Where the output goes to the journal of systemd, each line begins with its priority.",
    },
    Note {
        options: &["listen"],
        name: "LISTEN_FDS, LISTEN_PID",
        meaning: "A socket that systemd hands over.",
    },
    Note {
        options: &["shell"],
        name: "ZBQTOP_COMPLETE",
        meaning: "Set by the scripts when they ask.",
    },
    Note {
        options: ANY,
        name: "LC_ALL, LC_CTYPE, LANG",
        meaning: "Text is ASCII where the locale is not UTF-8.",
    },
];

impl Note {
    fn is_about(&self, command: &Command) -> bool {
        let has = |name: &&str| command.get_arguments().any(|one| one.get_id() == *name);
        self.options.is_empty() || self.options.iter().any(has)
    }
}

/// Prints the page of the program itself.
///
/// # Errors
/// Those of `out`.
pub fn print(out: &mut Printer) -> io::Result<()> {
    out.write_all(&page(&built(), "")?)?;
    out.flush()
}

/// Writes the page of each command into `directory`, which is made if need be.
///
/// # Errors
/// A file cannot be written.
pub fn write(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    let cli = built();
    fs::write(directory.join("zbqtop.1"), page(&cli, "")?)?;
    for command in commands(&cli) {
        let name = command.get_name();
        let file = directory.join(format!("zbqtop-{name}.1"));
        fs::write(file, page(command, name)?)?;
    }
    Ok(())
}

fn built() -> Command {
    let mut cli = Cli::command()
        .disable_help_subcommand(true)
        .subcommand_value_name("COMMAND")
        .mut_args(|option| option.hide_short_help(false));
    cli.build();
    cli
}

fn commands(cli: &Command) -> impl Iterator<Item = &Command> {
    cli.get_subcommands()
        .filter(|command| !command.is_hide_set())
}

/// The page of a command, or of the program itself, whose `name` is empty.
fn page(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let title = command.get_display_name().unwrap_or(command.get_name());
    let man = Man::new(command.clone())
        .title(title.to_uppercase())
        .date(DATE)
        .source(concat!("zbqtop ", env!("CARGO_PKG_VERSION")))
        .manual("zbqtop");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    let told = Page::of(name);
    let mut description = Roff::new();
    description.control("SH", ["DESCRIPTION"]);
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let about = about.split("\n\n").map(|part| part.replace('\n', " "));
    let remarks = told.iter().flat_map(Page::remarks);
    for (at, paragraph) in about.chain(remarks).enumerate() {
        if at > 0 {
            description.control("PP", []);
        }
        // The end of a single sentence is cut off for lists of commands.
        let stop = if paragraph.ends_with(['.', ':']) {
            ""
        } else {
            "."
        };
        description.text([roman(paragraph + stop)]);
    }
    description.to_writer(&mut text)?;
    man.render_options_section(&mut text)?;
    let mut rest = Roff::new();
    if command.has_subcommands() {
        rest.control("SH", ["COMMANDS"]);
        for command in commands(command) {
            let about = command.get_about().map(ToString::to_string);
            entry(
                &mut rest,
                [bold(command.get_name())],
                about.unwrap_or_default(),
            );
        }
    }
    if let Some(page) = told {
        rest.control("SH", ["EXAMPLES"]);
        for (line, does) in page.examples {
            entry(&mut rest, [bold(*line)], format!("{}.", capital(does)));
        }
        rest.control("SH", ["EXIT STATUS"]);
        for (status, meaning) in page.exit {
            entry(&mut rest, [bold(*status)], format!("{}.", capital(meaning)));
        }
    }
    for (heading, notes) in [("FILES", FILES), ("ENVIRONMENT", ENVIRONMENT)] {
        let mut about = notes
            .iter()
            .filter(|note| note.is_about(command))
            .peekable();
        if about.peek().is_some() {
            rest.control("SH", [heading]);
        }
        for note in about {
            entry(&mut rest, [italic(note.name)], note.meaning.to_owned());
        }
    }
    rest.control("SH", ["SEE ALSO"]);
    rest.text(match name {
        "" => references(commands(command).map(Command::get_name)),
        _ => vec![bold("zbqtop"), roman("(1)")],
    });
    rest.to_writer(&mut text)?;
    Ok(tidy(&String::from_utf8_lossy(&text)).into_bytes())
}

/// Something, and what it is.
fn entry(page: &mut Roff, tag: [Inline; 1], meaning: String) {
    page.control("TP", []);
    page.text(tag);
    page.text([roman(meaning)]);
}

/// The pages of these commands.
fn references<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Inline> {
    let mut text = Vec::new();
    for name in names {
        let before = if text.is_empty() { "" } else { ", " };
        text.extend([roman(before), bold(format!("zbqtop-{name}")), roman("(1)")]);
    }
    text
}

/// As a sentence begins; what is no word in small letters stays.
fn capital(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().into_iter().flat_map(char::to_uppercase);
    first.chain(rest).collect()
}

/// The source of a page without what `mandoc -T lint` warns of: spaces at the ends of lines, breaks around empty lines, and the
/// same preamble before each section.
fn tidy(source: &str) -> String {
    let (mut text, mut gap) = (String::new(), Vec::new());
    let mut is_begun = false;
    for line in source.lines() {
        let line = line.trim_end();
        let is_preamble = line.contains(".ds Aq ");
        if line.is_empty() || line == ".br" {
            gap.push(line);
        } else if !(is_preamble && is_begun) {
            text.push_str(match std::mem::take(&mut gap)[..] {
                [] => "",
                [".br"] => ".br\n",
                _ => ".sp\n",
            });
            text.push_str(line);
            text.push('\n');
        }
        is_begun |= !is_preamble;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_and_empty_lines_become_one_space() {
        for (source, expected) in [
            ("a\n.br\n\n.br\nb", "a\n.sp\nb\n"),
            ("a \n\n.br\nb", "a\n.sp\nb\n"),
            ("a\n.br\nb", "a\n.br\nb\n"),
        ] {
            assert_eq!(tidy(source), expected);
        }
    }

    #[test]
    fn there_is_one_preamble() {
        let preamble = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";
        let source = format!("{preamble}.TH A 1\n{preamble}.SH NAME\n{preamble}.SH FILES\n");
        let expected = format!("{preamble}.TH A 1\n.SH NAME\n.SH FILES\n");
        assert_eq!(tidy(&source), expected);
    }
}
