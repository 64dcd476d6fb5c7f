//! From what the user typed to what is done: finds the ring that is meant, and one match on the command.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::{Cli, Command, Screen, Target, When};
use crate::commands::{demo, snapshot, tail};
use crate::demo::roles;
use crate::observe::attach::{AttachedRing, Choice};
use crate::observe::error::AttachError;
use crate::observe::rings::{self, Rings};
use crate::ui;

/// Does what was asked for.
///
/// # Errors
/// To be printed by the caller, with [`exit_code`].
pub fn run(cli: Cli) -> anyhow::Result<()> {
    let out = &mut io::BufWriter::new(io::stdout().lock());
    match cli.command {
        None if cli.json || !io::stdout().is_terminal() => Ok(snapshot::snapshot(
            attach(&cli.target)?,
            cli.json,
            cli.sampling,
            out,
        )?),
        None if cli.sampling.watch.is_some() => Ok(snapshot::snapshot(
            attach(&cli.target)?,
            false,
            cli.sampling,
            out,
        )?),
        None => dashboard(&cli),
        Some(Command::Snapshot {
            target,
            json,
            sampling,
        }) => Ok(snapshot::snapshot(attach(&target)?, json, sampling, out)?),
        Some(Command::Ls { json, interval }) => Ok(snapshot::list(json, interval, out)?),
        Some(Command::Tail(options)) => Ok(tail::tail(attach(&options.target)?, &options)?),
        Some(Command::Demo { headless, screen }) => demo::demo(headless, |pid| {
            let ring = AttachedRing::by_pid(pid, Choice::Only)?;
            show(Some(ring), options(screen, None))
        }),
        Some(Command::DemoRole {
            role,
            socket,
            parent,
        }) => roles::play(role, &socket, parent),
    }
}

fn attach(target: &Target) -> Result<AttachedRing, AttachError> {
    rings::attach(target.pid, choice(target))
}

fn choice(target: &Target) -> Choice {
    match (target.ring, target.fd) {
        (Some(number), _) => Choice::Number(number),
        (None, Some(fd)) => Choice::Fd(fd),
        (None, None) => Choice::Only,
    }
}

/// With a pid: that ring. Without: the screen itself looks for one, and waits if there is none.
fn dashboard(cli: &Cli) -> anyhow::Result<()> {
    let ring = match cli.target.pid {
        Some(pid) => Some(AttachedRing::by_pid(pid, choice(&cli.target))?),
        None => None,
    };
    show(ring, options(cli.screen, cli.sampling.interval))
}

fn show(ring: Option<AttachedRing>, mut options: ui::Options) -> anyhow::Result<()> {
    options.target = ring.as_ref().map(|ring| ring.id().to_owned());
    let mut rings = ring.map_or_else(Rings::default, Rings::watching);
    ui::run(&mut rings, options).context("the dashboard")
}

fn options(screen: Screen, interval: Option<std::time::Duration>) -> ui::Options {
    let plain = || {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb")
    };
    let color = match screen.color {
        When::Always => true,
        When::Never => false,
        When::Auto => !plain(),
    };
    let interval = interval.filter(|interval| !interval.is_zero());
    ui::Options {
        interval: interval.unwrap_or(std::time::Duration::from_millis(100)),
        color,
        ascii: screen.ascii,
        target: None,
    }
}

/// The exit status for an error: 3 no such ring, 4 not permitted, 5 not a ring, 2 usage, 1 the rest; 0 for a pipe
/// whose reader has gone.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(match error.downcast_ref::<AttachError>() {
        Some(
            AttachError::NoSuchProcess(_) | AttachError::NoRing(_) | AttachError::NoSuchRing { .. },
        ) => 3,
        Some(AttachError::NotPermitted { .. }) => 4,
        Some(
            AttachError::NotARing { .. }
            | AttachError::Inherited { .. }
            | AttachError::WrongSize { .. }
            | AttachError::WrongControl { .. },
        ) => 5,
        Some(AttachError::Several(_) | AttachError::SeveralHere { .. }) => 2,
        Some(AttachError::Vanished { .. } | AttachError::Io { .. }) => 1,
        None if is_broken_pipe(error) => 0,
        None => 1,
    })
}

/// Whether the reader of our output has gone, which is no failure.
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
