//! How the dashboard is to be: from the command line, the environment and the settings, in this order of precedence.
//!
//! Looks at nothing but what it is given.

use std::time::Duration;

use crate::cli::{ScreenArgs, ThemeName, When};
use crate::settings::{Ascii, Settings, SettingsError, from_variable};
use crate::ui::{Depth, Options, Palette};

/// The environment.
pub(super) type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the dashboard is told. `interval` is the one on the command line; 0, which asks for a single sample elsewhere,
/// asks for nothing here.
pub(super) fn options(
    screen: ScreenArgs,
    interval: Option<Duration>,
    settings: Settings,
    variable: Variable<'_>,
) -> Result<Options, SettingsError> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let term = set("TERM").unwrap_or_default();
    let depth = Depth::of(&term, &set("COLORTERM").unwrap_or_default());
    let plain = set("NO_COLOR").is_some();
    let color = match screen.color {
        Some(color) => Some(color),
        None => from_variable("ZBQTOP_COLOR", variable("ZBQTOP_COLOR"))?,
    };
    let when = match color {
        Some(when) => when,
        // It is of the environment, which comes before the settings.
        None if plain => When::Never,
        None => settings.color,
    };
    let (color, depth) = match when {
        When::Auto => (!plain, depth),
        When::Always => (true, depth),
        When::Never => (false, depth),
        When::Sixteen => (true, Depth::Sixteen),
        When::Indexed => (true, Depth::Indexed),
        When::True => (true, Depth::True),
    };
    let theme = match screen.theme {
        Some(theme) => Some(theme),
        None => from_variable("ZBQTOP_THEME", variable("ZBQTOP_THEME"))?,
    };
    let (color, palette) = match theme.unwrap_or(settings.theme) {
        ThemeName::Auto => (color, Palette::Auto),
        ThemeName::Terminal => (color, Palette::Terminal),
        ThemeName::Dark => (color, Palette::Dark),
        ThemeName::Light => (color, Palette::Light),
        ThemeName::Mono => (false, Palette::Terminal),
    };
    let ascii = match settings.ascii {
        _ if screen.ascii => true,
        Ascii::Always => true,
        Ascii::Never => false,
        Ascii::Auto => is_ascii_locale(variable),
    };
    let interval = interval.filter(|interval| !interval.is_zero());
    Ok(Options {
        interval: interval.unwrap_or(settings.interval),
        color,
        palette,
        depth,
        ascii,
        mouse: settings.mouse && !screen.no_mouse,
        columns: settings.columns,
        keymap: settings.keymap,
        target: None,
        recorded: false,
        decoding: settings.decoding.into(),
    })
}

/// Whether what is printed has colours: `color` is what was typed.
pub(super) fn prints_colors(
    color: Option<When>,
    variable: Variable<'_>,
    is_terminal: bool,
) -> Result<bool, SettingsError> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let color = match color {
        Some(color) => color,
        None => from_variable("ZBQTOP_COLOR", variable("ZBQTOP_COLOR"))?.unwrap_or(When::Auto),
    };
    Ok(match color {
        When::Auto => {
            is_terminal && set("NO_COLOR").is_none() && set("TERM").as_deref() != Some("dumb")
        }
        When::Never => false,
        When::Always | When::Sixteen | When::Indexed | When::True => true,
    })
}

/// Whether the locale says that anything but ASCII is out of place: one that is not UTF-8, asked for by name.
pub(super) fn is_ascii_locale(variable: Variable<'_>) -> bool {
    let mut names = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let locale = names.find_map(|name| variable(name).filter(|value| !value.is_empty()));
    let is_utf8 = |locale: String| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    };
    locale.is_some_and(|locale| !is_utf8(locale))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The options with these words on the command line, these variables and these settings.
    fn of(words: &str, variables: &[(&str, &str)], settings: Settings) -> Options {
        use clap::Parser as _;
        let words = ["zbqtop"].into_iter().chain(words.split_whitespace());
        let cli = crate::cli::Cli::try_parse_from(words).unwrap();
        let variable = |name: &str| {
            let mut set = variables.iter().filter(|(set, _)| *set == name);
            set.next().map(|(_, value)| (*value).to_owned())
        };
        options(cli.screen, cli.sampling.interval, settings, &variable).unwrap()
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Settings {
        let mut settings = Settings::default();
        change(&mut settings);
        settings
    }

    #[test]
    fn what_is_printed_has_colours_on_a_terminal_alone_unless_they_are_asked_for() {
        let on = |color, variables: &[(&str, &str)], is_terminal| {
            let variable = |name: &str| {
                let mut set = variables.iter().filter(|(set, _)| *set == name);
                set.next().map(|(_, value)| (*value).to_owned())
            };
            prints_colors(color, &variable, is_terminal).unwrap()
        };
        assert!(on(None, &[], true) && !on(None, &[], false));
        for variable in [
            ("NO_COLOR", "1"),
            ("TERM", "dumb"),
            ("ZBQTOP_COLOR", "never"),
        ] {
            assert!(!on(None, &[variable], true), "{variable:?}");
            assert!(on(Some(When::Always), &[variable], false), "{variable:?}");
        }
        assert!(on(None, &[("ZBQTOP_COLOR", "always")], false));
        assert!(!on(Some(When::Never), &[], true));
    }

    #[test]
    fn by_default_the_terminals_own_colours() {
        let options = of("", &[("TERM", "xterm-256color")], Settings::default());
        assert!(options.color && options.mouse && !options.ascii);
        assert_eq!(options.palette, Palette::Terminal);
        assert_eq!(options.interval, Duration::from_millis(100));
    }

    #[test]
    fn the_command_line_comes_before_the_environment_and_that_before_the_settings() {
        let none = ("NO_COLOR", "1");
        for (words, variables, setting, expected) in [
            ("", &[][..], When::Auto, true),
            ("", &[("NO_COLOR", "")][..], When::Auto, true),
            ("", &[none][..], When::Auto, false),
            ("", &[none][..], When::Always, false),
            ("", &[none][..], When::True, false),
            ("", &[][..], When::Never, false),
            ("--color auto", &[][..], When::Never, true),
            ("--color auto", &[none][..], When::Always, false),
            ("--color always", &[none][..], When::Never, true),
            ("--color 16", &[none][..], When::Never, true),
            ("--color never", &[][..], When::Always, false),
            ("--theme mono --color always", &[][..], When::Always, false),
            ("", &[("ZBQTOP_COLOR", "never")][..], When::Always, false),
            (
                "",
                &[("ZBQTOP_COLOR", "always"), none][..],
                When::Never,
                true,
            ),
            ("", &[("ZBQTOP_COLOR", "")][..], When::Never, false),
            (
                "--color always",
                &[("ZBQTOP_COLOR", "never")][..],
                When::Never,
                true,
            ),
        ] {
            let color = of(words, variables, with(|it| it.color = setting)).color;
            assert_eq!(color, expected, "{words:?} {variables:?} {setting:?}");
        }
        let settings = || {
            with(|it| {
                it.theme = ThemeName::Light;
                it.interval = Duration::from_secs(1);
            })
        };
        assert_eq!(of("", &[], settings()).palette, Palette::Light);
        assert_eq!(of("--theme dark", &[], settings()).palette, Palette::Dark);
        assert_eq!(of("", &[], settings()).interval, Duration::from_secs(1));
        for (words, expected) in [("--interval 2s", 2), ("--interval 0", 1)] {
            let interval = of(words, &[], settings()).interval;
            assert_eq!(interval, Duration::from_secs(expected), "{words}");
        }
        assert!(!of("--no-mouse", &[], Settings::default()).mouse);
        assert!(!of("", &[], with(|it| it.mouse = false)).mouse);
    }

    #[test]
    fn a_variable_that_says_nothing_known_is_named() {
        for (name, expected) in [
            (
                "ZBQTOP_THEME",
                "ZBQTOP_THEME: unknown value `drak`, did you mean `dark`?",
            ),
            (
                "ZBQTOP_COLOR",
                "ZBQTOP_COLOR: unknown value `drak`, expected one of auto, always, never, 16, 256, truecolor",
            ),
        ] {
            let variable = |asked: &str| (asked == name).then(|| "drak".to_owned());
            let screen = ScreenArgs::default();
            let said = options(screen, None, Settings::default(), &variable).unwrap_err();
            assert_eq!(said.to_string(), expected);
        }
    }

    #[test]
    fn the_depth_is_what_is_asked_for_or_what_the_terminal_has() {
        let exact = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];
        for (words, variables, setting, expected) in [
            ("", &exact[..], When::Auto, Depth::True),
            ("", &exact[..1], When::Auto, Depth::Indexed),
            ("", &[("TERM", "linux")][..], When::Auto, Depth::Sixteen),
            ("", &[][..], When::True, Depth::True),
            ("--color 256", &exact[..], When::Sixteen, Depth::Indexed),
            ("", &exact[..], When::Sixteen, Depth::Sixteen),
            ("--color always", &exact[..], When::Sixteen, Depth::True),
        ] {
            let depth = of(words, variables, with(|it| it.color = setting)).depth;
            assert_eq!(depth, expected, "{words:?} {variables:?} {setting:?}");
        }
    }

    #[test]
    fn ascii_is_for_who_asks_and_for_locales_without_utf_8() {
        for (words, variables, setting, expected) in [
            ("", &[][..], Ascii::Auto, false),
            ("", &[("LANG", "C")][..], Ascii::Auto, true),
            ("", &[("LANG", "de_DE.ISO-8859-1")][..], Ascii::Auto, true),
            ("", &[("LANG", "de_DE.utf8")][..], Ascii::Auto, false),
            (
                "",
                &[("LC_ALL", ""), ("LANG", "POSIX")][..],
                Ascii::Auto,
                true,
            ),
            (
                "",
                &[("LC_ALL", "C.UTF-8"), ("LANG", "C")][..],
                Ascii::Auto,
                false,
            ),
            ("", &[("LANG", "C")][..], Ascii::Never, false),
            ("--ascii", &[][..], Ascii::Never, true),
            ("", &[][..], Ascii::Always, true),
        ] {
            let ascii = of(words, variables, with(|it| it.ascii = setting)).ascii;
            assert_eq!(ascii, expected, "{words:?} {variables:?} {setting:?}");
        }
    }
}
