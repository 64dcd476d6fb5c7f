//! Settings: what the user wants always, read from a file.
//!
//! A setting is what holds where neither the command line nor the environment says otherwise; who beats whom is decided in
//! [`crate::run`]. The file is written by people and may be anything: what is wrong with it is told with its place, and
//! nothing in it is taken for granted.

mod file;
mod source;
mod template;
mod value;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;

use crate::cli::{Lag, ThemeName, When};
use crate::observe::model::Thresholds;
use crate::shutdown::warn;
use crate::ui::{ConsumerField, Keymap};

pub use source::SettingsError;
pub use template::template;

/// What can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Time between two samples of the dashboard.
    pub interval: Duration,
    /// The colours.
    pub theme: ThemeName,
    /// When to use colours, and how many.
    pub color: When,
    /// When to draw with ASCII characters only.
    pub ascii: Ascii,
    /// Whether the dashboard takes clicks and the wheel.
    pub mouse: bool,
    /// The columns of the table of consumers, in their order.
    pub columns: Vec<ConsumerField>,
    /// What health is judged by.
    pub thresholds: Thresholds,
    /// The limit of a `check` that is given none.
    pub max_lag: Lag,
    /// Which key does what.
    pub keymap: Keymap,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(100),
            theme: ThemeName::Terminal,
            color: When::Auto,
            ascii: Ascii::Auto,
            mouse: true,
            columns: ConsumerField::ALL.to_vec(),
            thresholds: Thresholds::default(),
            max_lag: Lag::default(),
            keymap: Keymap::default(),
        }
    }
}

/// When to draw with ASCII characters only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ascii {
    /// In the locale C or POSIX.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Settings {
    /// The settings of the file at `path`; of the file at the usual place if none is named, and the defaults if there is
    /// none.
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

/// Where the file is looked for: the base directory specification of freedesktop.org, by which a relative path counts as
/// none.
fn usual_place(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let base =
        absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    base.map(|base| base.join("zbqtop").join("config.toml"))
}

#[cfg(test)]
mod tests;
