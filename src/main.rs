//! The program: parse, run, say what went wrong.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use zbqtop::cli::Cli;
use zbqtop::run::{describe, exit_code, is_broken_pipe, refuse, run};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            if !is_broken_pipe(&error) {
                // Where nobody can be told, the exit status has to do.
                let _ = writeln!(std::io::stderr(), "zbqtop: {}", describe(&error));
            }
            exit_code(&error)
        }
    }
}
