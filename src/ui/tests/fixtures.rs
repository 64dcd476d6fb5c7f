//! Samples of imaginary rings, the same at every run, and the screen they make.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::observe::model::{
    Bounded, Event, EventKind, EventLog, Frame, Gap, Health, Integrity, Listing, Message,
    MessageLog, PastPoint, PastSeries, RingListing, WorstConsumer, *,
};
use crate::ring::WakeupMode;
use crate::ring::{MessageHeader, RawMessage};
use crate::ui::action::{Action, Effect};
use crate::ui::app::App;
use crate::ui::prompt::Edit;
use crate::ui::theme::Theme;
use crate::ui::view::screen;

pub(super) const CAPACITY: u64 = 1 << 20;
const HEAD: u64 = 1_234_567_890;
pub(super) const MS: u64 = 1_000_000;

/// A ring that flows, with three consumers: one at head, one a little behind, one 39 % behind.
pub(super) fn flowing() -> Frame {
    let consumers = vec![
        consumer(0, 6390, "risk", 1_216, ConsumerState::Ok, "follows head"),
        consumer(
            1,
            6391,
            "web-gateway-eu",
            64 << 10,
            ConsumerState::Ok,
            "follows head",
        ),
        consumer(
            2,
            6392,
            "archive",
            412 << 10,
            ConsumerState::Lagging,
            "39 % of the ring behind, and moving",
        ),
    ];
    let snapshot = RingSnapshot {
        id: "6388/4".to_owned(),
        ctrl_inode: 6388,
        state: RingState::Flowing,
        health: Health::Ok,
        reason: "head moved 84.6 MiB in 100 ms".to_owned(),
        sampled_ns: 500_000 * MS,
        attach: Attach {
            method: Method::Map,
            joined: None,
            slot_table: true,
            limits: Vec::new(),
        },
        producer: ProducerInfo {
            pid: 6388,
            ns_pid: None,
            command: Some("quotes".to_owned()),
            command_line: Some("quotes --ring /run/quotes.sock".to_owned()),
            uid: Some(1000),
            user: Some("ann".to_owned()),
            process_state: None,
            alive: true,
            started_at: Some("2026-01-01T00:00:00Z".to_owned()),
            sockets: Some(vec!["/run/quotes.sock".to_owned()]),
        },
        control: ControlRegion {
            truncated: false,
            producer_head: HEAD,
            broadcast_futex: 7,
            producer_pid: 6388,
            ring_capacity: CAPACITY,
            clog_threshold: 1000,
            stall_timeout_ns: 5_000 * MS,
        },
        slots: Some(SlotCounts {
            max: 8,
            used: 3,
            push: 2,
            clog_attempts: 0,
            next_seq_id: 10,
        }),
        free_bytes: Some(CAPACITY - (412 << 10)),
        gating_slot: Some(2),
        gating_pid: Some(6392),
        gating_meta_inode: Some(102),
        time_to_full_ns: Some(2_400 * MS),
        rate: Rate {
            bytes_per_second: Some(846.0 * 1024.0 * 1024.0),
            messages_per_second: Estimate::about(13_240_000.0),
        },
        messages: MessageFigures {
            payload_bytes: Some(Distribution {
                count: 123_456,
                p50: 64,
                p99: 1_400,
                max: 9_000,
                exact: false,
            }),
            interval_ns: None,
            age_ns: None,
        },
        consumers,
        hidden_consumers: Some(0),
        findings: Vec::new(),
        events: Vec::new(),
    };
    let rates = (0..480u64)
        .map(|step| {
            let at_ns = snapshot.sampled_ns - (479 - step) * 250 * MS;
            PastPoint::at(at_ns, Some(400_000_000 + step * step * 7_919 % 500_000_000))
        })
        .collect();
    Frame {
        lags: past(&snapshot),
        snapshot,
        rates,
        messages: log(64, usize::MAX),
        messages_note: None,
        events: std::sync::Arc::default(),
        timeline: None,
        recording: None,
        dump: None,
        said: None,
    }
}

pub(super) fn consumer(
    slot: u32,
    pid: i32,
    command: &str,
    lag_bytes: u64,
    state: ConsumerState,
    reason: &str,
) -> ConsumerSnapshot {
    ConsumerSnapshot {
        meta_inode: 100 + u64::from(slot),
        slot: Some(slot),
        pid: Some(pid),
        command: Some(command.to_owned()),
        command_line: Some(format!("{command} --socket /run/quotes.sock")),
        uid: Some(1000),
        user: Some("ann".to_owned()),
        joined_at: Some("2026-01-04T03:10:00Z".to_owned()),
        process_state: None,
        alive: Some(true),
        held: true,
        state,
        reason: reason.to_owned(),
        wakeup_mode: Some(if slot == 1 {
            WakeupMode::Pull
        } else {
            WakeupMode::Push
        }),
        wakeup_basis: Some(WakeupBasis::SlotTable),
        waits_on_futex: None,
        side_socket_unread_bytes: None,
        side_socket_capacity_bytes: None,
        side_socket_descriptors: None,
        side_socket_descriptors_limit: None,
        tail_offset: HEAD - lag_bytes,
        lag_bytes: Some(lag_bytes),
        lag_percent: Some(lag_bytes as f64 * 100.0 / CAPACITY as f64),
        lag_messages: Estimate::about(lag_bytes / 64),
        lag_time_ns: Some(Bounded::exact(lag_bytes * 1_130)),
        rate_bytes_per_second: Some(846.0 * 1024.0 * 1024.0),
        progress_timestamp: 9_000_000,
        join_baseline: 1_000_000,
        progress_age_ns: Some(1_400_000),
        evict_in_ns: Some(4_990 * MS),
    }
}

pub(super) fn message(index: u64) -> Message {
    let mut payload = format!("quote {index:03} EURUSD 1.{:04}", index * 37 % 10_000).into_bytes();
    payload.extend([0, 0, 0, 0x2a, 0xff, 0xfe, b'\n']);
    Message {
        offset: HEAD + index * 46 - 64 * 46 - if index < 57 { 1000 } else { 0 },
        header: MessageHeader {
            payload_len: u32::try_from(payload.len()).unwrap(),
            fd_count: u8::from(index % 16 == 15),
            seq_id: index + 1,
            ..MessageHeader::default()
        },
        payload,
        integrity: match index {
            63 => Integrity::Intact,
            62 => Integrity::Torn,
            _ => Integrity::Likely,
        },
    }
}

/// What is kept of so many messages, with a gap before the 57th: all, or with few bytes only the newest 256 rows or
/// less.
pub(super) fn log(messages: u64, most: usize) -> MessageLog {
    let mut log = MessageLog::imaginary(most);
    for number in 0..messages {
        if number == 57 {
            log.skip(Gap {
                from: message(56).offset + 46,
                to: message(57).offset,
                why: GapReason::Overrun,
                torn: 0,
            });
        }
        push(&mut log, &message(number));
    }
    log
}

pub(super) fn push(log: &mut MessageLog, message: &Message) {
    let raw = RawMessage {
        offset: message.offset,
        header: message.header,
        payload: &message.payload,
    };
    log.push(raw, message.integrity);
}

/// A ring without room, blocked by a consumer that does not move.
pub(super) fn full() -> Frame {
    let mut frame = flowing();
    let ring = &mut frame.snapshot;
    ring.state = RingState::Full;
    ring.reason = "no room; slot 2 holds everything".to_owned();
    ring.free_bytes = Some(0);
    ring.time_to_full_ns = None;
    ring.rate = Rate {
        bytes_per_second: Some(0.0),
        messages_per_second: Estimate::exact(0.0),
    };
    ring.slots = Some(SlotCounts {
        max: 8,
        used: 3,
        push: 2,
        clog_attempts: 48_211,
        next_seq_id: 10,
    });
    ring.consumers[2] = consumer(
        2,
        6392,
        "archive",
        CAPACITY,
        ConsumerState::Blocking,
        "has not moved for 3.1 s and gates the producer",
    );
    ring.consumers[2].rate_bytes_per_second = Some(0.0);
    ring.consumers[2].progress_age_ns = Some(3_100 * MS);
    ring.consumers[2].evict_in_ns = Some(1_900 * MS);
    let finding = |code: &'static str, severity, message: &str, slot| Finding {
        code: code.into(),
        severity,
        message: message.to_owned(),
        slot: Some(slot),
        pid: None,
    };
    ring.findings = vec![
        finding(
            "blocking",
            Severity::Critical,
            "slot 2 (archive) has blocked the producer for 3.1 s; a scan evicts it in 1.9 s",
            2,
        ),
        finding(
            "healthy-evicted",
            Severity::Warning,
            "the same scan would evict slot 0 (risk), which is caught up and only waits",
            0,
        ),
    ];
    ring.attach.limits = vec![Limitation {
        what: "how push consumers wait".into(),
        why: "/proc/6390/syscall: permission denied".to_owned(),
        remedy: Some("run as root".to_owned()),
    }];
    frame.rates = changed(
        &frame.rates,
        |place, value| {
            if place < 440 { value } else { Some(0) }
        },
    );
    frame
}

/// `frame`, with a past: as many events as asked for, one every seven seconds, the newest twelve seconds ago.
pub(super) fn with_events(mut frame: Frame, events: u64) -> Frame {
    frame.snapshot.sampled_ns = 90_000_000 * MS;
    frame.lags = past(&frame.snapshot);
    let mut log = EventLog::default();
    for age in (0..events).rev() {
        let (kind, slot, message) = match age % 5 {
            0 => (
                EventKind::Clogged,
                2,
                "no room is left; head has not moved for 1.0 s; blocked by slot 2 archive (pid 6392), 1.0 MiB behind; 48211 failed reservations",
            ),
            1 => (
                EventKind::Stalled,
                2,
                "slot 2 archive (pid 6392): 412 KiB behind (40 %), and its tail has not moved for 1.0 s",
            ),
            2 => (
                EventKind::Joined,
                2,
                "slot 2 archive (pid 6392): a new consumer, at head",
            ),
            3 => (
                EventKind::Evicted,
                2,
                "slot 2 archive (pid 6391): 64.0 KiB behind, and without progress for 5.1 s; it is not notified, and what it had yet to read may be overwritten",
            ),
            _ => (
                EventKind::Left,
                1,
                "slot 1 web (pid 6377): its process had ended, with nothing unread; its slot was held for 3.0 s more",
            ),
        };
        log.push(Event {
            kind,
            severity: kind.severity(),
            at: "2026-01-04T04:12:18Z".to_owned(),
            monotonic_ns: frame.snapshot.sampled_ns - (12_000 + 7_000 * age) * MS,
            slot: Some(slot),
            pid: None,
            command: None,
            message: message.to_owned(),
        });
    }
    frame.events = std::sync::Arc::new(log);
    frame
}

/// The last sample of a ring whose producer has gone; how many still read it is not known.
pub(super) fn gone() -> Frame {
    let mut frame = flowing();
    let ring = &mut frame.snapshot;
    ring.state = RingState::ProducerGone;
    ring.reason = "pid 6388 has exited".to_owned();
    ring.producer.alive = false;
    ring.slots = None;
    ring.attach.slot_table = false;
    ring.rate = Rate::default();
    ring.free_bytes = None;
    ring.gating_meta_inode = None;
    ring.time_to_full_ns = None;
    ring.hidden_consumers = None;
    for consumer in &mut ring.consumers {
        consumer.slot = None;
        consumer.wakeup_mode = None;
        consumer.evict_in_ns = None;
        consumer.rate_bytes_per_second = None;
        consumer.lag_time_ns = None;
    }
    ring.findings = vec![Finding {
        code: "producer-gone".into(),
        severity: Severity::Critical,
        message: "the producer has exited; push consumers asleep on its futex are never woken"
            .to_owned(),
        slot: None,
        pid: Some(6388),
    }];
    frame
}

/// A ring that nobody reads.
pub(super) fn lonely() -> Frame {
    let mut frame = flowing();
    let ring = &mut frame.snapshot;
    ring.state = RingState::Idle;
    ring.consumers.clear();
    ring.slots = Some(SlotCounts {
        max: 8,
        used: 0,
        push: 0,
        clog_attempts: 0,
        next_seq_id: 1,
    });
    ring.free_bytes = Some(CAPACITY);
    ring.gating_meta_inode = None;
    ring.time_to_full_ns = None;
    ring.rate = Rate {
        bytes_per_second: Some(0.0),
        messages_per_second: Estimate::exact(0.0),
    };
    frame.rates = changed(&frame.rates, |_, _| Some(0));
    frame.messages = MessageLog::default();
    frame.messages_note = Some("no consumer's tail vouches for what is read".to_owned());
    frame
}

pub(super) fn listing(rings: usize) -> Listing {
    let names = [
        ("quotes", 6388, RingState::Flowing),
        ("orders", 7001, RingState::Full),
        ("logs", 7110, RingState::Idle),
    ];
    let rings = names
        .into_iter()
        .take(rings)
        .map(|(command, pid, state)| RingListing {
            id: format!("{pid}/4"),
            pid,
            command: Some(command.to_owned()),
            ring_capacity: Some(CAPACITY),
            producer_head: Some(HEAD),
            consumers: (state != RingState::Idle).then_some(3),
            free_bytes: Some(CAPACITY / 2),
            bytes_per_second: (state != RingState::Full).then_some(846.0 * 1024.0 * 1024.0),
            last_event: None,
            state,
            health: if state == RingState::Full {
                Health::Critical
            } else {
                Health::Ok
            },
            reason: "as it was found".to_owned(),
            worst_finding: (state == RingState::Full).then(|| Finding {
                code: "blocking".into(),
                severity: Severity::Critical,
                message: "slot 2 archive (pid 6392) has blocked the producer for 3.1 s".to_owned(),
                slot: Some(2),
                pid: Some(6392),
            }),
            worst_consumer: (state != RingState::Idle).then(|| WorstConsumer {
                slot: Some(2),
                pid: Some(6392),
                command: Some("archive".to_owned()),
                state: if state == RingState::Full {
                    ConsumerState::Blocking
                } else {
                    ConsumerState::Ok
                },
                lag_bytes: Some(412 << 10),
            }),
            sockets: Some(vec![format!("/run/{command}.sock")]),
            through: None,
        });
    let limits = vec![Limitation {
        what: "4 processes of other users".into(),
        why: "/proc/PID/fd: permission denied".to_owned(),
        remedy: Some("run as root".to_owned()),
    }];
    Listing {
        rings: rings.collect(),
        limits,
    }
}

/// The dashboard on `frame`, three days and some hours after the producer started.
pub(super) fn on(frame: Frame) -> App {
    let mut app = App::new(Duration::from_millis(100), Some(frame.snapshot.id.clone()));
    take(&mut app, frame);
    app
}

pub(super) fn take(app: &mut App, frame: Frame) -> bool {
    let at: Timestamp = "2026-01-04T04:12:30Z".parse().unwrap();
    app.take_frame(frame, at)
}

/// Does what a key asks for; gives what is to be done besides.
pub(super) fn apply(app: &mut App, action: Action) -> Option<Effect> {
    let room = screen::viewport(
        app,
        &Theme::new(true, false),
        ratatui::layout::Rect::new(0, 0, 80, 24),
    );
    app.apply(action, room)
}

/// Presses what the screen of 80×24 makes of it.
pub(super) fn press(app: &mut App, actions: &[Action]) {
    for action in actions {
        apply(app, *action);
    }
}

/// Types into the prompt that is open.
pub(super) fn enter(app: &mut App, text: &str) {
    for character in text.chars() {
        app.edit(Edit::Insert(character));
    }
}

pub(super) fn drawn(app: &App, width: u16, height: u16) -> Terminal<TestBackend> {
    themed(app, &Theme::new(true, false), width, height)
}

pub(super) fn themed(app: &App, theme: &Theme, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| {
            screen::render(app, theme, frame.area(), frame.buffer_mut());
        })
        .unwrap();
    terminal
}

/// What stands on the screen, a line a row.
pub(super) fn lines(terminal: &Terminal<TestBackend>) -> Vec<String> {
    let buffer = terminal.backend().buffer();
    let width = usize::from(buffer.area.width).max(1);
    buffer
        .content()
        .chunks(width)
        .map(|row| row.iter().map(|cell| cell.symbol()).collect())
        .collect()
}

/// The same times with other figures, made of each point's place and figure.
pub(super) fn changed(
    past: &PastSeries,
    change: impl Fn(usize, Option<u64>) -> Option<u64>,
) -> PastSeries {
    let points = past.points().enumerate();
    let changed =
        |(place, point): (_, &PastPoint)| PastPoint::at(point.at_ns, change(place, point.value()));
    points.map(changed).collect()
}

/// Two minutes of every consumer's lag: waves that come to rest at what it is now.
pub(super) fn past(ring: &RingSnapshot) -> HashMap<u64, PastSeries> {
    let of = |consumer: &ConsumerSnapshot| {
        let lag = consumer.lag_bytes.unwrap_or(0);
        (0..480u64)
            .map(|step| {
                let wave = 120 - (step + consumer.meta_inode * 17) % 120;
                let at_ns = ring.sampled_ns - (479 - step) * 250 * MS;
                PastPoint::at(at_ns, Some(lag * (480 - wave * (479 - step) / 120) / 480))
            })
            .collect()
    };
    let consumers = ring.consumers.iter();
    consumers
        .map(|consumer| (consumer.meta_inode, of(consumer)))
        .collect()
}

/// The same, out of a recording of four minutes, half of it gone.
pub(super) fn recorded() -> Frame {
    const SECOND: u64 = 1_000_000_000;
    // 2026-11-26T06:08:05Z.
    let begin_ns = 1_795_673_285 * SECOND;
    let mark = |second: u64, severity| Mark {
        at_ns: begin_ns + second * SECOND,
        severity,
    };
    Frame {
        timeline: Some(Timeline {
            begin_ns,
            end_ns: begin_ns + 240 * SECOND,
            at_ns: begin_ns + 120 * SECOND + SECOND / 2,
            speed: None,
            is_live: false,
            marks: std::sync::Arc::new(vec![
                mark(60, Severity::Warning),
                mark(61, Severity::Critical),
                mark(200, Severity::Warning),
            ]),
        }),
        ..flowing()
    }
}
