//! The two text encodings: a family's head, its samples, the end.

use std::fmt::{Display, Write as _};

use super::labels::Labels;

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The classic text format of Prometheus, 0.0.4.
    Classic,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Encoding {
    /// Its media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The one that an `Accept` header asks for; without a word of OpenMetrics, the classic one.
    #[must_use]
    pub fn accepted(header: &str) -> Self {
        let (mut open, mut classic) = (0.0, 0.0);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let mut weight: f32 = 1.0;
            let mut version = None;
            for (name, value) in parts.filter_map(|part| part.split_once('=')) {
                match name.trim() {
                    "q" => weight = value.trim().parse().unwrap_or(0.0),
                    "version" => version = Some(value.trim()),
                    _ => {}
                }
            }
            let seen = match kind {
                "application/openmetrics-text" if matches!(version, None | Some("1.0.0")) => {
                    &mut open
                }
                "text/plain" | "text/*" | "*/*" => &mut classic,
                _ => continue,
            };
            *seen = weight.max(*seen);
        }
        if open > 0.0 && open >= classic {
            Self::OpenMetrics
        } else {
            Self::Classic
        }
    }
}

/// What kind of figure a family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It goes up and down.
    Gauge,
    /// It only goes up.
    Counter,
    /// It is 1: the labels tell.
    Info,
    /// How often it was how large.
    Histogram,
}

impl Kind {
    /// The word for it in OpenMetrics.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Info => "info",
            Self::Histogram => "histogram",
        }
    }
}

/// The unit, if a name ends with one.
fn unit(name: &str) -> Option<&'static str> {
    let ends = |unit: &&str| {
        let before = name.strip_suffix(unit);
        before.is_some_and(|before| before.ends_with('_'))
    };
    ["bytes", "seconds", "ratio"].into_iter().find(ends)
}

/// What is being written.
pub(super) struct Exposition {
    out: String,
    encoding: Encoding,
    /// The family whose samples come.
    name: &'static str,
    kind: Kind,
}

impl Exposition {
    /// With room for so many bytes.
    pub(super) fn new(encoding: Encoding, room: usize) -> Self {
        Self {
            out: String::with_capacity(room),
            encoding,
            name: "",
            kind: Kind::Gauge,
        }
    }

    /// Begins a family: `name` is without the suffix of its kind, `help` is one line.
    pub(super) fn begin(&mut self, name: &'static str, kind: Kind, help: &str) {
        (self.name, self.kind) = (name, kind);
        // Writing to a String cannot fail.
        let _ = match self.encoding {
            Encoding::Classic => {
                let (suffix, kind) = match kind {
                    Kind::Counter => ("_total", "counter"),
                    Kind::Info => ("_info", "gauge"),
                    Kind::Gauge | Kind::Histogram => ("", kind.word()),
                };
                write!(
                    self.out,
                    "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"
                )
            }
            Encoding::OpenMetrics => {
                let (kind, help) = (kind.word(), help.replace('"', "\\\""));
                write!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}\n")
            }
        };
        if self.encoding == Encoding::OpenMetrics
            && let Some(unit) = unit(name)
        {
            let _ = writeln!(self.out, "# UNIT {name} {unit}");
        }
    }

    /// Writes a sample.
    pub(super) fn sample(&mut self, labels: &Labels, value: impl Display) {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        self.line(suffix, labels, None, value);
    }

    /// Writes a sample with one more label.
    pub(super) fn labelled(
        &mut self,
        labels: &Labels,
        name: &str,
        value: &str,
        sample: impl Display,
    ) {
        let suffix = if self.kind == Kind::Counter {
            "_total"
        } else {
            ""
        };
        self.line(suffix, labels, Some((name, value)), sample);
    }

    /// Writes a histogram: upper bounds, and how many figures are no larger; the last of them is how many there are.
    pub(super) fn histogram(
        &mut self,
        labels: &Labels,
        cumulative: impl Iterator<Item = (&'static str, u64)>,
        sum: f64,
    ) {
        let mut all = 0;
        for (bound, count) in cumulative {
            self.line("_bucket", labels, Some(("le", bound)), count);
            all = count;
        }
        self.line("_sum", labels, None, sum);
        self.line("_count", labels, None, all);
    }

    /// `more` is a label whose value needs no escaping.
    fn line(
        &mut self,
        suffix: &str,
        labels: &Labels,
        more: Option<(&str, &str)>,
        value: impl Display,
    ) {
        let labels = labels.as_str();
        for part in [self.name, suffix] {
            self.out.push_str(part);
        }
        if !labels.is_empty() || more.is_some() {
            self.out.push('{');
            self.out.push_str(labels);
            if let Some((name, value)) = more {
                if !labels.is_empty() {
                    self.out.push(',');
                }
                for part in [name, "=\"", value, "\""] {
                    self.out.push_str(part);
                }
            }
            self.out.push('}');
        }
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, " {value}");
    }

    /// All of it.
    pub(super) fn end(mut self) -> String {
        if self.encoding == Encoding::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_one_that_is_asked_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let classic_first =
            "text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5";
        for (header, expected) in [
            ("", Encoding::Classic),
            ("*/*", Encoding::Classic),
            ("text/html, application/xhtml+xml", Encoding::Classic),
            ("application/openmetrics-text", Encoding::OpenMetrics),
            (
                "application/openmetrics-text; version=1.0.0",
                Encoding::OpenMetrics,
            ),
            (
                "application/openmetrics-text; version=0.0.1",
                Encoding::Classic,
            ),
            ("application/openmetrics-text;q=0", Encoding::Classic),
            (prometheus, Encoding::OpenMetrics),
            (classic_first, Encoding::Classic),
            (";;,,q=,=;", Encoding::Classic),
        ] {
            assert_eq!(Encoding::accepted(header), expected, "{header}");
        }
    }
}
