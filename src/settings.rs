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

/// Where settings were looked for, and what was found there.
#[derive(Debug)]
pub enum SettingsFile {
    /// No variable of the environment says where a file would be.
    Nowhere,
    /// There is no file at the usual place.
    Absent(PathBuf),
    /// The file at the usual place is not for us to read.
    Forbidden(SettingsError),
    /// The file is right.
    Right(PathBuf, Box<Settings>),
    /// The file is wrong, or is named and not there.
    Wrong(SettingsError),
}

impl SettingsFile {
    /// Looks for the file at `path`; for that at the usual place if none is named.
    #[must_use]
    pub fn look(path: Option<&Path>) -> Self {
        let usual = || usual_place(|name| std::env::var_os(name).map(PathBuf::from));
        let Some(place) = path.map(Path::to_owned).or_else(usual) else {
            return Self::Nowhere;
        };
        match Settings::read(&place) {
            Ok(settings) => Self::Right(place, Box::new(settings)),
            Err(error) if path.is_none() && error.is_absent() => Self::Absent(place),
            Err(error) if path.is_none() && error.is_forbidden() => Self::Forbidden(error),
            Err(error) => Self::Wrong(error),
        }
    }
}

impl Settings {
    /// The settings of the file at `path`; of the file at the usual place if none is named, and the defaults if there
    /// is none.
    ///
    /// # Errors
    /// The file that is named is not there, or is no file; or what stands in it is wrong.
    pub fn load(path: Option<&Path>) -> Result<Self, SettingsError> {
        match SettingsFile::look(path) {
            SettingsFile::Right(_, settings) => Ok(*settings),
            SettingsFile::Nowhere | SettingsFile::Absent(_) => Ok(Self::default()),
            // As another user with the first one's HOME: what that one has set is no reason not to work.
            SettingsFile::Forbidden(error) => {
                warn(&format!("{error}; using the defaults"));
                Ok(Self::default())
            }
            SettingsFile::Wrong(error) => Err(error),
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
