//! The program: parse, run, say what went wrong.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use zbqtop::cli::Cli;
use zbqtop::run::{describe, exit_code, is_broken_pipe, refuse, run};

fn main() -> ExitCode {
    raise_descriptor_limit();
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

/// A ring takes a dozen descriptors while it is watched, and the usual soft limit is there for programs that use `select`.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where it may not be raised, what is missing is said when it is missed.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    );
}
