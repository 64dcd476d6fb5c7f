//! The file of settings as it would be if it said nothing new: every setting with its default, explained.
//!
//! Values are written from the defaults themselves, so that it cannot tell of others.

use std::fmt::Write as _;
use std::time::Duration;

use super::choices::Settings;
use super::value::word;
use crate::ui::Keymap;

/// What `--print-config` prints.
#[must_use]
pub fn template() -> String {
    let Settings {
        interval,
        theme,
        color,
        ascii,
        mouse,
        columns,
        thresholds,
        decoding: _,
        keymap: _,
    } = Settings::default();
    let columns: Vec<String> = columns.into_iter().map(|column| column.name()).collect();
    let mut text = format!(
        "\
# Settings of zbqtop, each with its default: what is left out stays as it is here. They are read from
# $XDG_CONFIG_HOME/zbqtop/config.toml (~/.config/zbqtop/config.toml), or from the file that --config or ZBQTOP_CONFIG
# names. Options on the command line override the environment, which overrides this file.

# Time between two samples of the dashboard; `+` and `-` change it, --interval as well.
interval = {interval:?}

# The colours: terminal (its own palette, on its own background), dark, light, or mono. Also: --theme, ZBQTOP_THEME.
theme = {theme:?}

# When to use colours, and how many: auto (as TERM and COLORTERM say; none with NO_COLOR), always, never, 16, 256,
# truecolor. Also: --color, ZBQTOP_COLOR. NO_COLOR in the environment comes before this file.
color = {color:?}

# When to draw with ASCII characters only: auto (in the locale C), always, never. Also: --ascii.
ascii = {ascii:?}

# Whether clicks and the wheel go to the dashboard; with false the terminal keeps them. Also: --no-mouse.
mouse = {mouse}

# The columns of the table of consumers, in this order. Where not all have room, the least important are left out.
columns = {columns:?}

# What the health of a ring is judged by: in the dashboard, in `snapshot` and in `check`.
[thresholds]

# A consumer that is behind by this share of the ring is lagging.
lagging-percent = {lagging_percent}

# A consumer that is behind and has not moved for this long is stalled: auto (half of the ring's own stall timeout, at
# least a second; one second if it also lags), or a time, as in \"5s\".
stalled-after = \"auto\"

# Descriptors pile up when a consumer does not read its side socket and it is this full, or when this share of
# RLIMIT_NOFILE is in flight.
side-socket-percent = {pile_percent}

# How far any consumer may be behind before that is a warning, and critical: a share of the ring, bytes (\"1MiB\"),
# messages (\"10000msg\"), a time (\"2s\"), or \"off\". `check --max-lag` overrides it.
max-lag = {max_lag:?}

# How payloads are decoded in the dashboard, as with --decode: by the ring's socket, or by its producer's command, as in
#   \"/run/quotes.sock\" = \"px:f64 qty:u32 sym:char[8]\"
#   md-gateway = \"json\"
# With --time-field besides, which tells how old messages are when they are committed, also in `snapshot`, `metrics` and
# `record`, as in
#   orders = {{ spec = \"json\", time-field = \"sent:us\" }}
[decode]

# The keys of each action: one character, a name (space, tab, shift-tab, enter, esc, backspace, up, down, left, right,
# pgup, pgdn, home, end, ins, del), f1 to f12, or ctrl- and a letter. [] removes all; Ctrl-C always quits.
[keys]
",
        interval = time(interval),
        theme = word(&theme),
        color = word(&color),
        ascii = word(&ascii),
        lagging_percent = thresholds.lagging_percent,
        pile_percent = thresholds.pile_percent,
        max_lag = thresholds.max_lag.to_string(),
    );
    for (name, keys, help) in Keymap::actions() {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).map(spelled).collect();
        let setting = format!("{name} = {keys:?}");
        // A String takes whatever is written.
        let _ = writeln!(text, "{setting:31} # {help}");
    }
    text
}

/// A key as the file has it: names in lower case.
fn spelled(key: String) -> String {
    if key.chars().count() > 1 {
        key.to_lowercase()
    } else {
        key
    }
}

/// A time as the file has it.
fn time(time: Duration) -> String {
    format!("{time:?}")
}
