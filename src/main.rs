//! The program: parse, run, say what went wrong.

use std::io::Write as _;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use zbqtop::cli::Cli;
use zbqtop::commands::completions;
use zbqtop::run::{describe, exit_code, is_broken_pipe, refuse, run};

/// Looks before the standard library opens `/dev/null` in the place of a descriptor that is closed: what is printed there
/// would be lost without a word.
extern "C" fn note_closed_stdout() {
    if rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err() {
        zbqtop::stdout::note_closed();
    }
}

/// # Safety
/// The dynamic linker calls what stands in this section once, before `main`, with the C calling convention. What is called
/// makes one system call and stores to an atomic: it needs nothing of the standard library that is not there yet.
#[used]
#[expect(
    unsafe_code,
    reason = "there is no other way to run before the standard library starts"
)]
// SAFETY: see above; the pointer is that of a function of this program.
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = note_closed_stdout;

fn main() -> ExitCode {
    raise_descriptor_limit();
    if completions::answer() {
        return ExitCode::SUCCESS;
    }
    let cli = match Cli::read(std::env::args_os()) {
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
