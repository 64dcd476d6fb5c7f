//! `wireshark`: the dissector and the capture interface in the folders where Wireshark looks for them.

mod folders;

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use folders::Folders;

use crate::cli::{WiresharkAction, WiresharkArgs};
use crate::stdout::Printer;
use crate::text::escape;

/// The dissector.
const DISSECTOR: &str = include_str!("../../../assets/wireshark/zbq.lua");
/// What files are told by to be ours, whatever the version.
const MARK: &str = "zbqtop wireshark install`";

/// A file that belongs there.
struct Part {
    what: &'static str,
    path: PathBuf,
    content: Vec<u8>,
    mode: u32,
}

/// What is found in the place of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Current,
    OfAnotherVersion,
    Foreign,
}

/// Does it, and tells what became of each file. The status says whether both are there, or with `uninstall` gone.
///
/// # Errors
/// When the folders are not known, or a file cannot be written or removed.
pub fn wireshark(options: &WiresharkArgs, out: &mut Printer) -> anyhow::Result<ExitCode> {
    let parts = parts(options)?;
    let mut complete = true;
    let found: Vec<Found> = parts.iter().map(Part::found).collect::<Result<_, _>>()?;
    let foreign = parts
        .iter()
        .zip(&found)
        .find(|(_, found)| **found == Found::Foreign);
    if let (Some((part, _)), WiresharkAction::Install | WiresharkAction::Uninstall) =
        (foreign, options.action)
    {
        bail!(
            "{} is not from zbqtop: move it away, or name another folder with --plugins or --extcap",
            part.name()
        );
    }
    for (part, found) in parts.iter().zip(found) {
        let said = match options.action {
            WiresharkAction::Status => {
                complete &= found == Found::Current;
                match found {
                    Found::Nothing => "not installed",
                    Found::Current => "installed",
                    Found::OfAnotherVersion => {
                        "installed by another version: `zbqtop wireshark install` replaces it"
                    }
                    Found::Foreign => "another file of this name, not from zbqtop",
                }
            }
            WiresharkAction::Install => match found {
                Found::Current => "already installed",
                Found::Nothing | Found::OfAnotherVersion | Found::Foreign => {
                    part.write()?;
                    "installed"
                }
            },
            WiresharkAction::Uninstall => match found {
                Found::Nothing => "not installed",
                Found::Current | Found::OfAnotherVersion | Found::Foreign => {
                    fs::remove_file(&part.path)
                        .with_context(|| format!("cannot remove {}", part.name()))?;
                    "removed"
                }
            },
        };
        writeln!(out, "{:<19} {}: {said}", part.what, part.name())?;
    }
    out.flush()?;
    Ok(if complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Both files, in their folders.
fn parts(options: &WiresharkArgs) -> anyhow::Result<[Part; 2]> {
    let folders = match (&options.plugins, &options.extcap) {
        (Some(plugins), Some(extcap)) => Folders {
            plugins: plugins.clone(),
            extcap: extcap.clone(),
        },
        (plugins, extcap) => {
            let asked = Folders::ask()?;
            Folders {
                plugins: plugins.clone().unwrap_or(asked.plugins),
                extcap: extcap.clone().unwrap_or(asked.extcap),
            }
        }
    };
    let program = std::env::current_exe().context("cannot tell where zbqtop is")?;
    Ok([
        Part {
            what: "dissector",
            path: folders.plugins.join("zbq.lua"),
            content: DISSECTOR.into(),
            mode: 0o644,
        },
        Part {
            what: "capture interface",
            path: folders.extcap.join("zbqtop"),
            content: script(&program),
            mode: 0o755,
        },
    ])
}

/// What Wireshark runs to list rings and to capture from one.
fn script(program: &Path) -> Vec<u8> {
    let quoted: Vec<u8> = (program.as_os_str().as_bytes().iter())
        .flat_map(|byte| match byte {
            b'\'' => b"'\\''".to_vec(),
            byte => vec![*byte],
        })
        .collect();
    [
        b"#!/bin/sh\n# Rings as interfaces of Wireshark. Written by `zbqtop wireshark install`.\nexec '",
        &quoted[..],
        b"' extcap \"$@\"\n",
    ]
    .concat()
}

impl Part {
    fn name(&self) -> String {
        escape(&self.path.display().to_string()).into_owned()
    }

    fn found(&self) -> anyhow::Result<Found> {
        let content = match fs::metadata(&self.path) {
            Ok(file) if !file.is_file() => return Ok(Found::Foreign),
            Ok(_) => fs::read(&self.path),
            Err(error) => Err(error),
        };
        let content = match content {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", self.name()));
            }
        };
        let is_ours = || {
            let content = &content[..content.len().min(1024)];
            String::from_utf8_lossy(content).contains(MARK)
        };
        Ok(match content {
            _ if content == self.content => Found::Current,
            _ if is_ours() => Found::OfAnotherVersion,
            _ => Found::Foreign,
        })
    }

    /// Writes it, whole or not at all.
    fn write(&self) -> anyhow::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let unwritable = || format!("cannot write {}", self.name());
        fs::create_dir_all(folder).with_context(unwritable)?;
        let draft = self
            .path
            .with_extension(format!("new-{}", std::process::id()));
        let made = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&draft)
            .with_context(unwritable)?;
        let written = (&made)
            .write_all(&self.content)
            .and_then(|()| made.set_permissions(fs::Permissions::from_mode(self.mode)))
            .and_then(|()| fs::rename(&draft, &self.path));
        if written.is_err() {
            // It may not even be there.
            let _ = fs::remove_file(&draft);
        }
        written.with_context(unwritable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_marked_as_ours() {
        let script = script(Path::new("/opt/it's here/zbqtop"));
        let script = String::from_utf8(script).expect("text");
        assert!(script.contains("exec '/opt/it'\\''s here/zbqtop' extcap \"$@\""));
        assert!(script.contains(MARK));
        assert!(DISSECTOR[..1024].contains(MARK));
    }
}
