//! What files of settings mean, and what is said of those that mean nothing.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use insta::assert_snapshot;

use super::*;
use crate::decode::DecodeRule;
use std::time::Duration;

use crate::cli::{ThemeName, When};
use crate::observe::model::Thresholds;
use crate::ui::{ConsumerField, Key, Keymap};

/// The settings of `text`, or what is said of it.
fn parsed(text: &str) -> Result<Settings, String> {
    let wrong = |fault| SettingsError::wrong(Path::new("zbqtop.toml"), text, &fault).to_string();
    file::parse(text).map_err(wrong)
}

/// What is said of a file.
fn of_file(content: &[u8]) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    let said = Settings::load(Some(file.path())).unwrap_err().to_string();
    said.replace(&*file.path().to_string_lossy(), "FILE")
}

#[test]
fn the_template_says_nothing_new() {
    let template = template();
    assert_eq!(parsed(&template), Ok(Settings::default()));
    assert_snapshot!(template);
    // It leaves nothing out.
    for name in (file::KEYS.iter().chain(&file::THRESHOLDS))
        .map(|(name, _)| *name)
        .chain(Keymap::actions().map(|(name, _, _)| name))
    {
        let stands =
            |line: &str| line.starts_with(&format!("{name} = ")) || line == format!("[{name}]");
        assert!(template.lines().any(stands), "{name} is not in it");
    }
    for line in template.lines() {
        assert!(line.len() <= 120 || line.starts_with("columns"), "{line}");
    }
    assert_eq!(parsed(""), Ok(Settings::default()));
}

#[test]
fn every_setting_can_be_changed() {
    let settings = parsed(
        r#"
        interval = "1.5s"
        theme = "dark"
        color = "256"
        ascii = "always"
        mouse = false
        columns = ["state", "lag", "%", "evict in"]
        keys.quit = ["x"]
        keys.freeze = []
        [thresholds]
        lagging-percent = 12.5
        stalled-after = "250ms"
        side-socket-percent = 0x32
        max-lag = "1s:2s"
        [decode]
        md-gateway = "json"
        "/run/q.sock" = { spec = "px:f64", time-field = "px:s" }
        "#,
    )
    .unwrap();
    let quit = [("quit", vec![Key::parse("x").unwrap()]), ("freeze", vec![])];
    let expected = Settings {
        interval: Duration::from_millis(1500),
        theme: ThemeName::Dark,
        color: When::Indexed,
        ascii: Ascii::Always,
        mouse: false,
        columns: vec![
            ConsumerField::State,
            ConsumerField::Lag,
            ConsumerField::Percent,
            ConsumerField::EvictIn,
        ],
        thresholds: Thresholds {
            lagging_percent: 12.5,
            stalled_after_ns: Some(250_000_000),
            pile_percent: 50.0,
            max_lag: "1s:2s".parse().unwrap(),
        },
        decoding: vec![
            DecodeRule {
                socket: Some("/run/q.sock".into()),
                command: None,
                spec: "px:f64".parse().unwrap(),
                time_field: Some("px:s".parse().unwrap()),
            },
            DecodeRule {
                socket: None,
                command: Some("md-gateway".into()),
                spec: "json".parse().unwrap(),
                time_field: None,
            },
        ],
        keymap: Keymap::with(&quit).unwrap(),
    };
    assert_eq!(settings, expected);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let wrong = [
        "intervall = \"1s\"",
        "theme = \"dark\"\n\nzzz = 1",
        "interval = 100",
        "interval = \"100\"",
        "interval = \"0\"",
        "interval = \"\"\"\n100\n\"\"\"",
        "  theme = \"drak\"",
        "theme = \"Dark\"",
        "theme = true",
        "color = 256",
        "ascii = true",
        "mouse = \"no\"",
        "mouse = nope",
        "mouse = true\nmouse = false",
        "interval = \"1s",
        "columns = []",
        "columns = \"slot\"",
        "columns = [\"slot\", \"lga\"]",
        "columns = [\"slot\",\n  \"pid\", \"slot\"]",
        "columns = [\"slot\", 7]",
        "thresholds = 7",
        "[thresholds]\nlagging_percent = 25",
        "[thresholds]\nlagging-percent = 0",
        "[thresholds]\nlagging-percent = 101",
        "[thresholds]\nlagging-percent = nan",
        "[thresholds]\nlagging-percent = 99999999999999999999999",
        "[thresholds]\nmax-lag = \"7\"",
        "[threshold]\nmax-lag = \"7\"",
        "[decode]\nquotes = 7",
        "[decode]\nquotes = { time-field = \"t:ns\" }",
        "[decode]\nquotes = { spec = \"json\", time_field = \"t:ns\" }",
        "[decode]\nquotes = { spec = \"json\", time-field = \"t\" }",
        "[decode]\nquotes = \"jsn\"",
        "[keys]\nqiut = [\"x\"]",
        "[keys]\nquit = \"x\"",
        "[keys]\nquit = [\"alt-x\"]",
        "[keys]\nquit = [\"ctrl-i\"]",
        "[keys]\nreverse = [\"s\"]",
        "[keys]\nreverse = [\"f2\"]\nsort = [\"s\", \"F2\"]",
        "[keys]\nredraw = [\"ctrl-c\"]",
        "é = 1",
        "\"\\u001b]0;x\\u0007\" = 1",
        "interval = \"\\u001b[2J\"",
    ];
    let said: Vec<String> = wrong
        .iter()
        .map(|text| format!("{text}\n    {}", parsed(text).unwrap_err()))
        .collect();
    for said in &said {
        let last = said.lines().last().unwrap();
        assert!(!last.chars().any(char::is_control), "{last:?}");
    }
    assert_snapshot!(said.join("\n\n"));
}

/// The file is anybody's: it may say what it likes, but not for long, and not what a terminal would obey.
#[test]
fn no_text_is_too_much() {
    let deep = format!("columns = {}", "[".repeat(100_000));
    let dotted = format!("{}interval = 1", "a.".repeat(50_000));
    let long = format!("{} = 1", "x".repeat(200_000));
    let limit = format!("thresholds.max-lag = \"7{}\"", "\\u001b".repeat(1000));
    for text in [
        deep,
        dotted,
        long,
        limit,
        "\r\r\r\0".into(),
        "=".repeat(10_000),
    ] {
        let said = parsed(&text).unwrap_err();
        assert!(said.len() < 1000, "{} bytes are said", said.len());
        assert!(!said.chars().any(char::is_control), "{said:?}");
    }
}

#[test]
fn what_is_no_text_is_told() {
    assert_eq!(
        of_file(b"mouse = true\n# \xc3\xa4\xff"),
        "FILE:2:4: found the byte 0xff, expected UTF-8"
    );
    assert_eq!(
        of_file(&vec![b'#'; (256 << 10) + 1]),
        "FILE: found more than 256 KiB, expected a settings file"
    );
    let place = tempfile::tempdir().unwrap();
    let said = |path: &Path| {
        let said = Settings::load(Some(path)).unwrap_err().to_string();
        said.replace(&*place.path().to_string_lossy(), "PLACE")
    };
    assert_eq!(
        said(place.path()),
        "PLACE: found a directory, expected a settings file"
    );
    let pipe = place.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    assert_eq!(
        said(&pipe),
        "PLACE/pipe: found a pipe, expected a settings file"
    );
    assert_eq!(
        said(Path::new("/dev/zero")),
        "/dev/zero: found a device, expected a settings file"
    );
    let missing = place.path().join(OsStr::from_bytes(b"a\x1b[2J"));
    let missing = said(&missing);
    assert!(missing.contains("No such file"), "{missing}");
    assert!(!missing.chars().any(char::is_control), "{missing:?}");
    // Nothing is a file without settings.
    let nothing = Settings::load(Some(Path::new("/dev/null"))).unwrap();
    assert_eq!(nothing, Settings::default());
}

#[test]
fn the_usual_place_is_that_of_the_specification() {
    for (base, home, expected) in [
        (Some("/x"), Some("/h"), Some("/x/zbqtop/config.toml")),
        (None, Some("/h"), Some("/h/.config/zbqtop/config.toml")),
        (Some(""), Some("/h"), Some("/h/.config/zbqtop/config.toml")),
        (Some("x"), Some("/h"), Some("/h/.config/zbqtop/config.toml")),
        (None, Some("h"), None),
        (None, None, None),
    ] {
        let place = usual_place(|name| {
            let value = match name {
                "XDG_CONFIG_HOME" => base,
                "HOME" => home,
                _ => None,
            };
            value.map(PathBuf::from)
        });
        assert_eq!(place, expected.map(PathBuf::from), "{base:?} {home:?}");
    }
}

#[test]
fn the_example_in_the_readme_is_one() {
    let readme = include_str!("../../README.md");
    let example = readme.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let settings = parsed(example).unwrap();
    assert_eq!(settings.theme, ThemeName::Dark);
    assert_ne!(settings.keymap, Keymap::default());
}
