//! Any text as a file of settings: it means something that can be, or what is wrong with it is told with its place.

use std::path::Path;
use std::time::Duration;

use super::file::parse;
use super::{Settings, SettingsError};

/// What a setting may be.
fn can_be(settings: &Settings) {
    assert!(settings.interval >= Duration::from_millis(1));
    let columns = &settings.columns;
    assert!(!columns.is_empty());
    for (nth, column) in columns.iter().enumerate() {
        assert!(!columns[..nth].contains(column), "{column:?} stands twice");
    }
    let thresholds = &settings.thresholds;
    for percent in [thresholds.lagging_percent, thresholds.pile_percent] {
        assert!(percent > 0.0 && percent <= 100.0, "{percent}");
    }
    let levels = thresholds.max_lag.levels;
    let levels = [levels.warning, levels.critical].into_iter().flatten();
    assert!(levels.is_sorted());
}

/// A file of settings.
pub fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match parse(text) {
        Ok(settings) => {
            can_be(&settings);
            let remark = parse(&format!("{text}\n# \u{e9}"));
            assert_eq!(
                remark.as_ref(),
                Ok(&settings),
                "a remark changes what is set"
            );
        }
        Err(fault) => {
            assert!(fault.at.start <= text.len() && fault.at.start <= fault.at.end);
            let lines = text.matches('\n').count();
            let error = SettingsError::wrong(Path::new("zbqtop.toml"), text, &fault);
            let SettingsError::Wrong { line, column, .. } = &error else {
                panic!("{error:?}");
            };
            assert!(*line <= lines + 1);
            let there = text
                .split('\n')
                .nth(line - 1)
                .expect("there is such a line");
            assert!(*column <= there.chars().count() + 1, "{error}");
            let said = error.to_string();
            assert!(said.len() < 1000, "{} bytes are said", said.len());
            assert_eq!(crate::text::escape(&said), said);
        }
    }
}
