//! Bash. Its readline takes words apart at `=`, `@` and `:`, which names of sockets have, and inserts what it is given as it
//! is: the script puts the words together again, and quotes.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use clap_complete::env::{self, EnvCompleter};

/// The script is ours, the answers are those that `clap_complete` gives.
pub(super) struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == self.name()
    }

    fn write_registration(
        &self,
        variable: &str,
        name: &str,
        _bin: &str,
        _completer: &str,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        let script = include_str!("zbqtop.bash");
        let script = script.replace("VARIABLE", variable).replace("NAME", name);
        out.write_all(script.as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut clap::Command,
        words: Vec<OsString>,
        directory: Option<&Path>,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        env::Bash.write_complete(command, words, directory, out)
    }
}
