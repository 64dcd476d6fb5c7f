//! The folders of the user in which Wireshark looks: as it says itself.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::bail;

/// Those who can be asked.
const PROGRAMS: [&str; 2] = ["tshark", "wireshark"];
/// For so long.
const PATIENCE: Duration = Duration::from_secs(10);
/// An answer is not longer, bytes.
const LONGEST: u64 = 64 << 10;

/// Where Wireshark looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folders {
    /// For dissectors in Lua.
    pub(super) plugins: PathBuf,
    /// For capture interfaces.
    pub(super) extcap: PathBuf,
}

impl Folders {
    /// Asks Wireshark.
    ///
    /// # Errors
    /// When it is not there, or does not say.
    pub(super) fn ask() -> anyhow::Result<Self> {
        for program in PROGRAMS {
            if let Some(answer) = answer(program) {
                let Some(folders) = Self::parse(&answer) else {
                    bail!(
                        "`{program} -G folders` names no folders for plugins and extcap: name them with --plugins and --extcap"
                    );
                };
                return Ok(folders);
            }
        }
        bail!(
            "neither tshark nor wireshark runs here: install one of them, or name the folders with --plugins and --extcap"
        )
    }

    /// What `-G folders` says: a name, a colon and a path on each line. Before 4.2 the folder for capture interfaces is not
    /// named: it is `extcap` in that of the configuration.
    fn parse(answer: &str) -> Option<Self> {
        let find = |wanted: &str| {
            answer.lines().find_map(|line| {
                let (name, path) = line.split_once(':')?;
                let path = path.trim();
                let same = name.trim().eq_ignore_ascii_case(wanted);
                (same && path.starts_with('/')).then(|| PathBuf::from(path))
            })
        };
        let extcap = find("Personal Extcap path")
            .or_else(|| Some(find("Personal configuration")?.join("extcap")));
        Some(Self {
            plugins: find("Personal Lua Plugins").or_else(|| find("Personal Plugins"))?,
            extcap: extcap?,
        })
    }
}

/// What a program says to `-G folders`; `None` if it is not there or does not answer.
fn answer(program: &str) -> Option<String> {
    let mut child = Command::new(program)
        .args(["-G", "folders"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let stdout = child.stdout.take();
    let (sender, said) = channel();
    // Whoever else has its output may keep it open for ever.
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.map(|stdout| stdout.take(LONGEST).read_to_string(&mut text));
        // Nobody may wait for it any more.
        let _ = sender.send(read.and_then(Result::ok).map(|_| text));
    });
    let said = said.recv_timeout(PATIENCE).ok().flatten();
    if said.is_none() {
        // It may have ended just now.
        let _ = child.kill();
    }
    let ended = child.wait().ok()?;
    said.filter(|_| ended.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_each_version_are_found() {
        // Wireshark 4.0.
        let old = "\
Temp:                	/tmp
Personal configuration:	/home/ann/.config/wireshark
Personal Plugins:    	/home/ann/.local/lib/wireshark/plugins/4.0
Personal Lua Plugins:	/home/ann/.local/lib/wireshark/plugins
Extcap path:         	/usr/lib/x86_64-linux-gnu/wireshark/extcap
";
        let folders = Folders::parse(old).expect("folders");
        let plugins = "/home/ann/.local/lib/wireshark/plugins";
        assert_eq!(folders.plugins, PathBuf::from(plugins));
        assert_eq!(
            folders.extcap,
            PathBuf::from("/home/ann/.config/wireshark/extcap")
        );
        // Since 4.2 it names that of capture interfaces.
        let new = format!("{old}Personal Extcap path:\t/home/ann/.local/lib/wireshark/extcap\n");
        assert_eq!(
            Folders::parse(&new).expect("folders").extcap,
            PathBuf::from("/home/ann/.local/lib/wireshark/extcap")
        );
        for none in ["", "Temp: /tmp", "Personal Plugins: relative"] {
            assert_eq!(Folders::parse(none), None);
        }
    }
}
