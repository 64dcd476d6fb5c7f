//! From what the user typed to what is done: finds the ring that is meant, and one match on the command.

mod dashboard_options;

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::{self, Cli, Command, Configuration, DumpArgs, RecordArgs, Sampling, Target};
use crate::commands::tail;
use crate::commands::{check, demo, doctor, dump, record, recorded, snapshot};
use crate::demo::roles;
use crate::observe::attach::{
    AttachError, AttachedRing, RingSelector, RingTarget, Succession, by_pid,
};
use crate::observe::model::{Moment, Thresholds};
use crate::observe::rings::{self, Rings};
use crate::output::tail::Format;
use crate::recording::{Live, Playback, PlayedRing, Player, RecordingError};
use crate::ring::WakeupMode;
use crate::settings::{self, Settings};
use crate::stderr::warn;
use crate::stdout::{Printer, Stdout};
use crate::text::only_ascii;
use crate::{ring, ui};

/// Does what was asked for, and says with which status to end.
///
/// # Errors
/// To be printed by the caller, with [`exit_code`].
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    only_ascii(dashboard_options::is_ascii_locale(&variable));
    let out = &mut Stdout::printer();
    let done: anyhow::Result<()> = match cli.command {
        None if cli.print_config => Ok(out
            .write_all(settings::template().as_bytes())
            .and_then(|()| out.flush())?),
        None => {
            let settings = settings(&cli.configuration)?;
            let plain = !io::stdout().is_terminal() || is_dumb();
            if plain || cli.json || cli.sampling.watch.is_some() {
                if let Some(playback) = played(&cli.target, true)? {
                    return recorded_snapshot(playback, cli.json, cli.sampling, out);
                }
                let (ring, succession) = attach_on(&cli.target)?;
                let thresholds = settings.thresholds;
                Ok(snapshot::snapshot(
                    ring,
                    succession,
                    cli.json,
                    cli.sampling,
                    thresholds,
                    out,
                )?)
            } else {
                dashboard(&cli, settings)
            }
        }
        Some(Command::Snapshot {
            target,
            json,
            sampling,
            configuration,
        }) => {
            let thresholds = settings(&configuration)?.thresholds;
            if let Some(playback) = played(&target, true)? {
                return recorded_snapshot(playback, json, sampling, out);
            }
            let (ring, succession) = attach_on(&target)?;
            Ok(snapshot::snapshot(
                ring, succession, json, sampling, thresholds, out,
            )?)
        }
        Some(Command::Ls {
            all,
            json,
            interval,
            file,
            at,
        }) => match played_files(&file, at, true)? {
            Some(mut playback) => Ok(recorded::list(&mut playback, json, out)?),
            None => Ok(snapshot::list(all, json, interval, out)?),
        },
        Some(Command::Tail(options)) if is_raw_to_terminal(&options) => {
            let why = "raw bytes may do to a terminal what they like: send them to a file or a pipe, take another --format, \
                       or say --force";
            return Ok(refuse(&cli::misuse(why)));
        }
        Some(Command::Tail(options)) => match &options.target.socket {
            Some(address) if options.lossless => tail::lossless(address, &options, Stdout::now()),
            _ => match played(&options.target, !options.follows())? {
                Some(mut playback) => {
                    let ring = only_ring(&playback)?;
                    tail::recorded(&mut playback, &ring, &options)
                }
                None => {
                    let (ring, succession) = attach_on(&options.target)?;
                    tail::tail(ring, succession, &options)
                }
            },
        },
        Some(Command::Record(options)) if options.wants_files_of_a_stream() => {
            let why =
                "-o -: a stream is one recording: --keep and --on-finding need the name of a file";
            return Ok(refuse(&cli::misuse(why)));
        }
        Some(
            Command::Record(RecordArgs { target, .. }) | Command::Dump(DumpArgs { target, .. }),
        ) if !target.file.is_empty() => {
            let why = "--file: what is in a recording is recorded already";
            return Ok(refuse(&cli::misuse(why)));
        }
        Some(Command::Record(options)) => {
            let thresholds = settings(&options.configuration)?.thresholds;
            let ring = match options.all {
                true => None,
                false => Some(attach_on(&options.target)?),
            };
            record::record(ring, &options, thresholds)
        }
        Some(Command::Dump(options)) => {
            let thresholds = settings(&options.configuration)?.thresholds;
            dump::dump(attach(&options.target)?, &options, thresholds)
        }
        Some(Command::Check(options)) => {
            return Ok(match settings(&options.configuration) {
                Ok(settings) => {
                    let played = |target: &Target| played(target, true);
                    check::check(&options, &settings, attach, played, out)
                }
                Err(error) => check::misused(&error.to_string(), out),
            });
        }
        Some(Command::Doctor(options)) => {
            if let Some(why) = options.misuse() {
                return Ok(refuse(&cli::misuse(why)));
            }
            let file = settings_file(&options.configuration);
            let screen =
                |it| dashboard_options::options(cli::ScreenArgs::default(), None, it, &variable);
            return Ok(doctor::doctor(&options, file, attach, screen, out)?);
        }
        Some(Command::Demo {
            headless,
            screen,
            configuration,
        }) => {
            let settings = settings(&configuration)?;
            let thresholds = settings.thresholds;
            let options = dashboard_options::options(screen, None, settings, &variable)?;
            demo::demo(headless, |pid| {
                let ring = by_pid(pid, RingSelector::Only)?;
                show(Some((ring, None)), thresholds, options)
            })
        }
        Some(Command::DemoRole {
            role,
            socket,
            parent,
        }) => roles::play(role, &socket, parent),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn attach(target: &Target) -> Result<AttachedRing, AttachError> {
    let ring = rings::attach(&ring_target(target), ring_selector(target))?;
    if let Some(joined) = ring.joined() {
        warn(&format!(
            "joined: slot {} is taken, parked, until the producer's next scan",
            joined.slot
        ));
        // Where consumers are seen, a finding says what is so.
        if let Some(earlier) = joined.earlier.as_ref().filter(|_| ring.hidden() != Some(0)) {
            warn(&format!(
                "you joined this ring before, at {earlier}: that slot may still be taken, too"
            ));
        }
        if joined.mode == WakeupMode::Push {
            warn("it is a push slot: until then, every commit makes a system call");
        }
    }
    Ok(ring)
}

/// The ring, and where to look for the one that takes its place.
fn attach_on(target: &Target) -> Result<(AttachedRing, Option<Succession>), AttachError> {
    let ring = attach(target)?;
    let succession = Succession::of(&ring_target(target), ring_selector(target), &ring);
    Ok((ring, succession))
}

/// The recordings that are meant, at the moment that is meant; `None` when none is. With `whole`, what comes from stdin is
/// awaited to its end.
fn played(target: &Target, whole: bool) -> Result<Option<Playback>, RecordingError> {
    let mut playback = played_files(&target.file, target.at, whole)?;
    if let (Some(playback), Some(number)) = (&mut playback, target.ring) {
        playback.choose(number)?;
    }
    Ok(playback)
}

fn played_files(
    files: &[PathBuf],
    at: Option<Moment>,
    whole: bool,
) -> Result<Option<Playback>, RecordingError> {
    if files.is_empty() {
        return Ok(None);
    }
    let stdin = stdin_apart(files, false)?;
    let mut playback = Playback::open(files, stdin, whole)?;
    if let Some(at) = at {
        playback.go_to_moment(at)?;
    }
    Ok(Some(playback))
}

/// The one ring of a recording.
fn only_ring(playback: &Playback) -> Result<PlayedRing, RecordingError> {
    match playback.rings() {
        [ring] => Ok(ring.clone()),
        [] => Err(RecordingError::NotInIt(
            "there is no ring in the recording".into(),
        )),
        rings => {
            let list = rings.iter().enumerate();
            let list = list.map(|(number, ring)| format!("\n  --ring {number}: {}", ring.id));
            let list: String = list.collect();
            Err(RecordingError::NotInIt(format!(
                "there are several rings in the recording:{}",
                list
            )))
        }
    }
}

fn recorded_snapshot(
    mut playback: Playback,
    json: bool,
    sampling: Sampling,
    out: &mut Printer,
) -> anyhow::Result<ExitCode> {
    if sampling.watch.is_some() || sampling.interval.is_some() {
        let why = "--watch and --interval: a recording has its own samples; --at says which";
        return Ok(refuse(&cli::misuse(why)));
    }
    recorded::snapshot(&mut playback, json, out)?;
    playback.notes().iter().for_each(|note| warn(note));
    Ok(ExitCode::SUCCESS)
}

fn ring_target(target: &Target) -> RingTarget {
    match (&target.socket, target.pid) {
        (Some(address), _) => RingTarget::Socket {
            address: address.clone(),
            join: target.join,
            timeout: target.timeout,
        },
        (None, Some(pid)) => RingTarget::Pid(pid),
        (None, None) => RingTarget::Any,
    }
}

fn ring_selector(target: &Target) -> RingSelector {
    match (target.ring, target.fd) {
        (Some(number), _) => RingSelector::Number(number),
        (None, Some(fd)) => RingSelector::Fd(fd),
        (None, None) => RingSelector::Only,
    }
}

/// With a process named: its ring. Without: the screen itself looks for one, and waits if there is none.
fn dashboard(cli: &Cli, settings: Settings) -> anyhow::Result<()> {
    let thresholds = settings.thresholds;
    let options =
        dashboard_options::options(cli.screen, cli.sampling.interval, settings, &variable)?;
    if !cli.target.file.is_empty() {
        return play(&cli.target, options);
    }
    let ring = match ring_target(&cli.target) {
        RingTarget::Any => None,
        _ => match attach_on(&cli.target) {
            Err(error @ AttachError::OnlyByJoining(_)) => {
                if !agrees_to_join(&error)? {
                    return Err(error.into());
                }
                let target = Target {
                    join: true,
                    ..cli.target.clone()
                };
                Some(attach_on(&target)?)
            }
            outcome => Some(outcome?),
        },
    };
    show(ring, thresholds, options)
}

/// What comes on stdin, if a recording does; with `keys`, stdin is the terminal then, for the keys.
fn stdin_apart(files: &[PathBuf], keys: bool) -> Result<Option<File>, RecordingError> {
    if !files.iter().any(|file| file == Path::new("-")) {
        return Ok(None);
    }
    let apart = || -> io::Result<File> {
        let data = rustix::io::dup(rustix::stdio::stdin())?;
        if keys && !io::stdin().is_terminal() {
            let terminal = File::open("/dev/tty")?;
            rustix::stdio::dup2_stdin(&terminal)?;
        }
        Ok(data.into())
    };
    apart()
        .map(Some)
        .map_err(|source| RecordingError::Unreadable {
            name: "stdin".into(),
            source,
        })
}

/// Shows recordings.
fn play(target: &Target, mut options: ui::Options) -> anyhow::Result<()> {
    let stdin = stdin_apart(&target.file, true)?;
    let mut playback = Playback::open(&target.file, stdin, false)?;
    if let Some(number) = target.ring {
        playback.choose(number)?;
    }
    if let Some(at) = target.at {
        playback.go_to_moment(at)?;
    }
    let player = Player::new(playback, target.at.is_none());
    options.target = player.only().map(str::to_owned);
    options.recorded = true;
    only_ascii(options.ascii);
    ui::run(player, options).context("the dashboard")
}

/// Whether the user, told why the ring may not be looked into and what joining costs, wants it joined.
fn agrees_to_join(why: &AttachError) -> io::Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    warn(&format!("{why}"));
    let mut err = io::stderr().lock();
    write!(err, "Join it? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn show(
    ring: Option<(AttachedRing, Option<Succession>)>,
    thresholds: Thresholds,
    mut options: ui::Options,
) -> anyhow::Result<()> {
    options.target = ring.as_ref().map(|(ring, _)| ring.id().to_owned());
    let rings = match ring {
        Some((ring, succession)) => Rings::watching(ring, succession),
        None => Rings::default(),
    };
    let rings = rings.judging_by(thresholds).seeking_orphans();
    only_ascii(options.ascii);
    ui::run(Live::new(rings, thresholds), options).context("the dashboard")
}

fn is_raw_to_terminal(options: &cli::TailArgs) -> bool {
    matches!(options.format, Format::Raw) && !options.force && io::stdout().is_terminal()
}

/// A terminal that cannot place its cursor gets what a pipe gets.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// The environment's variable of that name, if it can be read.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn settings(configuration: &Configuration) -> Result<Settings, settings::SettingsError> {
    Settings::load(settings_file(configuration).as_deref())
}

/// The file of settings that is named.
fn settings_file(configuration: &Configuration) -> Option<PathBuf> {
    let named = std::env::var_os("ZBQTOP_CONFIG").filter(|name| !name.is_empty());
    configuration.config.clone().or(named.map(PathBuf::from))
}

/// Ends with what is wrong with the command line, or with the help that was asked for.
#[must_use]
pub fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return tell(error);
    }
    // Where nobody can be told, the exit status has to do.
    let _ = error.print();
    if cli::means_check(std::env::args_os()) {
        // What is 2 elsewhere is CRITICAL to a monitoring system: nothing is known yet.
        return check::misused(&error.to_string(), &mut Stdout::printer());
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}

/// Prints the help or the version that was asked for.
fn tell(asked: &clap::Error) -> ExitCode {
    let text = asked.render();
    let out = &mut Stdout::printer();
    let written = if io::stdout().is_terminal() && !is_dumb() {
        write!(out, "{}", text.ansi())
    } else {
        write!(out, "{text}")
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            warn(&error.to_string());
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// An error with its causes, each said once: many say their cause themselves.
#[must_use]
pub fn describe(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |said, cause| {
            if said.ends_with(&cause) {
                said
            } else if said.is_empty() {
                cause
            } else {
                format!("{said}: {cause}")
            }
        })
}

/// The exit status for an error: 3 no such ring, 4 not permitted, 5 not a ring, 2 usage, 1 the rest; 0 for a pipe
/// whose reader has gone.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(match error.downcast_ref::<AttachError>() {
        Some(
            AttachError::NoSuchProcess(_)
            | AttachError::Ended { .. }
            | AttachError::NotARing { .. }
            | AttachError::NoRing(_)
            | AttachError::NoSuchRing { .. }
            | AttachError::NoListener { .. },
        ) => 3,
        Some(
            AttachError::NotPermitted { .. }
            | AttachError::ListenerHidden { .. }
            | AttachError::OnlyByJoining(_),
        ) => 4,
        Some(
            AttachError::Inherited { .. }
            | AttachError::NotTheProducer { .. }
            | AttachError::WrongSize { .. }
            | AttachError::WrongControl { .. }
            | AttachError::WrongMapping { .. },
        ) => 5,
        Some(AttachError::Join { source, .. }) => join_code(source),
        Some(AttachError::Several(_) | AttachError::SeveralHere { .. }) => 2,
        Some(
            AttachError::Vanished { .. }
            | AttachError::Io { .. }
            | AttachError::OtherPidNamespace { .. },
        ) => 1,
        None if is_broken_pipe(error) => 0,
        None if error.is::<RecordingError>() => match error.downcast_ref() {
            Some(RecordingError::NotOne { .. }) => 5,
            Some(RecordingError::NotInIt(_)) => 3,
            _ => 1,
        },
        None if error.is::<settings::SettingsError>() => 2,
        None => error.downcast_ref().map_or(1, join_code),
    })
}

/// The exit status for a join that failed.
fn join_code(error: &ring::Error) -> u8 {
    match error {
        error if error.is_no_listener() => 3,
        error if error.is_forbidden() => 4,
        ring::Error::NoProducer { .. } => 3,
        ring::Error::Protocol { .. } => 5,
        _ => 1,
    }
}

/// Whether the reader of our output has gone, which is no failure.
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
