//! The themes that bring their own colours: what each role looks like on dark and on light ground.
//!
//! They paint the ground, too: only so is it sure that what stands on it can be read, whatever the terminal's own
//! background. The sixteen colours are what a terminal makes of them: the stand-ins are chosen by hand, such that they
//! can be read with the palettes of the console and of xterm.

use super::depth::Ink;
use super::role::ColorRole;

/// Which colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// The terminal's own sixteen, on its own background: the user has made them fit each other.
    Terminal,
    /// Light on dark.
    Dark,
    /// Dark on light.
    Light,
    /// Dark or light as the terminal's background is, which is asked for; else as [`Self::Terminal`].
    Auto,
}

impl Palette {
    /// The one for a background of that red, green and blue.
    pub(crate) fn on(background: Option<[u8; 3]>) -> Self {
        match background {
            None => Self::Terminal,
            // Luma as in ITU-R BT.601, of 255,000.
            Some([red, green, blue]) => {
                let luma = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
                if luma > 127_500 {
                    Self::Light
                } else {
                    Self::Dark
                }
            }
        }
    }
}

/// The colours of a theme.
pub(super) struct Scheme {
    /// What everything stands on.
    pub(super) ground: Ink,
    pub(super) plain: Ink,
    label: Ink,
    strong: Ink,
    dim: Ink,
    good: Ink,
    warn: Ink,
    bad: Ink,
    chart: Ink,
    border: Ink,
    focus: Ink,
    space: Ink,
    control: Ink,
    high: Ink,
}

static DARK: Scheme = Scheme {
    ground: Ink::new(0x16_19_1e, 0),
    plain: Ink::new(0xd5_da_e1, 15),
    label: Ink::new(0x7f_bb_cf, 6),
    strong: Ink::new(0xff_ff_ff, 15),
    dim: Ink::new(0x8f_97_a3, 7),
    good: Ink::new(0x87_c9_82, 10),
    warn: Ink::new(0xe8_c4_6a, 11),
    bad: Ink::new(0xff_7f_78, 9),
    chart: Ink::new(0x5f_a8_ee, 12),
    border: Ink::new(0x6a_72_80, 7),
    focus: Ink::new(0x5f_d7_e5, 14),
    space: Ink::new(0x87_c9_82, 10),
    control: Ink::new(0xd6_97_e0, 13),
    high: Ink::new(0x7f_bb_cf, 14),
};

static LIGHT: Scheme = Scheme {
    ground: Ink::new(0xfa_fa_f8, 15),
    plain: Ink::new(0x24_29_2f, 0),
    label: Ink::new(0x0b_5f_79, 4),
    strong: Ink::new(0x00_00_00, 0),
    dim: Ink::new(0x62_69_73, 8),
    good: Ink::new(0x1d_6b_2c, 0),
    warn: Ink::new(0x8a_50_00, 5),
    bad: Ink::new(0xb7_1c_1c, 1),
    chart: Ink::new(0x1f_6f_c4, 4),
    border: Ink::new(0x84_8b_95, 8),
    focus: Ink::new(0x00_4f_9e, 4),
    space: Ink::new(0x1d_6b_2c, 0),
    control: Ink::new(0x8a_2b_9c, 5),
    high: Ink::new(0x0b_5f_79, 4),
};

impl Palette {
    /// Its own colours; the terminal's it does not know.
    pub(super) fn scheme(self) -> Option<&'static Scheme> {
        match self {
            Self::Terminal | Self::Auto => None,
            Self::Dark => Some(&DARK),
            Self::Light => Some(&LIGHT),
        }
    }
}

impl Scheme {
    /// The colour of what has a role; `None` where it keeps the colour that is there.
    pub(super) fn ink(&self, role: ColorRole) -> Option<Ink> {
        Some(match role {
            ColorRole::Plain | ColorRole::ByteText => self.plain,
            ColorRole::Label => self.label,
            ColorRole::Strong => self.strong,
            ColorRole::Dim | ColorRole::ByteNull => self.dim,
            ColorRole::Good => self.good,
            ColorRole::Warn | ColorRole::Match => self.warn,
            ColorRole::Bad => self.bad,
            ColorRole::Chart => self.chart,
            ColorRole::Border => self.border,
            ColorRole::Focus => self.focus,
            ColorRole::ByteSpace => self.space,
            ColorRole::ByteControl => self.control,
            ColorRole::ByteHigh => self.high,
            ColorRole::Badge | ColorRole::Selected | ColorRole::Marked | ColorRole::Pointed => {
                return None;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::super::depth::{Depth, indexed};
    use super::*;

    /// The sixteen colours of the Linux console, and of xterm.
    const SIXTEEN: [[u32; 16]; 2] = [
        [
            0x00_00_00, 0xaa_00_00, 0x00_aa_00, 0xaa_55_00, 0x00_00_aa, 0xaa_00_aa, 0x00_aa_aa,
            0xaa_aa_aa, 0x55_55_55, 0xff_55_55, 0x55_ff_55, 0xff_ff_55, 0x55_55_ff, 0xff_55_ff,
            0x55_ff_ff, 0xff_ff_ff,
        ],
        [
            0x00_00_00, 0xcd_00_00, 0x00_cd_00, 0xcd_cd_00, 0x00_00_ee, 0xcd_00_cd, 0x00_cd_cd,
            0xe5_e5_e5, 0x7f_7f_7f, 0xff_00_00, 0x00_ff_00, 0xff_ff_00, 0x5c_5c_ff, 0xff_00_ff,
            0x00_ff_ff, 0xff_ff_ff,
        ],
    ];

    /// Relative luminance: WCAG 2.
    fn luminance(rgb: [u8; 3]) -> f64 {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        let [red, green, blue] = rgb.map(channel);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
        let [one, other] = [one, other].map(luminance);
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// What a colour is on a screen; `palette` says it of the first sixteen.
    fn seen(color: Color, palette: &[u32; 16]) -> [u8; 3] {
        match color {
            Color::Rgb(red, green, blue) => [red, green, blue],
            Color::Indexed(index @ 16..) => indexed(index),
            Color::Indexed(index) => Ink::new(palette[usize::from(index)], 0).rgb,
            other => panic!("{other:?} is nobody's colour"),
        }
    }

    const TEXT: [ColorRole; 13] = [
        ColorRole::Plain,
        ColorRole::Label,
        ColorRole::Strong,
        ColorRole::Dim,
        ColorRole::Good,
        ColorRole::Warn,
        ColorRole::Bad,
        ColorRole::Focus,
        ColorRole::ByteNull,
        ColorRole::ByteText,
        ColorRole::ByteSpace,
        ColorRole::ByteControl,
        ColorRole::ByteHigh,
    ];

    /// WCAG 2.1 asks for 4.5 where something is to be read (AA), and for 3 where something is only to be seen.
    #[test]
    fn what_is_to_be_read_can_be() {
        assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
        for palette in [Palette::Dark, Palette::Light] {
            let scheme = palette.scheme().unwrap();
            for depth in [Depth::True, Depth::Indexed, Depth::Sixteen] {
                for (sixteen, text) in SIXTEEN.iter().zip([4.5, 4.0]) {
                    let ground = seen(scheme.ground.at(depth), sixteen);
                    let check = |role: ColorRole, least: f64| {
                        let ink = scheme.ink(role).unwrap();
                        let contrast = contrast(seen(ink.at(depth), sixteen), ground);
                        assert!(
                            contrast >= least,
                            "{palette:?} {depth:?} {role:?}: {contrast:.2}, expected {least}"
                        );
                    };
                    // What others make of the sixteen colours is theirs: xterm's grey is a shade too light for AA.
                    let text = if depth == Depth::Sixteen { text } else { 4.5 };
                    TEXT.into_iter().for_each(|role| check(role, text));
                    [ColorRole::Chart, ColorRole::Border]
                        .into_iter()
                        .for_each(|role| check(role, 3.0));
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_looks_different() {
        for palette in [Palette::Dark, Palette::Light] {
            let scheme = palette.scheme().unwrap();
            for depth in [Depth::True, Depth::Indexed, Depth::Sixteen] {
                let color = |role| scheme.ink(role).unwrap().at(depth);
                let levels = [ColorRole::Plain, ColorRole::Warn, ColorRole::Bad].map(color);
                assert!(
                    levels[0] != levels[1] && levels[1] != levels[2] && levels[0] != levels[2],
                    "{palette:?} {depth:?}: {levels:?}"
                );
            }
        }
    }
}
