//! Every colour and every glyph.
//!
//! Views name what a thing means ([`ColorRole`]); only this file and those below it say how that looks. Without colours the
//! roles are told apart by bold, dim and reverse alone, and no meaning hangs on them: the words are always there.

mod depth;
mod palette;

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::{bar, border};

use crate::observe::model::{ConsumerState, Integrity, RingState, Severity};

pub use depth::Depth;
pub use palette::Palette;
use palette::Scheme;

/// What a piece of text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColorRole {
    /// Values.
    Plain,
    /// Names of values, column titles.
    Label,
    /// What the eye should find first.
    Strong,
    /// What may be overlooked.
    Dim,
    /// As it should be.
    Good,
    /// Will hurt if it goes on.
    Warn,
    /// Hurts now.
    Bad,
    /// Bars and charts.
    Chart,
    /// Frames of panels.
    Border,
    /// The frame of the panel that has the keys.
    Focus,
    /// Keys in the footer and in the help; marks that must not be missed.
    Badge,
    /// The selected row where the keys go.
    Selected,
    /// The selected row elsewhere.
    Marked,
    /// What matches what is looked for.
    Match,
    /// The byte that is looked at, while the keys go elsewhere.
    Pointed,
    /// A zero.
    ByteNull,
    /// A byte of printable text.
    ByteText,
    /// White space.
    ByteSpace,
    /// Another control character.
    ByteControl,
    /// A byte above 0x7f.
    ByteHigh,
}

impl ColorRole {
    /// What kind of byte that is.
    pub(crate) fn byte(byte: u8) -> Self {
        match byte {
            0 => Self::ByteNull,
            b'!'..=b'~' => Self::ByteText,
            b' ' | b'\t'..=b'\r' => Self::ByteSpace,
            0x80.. => Self::ByteHigh,
            _ => Self::ByteControl,
        }
    }
}

/// Characters that have an ASCII stand-in.
pub(crate) struct Glyphs {
    /// Before the state of the ring.
    pub(crate) state: &'static str,
    /// Before the selected row.
    pub(crate) selected: &'static str,
    /// Beside the title of the column that rows are sorted by: the smallest first, the largest first.
    pub(crate) sorted: [&'static str; 2],
    /// An unknown value.
    pub(crate) unknown: &'static str,
    /// Where text was cut off.
    pub(crate) ellipsis: &'static str,
    /// Ends of the ring bar.
    pub(crate) bar_ends: [&'static str; 2],
    /// Held, free and unknown cells of the ring bar.
    pub(crate) bar_cells: [&'static str; 3],
    /// Head in the ring bar.
    pub(crate) head: &'static str,
    /// Microseconds.
    pub(crate) microseconds: &'static str,
    /// An intact message.
    pub(crate) intact: &'static str,
    /// A torn message.
    pub(crate) torn: &'static str,
    /// Whether lines are drawn in braille dots; else in asterisks.
    pub(crate) braille: bool,
    /// Bars of the chart.
    pub(crate) chart: bar::Set<'static>,
    /// Frames.
    pub(crate) border: border::Set<'static>,
}

static UNICODE: Glyphs = Glyphs {
    state: "●",
    selected: "▸",
    sorted: ["▲", "▼"],
    unknown: "–",
    ellipsis: "…",
    bar_ends: ["├", "┤"],
    bar_cells: ["█", "░", "·"],
    head: "▶",
    microseconds: "µs",
    intact: "✓",
    torn: "✗",
    braille: true,
    chart: bar::NINE_LEVELS,
    border: border::PLAIN,
};

static ASCII: Glyphs = Glyphs {
    state: "*",
    selected: ">",
    sorted: ["^", "v"],
    unknown: "-",
    ellipsis: "~",
    bar_ends: ["[", "]"],
    bar_cells: ["#", ".", "?"],
    head: ">",
    microseconds: "us",
    intact: "=",
    torn: "!",
    braille: false,
    chart: bar::Set {
        empty: " ",
        one_eighth: "_",
        one_quarter: ".",
        three_eighths: ":",
        half: "-",
        five_eighths: "=",
        three_quarters: "+",
        seven_eighths: "*",
        full: "#",
    },
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
};

/// How the screen looks.
pub(crate) struct Theme {
    color: bool,
    /// The colours of its own, and how many the terminal has.
    scheme: Option<(&'static Scheme, Depth)>,
    /// The characters in use.
    pub(crate) glyphs: &'static Glyphs,
}

impl Theme {
    /// In the terminal's own colours, or in none.
    pub(crate) fn new(color: bool, ascii: bool) -> Self {
        Self {
            color,
            scheme: None,
            glyphs: if ascii { &ASCII } else { &UNICODE },
        }
    }

    /// In other colours, if there are to be any.
    pub(crate) fn painted(self, palette: Palette, depth: Depth) -> Self {
        let scheme = palette.scheme().filter(|_| self.color);
        Self {
            scheme: scheme.map(|scheme| (scheme, depth)),
            ..self
        }
    }

    /// How `role` looks on the [ground](Self::ground).
    pub(crate) fn style(&self, role: ColorRole) -> Style {
        // Of the sixteen colours of the terminal's own palette only those that suit its background, light or dark.
        let (color, modifier) = match role {
            ColorRole::Plain | ColorRole::ByteText => (Color::Reset, Modifier::empty()),
            ColorRole::Label => (Color::Cyan, Modifier::empty()),
            ColorRole::Strong | ColorRole::Marked => (Color::Reset, Modifier::BOLD),
            ColorRole::Dim | ColorRole::Border | ColorRole::ByteNull => {
                (Color::Reset, Modifier::DIM)
            }
            ColorRole::Good => (Color::Green, Modifier::empty()),
            ColorRole::Warn => (Color::Yellow, Modifier::BOLD),
            ColorRole::Bad => (Color::Red, Modifier::BOLD),
            ColorRole::Chart => (Color::LightBlue, Modifier::empty()),
            ColorRole::Focus => (Color::Cyan, Modifier::BOLD),
            ColorRole::Badge | ColorRole::Selected => (Color::Reset, Modifier::REVERSED),
            ColorRole::Match => (Color::Yellow, Modifier::BOLD.union(Modifier::UNDERLINED)),
            ColorRole::Pointed => (Color::Reset, Modifier::REVERSED.union(Modifier::DIM)),
            ColorRole::ByteSpace => (Color::Green, Modifier::empty()),
            ColorRole::ByteControl => (Color::Magenta, Modifier::empty()),
            ColorRole::ByteHigh => (Color::Cyan, Modifier::empty()),
        };
        if let Some((scheme, depth)) = self.scheme {
            // Its colours are as dim as they may be.
            let style = Style::new().add_modifier(modifier - Modifier::DIM);
            return scheme
                .ink(role)
                .map_or(style, |ink| style.fg(ink.at(depth)));
        }
        let style = Style::new().add_modifier(modifier);
        if self.color && color != Color::Reset {
            style.fg(color)
        } else {
            style
        }
    }

    /// How a place looks where nothing is; it leaves nothing of what was there.
    pub(crate) fn ground(&self) -> Style {
        let style = Style::reset();
        match self.scheme {
            Some((scheme, depth)) => style.fg(scheme.plain.at(depth)).bg(scheme.ground.at(depth)),
            None => style,
        }
    }

    /// The glyph before a message.
    pub(crate) fn integrity(&self, integrity: Integrity) -> &'static str {
        match integrity {
            Integrity::Intact => self.glyphs.intact,
            Integrity::Likely => "~",
            Integrity::Torn => self.glyphs.torn,
        }
    }
}

impl From<Integrity> for ColorRole {
    fn from(integrity: Integrity) -> Self {
        match integrity {
            Integrity::Intact => Self::Good,
            Integrity::Likely => Self::Plain,
            Integrity::Torn => Self::Bad,
        }
    }
}

impl From<RingState> for ColorRole {
    fn from(state: RingState) -> Self {
        match state {
            RingState::Flowing => Self::Good,
            RingState::Idle | RingState::Unknown => Self::Strong,
            RingState::Full | RingState::ProducerGone | RingState::Truncated => Self::Bad,
        }
    }
}

impl From<ConsumerState> for ColorRole {
    fn from(state: ConsumerState) -> Self {
        match state {
            ConsumerState::Ok => Self::Good,
            ConsumerState::Idle | ConsumerState::Parked => Self::Plain,
            ConsumerState::Lagging | ConsumerState::Left => Self::Warn,
            ConsumerState::Stalled
            | ConsumerState::Blocking
            | ConsumerState::Overdue
            | ConsumerState::Dead
            | ConsumerState::Evicted
            | ConsumerState::Invalid => Self::Bad,
        }
    }
}

impl From<Severity> for ColorRole {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Label,
            Severity::Warning => Self::Warn,
            Severity::Critical => Self::Bad,
        }
    }
}
