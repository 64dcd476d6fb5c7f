//! A value in a file of settings: what it is taken for, and what is said where it is not that.
//!
//! Knows what kinds of values there are, and not which setting has which.

use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::Fault;
use crate::cli::{period, shown};
use crate::decode::{DecodeRule, DecodeSpec, TimeField};
use crate::text::escape;
use crate::ui::{ConsumerField, Key, Keymap};

/// A value, and the text that it stands in.
pub(super) struct Value<'a> {
    pub(super) value: &'a Spanned<DeValue<'a>>,
    pub(super) text: &'a str,
}

/// Keys and values as they stand in the file, so that the first thing wrong is the first that is told.
pub(super) fn in_order<'a>(
    table: &'a DeTable<'a>,
) -> Vec<(&'a str, Range<usize>, &'a Spanned<DeValue<'a>>)> {
    let entries = table.iter();
    let mut entries: Vec<_> = entries
        .map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
        .collect();
    entries.sort_by_key(|(_, at, _)| at.start);
    entries
}

/// What is said of a name that nothing has: what it may have been meant for.
pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let lower = name.to_lowercase();
    let alike = |known: &&str| {
        // Short words with two letters exchanged have little else in common.
        match strsim::osa_distance(known, &lower) {
            0 | 1 if known.len() > 1 => 1.0,
            _ => strsim::jaro_winkler(known, &lower),
        }
    };
    let nearest = known.iter().map(|known| (alike(known), *known));
    let nearest = nearest
        .filter(|(alike, _)| *alike >= 0.75)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let name = shown(name);
    match nearest {
        Some((_, nearest)) => format!("unknown {what} `{name}`, did you mean `{nearest}`?"),
        None => format!(
            "unknown {what} `{name}`, expected one of {}",
            known.join(", ")
        ),
    }
}

/// The words that stand for a choice, on the command line as elsewhere.
fn words<T: ValueEnum>() -> Vec<String> {
    T::value_variants().iter().map(word).collect()
}

/// The word that stands for a choice.
pub(super) fn word<T: ValueEnum>(choice: &T) -> String {
    let value = choice.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// What a word stands for; if for nothing, what is said of it.
pub(super) fn choice<T: ValueEnum>(word: &str) -> Result<T, String> {
    T::from_str(word, false)
        .map_err(|_| unknown("value", word, words::<T>().iter().map(String::as_str)))
}

impl<'a> Value<'a> {
    fn wrong(&self, what: String) -> Fault {
        let at = self.value.span();
        Fault { at, what }
    }

    pub(super) fn fault(&self, what: &str) -> Fault {
        self.wrong(format!("found {}, {what}", self.found()))
    }

    fn expected(&self, expected: &str) -> Fault {
        self.fault(&format!("expected {expected}"))
    }

    /// What stands in the file.
    fn found(&self) -> String {
        let source = self.text.get(self.value.span()).unwrap_or_default();
        format!("`{}`", shown(source))
    }

    pub(super) fn string(&self, expected: &str) -> Result<&'a str, Fault> {
        let string = self.value.get_ref().as_str();
        string.ok_or_else(|| self.expected(&format!("{expected}, in quotes")))
    }

    pub(super) fn time(&self, example: &str) -> Result<Duration, Fault> {
        let time = self.string(&format!("a time, {example}"))?;
        period(time).map_err(|why| self.fault(&why))
    }

    pub(super) fn truth(&self) -> Result<bool, Fault> {
        let truth = self.value.get_ref().as_bool();
        truth.ok_or_else(|| self.expected("true or false"))
    }

    pub(super) fn percent(&self) -> Result<f64, Fault> {
        let number: Option<f64> = match self.value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .and_then(|number| u32::try_from(number).ok())
                .map(f64::from),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        number
            .filter(|number| *number > 0.0 && *number <= 100.0)
            .ok_or_else(|| self.expected("a number above 0, 100 at most"))
    }

    /// One of the words that the command line takes.
    pub(super) fn choice<T: ValueEnum>(&self) -> Result<T, Fault> {
        let word = self.string(&format!("one of {}", words::<T>().join(", ")))?;
        choice(word).map_err(|what| self.wrong(what))
    }

    fn list(&self, expected: &str) -> Result<Vec<Value<'a>>, Fault> {
        let list = self.value.get_ref().as_array();
        let list = list.ok_or_else(|| self.expected(expected))?;
        let text = self.text;
        Ok(list.iter().map(|value| Value { value, text }).collect())
    }

    pub(super) fn columns(&self) -> Result<Vec<ConsumerField>, Fault> {
        let expected = "a list of columns, as in [\"slot\", \"lag\", \"state\"]";
        let mut columns: Vec<ConsumerField> = Vec::new();
        for value in self.list(expected)? {
            let name = value.string("the title of a column")?;
            let field = ConsumerField::ALL
                .into_iter()
                .find(|field| field.name() == name);
            let Some(field) = field else {
                let names = ConsumerField::ALL.map(ConsumerField::name);
                let known = names.iter().map(String::as_str);
                return Err(value.wrong(unknown("column", name, known)));
            };
            if columns.contains(&field) {
                return Err(value.fault("which is listed twice, expected each column once"));
            }
            columns.push(field);
        }
        if columns.is_empty() {
            return Err(self.expected("at least one column"));
        }
        Ok(columns)
    }

    /// A table of its own.
    pub(super) fn table(&self, expected: &str) -> Result<&'a DeTable<'a>, Fault> {
        let table = self.value.get_ref().as_table();
        table.ok_or_else(|| self.expected(expected))
    }

    /// A table of sockets and commands, and how payloads of their rings are decoded: sockets first, which say more.
    pub(super) fn decoding(&self) -> Result<Vec<DecodeRule>, Fault> {
        let table =
            self.table("a table of sockets and commands, and how to decode their payloads")?;
        let mut rules = Vec::new();
        for (name, _, value) in in_order(table) {
            let text = self.text;
            let (spec, time_field) = Value { value, text }.decoded()?;
            let is_socket = name.starts_with(['/', '@']);
            rules.push(DecodeRule {
                socket: is_socket.then(|| name.to_owned()),
                command: (!is_socket).then(|| name.to_owned()),
                spec,
                time_field,
            });
        }
        rules.sort_by_key(|rule| rule.socket.is_none());
        Ok(rules)
    }

    /// How to decode, or a table of that and of what tells when messages were made.
    fn decoded(&self) -> Result<(DecodeSpec, Option<TimeField>), Fault> {
        const KEYS: [&str; 2] = ["spec", "time-field"];
        let Some(table) = self.value.get_ref().as_table() else {
            let expected = "a table of `spec` and `time-field`, or how to decode";
            return Ok((self.parsed(expected)?, None));
        };
        let (mut spec, mut time_field) = (None, None);
        for (key, at, value) in in_order(table) {
            let value = Value { value, ..*self };
            match key {
                "spec" => spec = Some(value.parsed("how to decode")?),
                "time-field" => time_field = Some(value.parsed("a value, as in \"sent:us\"")?),
                _ => {
                    let what = unknown("key", key, KEYS.into_iter());
                    return Err(Fault { at, what });
                }
            }
        }
        let spec = spec.ok_or_else(|| self.expected("a `spec` that says how to decode"))?;
        Ok((spec, time_field))
    }

    /// What a string says.
    fn parsed<T: FromStr<Err = String>>(&self, expected: &str) -> Result<T, Fault> {
        let parsed = self.string(expected)?.parse();
        parsed.map_err(|why: String| self.wrong(escape(&why).into_owned()))
    }

    pub(super) fn keymap(&self) -> Result<Keymap, Fault> {
        let entries = in_order(self.table("a table of actions and their keys")?);
        let mut changes = Vec::new();
        for (action, at, value) in &entries {
            if !Keymap::actions().any(|(name, _, _)| name == *action) {
                let known = Keymap::actions().map(|(name, _, _)| name);
                let what = unknown("action", action, known);
                return Err(Fault {
                    at: at.clone(),
                    what,
                });
            }
            let (value, text) = (*value, self.text);
            let list = Value { value, text }.list("a list of keys, as in [\"q\", \"f10\"]")?;
            let key = |value: &Value<'_>| {
                let name = value.string("the name of a key")?;
                Key::parse(name).map_err(|why| value.fault(&why))
            };
            let keys: Result<Vec<Key>, Fault> = list.iter().map(key).collect();
            changes.push((*action, keys?));
        }
        Keymap::with(&changes).map_err(|clash| {
            let [one, other] = clash.actions;
            // At least one of them stands in the file, or there would be no clash: the later one is to blame.
            let to_blame = entries.iter().rev();
            let mut to_blame = to_blame.filter(|(action, _, _)| clash.actions.contains(action));
            let at = to_blame.next().map_or(self.value.span(), |(_, _, value)| value.span());
            Fault {
                at,
                what: format!(
                    "the key {} is bound to `{one}` and to `{other}`, expected one action for each key",
                    escape(&clash.key.to_string().to_lowercase())
                ),
            }
        })
    }
}
