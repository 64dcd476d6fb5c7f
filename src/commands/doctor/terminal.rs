//! The terminal: whether there is one, how large it is, what it shows.

use rustix::termios::{Winsize, isatty, tcgetwinsize};

use crate::observe::model::DoctorCheck;
use crate::ui::{self, Depth};

/// Columns and rows that the dashboard needs at least.
const LEAST: (u16, u16) = (20, 5);
/// Columns and rows on which it is read at a glance.
const GOOD: (u16, u16) = (80, 24);

/// The answers about the terminal; `options` is what the dashboard makes of settings and environment, where that is known.
pub(super) fn all(options: Option<&ui::Options>) -> [DoctorCheck; 3] {
    let term = variable("TERM");
    [
        judge(size(), term.as_deref()),
        colors(options, term.as_deref()),
        utf8(options),
    ]
}

/// The environment's variable, if it says anything.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The size of the terminal that the program is started from; `None` where it is started from none.
fn size() -> Option<Winsize> {
    let ends = [
        rustix::stdio::stdout(),
        rustix::stdio::stderr(),
        rustix::stdio::stdin(),
    ];
    let terminal = ends.into_iter().find(|end| isatty(end))?;
    tcgetwinsize(terminal).ok()
}

fn judge(size: Option<Winsize>, term: Option<&str>) -> DoctorCheck {
    const NAME: &str = "terminal";
    const INSTEAD: &str = "there is no dashboard: the state of the ring is printed once";
    let Some(size) = size else {
        return DoctorCheck::unknown(NAME, "neither stdin, stdout nor stderr is a terminal")
            .so(INSTEAD);
    };
    let (columns, rows) = (size.ws_col, size.ws_row);
    let found = format!("{columns} x {rows}, TERM is {}", term.unwrap_or("not set"));
    if term == Some("dumb") {
        return DoctorCheck::missing(NAME, found)
            .so(INSTEAD)
            .with_remedy("set TERM to what the terminal is (as xterm-256color)".to_owned());
    }
    let fits = |(least_columns, least_rows)| columns >= least_columns && rows >= least_rows;
    match (columns, rows) {
        (0, _) | (_, 0) => DoctorCheck::unknown(NAME, found)
            .so("the terminal does not tell its size")
            .with_remedy("tell it (stty rows 24 columns 80)".to_owned()),
        _ if !fits(LEAST) => DoctorCheck::missing(NAME, found)
            .so("the dashboard has no room")
            .with_remedy(format!("make it at least {} x {}", LEAST.0, LEAST.1)),
        _ if !fits(GOOD) => DoctorCheck::ok(NAME, found)
            .so(format!("panes are left out below {} x {}", GOOD.0, GOOD.1)),
        _ => DoctorCheck::ok(NAME, found),
    }
}

fn colors(options: Option<&ui::Options>, term: Option<&str>) -> DoctorCheck {
    const NAME: &str = "colors";
    let Some(options) = options else {
        return DoctorCheck::unknown(NAME, "not known: the settings cannot be read");
    };
    if term == Some("dumb") {
        return DoctorCheck::ok(NAME, "none: TERM is dumb");
    }
    if !options.color {
        return DoctorCheck::ok(NAME, "none, as NO_COLOR, the settings or the theme say");
    }
    let found = match options.depth {
        Depth::Sixteen => "16",
        Depth::Indexed => "256",
        Depth::True => "any (true colour)",
    };
    DoctorCheck::ok(NAME, found)
}

fn utf8(options: Option<&ui::Options>) -> DoctorCheck {
    const NAME: &str = "utf8";
    let Some(options) = options else {
        return DoctorCheck::unknown(NAME, "not known: the settings cannot be read");
    };
    let mut names = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let locale = names.find_map(|name| Some(format!("{name} is {}", variable(name)?)));
    let found = locale.unwrap_or_else(|| "no locale is set; UTF-8 is assumed".into());
    if options.ascii {
        return DoctorCheck::missing(NAME, found)
            .so("charts are drawn in ASCII, and other characters are written as \\u{...}")
            .with_remedy(
                "set a locale with UTF-8 (as LC_ALL=C.UTF-8); `ascii` in the settings decides, too"
                    .to_owned(),
            );
    }
    DoctorCheck::ok(NAME, found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::model::DoctorStatus::{Missing, Ok, Unknown};

    #[test]
    fn a_terminal_is_judged_by_its_size_and_its_name() {
        let size = |ws_col, ws_row| {
            Some(Winsize {
                ws_col,
                ws_row,
                ws_xpixel: 0,
                ws_ypixel: 0,
            })
        };
        for (size, term, expected, follows) in [
            (size(80, 24), Some("xterm"), Ok, false),
            (size(200, 60), None, Ok, false),
            (size(79, 24), Some("xterm"), Ok, true),
            (size(20, 5), Some("xterm"), Ok, true),
            (size(19, 5), Some("xterm"), Missing, true),
            (size(80, 24), Some("dumb"), Missing, true),
            (size(0, 0), Some("xterm"), Unknown, true),
            (None, Some("dumb"), Unknown, true),
        ] {
            let found = judge(size, term);
            assert_eq!(found.status, expected, "{found:?}");
            assert_eq!(found.consequence.is_some(), follows, "{found:?}");
        }
    }
}
