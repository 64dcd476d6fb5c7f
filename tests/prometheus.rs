//! `metrics` and what is in `assets/prometheus`, `assets/grafana` and `assets/systemd`, as Prometheus and systemd themselves
//! see them. Where they are not installed, that is said; with `ZBQTOP_REQUIRE_PEERS` it is a failure.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::metrics::{Served, held};
use crate::support::program::{is_there, stderr, stdout, zbqtop};
use crate::support::{Place, eventually};

/// Expressions of the dashboard that have no series while nothing is wrong, or nothing was estimated.
const MAY_BE_EMPTY: [&str; 3] = ["zbq_findings", "zbq_events_total", "_estimated_total"];

fn asset(name: &str) -> PathBuf {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    assets.join(name)
}

fn succeeds(command: &mut Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said.into_owned()
}

#[test]
fn promtool_finds_nothing_wrong() {
    if !is_there("promtool") {
        return;
    }
    let promtool = |words: &[&str], input: &str| {
        let mut command = Command::new("promtool");
        let command = command.args(words).current_dir(asset("prometheus"));
        succeeds(command, input)
    };
    let place = Place::new();
    let (producer, _consumer) = held(&place);
    let text = stdout(&["metrics", "--pid", &producer.pid().to_string()]);
    assert_eq!(promtool(&["check", "metrics"], &text), "");
    promtool(&["check", "config", "prometheus.yml"], "");
    promtool(&["check", "rules", "zbq-rules.yml"], "");
    promtool(&["test", "rules", "zbq-rules-test.yml"], "");
}

/// A Prometheus that scrapes one zbqtop in both encodings, with our rules, which wait for nothing.
struct Prometheus {
    child: Child,
    port: u16,
}

impl Prometheus {
    fn start(place: &Place, metrics: &Served) -> Self {
        let rules = std::fs::read_to_string(asset("prometheus/zbq-rules.yml")).expect("ours");
        let rules = rules.lines().map(|line| {
            let line = match line.trim_start().split_once(' ') {
                Some(("for:" | "interval:", _)) => {
                    let indent = line.len() - line.trim_start().len();
                    let name = line.trim_start().split(' ').next().unwrap_or_default();
                    format!("{}{name} 1s", &line[..indent])
                }
                _ => line.to_owned(),
            };
            line + "\n"
        });
        let rules: String = rules.collect();
        std::fs::write(place.path().join("rules.yml"), rules).expect("ours");
        let config = format!(
            "global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}\n\
             rule_files: [rules.yml]\n\
             scrape_configs:\n\
             - {{job_name: open, static_configs: [{{targets: ['127.0.0.1:{}']}}]}}\n\
             - {{job_name: classic, static_configs: [{{targets: ['127.0.0.1:{}']}}]}}\n",
            metrics.port,
            in_classic(metrics.port)
        );
        let path = place.path().join("prometheus.yml");
        std::fs::write(&path, config).expect("ours");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("ours").port();
        drop(free);
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", path.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                place.path().join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error")
            .spawn()
            .expect("it starts");
        let prometheus = Self { child, port };
        for job in ["open", "classic"] {
            let up = format!("up{{job=\"{job}\"}} == 1");
            eventually("it scrapes", || prometheus.series(&up).first().cloned());
        }
        prometheus
    }

    fn get(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let body = answer.split_once("\r\n\r\n")?.1;
        serde_json::from_str(body).ok()
    }

    /// The series that an expression has now.
    fn series(&self, expression: &str) -> Vec<Value> {
        let encoded: String = expression
            .bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect();
        let answer = self.get(&format!("/api/v1/query?query={encoded}"));
        let answer = answer.unwrap_or_default();
        assert_ne!(answer["status"], "error", "{expression}: {answer}");
        let found = answer["data"]["result"].as_array();
        found.cloned().unwrap_or_default()
    }

    /// The rules, by what kind they are and what they ask.
    fn rules(&self) -> Vec<(String, String)> {
        let answer = self.get("/api/v1/rules").expect("rules");
        let groups = answer["data"]["groups"].as_array().expect("groups");
        let rules = groups.iter().flat_map(|group| {
            let rules = group["rules"].as_array().expect("rules");
            rules.iter().map(|rule| {
                let text = |name: &str| rule[name].as_str().expect("text").to_owned();
                (text("type"), text("query"))
            })
        });
        rules.collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port where the metrics are had in the classic format, whatever is asked for.
fn in_classic(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let here = listener.local_addr().expect("ours").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let _ = lines.find(String::is_empty);
            let Ok(mut ours) = TcpStream::connect(("127.0.0.1", port)) else {
                return;
            };
            let asked = ours.write_all(b"GET /metrics HTTP/1.1\r\n\r\n");
            let _ = asked.and_then(|()| std::io::copy(&mut ours, &mut &stream));
        }
    });
    here
}

#[test]
fn a_consumer_that_stops_is_noticed_by_prometheus() {
    if !is_there("prometheus") {
        return;
    }
    let place = Place::new();
    let (producer, consumer) = held(&place);
    let served = Served::start(&["--pid", &producer.pid().to_string()]);
    let prometheus = Prometheus::start(&place, &served);
    let firing = |alert: &str| {
        let expression = format!("ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}}");
        prometheus.series(&expression)
    };
    for alert in [
        "ZbqConsumerStalled",
        "ZbqConsumerLagHigh",
        "ZbqProducerGone",
    ] {
        assert_eq!(firing(alert), [Value::Null; 0], "{alert}");
    }
    consumer.signal(Signal::STOP);
    for alert in ["ZbqConsumerStalled", "ZbqConsumerLagHigh"] {
        // By either encoding.
        eventually(alert, || (firing(alert).len() == 2).then_some(()));
    }
    consumer.signal(Signal::CONT);
    eventually("it is over", || {
        firing("ZbqConsumerStalled").is_empty().then_some(())
    });
}

/// Every expression of a Grafana dashboard, its variables filled in.
fn expressions(dashboard: &Value, found: &mut BTreeSet<String>) {
    match dashboard {
        Value::Object(fields) => {
            if let Some(expression) = fields.get("expr").and_then(Value::as_str) {
                let filled = expression
                    .replace("$__rate_interval", "1m")
                    .replace("$__range", "1h")
                    .replace("$ring", ".*")
                    .replace("$consumer", ".*");
                found.insert(filled);
            }
            fields.values().for_each(|one| expressions(one, found));
        }
        Value::Array(all) => all.iter().for_each(|one| expressions(one, found)),
        _ => {}
    }
}

#[test]
fn every_expression_has_a_series_while_the_demo_runs() {
    if !is_there("prometheus") {
        return;
    }
    let mut demo = zbqtop();
    let mut demo = demo
        .args(["demo", "--headless"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(demo.stdout.take().expect("a pipe")).lines();
    let pid = lines.next().expect("a line").expect("text");
    let pid = pid.strip_prefix("pid ").expect("a pid").to_owned();
    let served = Served::start(&["--pid", &pid]);
    let place = Place::new();
    let prometheus = Prometheus::start(&place, &served);

    let dashboard = std::fs::read_to_string(asset("grafana/zbq.json")).expect("ours");
    let mut asked = BTreeSet::new();
    expressions(&serde_json::from_str(&dashboard).expect("JSON"), &mut asked);
    assert!(asked.len() > 30);
    let rules = prometheus.rules();
    let of_kind = |kind: &'static str| rules.iter().filter(move |(found, _)| found == kind);
    assert!(of_kind("alerting").count() > 10);
    asked.extend(of_kind("recording").map(|(_, query)| query.clone()));
    for expression in &asked {
        if MAY_BE_EMPTY.iter().any(|name| expression.contains(name)) {
            prometheus.series(expression);
            continue;
        }
        eventually(expression, || prometheus.series(expression).pop());
    }
    // An alert has no series unless it fires: what it is made from has.
    let is_of_name = |byte: char| byte.is_ascii_alphanumeric() || matches!(byte, '_' | ':');
    let names = rules.iter().flat_map(|(_, query)| {
        let words = query.split(|byte: char| !is_of_name(byte));
        words.filter(|word| word.starts_with("zbq"))
    });
    let names: BTreeSet<&str> = names.collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let is_series = !matches!(name, "zbq_producer_gone") && name.contains('_');
        if is_series && !MAY_BE_EMPTY[..1].contains(&name) {
            eventually(name, || prometheus.series(name).pop());
        }
    }
    let _ = demo.kill();
    let _ = demo.wait();
}

#[test]
fn the_units_are_those_of_a_service_that_can_do_little_harm() {
    if !is_there("systemd-analyze") {
        return;
    }
    let place = Place::new();
    let mut units = Vec::new();
    for name in ["zbqtop-metrics.service", "zbqtop-metrics.socket"] {
        let text = std::fs::read_to_string(asset("systemd").join(name)).expect("ours");
        // It is not installed here.
        let text = text.replace("/usr/bin/zbqtop", env!("CARGO_BIN_EXE_zbqtop"));
        let path = place.path().join(name);
        std::fs::write(&path, text).expect("ours");
        units.push(path);
    }
    let mut verify = Command::new("systemd-analyze");
    let output = verify
        .args(["verify", "--man=no"])
        .args(&units)
        .output()
        .expect("it starts");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        stderr(&output)
    );
    let mut security = Command::new("systemd-analyze");
    let words = ["security", "--no-pager", "--offline=true", "--threshold=25"];
    succeeds(security.args(words).arg(&units[0]), "");
}
