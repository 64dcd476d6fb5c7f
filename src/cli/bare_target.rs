//! A ring that is named without an option: `zbqtop 6388`, `zbqtop /run/q.sock`.

use std::ffi::{OsStr, OsString};

/// The command line of `program`, with `--pid` or `--socket` put before a bare number or path.
///
/// What is neither stays as it is: it is a command, or a mistyped one.
pub(super) fn name_target(
    program: &clap::Command,
    arguments: impl IntoIterator<Item = OsString>,
) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut at = 1;
    while let Some(word) = arguments.get(at) {
        if !word.as_encoded_bytes().starts_with(b"-") {
            if let Some(option) = option_of(word) {
                arguments.insert(at, option.into());
            }
            return arguments;
        }
        at += if takes_next(program, word) { 2 } else { 1 };
    }
    arguments
}

/// The option that a word stands for.
fn option_of(word: &OsStr) -> Option<&'static str> {
    let bytes = word.as_encoded_bytes();
    if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit) {
        return Some("--pid");
    }
    (bytes.contains(&b'/') || bytes.starts_with(b"@")).then_some("--socket")
}

/// Whether the word after the option `word` is its value.
fn takes_next(program: &clap::Command, word: &OsStr) -> bool {
    let Some(word) = word.to_str() else {
        return false;
    };
    let is_meant = |option: &&clap::Arg| match word.strip_prefix("--") {
        Some(long) => option.get_long() == Some(long),
        None => option
            .get_short()
            .is_some_and(|short| word[1..] == *short.encode_utf8(&mut [0; 4])),
    };
    let option = program.get_arguments().find(is_meant);
    option.is_some_and(|option| option.get_action().takes_values())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> clap::Command {
        let valued = |name, short| clap::Arg::new(name).long(name).short(short);
        let flag = clap::Arg::new("json")
            .long("json")
            .action(clap::ArgAction::SetTrue);
        clap::Command::new("zbqtop")
            .args([
                valued("pid", 'p'),
                valued("config", 'c'),
                valued("interval", 'i'),
            ])
            .arg(flag)
    }

    #[test]
    fn a_number_is_a_pid_and_a_path_a_socket() {
        for (line, expected) in [
            ("6388", "--pid 6388"),
            ("/run/q.sock", "--socket /run/q.sock"),
            ("./q.sock --join", "--socket ./q.sock --join"),
            ("@quotes", "--socket @quotes"),
            ("--json 6388", "--json --pid 6388"),
            ("--interval 5 6388", "--interval 5 --pid 6388"),
            (
                "--interval=5s 6388 --ring 1",
                "--interval=5s --pid 6388 --ring 1",
            ),
            ("-p 6388", "-p 6388"),
            ("-p 6388 7", "-p 6388 --pid 7"),
            ("--config a/b", "--config a/b"),
            ("tail 6388", "tail 6388"),
            ("man /tmp", "man /tmp"),
            ("snapshto", "snapshto"),
            ("--", "--"),
            ("", ""),
        ] {
            let words = std::iter::once("zbqtop").chain(line.split_whitespace());
            let named = name_target(&program(), words.map(Into::into));
            let named: Vec<_> = named[1..]
                .iter()
                .map(|word| word.to_str().unwrap())
                .collect();
            assert_eq!(named.join(" "), expected, "{line}");
        }
    }
}
