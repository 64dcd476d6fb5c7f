//! How samples are taken and how the screen looks.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{duration, period};

/// How samples are taken.
#[derive(Args, Clone, Copy, Debug)]
pub struct Sampling {
    /// Time between the two samples that rates come from; 0: one sample, no rates. In the dashboard, the
    /// sampling period [default: 200ms; in the dashboard 100ms]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub interval: Option<Duration>,
    /// Print the state repeatedly, this often; with --json, one object a line.
    #[arg(long, value_name = "TIME", value_parser = period)]
    pub watch: Option<Duration>,
}

/// How the screen looks.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ScreenArgs {
    /// The colours [default: terminal] [env: ZBQTOP_THEME]
    #[arg(long)]
    pub theme: Option<ThemeName>,
    /// When to use colours, and how many; NO_COLOR and TERM=dumb turn `auto` off [default: auto] [env:
    /// ZBQTOP_COLOR]
    #[arg(long, value_name = "WHEN")]
    pub color: Option<When>,
    /// Draw with ASCII characters only.
    #[arg(long)]
    pub ascii: bool,
    /// Leave the mouse to the terminal.
    #[arg(long)]
    pub no_mouse: bool,
}

/// The colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ThemeName {
    /// Dark or light as the terminal's background is; where it does not say, as `terminal`.
    Auto,
    /// The terminal's own palette, on its own background.
    Terminal,
    /// Light on dark.
    Dark,
    /// Dark on light.
    Light,
    /// No colours: bold, dim and reverse only.
    Mono,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// If the terminal supports them.
    Auto,
    /// On any terminal, and into files and pipes.
    Always,
    /// Never.
    Never,
    /// Always, the 16 of the terminal's palette.
    #[value(name = "16")]
    Sixteen,
    /// Always, 256 colours.
    #[value(name = "256")]
    Indexed,
    /// Always, 24-bit colours.
    #[value(name = "truecolor")]
    True,
}
