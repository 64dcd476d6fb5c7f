//! The answers of `doctor` for people, in 80 columns: a row each, and below it what follows and what would help.

use std::io::{self, Write};

use super::wrapped::wrapped;
use crate::observe::model::{DoctorCheck, DoctorReport, DoctorStatus};
use crate::text::{counted, escape};

/// Columns of a line at most, unless a single word is longer.
const COLUMNS: usize = 80;
/// Columns before what was found.
const INDENT: usize = 31;

/// Writes every answer, and how many are not well.
///
/// # Errors
/// Those of `out`.
pub fn table(out: &mut impl Write, report: &DoctorReport) -> io::Result<()> {
    row(out, "STATUS", "CHECK", "FOUND")?;
    for check in &report.checks {
        answer(out, check)?;
    }
    let many = |status: DoctorStatus| report.count(status);
    let (missing, broken) = (many(DoctorStatus::Missing), many(DoctorStatus::Broken));
    writeln!(
        out,
        "\n{}: {} ok, {missing} missing, {broken} broken, {} unknown",
        counted(report.checks.len() as u64, "check"),
        many(DoctorStatus::Ok),
        many(DoctorStatus::Unknown)
    )
}

fn answer(out: &mut impl Write, check: &DoctorCheck) -> io::Result<()> {
    let word = check.status.word();
    let mark = match check.status {
        DoctorStatus::Missing | DoctorStatus::Broken => word.to_uppercase(),
        DoctorStatus::Ok | DoctorStatus::Unknown => word.to_owned(),
    };
    row(out, &mark, check.check, &check.found)?;
    let more = [
        ("consequence:", &check.consequence),
        ("remedy:", &check.remedy),
    ];
    for (what, text) in more {
        if let Some(text) = text {
            row(out, "", what, text)?;
        }
    }
    Ok(())
}

/// One cell of three columns, of which the last is wrapped. What comes from outside is escaped.
fn row(out: &mut impl Write, status: &str, name: &str, text: &str) -> io::Result<()> {
    // What belongs to the row above stands to the right, next to its words.
    let name = match status {
        "" => format!("{name:>19}"),
        _ => format!("{name:<19}"),
    };
    let head = format!("  {status:<8} {name} ");
    let text = escape(text);
    let mut lines = wrapped(&text, COLUMNS - INDENT).into_iter();
    let first = lines.next().unwrap_or_default();
    writeln!(out, "{}", format!("{head}{first}").trim_end())?;
    for line in lines {
        writeln!(out, "{:INDENT$}{line}", "")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    fn written(checks: Vec<DoctorCheck>) -> String {
        let mut out = Vec::new();
        table(&mut out, &DoctorReport::new(checks)).expect("memory takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn sick_answers_stand_out_and_lines_are_short() {
        let long = "one word after the other ".repeat(12);
        let text = written(vec![
            DoctorCheck::ok("uid", "we are uid 0"),
            DoctorCheck::missing("cap_dac_read_search", "not held")
                .so(long.clone())
                .with_remedy(long),
            DoctorCheck::broken("settings", "config.toml:1:2: unknown key"),
            DoctorCheck::unknown("clipboard", "not told"),
        ]);
        for line in text.lines() {
            assert!(line.width() <= COLUMNS, "{line}");
            assert_eq!(line, line.trim_end());
        }
        assert!(
            text.contains("\n  ok       uid                 we are uid 0\n"),
            "{text}"
        );
        assert!(
            text.contains("\n  MISSING  cap_dac_read_search not held\n"),
            "{text}"
        );
        assert!(text.contains("\n  BROKEN   settings "), "{text}");
        assert!(text.contains(" remedy: one word"), "{text}");
        assert!(
            text.ends_with("\n4 checks: 1 ok, 1 missing, 1 broken, 1 unknown\n"),
            "{text}"
        );
    }

    #[test]
    fn nothing_that_was_found_steers_a_terminal() {
        let text = written(vec![DoctorCheck::ok("target", "a\u{1b}[2J\nb")]);
        assert!(text.contains("a\\x1b[2J\\nb"), "{text}");
    }
}
