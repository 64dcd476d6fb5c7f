//! What stands in a file of settings.
//!
//! One table of keys and what each does; a key that is not in it is an error that names the nearest one that is. Reads
//! no file.

use toml::de::DeTable;

use super::choices::Settings;
use super::source::Fault;
use super::value::{Value, in_order, unknown};
use crate::cli::shown;
use crate::text::escape;

pub(super) type Set = fn(&mut Settings, &Value<'_>) -> Result<(), Fault>;

/// What can be set, in the order of the template.
pub(super) const KEYS: [(&str, Set); 9] = [
    ("interval", |to, value| {
        to.interval = value.time("as in \"100ms\"")?;
        Ok(())
    }),
    ("theme", |to, value| {
        to.theme = value.choice()?;
        Ok(())
    }),
    ("color", |to, value| {
        to.color = value.choice()?;
        Ok(())
    }),
    ("ascii", |to, value| {
        to.ascii = value.choice()?;
        Ok(())
    }),
    ("mouse", |to, value| {
        to.mouse = value.truth()?;
        Ok(())
    }),
    ("columns", |to, value| {
        to.columns = value.columns()?;
        Ok(())
    }),
    ("thresholds", |to, value| {
        fill(to, value.table("a table")?, &THRESHOLDS, value.text)
    }),
    ("decode", |to, value| {
        to.decoding = value.decoding()?;
        Ok(())
    }),
    ("keys", |to, value| {
        to.keymap = value.keymap()?;
        Ok(())
    }),
];

/// What can be set below `[thresholds]`.
pub(super) const THRESHOLDS: [(&str, Set); 4] = [
    ("lagging-percent", |to, value| {
        to.thresholds.lagging_percent = value.percent()?;
        Ok(())
    }),
    ("stalled-after", |to, value| {
        to.thresholds.stalled_after_ns = match value.string("a time, as in \"1s\"")? {
            "auto" => None,
            _ => {
                let time = value.time("as in \"1s\"")?;
                Some(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
            }
        };
        Ok(())
    }),
    ("side-socket-percent", |to, value| {
        to.thresholds.pile_percent = value.percent()?;
        Ok(())
    }),
    ("max-lag", |to, value| {
        let expected = "a limit, as in \"80%:95%\"";
        let limit = value.string(expected)?.parse();
        to.thresholds.max_lag = limit.map_err(|why: String| value.fault(&why))?;
        Ok(())
    }),
];

/// The settings that `text` makes of the defaults.
pub(super) fn parse(text: &str) -> Result<Settings, Fault> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().unwrap_or(0..0);
        let why = escape(&error.message().replace('\n', ", ")).into_owned();
        let found = text.get(at.clone()).filter(|found| !found.is_empty());
        let what = match found {
            Some(found) => format!("found `{}`: {why}", shown(found)),
            None => why,
        };
        Fault { at, what }
    })?;
    let mut settings = Settings::default();
    fill(&mut settings, table.get_ref(), &KEYS, text)?;
    Ok(settings)
}

fn fill(
    settings: &mut Settings,
    table: &DeTable<'_>,
    keys: &[(&str, Set)],
    text: &str,
) -> Result<(), Fault> {
    for (key, at, value) in in_order(table) {
        let Some((_, set)) = keys.iter().find(|(known, _)| *known == key) else {
            let known = keys.iter().map(|(known, _)| *known);
            let what = unknown("key", key, known);
            return Err(Fault { at, what });
        };
        set(settings, &Value { value, text })?;
    }
    Ok(())
}
