//! From what the user typed to what is done: finds the ring that is meant, and one match on the command.

mod dashboard_options;
mod recordings;
mod status;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::ValueEnum as _;
use clap::builder::PossibleValue;

use recordings::{play, played, played_files, recorded_snapshot};
pub use status::{describe, exit_code, is_broken_pipe, refuse};

use status::is_dumb;

use crate::cli::{
    self, Cli, Command, Configuration, DumpArgs, RecordArgs, TailFormat, Target, When,
};
use crate::commands::extcap::{self, Question};
use crate::commands::tail;
use crate::commands::{
    bench, check, completions, demo, doctor, dump, events, man, metrics, publish, record, recorded,
    snapshot, wireshark,
};
use crate::decode::{DecodeRule, DecodeRules};
use crate::demo::roles;
use crate::observe::attach::{
    AttachError, AttachedRing, RingSelector, RingTarget, Succession, by_pid,
};
use crate::observe::model::Thresholds;
use crate::observe::rings::{self, Rings};
use crate::recording::Live;
use crate::ring::WakeupMode;
use crate::settings::{self, Settings};
use crate::stderr::warn;
use crate::stdout::Stdout;
use crate::text::only_ascii;
use crate::ui;

/// Does what was asked for, and says with which status to end.
///
/// # Errors
/// To be printed by the caller, with [`exit_code`].
pub fn run(mut cli: Cli) -> anyhow::Result<ExitCode> {
    only_ascii(dashboard_options::is_ascii_locale(&variable));
    if let Some(Command::Tail(options)) = &mut cli.command {
        let is_terminal = io::stdout().is_terminal();
        let colors = dashboard_options::prints_colors(options.color, &variable, is_terminal)?;
        options.color = Some(if colors { When::Always } else { When::Never });
    }
    let out = &mut Stdout::printer();
    let done: anyhow::Result<()> = match cli.command {
        None if cli.print_config => Ok(out
            .write_all(settings::template().as_bytes())
            .and_then(|()| out.flush())?),
        None => {
            let settings = settings(&cli.configuration)?;
            let plain = !io::stdout().is_terminal() || is_dumb();
            let prints = plain || cli.json || cli.sampling.watch.is_some();
            if let Some(why) = cli.ages.misuse(&cli.target, prints) {
                return Ok(refuse(&cli::misuse("", &why)));
            }
            if prints {
                if let Some(playback) = played(&cli.target, true)? {
                    return recorded_snapshot(playback, cli.json, cli.sampling, out);
                }
                let rules = decoding(cli.ages.rule(), &settings)?;
                let (ring, succession) = attach_on(&cli.target)?;
                Ok(snapshot::snapshot(
                    ring,
                    succession,
                    cli.json,
                    cli.sampling,
                    (settings.thresholds, &rules),
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
            ages,
            configuration,
        }) => {
            if let Some(why) = ages.misuse(&target, true) {
                return Ok(refuse(&cli::misuse("snapshot", &why)));
            }
            let settings = settings(&configuration)?;
            let rules = decoding(ages.rule(), &settings)?;
            if let Some(playback) = played(&target, true)? {
                return recorded_snapshot(playback, json, sampling, out);
            }
            let (ring, succession) = attach_on(&target)?;
            let judged_by = (settings.thresholds, &rules);
            Ok(snapshot::snapshot(
                ring, succession, json, sampling, judged_by, out,
            )?)
        }
        Some(Command::Ls {
            all,
            json,
            interval,
            file,
            at,
            configuration,
        }) => {
            let thresholds = settings(&configuration)?.thresholds;
            match played_files(&file, at, true)? {
                Some(mut playback) => Ok(recorded::list(&mut playback, json, out)?),
                None => {
                    let rings = if all {
                        Rings::with_orphans()
                    } else {
                        Rings::default()
                    };
                    let rings = rings.judging_by(thresholds);
                    Ok(snapshot::list(rings, json, interval, out)?)
                }
            }
        }
        Some(Command::Tail(options)) if is_binary_to_terminal(&options) => {
            let format = options.format().to_possible_value();
            let why = format!(
                "--format {}: raw bytes can garble a terminal: redirect them to a file or a pipe, use another --format, or add \
                 --force",
                format.as_ref().map_or("raw", PossibleValue::get_name)
            );
            return Ok(refuse(&cli::misuse("tail", &why)));
        }
        Some(Command::Tail(options)) if options.misuse().is_some() => {
            let why = options.misuse().unwrap_or_default();
            return Ok(refuse(&cli::misuse("tail", &why)));
        }
        Some(Command::Tail(options)) => match &options.target.socket {
            Some(address) if options.lossless => tail::lossless(address, &options, Stdout::now()),
            _ => match played(&options.target, !options.follows())? {
                Some(mut playback) => {
                    // Packets say of which ring they are.
                    let rings = match options.format() {
                        TailFormat::Pcapng => playback.rings().to_vec(),
                        TailFormat::Messages(_) => vec![playback.only_ring()?],
                    };
                    tail::recorded(&mut playback, rings, &options)
                }
                None => {
                    let (ring, succession) = attach_on(&options.target)?;
                    tail::tail(ring, succession, &options)
                }
            },
        },
        Some(
            Command::Record(RecordArgs { target, .. }) | Command::Dump(DumpArgs { target, .. }),
        ) if !target.file.is_empty() => {
            let why = "--file: a recording cannot be recorded or dumped again";
            return Ok(refuse(&cli::misuse("record", why)));
        }
        Some(Command::Record(options)) => {
            if let Some(why) = options.misuse() {
                return Ok(refuse(&cli::misuse("record", why)));
            }
            let settings = settings(&options.configuration)?;
            let rules = decoding(options.rule(), &settings)?;
            let ring = match options.all {
                true => None,
                false => Some(attach_on(&options.target)?),
            };
            record::record(ring, &options, settings.thresholds, rules)
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
        Some(Command::Events(options)) => {
            let thresholds = settings(&options.configuration)?.thresholds;
            match played(&options.target, !options.follow)? {
                Some(mut playback) => events::recorded(&mut playback, &options, out),
                None => events::live(ring_or_all(&options.target)?, &options, thresholds, out),
            }
        }
        Some(Command::Metrics(options)) => {
            if let Some(why) = options.ages.misuse(&options.target, true) {
                return Ok(refuse(&cli::misuse("metrics", &why)));
            }
            let settings = settings(&options.configuration)?;
            let rules = decoding(options.ages.rule(), &settings)?;
            if let Some(mut playback) = played(&options.target, true)? {
                if options.listen.is_some() || options.every.is_some() {
                    let why = "--file: metrics of a recording are given once: leave out --listen and --every";
                    return Ok(refuse(&cli::misuse("metrics", why)));
                }
                metrics::recorded(&mut playback, &options, out)
            } else {
                let judged_by = (settings.thresholds, &rules);
                metrics::metrics(ring_or_all(&options.target)?, &options, judged_by, out)
            }
        }
        Some(Command::Doctor(options)) => {
            if let Some(why) = options.misuse() {
                return Ok(refuse(&cli::misuse("doctor", why)));
            }
            let file = settings_file(&options.configuration);
            let screen =
                |it| dashboard_options::options(cli::ScreenArgs::default(), None, it, &variable);
            return Ok(doctor::doctor(&options, file, attach, screen, out)?);
        }
        Some(Command::Bench(options)) => match options.misuse() {
            Some(why) => return Ok(refuse(&cli::misuse("bench", &why))),
            None => bench::bench(&options, out),
        },
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
        Some(Command::Completions { shell }) => Ok(completions::print(shell, out)?),
        Some(Command::Man { dir: None }) => Ok(man::print(out)?),
        Some(Command::Man { dir: Some(dir) }) => {
            man::write(&dir).with_context(|| format!("writing the manual into {}", dir.display()))
        }
        Some(Command::Pub(options)) => match options.misuse() {
            Some(why) => return Ok(refuse(&cli::misuse("pub", why))),
            None => publish::publish(&options),
        },
        Some(Command::Wireshark(options)) => return wireshark::wireshark(&options, out),
        Some(Command::Extcap { words }) => match Question::of(words) {
            Question::Capture(capture) => match Cli::read(capture.words()?) {
                Ok(cli) => {
                    capture.open()?;
                    return run(cli);
                }
                Err(error) => return Ok(refuse(&error)),
            },
            question => Ok(extcap::answer(&question, out)?),
        },
        Some(Command::BenchRole {
            role,
            address,
            parent,
        }) => crate::bench::roles::play(role, &address, parent),
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
            "joined: slot {} is taken (parked) until the producer's next scan, which may never come",
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

/// The ring that is named, as [`attach_on`] gives it; `None`: all of them are meant.
fn ring_or_all(target: &Target) -> Result<Option<(AttachedRing, Option<Succession>)>, AttachError> {
    match ring_target(target) {
        RingTarget::Any => Ok(None),
        _ => attach_on(target).map(Some),
    }
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
    let rules = decoding(cli.ages.rule(), &settings)?;
    let mut options =
        dashboard_options::options(cli.screen, cli.sampling.interval, settings, &variable)?;
    options.decoding = rules;
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

/// How payloads are decoded: as is typed, or else as the settings say.
fn decoding(typed: Option<DecodeRule>, settings: &Settings) -> anyhow::Result<DecodeRules> {
    if let Some(rule) = &typed {
        let opened = rule.spec.open();
        opened.map_err(|why| anyhow::anyhow!("--decode: {why}"))?;
    }
    let rules = typed.into_iter().chain(settings.decoding.iter().cloned());
    Ok(rules.collect())
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
    let rules = DecodeRules::clone(&options.decoding);
    let rings = rings.judging_by(thresholds).decoding_by(&rules);
    let rings = rings.seeking_orphans();
    only_ascii(options.ascii);
    ui::run(Live::new(rings, thresholds, rules), options).context("the dashboard")
}

fn is_binary_to_terminal(options: &cli::TailArgs) -> bool {
    options.format().is_binary() && !options.force && io::stdout().is_terminal()
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
