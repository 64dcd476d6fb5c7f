//! How many colours a terminal has, and which of them stands in for one that it has not.
//!
//! Knows nothing of what a colour is for.

use ratatui::style::Color;

/// How many colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The sixteen of the terminal's own palette.
    Sixteen,
    /// Those, a cube of 216 and 24 greys, which are the same everywhere.
    Indexed,
    /// Any.
    True,
}

impl Depth {
    /// What a terminal has, by the environment's `TERM` and `COLORTERM`. What neither vouches for is not taken for
    /// granted.
    #[must_use]
    pub fn of(term: &str, colorterm: &str) -> Self {
        // What they were started from may have left its COLORTERM to them: the console's own palette is all it has, and
        // GNU screen takes the numbers of an exact colour for other attributes.
        let inherits = ["linux", "screen"]
            .iter()
            .any(|name| term == *name || term.starts_with(&format!("{name}-")));
        let exact = matches!(colorterm, "truecolor" | "24bit") && !inherits;
        if exact || term.ends_with("-direct") {
            Self::True
        } else if term.ends_with("-256color") {
            Self::Indexed
        } else {
            Self::Sixteen
        }
    }
}

/// A colour, in red, green and blue, and its stand-in among the sixteen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ink {
    pub(super) rgb: [u8; 3],
    pub(super) sixteen: u8,
}

impl Ink {
    /// `rgb` as in `0xrrggbb`.
    pub(super) const fn new(rgb: u32, sixteen: u8) -> Self {
        let [_, red, green, blue] = rgb.to_be_bytes();
        Self {
            rgb: [red, green, blue],
            sixteen,
        }
    }

    /// The colour as a terminal of that depth has it.
    pub(super) fn at(self, depth: Depth) -> Color {
        let [red, green, blue] = self.rgb;
        match depth {
            Depth::True => Color::Rgb(red, green, blue),
            Depth::Indexed => Color::Indexed(nearest(self.rgb)),
            Depth::Sixteen => Color::Indexed(self.sixteen),
        }
    }
}

/// The steps of the cube of colours: xterm's, and everybody's since.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The colour of an index from 16 on.
pub(super) const fn indexed(index: u8) -> [u8; 3] {
    if index >= 232 {
        return [8 + (index - 232) * 10; 3];
    }
    let place = (index - 16) as usize;
    [STEPS[place / 36], STEPS[place / 6 % 6], STEPS[place % 6]]
}

/// The index whose colour is the nearest. The first sixteen are not looked at: they are what the user has made of them.
fn nearest(rgb: [u8; 3]) -> u8 {
    let distance = |index: u8| -> u32 {
        let channels = indexed(index).into_iter().zip(rgb);
        let squares = channels.map(|(one, other)| u32::from(one.abs_diff(other)).pow(2));
        squares.sum()
    };
    (16..=255)
        .min_by_key(|index| distance(*index))
        .unwrap_or(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_environment_vouches_for() {
        use Depth::{Indexed, Sixteen, True};
        for (term, colorterm, expected) in [
            ("", "", Sixteen),
            ("xterm", "", Sixteen),
            ("linux", "", Sixteen),
            ("linux", "truecolor", Sixteen),
            ("linux-16color", "24bit", Sixteen),
            ("xterm-16color", "", Sixteen),
            ("xterm-256color", "", Indexed),
            ("xterm-256color", "yes", Indexed),
            ("xterm-256color", "truecolor", True),
            ("xterm-256color", "24bit", True),
            ("xterm", "truecolor", True),
            ("tmux-256color", "truecolor", True),
            ("screen-256color", "truecolor", Indexed),
            ("screen", "truecolor", Sixteen),
            ("screen.xterm-256color", "", Indexed),
            ("xterm-direct", "", True),
        ] {
            assert_eq!(Depth::of(term, colorterm), expected, "{term} {colorterm}");
        }
    }

    #[test]
    fn every_colour_of_the_cube_stands_in_for_itself() {
        for index in 16..=255 {
            let found = nearest(indexed(index));
            assert_eq!(indexed(found), indexed(index), "{index}");
        }
        for (rgb, index) in [
            (0x00_00_00, 16),
            (0xff_ff_ff, 231),
            (0x12_12_12, 233),
            (0x80_80_80, 244),
            (0xff_00_01, 196),
            (0x5f_af_ff, 75),
        ] {
            assert_eq!(nearest(Ink::new(rgb, 0).rgb), index, "{rgb:06x}");
        }
    }
}
