//! `doctor`: what this machine, this user and this terminal allow, what follows, and what would help.
//!
//! What the kernel allows is asked by `observe::doctor`; the terminal, the settings and the versions are asked here.

mod clipboard;
mod terminal;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::{DoctorArgs, Target};
use crate::observe::attach::{AttachError, AttachedRing};
use crate::observe::doctor::{attached, every_ring, kernel_checks};
use crate::observe::model::{DoctorCheck, DoctorReport, SCHEMA_VERSION};
use crate::observe::procfs::kernel_release;
use crate::output::doctor::table;
use crate::output::json::{self, Layout};
use crate::settings::{Settings, SettingsError, SettingsFile};
use crate::stdout::Printer;
use crate::ui;

/// The version of the reference whose protocol is spoken: the protocol itself has no number.
const REFERENCE: &str = "0.1.1";

/// Asks everything, about the ring that `attach` finds, or about all there are. `file` is the file of settings that is named;
/// `screen` tells what the dashboard makes of settings.
///
/// # Errors
/// Those of `out`.
pub fn doctor(
    options: &DoctorArgs,
    file: Option<PathBuf>,
    attach: impl FnOnce(&Target) -> Result<AttachedRing, AttachError>,
    screen: impl Fn(Settings) -> Result<ui::Options, SettingsError>,
    out: &mut Printer,
) -> io::Result<ExitCode> {
    let target = &options.target;
    let (first, subject) = if target.pid.is_some() || target.socket.is_some() {
        attached(attach(target))
    } else {
        every_ring()
    };
    let mut checks = vec![first];
    checks.extend(kernel_checks(&subject));
    let (settings, options_of_screen) = settings(file, screen);
    checks.extend(terminal::all(options_of_screen.as_ref()));
    checks.push(clipboard::clipboard());
    checks.push(settings);
    checks.push(versions());
    let report = DoctorReport::new(checks);
    if options.json {
        json::write(out, &report, Layout::Pretty)?;
    } else {
        table(out, &report)?;
    }
    io::Write::flush(out)?;
    Ok(ExitCode::from(report.exit_code()))
}

/// Whether there are settings and they are right; what the dashboard makes of them, or of none where they are wrong.
fn settings(
    file: Option<PathBuf>,
    screen: impl Fn(Settings) -> Result<ui::Options, SettingsError>,
) -> (DoctorCheck, Option<ui::Options>) {
    const NAME: &str = "settings";
    let wrong = |error: SettingsError| {
        DoctorCheck::broken(NAME, error.to_string())
            .so("commands that need settings end with exit status 2")
            .with_remedy(
                "correct that line; zbqtop --print-config prints valid settings".to_owned(),
            )
    };
    let ok = |found| DoctorCheck::ok(NAME, found);
    let (check, settings) = match SettingsFile::look(file.as_deref()) {
        SettingsFile::Nowhere => (
            ok("neither HOME nor XDG_CONFIG_HOME is set: the defaults apply".to_owned()),
            Settings::default(),
        ),
        SettingsFile::Absent(path) => (
            ok(format!(
                "{} does not exist; the defaults apply",
                path.display()
            )),
            Settings::default(),
        ),
        SettingsFile::Right(path, settings) => (ok(path.display().to_string()), *settings),
        SettingsFile::Forbidden(error) => (
            DoctorCheck::missing(NAME, error.to_string())
                .so("the defaults are used")
                .with_remedy("name a file that may be read (--config, ZBQTOP_CONFIG)".to_owned()),
            Settings::default(),
        ),
        SettingsFile::Wrong(error) => return (wrong(error), screen(Settings::default()).ok()),
    };
    match screen(settings) {
        Ok(options) => (check, Some(options)),
        Err(error) => (wrong(error), None),
    }
}

fn versions() -> DoctorCheck {
    let found = format!(
        "zbqtop {}, Linux {}, schema_version {SCHEMA_VERSION}, protocol of zbq {REFERENCE}",
        env!("CARGO_PKG_VERSION"),
        kernel_release(),
    );
    DoctorCheck::ok("versions", found)
}

#[cfg(test)]
mod tests {
    use super::REFERENCE;

    #[test]
    fn the_reference_is_the_one_that_tests_run_against() {
        let package = include_str!("../../Cargo.toml");
        assert!(package.contains(&format!("\nzbq-sys = \"{REFERENCE}\"\n")));
    }
}
