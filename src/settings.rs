//! Settings: what the user wants always, read from a file.
//!
//! A setting is what holds where neither the command line nor the environment says otherwise; who beats whom is decided
//! in [`crate::run`]. The file is written by people and may be anything: what is wrong with it is told with its place,
//! and nothing in it is taken for granted.

mod choices;
mod file;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod source;
mod template;
mod value;

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::stderr::warn;

pub use choices::{Ascii, Settings};
pub use source::SettingsError;
pub use template::template;

impl Settings {
    /// The settings of the file at `path`; of the file at the usual place if none is named, and the defaults if there
    /// is none.
    ///
    /// # Errors
    /// The file that is named is not there, or is no file; or what stands in it is wrong.
    pub fn load(path: Option<&Path>) -> Result<Self, SettingsError> {
        if let Some(path) = path {
            return Self::read(path);
        }
        let Some(path) = usual_place(|name| std::env::var_os(name).map(PathBuf::from)) else {
            return Ok(Self::default());
        };
        match Self::read(&path) {
            Err(error) if error.is_absent() => Ok(Self::default()),
            // As another user with the first one's HOME: what that one has set is no reason not to work.
            Err(error) if error.is_forbidden() => {
                warn(&format!("{error}; it goes on without settings"));
                Ok(Self::default())
            }
            settings => settings,
        }
    }

    fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = source::read(path)?;
        file::parse(&text).map_err(|fault| SettingsError::wrong(path, &text, &fault))
    }
}

/// What a variable of the environment says, if it says anything: one of the words that the command line takes.
///
/// # Errors
/// It is another word.
pub fn from_variable<T: ValueEnum>(
    name: &'static str,
    value: Option<String>,
) -> Result<Option<T>, SettingsError> {
    let word = value.filter(|word| !word.is_empty());
    let choice = word.map(|word| value::choice(&word)).transpose();
    choice.map_err(|what| SettingsError::Variable { name, what })
}

/// Where the file is looked for: the base directory specification of freedesktop.org, by which a relative path counts
/// as none.
fn usual_place(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let base =
        absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    base.map(|base| base.join("zbqtop").join("config.toml"))
}

#[cfg(test)]
mod tests;
