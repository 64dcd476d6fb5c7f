//! Every colour and every glyph.
//!
//! Views name what a thing means ([`ColorRole`]); only this file and those below it say how that looks. Without colours
//! the roles are told apart by bold, dim and reverse alone, and no meaning hangs on them: the words are always there.

mod depth;
mod palette;
mod role;

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::{bar, border};

use crate::observe::model::Integrity;

pub use depth::Depth;
pub use palette::Palette;
use palette::Scheme;
pub(crate) use role::ColorRole;

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
    /// Behind what has not come to its end.
    pub(crate) goes_on: &'static str,
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
    goes_on: "…",
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
    goes_on: "...",
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
            Integrity::Likely => "?",
            Integrity::Torn => self.glyphs.torn,
        }
    }
}
