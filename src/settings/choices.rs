//! What can be set, and how it is where nobody has said otherwise.

use std::time::Duration;

use clap::ValueEnum;

use crate::cli::{ThemeName, When};
use crate::decode::DecodeRule;
use crate::observe::model::Thresholds;
use crate::ui::{ConsumerField, Keymap};

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
    /// How payloads are decoded, those named by a socket first.
    pub decoding: Vec<DecodeRule>,
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
            columns: ConsumerField::usual(),
            thresholds: Thresholds::default(),
            decoding: Vec::new(),
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
