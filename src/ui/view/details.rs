//! One consumer in full: every figure with where it comes from, in words, and its lag over time.

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::canvas::{Canvas, cut};
use super::chart::{BYTES, Chart};
use super::consumers::name;
use crate::observe::model::{
    Bounded, ConsumerSnapshot, ConsumerState, Distribution, MessageFigures, RingSnapshot,
    WakeupBasis,
};
use crate::ring::WakeupMode;
use crate::text::{counted, duration};
use crate::ui::details::Details;
use crate::ui::format::{ago, bytes, day_and_time, duration_in, grouped, percent, rate};
use crate::ui::text;
use crate::ui::theme::{ColorRole, Theme};
use crate::ui::time_span::TimeSpan;

/// From this height on there is room for the ring's messages beside the chart.
const TALL: u16 = 26;
/// Room for the names of the figures.
const NAMES: u16 = 10;
/// Narrower than this, a name stands on a line of its own.
const NARROW: u16 = 40;

/// More rows than this for the chart, and one is left empty.
const AIRY: u16 = 10;

/// A figure in words.
struct Fact {
    name: &'static str,
    text: String,
    role: ColorRole,
}

/// A line of text: a name, or nothing, before it.
struct DetailLine {
    name: &'static str,
    text: String,
    role: ColorRole,
}

/// Title and note of the frame: who it is.
pub(super) fn title(details: &Details) -> (String, String) {
    let consumer = &details.consumer;
    let command = consumer.command.as_deref().unwrap_or_default();
    let title = format!("Consumer {} {command}", name(consumer, details.place));
    let note = if details.gone { "gone" } else { "" };
    (title.trim_end().to_owned(), note.to_owned())
}

/// The last line of text that may come first in `area`.
pub(super) fn last_top(ring: &RingSnapshot, details: &Details, theme: &Theme, area: Rect) -> usize {
    let lines = lines(ring, details, theme, area);
    lines.len().saturating_sub(area.height.into())
}

pub(super) fn render(
    ring: &RingSnapshot,
    details: &Details,
    span: TimeSpan,
    canvas: &mut Canvas<'_>,
    mut area: Rect,
) {
    let lines = lines(ring, details, canvas.theme(), area);
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let top = details
        .top()
        .min(lines.len().saturating_sub(area.height.into()));
    let rows = cut(&mut area, height);
    let names = if rows.width < NARROW { 0 } else { NAMES };
    for (line, y) in lines.iter().skip(top).zip(rows.top()..rows.bottom()) {
        let [x, width] = [rows.x + 1, rows.width.saturating_sub(1)];
        canvas.put(x, y, width, line.name, ColorRole::Label);
        let width = width.saturating_sub(names);
        canvas.put(x + names, y, width, &line.text, line.role);
    }
    // A line between them, where that takes nothing from the chart.
    if area.height > AIRY {
        cut(&mut area, 1);
    }
    let heading = cut(&mut area, 1);
    if let Some(chart) = Chart::new(&details.lags, span, &BYTES, area) {
        past(&chart, ring.control.ring_capacity, canvas, heading);
    }
}

/// ``` Lag over time, at most 412 KiB, 40 % of the ring ``` and the chart below it.
fn past(chart: &Chart<'_>, capacity: u64, canvas: &mut Canvas<'_>, heading: Rect) {
    let width = heading.width.saturating_sub(1);
    let x = canvas.put(
        heading.x + 1,
        heading.y,
        width,
        "Lag over time",
        ColorRole::Label,
    );
    let most = match chart.most() {
        None => ", unknown".to_owned(),
        Some(most) => {
            #[expect(clippy::cast_precision_loss, reason = "percent for people")]
            let share = most as f64 * 100.0 / capacity.max(1) as f64;
            let share = percent(share);
            format!(", at most {}, {share} % of the ring", bytes(most))
        }
    };
    let width = heading.right().saturating_sub(x);
    canvas.put(x, heading.y, width, &most, ColorRole::Plain);
    chart.render(canvas);
}

fn lines(ring: &RingSnapshot, details: &Details, theme: &Theme, area: Rect) -> Vec<DetailLine> {
    let width = area.width;
    let narrow = width < NARROW;
    let mut lines = Vec::new();
    let mut facts = facts(ring, details, theme);
    if area.height >= TALL {
        facts.extend(message_facts(ring));
    }
    for Fact { name, text, role } in facts {
        let mut name = name;
        if narrow {
            lines.push(DetailLine {
                name,
                text: String::new(),
                role,
            });
            name = "";
        }
        let room = width.saturating_sub(if narrow { 1 } else { NAMES + 2 });
        for text in text::wrap(&text, room) {
            lines.push(DetailLine { name, text, role });
            name = "";
        }
    }
    lines
}

fn facts(ring: &RingSnapshot, details: &Details, theme: &Theme) -> Vec<Fact> {
    let consumer = &details.consumer;
    let plain = |name, text| Fact {
        name,
        text,
        role: ColorRole::Plain,
    };
    let mut facts = Vec::new();
    if details.gone {
        let text = "no longer in the ring; these are its last known values".to_owned();
        facts.push(Fact {
            name: "Gone",
            text,
            role: ColorRole::Warn,
        });
    }
    facts.push(Fact {
        name: "State",
        text: format!("{}: {}", consumer.state.word(), consumer.reason),
        role: consumer.state.into(),
    });
    facts.extend([
        plain("Process", process(consumer)),
        plain("Command", command_line(consumer)),
        plain("Joined", joined(details)),
        plain("Slot", slot(ring, consumer)),
        plain("Woken", woken(ring, consumer)),
        plain("Tail", tail(ring, consumer)),
        plain("Lag", lag(consumer)),
        plain("Behind", behind(consumer, theme)),
        plain("Rate", released(consumer)),
        plain("Progress", progress(consumer, theme)),
        plain("Evict in", evict_in(ring, consumer, theme)),
    ]);
    facts
}

/// What is known of the ring's messages.
fn message_facts(ring: &RingSnapshot) -> Vec<Fact> {
    let MessageFigures {
        payload_bytes,
        interval_ns,
        age_ns,
    } = ring.messages;
    let sizes = payload_bytes.map(|known| ("Payloads", distribution(known, bytes)));
    let intervals = interval_ns.map(|known| ("Intervals", distribution(known, duration)));
    let ages = age_ns.map(|known| ("Ages", known.words()));
    let known = sizes.into_iter().chain(intervals).chain(ages);
    known
        .map(|(name, text)| Fact {
            name,
            text,
            role: ColorRole::Plain,
        })
        .collect()
}

/// Percentiles of the ring's messages.
fn distribution(known: Distribution, figure: impl Fn(u64) -> String) -> String {
    let Distribution {
        count,
        p50,
        p99,
        max,
        exact,
    } = known;
    let about = if exact { "" } else { "about " };
    let [p50, p99, max] = [p50, p99, max].map(figure);
    let messages = grouped(count);
    format!("{about}p50 {p50}, p99 {p99}, max {max}; {messages} of the ring's messages")
}

fn process(consumer: &ConsumerSnapshot) -> String {
    let Some(pid) = consumer.pid else {
        return "unknown: no process was found that maps its metadata page".to_owned();
    };
    let command = consumer.command.as_deref().unwrap_or("name unknown");
    let alive = match consumer.alive {
        Some(true) => "runs",
        Some(false) => "has ended",
        None => "whether it runs is unknown",
    };
    let user = match (consumer.uid, &consumer.user) {
        (Some(uid), Some(user)) => format!(", user {user} (uid {uid})"),
        (Some(uid), None) => format!(", uid {uid}"),
        (None, _) => String::new(),
    };
    let doing = consumer
        .process_state
        .filter(|_| consumer.alive == Some(true));
    let doing = doing.map_or_else(|| alive.to_owned(), |state| state.word().to_owned());
    format!("pid {pid}, {command}, {doing}{user}")
}

fn command_line(consumer: &ConsumerSnapshot) -> String {
    let line = consumer.command_line.clone();
    line.unwrap_or_else(|| "unknown: its arguments could not be read".to_owned())
}

/// When it joined, and how long before it was seen that was.
fn joined(details: &Details) -> String {
    let Some(at) = &details.consumer.joined_at else {
        return "unknown: its metadata page does not say".to_owned();
    };
    let moment = at.parse::<Timestamp>().ok();
    let age = moment.and_then(|at| {
        let age = details.seen_at.as_nanosecond() - at.as_nanosecond();
        u64::try_from(age).ok()
    });
    let age = age.map_or_else(String::new, |age| format!(", {}", ago(age)));
    format!("{} UTC{age}", day_and_time(at))
}

fn slot(ring: &RingSnapshot, consumer: &ConsumerSnapshot) -> String {
    let slot = match (consumer.slot, consumer.held) {
        (Some(slot), true) if ring.state.is_over() => format!("{slot}, never freed"),
        (Some(slot), true) => format!("{slot}, held by the producer"),
        (Some(slot), false) => format!("none any more: it had slot {slot}"),
        (None, true) if ring.state.is_over() => "never freed, its number unknown".to_owned(),
        (None, true) => format!("held by the producer, its number unknown{}", untold(ring)),
        (None, false) => "none: the producer does not track it".to_owned(),
    };
    format!("{slot}; metadata page inode {}", consumer.meta_inode)
}

fn woken(ring: &RingSnapshot, consumer: &ConsumerSnapshot) -> String {
    let how = match consumer.wakeup_mode {
        Some(WakeupMode::Push) => "push, by the producer through the futex",
        Some(WakeupMode::Pull) => "pull, it polls by itself",
        None => return format!("unknown{}", untold(ring)),
    };
    let basis = match consumer.wakeup_basis {
        Some(WakeupBasis::SlotTable) => " (from the slot table)",
        Some(WakeupBasis::Join) => " (from the producer's join answer)",
        Some(WakeupBasis::FutexWait) => " (it was seen waiting on the futex)",
        None => "",
    };
    format!("{how}{basis}")
}

/// Why what only the slot table tells is unknown.
fn untold(ring: &RingSnapshot) -> &'static str {
    if ring.slots.is_none() {
        ": the slot table is not read, see the limits"
    } else {
        ""
    }
}

fn tail(ring: &RingSnapshot, consumer: &ConsumerSnapshot) -> String {
    let tail = consumer.tail_offset;
    if consumer.state == ConsumerState::Parked {
        return format!("{}, above head on purpose", grouped(tail));
    }
    let capacity = ring.control.ring_capacity;
    match (tail.checked_div(capacity), tail.checked_rem(capacity)) {
        (Some(lap), Some(position)) => format!(
            "{}: lap {}, position {} in the ring",
            grouped(tail),
            grouped(lap),
            grouped(position)
        ),
        _ => grouped(tail),
    }
}

fn lag(consumer: &ConsumerSnapshot) -> String {
    let Some(lag) = consumer.lag_bytes else {
        return "unknown: its tail is above head, or cannot be read".to_owned();
    };
    let share = consumer
        .lag_percent
        .map(|share| format!(", {} % of the ring", percent(share)));
    let share = share.unwrap_or_default();
    let exact = match lag {
        0..1024 => String::new(),
        _ => format!(" ({} B)", grouped(lag)),
    };
    format!("{}{exact}{share}", bytes(lag))
}

fn behind(consumer: &ConsumerSnapshot, theme: &Theme) -> String {
    if consumer.lag_bytes.is_none() {
        return "unknown, as its lag is".to_owned();
    }
    let messages = consumer.lag_messages;
    let messages = match (messages.value, messages.exact) {
        (Some(1), true) => counted(1, "message"),
        (Some(count), true) => format!("{} messages", grouped(count)),
        (Some(count), false) => format!("~{} messages", grouped(count)),
        (None, _) => "messages unknown".to_owned(),
    };
    let ago = |time| duration_in(time, theme.glyphs.microseconds);
    let time = match consumer.lag_time_ns {
        Some(Bounded { value: Some(0), .. }) => "head is there now".to_owned(),
        Some(Bounded {
            low,
            high: Some(high),
            ..
        }) if ago(low) == ago(high) => {
            format!("head was there {} ago", ago(low))
        }
        Some(Bounded {
            low,
            high: Some(high),
            ..
        }) => {
            format!("head was there {} to {} ago", ago(low), ago(high))
        }
        Some(Bounded {
            low, high: None, ..
        }) => {
            format!(
                "head was there over {} ago, before watching began",
                ago(low)
            )
        }
        None => "since when is unknown".to_owned(),
    };
    format!("{messages}; {time}")
}

fn released(consumer: &ConsumerSnapshot) -> String {
    match consumer.rate_bytes_per_second {
        Some(released) => format!("{} released", rate(released)),
        None if consumer.lag_bytes.is_none() => "unknown, as its lag is".to_owned(),
        None => "unknown: only one sample, or its tail went back".to_owned(),
    }
}

fn progress(consumer: &ConsumerSnapshot, theme: &Theme) -> String {
    let (ticks, joined) = (consumer.progress_timestamp, consumer.join_baseline);
    // Raw, as the page has them; grouped they would not fit on a line.
    if ticks == 0 {
        return format!("none published yet; joined at CPU tick {joined}");
    }
    let age = match consumer.progress_age_ns {
        Some(age) => format!("{} ago", duration_in(age, theme.glyphs.microseconds)),
        None => "age unknown: its timestamp is in the future".to_owned(),
    };
    format!("{age}; {ticks} ticks after joining at {joined}")
}

fn evict_in(ring: &RingSnapshot, consumer: &ConsumerSnapshot, theme: &Theme) -> String {
    match consumer.evict_in_ns {
        Some(0) => "at the producer's next scan".to_owned(),
        Some(time) => {
            let time = duration_in(time, theme.glyphs.microseconds);
            format!("{time}: by the first scan after that, unless its tail moves")
        }
        None if !consumer.held => "never: it holds no slot".to_owned(),
        None if ring.slots.is_none() => format!("unknown{}", untold(ring)),
        None => "no countdown: its tail has moved since the last scan".to_owned(),
    }
}
