//! Recordings that are meant, and what is done with them where that is not a command's own.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::status::refuse;
use crate::cli::{self, Sampling, Target};
use crate::commands::recorded;
use crate::observe::model::Moment;
use crate::recording::{Playback, Player, RecordingError};
use crate::stderr::warn;
use crate::stdout::Printer;
use crate::text::only_ascii;
use crate::ui;

/// The recordings that are meant, at the moment that is meant; `None` when none is. With `whole`, what comes from stdin is
/// awaited to its end.
pub(super) fn played(target: &Target, whole: bool) -> Result<Option<Playback>, RecordingError> {
    let mut playback = played_files(&target.file, target.at, whole)?;
    if let (Some(playback), Some(number)) = (&mut playback, target.ring) {
        playback.choose(number)?;
    }
    Ok(playback)
}

pub(super) fn played_files(
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

pub(super) fn recorded_snapshot(
    mut playback: Playback,
    json: bool,
    sampling: Sampling,
    out: &mut Printer,
) -> anyhow::Result<ExitCode> {
    if sampling.watch.is_some() || sampling.interval.is_some() {
        let why = "--watch and --interval do not apply to a recording; choose a moment with --at";
        return Ok(refuse(&cli::misuse("snapshot", why)));
    }
    recorded::snapshot(&mut playback, json, out)?;
    playback.notes().iter().for_each(|note| warn(note));
    Ok(ExitCode::SUCCESS)
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
pub(super) fn play(target: &Target, mut options: ui::Options) -> anyhow::Result<()> {
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
