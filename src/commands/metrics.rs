//! `metrics`: rings for Prometheus: printed once, written into a file, or served.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use listenfd::ListenFd;

use crate::cli::MetricsArgs;
use crate::decode::DecodeRules;
use crate::metrics::http::{Answer, Page, Request, Server};
use crate::metrics::{Encoding, Metrics, PublishedMetrics, replace};
use crate::observe::attach::{AttachedRing, Succession};
use crate::observe::model::{MessageTotals, Thresholds};
use crate::observe::ring_set::{Looks, RingSet};
use crate::observe::watch::{Budget, sleep_noting};
use crate::recording::Playback;
use crate::shutdown::StopSignal;
use crate::stderr::warn;
use crate::stdout::Printer;
use crate::text::escape;

/// Between the two samples that rates come from, where they are taken once.
const INTERVAL: Duration = Duration::from_millis(200);
/// A file is written this often, where nothing else is asked for.
const EVERY: Duration = Duration::from_secs(15);
/// The end is thought of this often.
const PATIENCE: Duration = Duration::from_millis(100);

/// What stands at `/`.
const LANDING: &str = "\
<!doctype html>
<html lang=\"en\"><head><meta charset=\"utf-8\"><title>zbqtop</title></head><body>
<h1>zbqtop</h1>
<p>zbq shared-memory rings of this machine.</p>
<ul><li><a href=\"/metrics\">/metrics</a>: for Prometheus</li><li><a href=\"/healthz\">/healthz</a>: whether zbqtop runs</li></ul>
</body></html>
";

/// Gives the metrics of `ring`, or of every ring, as they are asked for.
///
/// # Errors
/// When they cannot be written, or nobody can be listened to.
pub fn metrics(
    ring: Option<(AttachedRing, Option<Succession>)>,
    options: &MetricsArgs,
    judged_by: (Thresholds, &DecodeRules),
    out: &mut Printer,
) -> anyhow::Result<()> {
    let (thresholds, decoding) = judged_by;
    let listener = options.listen.map(listener).transpose()?;
    let repeats = listener.is_some() || options.every.is_some();
    let budget = if repeats {
        Budget::SAMPLED
    } else {
        Budget::ONCE
    };
    let set = match ring {
        Some((ring, succession)) => RingSet::of(ring, succession, budget, thresholds),
        None => RingSet::all(budget, thresholds),
    };
    let set = set.decoding_by(decoding);
    if !repeats {
        return once(set, options.textfile.as_deref(), out);
    }
    let ending = StopSignal::watch_unhurried()?;
    let published = Arc::new(PublishedMetrics::default());
    let sampler = Sampler::start(set, &published, Duration::from_secs(1) / options.rate)?;
    let mut server = listener.map(Server::new).transpose()?;
    let path = options.textfile.as_deref();
    let mut file = path.map(|path| Textfile::new(path, options.every.unwrap_or(EVERY)));
    while !ending.asked() {
        if sampler.has_failed() {
            anyhow::bail!("sampling has failed and stopped");
        }
        match &mut server {
            Some(server) => {
                server.serve(PATIENCE, |request| answer(&published, request))?;
                if let Some(error) = server.take_trouble() {
                    warn(&format!(
                        "nobody who connects can be served: {error}; will retry"
                    ));
                }
            }
            None => std::thread::sleep(PATIENCE),
        }
        if let Some(file) = &mut file {
            file.write_due(&published);
        }
    }
    sampler.end();
    Ok(())
}

/// Prints the metrics of a recording, as it was at the moment.
///
/// # Errors
/// Those of `out`.
pub fn recorded(
    playback: &mut Playback,
    options: &MetricsArgs,
    out: &mut Printer,
) -> anyhow::Result<()> {
    let rings = playback.rings().to_vec();
    let states = rings.iter().filter_map(|ring| playback.state(ring));
    let rings = states.map(|(_, state)| (state.ring, MessageTotals::default()));
    let looks = Looks {
        rings: rings.collect(),
        limits: playback.notes().len(),
        ..Looks::default()
    };
    let mut metrics = Metrics::recorded(looks);
    print(&mut metrics, options.textfile.as_deref(), out)
}

fn once(mut set: RingSet, textfile: Option<&Path>, out: &mut Printer) -> anyhow::Result<()> {
    let mut metrics = Metrics::default();
    metrics.take(set.look());
    let due = Instant::now() + INTERVAL;
    let sleep = |time| {
        std::thread::sleep(time);
        Ok(())
    };
    sleep_noting(due, || set.note_commits(), sleep)?;
    metrics.take(set.look());
    for limit in set.limits() {
        warn(&escape(&limit.to_string()));
    }
    print(&mut metrics, textfile, out)
}

fn print(metrics: &mut Metrics, textfile: Option<&Path>, out: &mut Printer) -> anyhow::Result<()> {
    let text = metrics.write(Encoding::Classic);
    match textfile {
        Some(path) => Ok(replace(path, &text).with_context(|| name(path))?),
        None => {
            out.write_all(text.as_bytes())?;
            Ok(out.flush()?)
        }
    }
}

/// The thread that takes samples.
struct Sampler {
    ending: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Sampler {
    /// Publishes a round of samples of `set` this often, from now on.
    fn start(
        mut set: RingSet,
        published: &Arc<PublishedMetrics>,
        every: Duration,
    ) -> io::Result<Self> {
        let ending = Arc::new(AtomicBool::new(false));
        let (asked, published) = (Arc::clone(&ending), Arc::clone(published));
        // Whoever asks first is not told that there is nothing.
        let first = set.look();
        published.change(|metrics| metrics.take(first));
        let sample = move || {
            let mut due = Instant::now() + every;
            while !asked.load(Ordering::Relaxed) {
                let left = due.saturating_duration_since(Instant::now());
                if !left.is_zero() {
                    let every = set.note_commits().unwrap_or(PATIENCE);
                    std::thread::sleep(left.min(every));
                    continue;
                }
                let looks = set.look();
                // Where that takes long, it takes half of the time at most.
                due = (due + every).max(Instant::now() + looks.took);
                published.change(|metrics| metrics.take(looks));
            }
        };
        let thread = std::thread::Builder::new()
            .name("sampler".into())
            .spawn(sample)?;
        Ok(Self { ending, thread })
    }

    /// Whether it has ended though nobody asked it to.
    fn has_failed(&self) -> bool {
        self.thread.is_finished()
    }

    fn end(self) {
        self.ending.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }
}

/// The file that is written again and again.
struct Textfile<'a> {
    path: &'a Path,
    every: Duration,
    due: Instant,
    /// That it cannot be written was told.
    is_told: bool,
}

impl<'a> Textfile<'a> {
    fn new(path: &'a Path, every: Duration) -> Self {
        Self {
            path,
            every,
            due: Instant::now(),
            is_told: false,
        }
    }

    /// Writes it, if it is time. One that cannot be written is tried again, and told of once.
    fn write_due(&mut self, published: &PublishedMetrics) {
        if Instant::now() < self.due {
            return;
        }
        self.due = (self.due + self.every).max(Instant::now());
        match replace(self.path, &published.text(Encoding::Classic)) {
            Ok(()) => self.is_told = false,
            Err(error) if !std::mem::replace(&mut self.is_told, true) => {
                let name = name(self.path);
                warn(&format!("{name}: {error}; will retry"));
            }
            Err(_) => {}
        }
    }
}

/// What systemd hands over, or else a listener of our own.
fn listener(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let mut handed_over = ListenFd::from_env();
    if handed_over.len() > 0 {
        let listener = handed_over
            .take_tcp_listener(0)
            .context("the socket that was handed over")?;
        if let Some(listener) = listener {
            return Ok(listener);
        }
    }
    if !address.ip().is_loopback() {
        warn(&format!(
            "{address}: not a loopback address: whoever can reach it can read the names and metrics of the rings"
        ));
    }
    let listener = TcpListener::bind(address).with_context(|| address.to_string())?;
    warn(&format!(
        "serving http://{}/metrics",
        listener.local_addr()?
    ));
    Ok(listener)
}

fn answer(published: &PublishedMetrics, request: &Request) -> Answer {
    match request.page {
        Page::Landing => Answer {
            content_type: "text/html; charset=utf-8",
            body: LANDING.into(),
        },
        Page::Health => Answer {
            content_type: "text/plain; charset=utf-8",
            body: "ok\n".into(),
        },
        Page::Metrics => Answer {
            content_type: request.encoding.content_type(),
            body: published.text(request.encoding),
        },
    }
}

fn name(path: &Path) -> String {
    escape(&path.display().to_string()).into_owned()
}
