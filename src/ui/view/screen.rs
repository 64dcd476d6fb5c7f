//! The screen: which panel stands where.
//!
//! ```text
//!  zbqtop  quotes (pid 6388)  map+slots  10/s                  ● flowing  up 3d 04:12     header
//!  (of a recording, a strip of its time)                                                 timeline
//!  Head     1 234 567 890   lap   1 177   free  60 %   full in       –                    stats
//!  Rate  846 MiB/s     13.2 M msg/s   ▁▂▃▅▇█▇▆▅▃▂▁▁▂▃▅▇█▇▆▅▃▂▁▁▂▃▅▇█▇▆▅▃▂▁
//!  Ring ├░░░░░░░░░░░░░░░░░░░2████████1██0▶┤  slot 2 gates, 412 KiB behind                 ring_bar
//! ┌ ▸Consumers 3 ───────────────────────────────────── slot 0: follows head ─┐            consumers
//! │▸    0    6390 risk     push  1.2 KiB   0    2 ms  846 MiB     1 ms ok    │
//! ├ Findings 1, events 2 ────────────────────────────────────────────────────┤            findings
//! │ warning  slot 2 is 39 % behind                                           │
//! │ 12s ago  joined slot 2 archive (pid 6392): a new consumer, at head       │
//! ├ Messages, newest ────────────┬ Hex 1234567040 ─────────────── 48 B, intact ┤          messages, hex
//! │▸ 1234567040      9     48 ✓ H│0000  48 65 6c 6c 6f 20 7a 62  Hello zb    │
//! └──────────────────────────────┴───────────────────────────────────────────┘
//!  ? help  q quit  Tab pane  Enter open  / filter  s sort  Space freeze                   footer
//! ```
//!
//! Enter on a consumer puts its details in the place of the panes, and on a message that. On a small terminal, and
//! enlarged, only the pane that has the keys is there, and Tab leads to the others.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::canvas::{Canvas, cut};
use super::{
    consumers, details, ending, findings, footer, header, help, hex, message, messages, pictures,
    ring_bar, rings, stats, timeline, waiting,
};
use crate::observe::model::Frame;
use crate::ui::action::{FrontView, Pane, Screen};
use crate::ui::app::App;
use crate::ui::details::Details;
use crate::ui::hit_map::{HitMap, Spot};
use crate::ui::theme::Theme;
use crate::ui::viewport::Viewport;

/// A body lower than this has room for one pane only.
const LOW: u16 = 11;
/// A body lower than this has none to spare for a frame.
const BARE: u16 = 5;
/// A pane narrower than this has no room for its digit.
const ROOMY: u16 = 36;
/// The least that messages and hex are worth showing in, frame included.
const LEAST_MESSAGES: u16 = 7;
/// Consumers that their pane has room for, where the screen has it.
const CONSUMERS: u16 = 6;
/// More of them than any screen has rows.
const MOST: u16 = 1000;
/// The pane grows by so many rows at once, to two more than that.
const CONSUMERS_STEP: u16 = 2;

/// Where everything stands; what is not shown has no area.
#[derive(Clone, Copy, Debug, Default)]
struct PanelAreas {
    screen: Rect,
    header: Rect,
    timeline: Rect,
    ending: Rect,
    stats: Rect,
    pictures: Rect,
    bar: Rect,
    body: Rect,
    consumers: Rect,
    findings: Rect,
    messages: Rect,
    hex: Rect,
    footer: Rect,
    framed: bool,
}

impl PanelAreas {
    /// The room inside the frame of a pane, or the pane itself where it has none.
    fn inside(&self, pane: Rect) -> Rect {
        if !self.framed || pane.is_empty() {
            return pane;
        }
        let [width, height] = [pane.width, pane.height].map(|side| side.saturating_sub(2));
        Rect {
            x: pane.x + 1,
            y: pane.y + 1,
            width,
            height,
        }
    }

    fn of(&self, pane: Pane) -> Rect {
        match pane {
            Pane::Consumers => self.consumers,
            Pane::Findings => self.findings,
            Pane::Messages => self.messages,
            Pane::Hex => self.hex,
        }
    }
}

/// Draws the whole screen, and tells what stands where.
pub(crate) fn render(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) -> HitMap {
    let mut canvas = Canvas::new(theme, area, buffer);
    let areas = areas(app, area);
    if !areas.header.is_empty() {
        header::render(app, &mut canvas, areas.header);
    }
    if let Some(frame) = app.frame()
        && let Some(timeline) = frame
            .timeline
            .as_ref()
            .filter(|_| !areas.timeline.is_empty())
    {
        timeline::render(timeline, &mut canvas, areas.timeline);
    }
    match (app.screen(), app.frame()) {
        (Screen::Waiting, _) => waiting::render(app, &mut canvas, areas.body),
        (Screen::Rings, _) => rings::render(app, &mut canvas, areas.body),
        (Screen::Ring, Some(frame)) => match app.details() {
            Some(details) => closely(app, frame, details, &mut canvas, &areas),
            None if app.front_view() == FrontView::Message => one_message(app, &mut canvas, &areas),
            None => ring(app, frame, &mut canvas, &areas),
        },
        (Screen::Ring, None) => {}
    }
    if !areas.footer.is_empty() {
        footer::render(app, &mut canvas, areas.footer, areas.framed);
    }
    if let Some(top) = app.help() {
        help::render(top, app, &mut canvas, area);
    }
    canvas.into_hit_map()
}

/// What the pane that has the keys shows of itself on a screen of that size.
pub(crate) fn viewport(app: &App, theme: &Theme, area: Rect) -> Viewport {
    if app.help().is_some() {
        return Viewport {
            rows: help::rows(app, area),
            last_top: help::last_top(app, area),
            stride: 0,
        };
    }
    let areas = areas(app, area);
    if let (Some(details), Some(frame)) = (app.details(), app.frame()) {
        let inside = areas.inside(areas.body);
        return Viewport {
            rows: inside.height.into(),
            last_top: details::last_top(&frame.snapshot, details, theme, inside),
            stride: 0,
        };
    }
    if app.front_view() == FrontView::Message {
        let viewport = message::viewport(app, areas.inside(areas.body));
        return Viewport {
            rows: viewport.rows,
            last_top: 0,
            stride: viewport.stride,
        };
    }
    let pane = if app.screen() == Screen::Ring {
        areas.of(app.focus())
    } else {
        areas.body
    };
    let inside = areas.inside(pane);
    if app.screen() == Screen::Ring && app.focus() == Pane::Hex {
        let viewport = hex::viewport(inside, true);
        return Viewport {
            rows: viewport.rows,
            last_top: 0,
            stride: viewport.stride,
        };
    }
    Viewport {
        rows: inside.height.into(),
        last_top: 0,
        stride: 0,
    }
}

/// The figures of the ring, and below them one of its consumers.
fn closely(
    app: &App,
    frame: &Frame,
    details: &Details,
    canvas: &mut Canvas<'_>,
    areas: &PanelAreas,
) {
    figures(app, frame, canvas, areas);
    let area = areas.body;
    if areas.framed {
        let (title, note) = details::title(details);
        canvas.frame(area, true);
        canvas.title(area, &title, &note, true);
    }
    canvas.spot(area, Spot::Front);
    let inside = areas.inside(area);
    details::render(&frame.snapshot, details, app.time_span(), canvas, inside);
}

/// The selected message, in the room of everything.
fn one_message(app: &App, canvas: &mut Canvas<'_>, areas: &PanelAreas) {
    let area = areas.body;
    if areas.framed {
        let (title, note) = message::title(app);
        canvas.frame(area, true);
        canvas.title(area, &title, &note, true);
    }
    canvas.spot(area, Spot::Front);
    message::render(app, canvas, areas.inside(area));
}

fn figures(app: &App, frame: &Frame, canvas: &mut Canvas<'_>, areas: &PanelAreas) {
    if !areas.ending.is_empty() {
        ending::render(&frame.snapshot, app, canvas, areas.ending);
    }
    let pictured = !areas.pictures.is_empty();
    if !areas.stats.is_empty() {
        stats::render(frame, app, pictured, canvas, areas.stats);
    }
    if pictured {
        pictures::render(frame, app, areas.screen, canvas, areas.pictures);
    }
    if !areas.bar.is_empty() {
        ring_bar::render(&frame.snapshot, canvas, areas.bar);
    }
}

fn ring(app: &App, frame: &Frame, canvas: &mut Canvas<'_>, areas: &PanelAreas) {
    let ring = &frame.snapshot;
    figures(app, frame, canvas, areas);
    let panes = || {
        Pane::ALL
            .into_iter()
            .filter(|pane| !areas.of(*pane).is_empty())
    };
    let focus = app.focus();
    if areas.framed {
        // The frame of the pane that has the keys comes last: where frames share an edge, it is whole.
        let others = panes().filter(|pane| *pane != focus);
        for pane in others.chain(panes().filter(|pane| *pane == focus)) {
            canvas.frame(areas.of(pane), pane == focus);
        }
    }
    for pane in panes() {
        let area = areas.of(pane);
        let inside = areas.inside(area);
        canvas.spot(area, Spot::Pane(pane));
        if areas.framed {
            let (title, note) = match pane {
                Pane::Consumers => consumers::title(ring, app, inside),
                Pane::Findings => findings::title(frame, app),
                Pane::Messages => messages::title(frame, app),
                Pane::Hex => hex::title(app),
            };
            let title = if area.width < ROOMY {
                title
            } else {
                format!("{} {title}", pane.digit())
            };
            canvas.title(area, &title, &note, pane == focus);
        }
        match pane {
            Pane::Consumers => consumers::render(frame, app, canvas, inside),
            Pane::Findings => findings::render(frame, app, canvas, inside),
            Pane::Messages => messages::render(frame, app, canvas, inside),
            Pane::Hex => hex::render(app, canvas, inside),
        }
    }
}

fn areas(app: &App, area: Rect) -> PanelAreas {
    let mut areas = PanelAreas {
        screen: area,
        ..PanelAreas::default()
    };
    let mut rest = area;
    areas.header = cut(&mut rest, 1);
    let filtered = app.is_typing()
        || app.said().is_some()
        || !app.consumer_list().filter().is_empty()
        || !app.message_list().typed().is_empty();
    // Where the titles have no room, a filter is to be seen all the same.
    if area.height >= 8 || (filtered && area.height > 1) {
        rest.height -= 1;
        areas.footer = Rect {
            y: rest.bottom(),
            height: 1,
            ..area
        };
    }
    let frame = app.frame().filter(|_| app.screen() == Screen::Ring);
    let recorded = frame.is_some_and(|frame| frame.timeline.is_some());
    areas.timeline = cut(&mut rest, (recorded && area.height >= 5).into());
    // What is to be read has the room; on a low screen the figures of the ring give way to details.
    let reads = app.front_view() == FrontView::Message;
    let low = reads || app.details().is_some() && area.height < 16;
    if let Some(frame) = frame.filter(|_| !low) {
        let ended = ending::has(&frame.snapshot) && area.height >= 3;
        areas.ending = cut(&mut rest, ended.into());
        let pictures = if app.is_zoomed() {
            0
        } else {
            pictures::rows(area)
        };
        let stats = match area.height {
            ..3 => 0,
            // Nothing moves any more.
            3..10 if ended => 0,
            16.. if pictures == 0 && !ended => 2,
            _ => 1,
        };
        // That it has ended stands where its throughput stood.
        let pictures = pictures.saturating_sub(ended.into());
        areas.stats = cut(&mut rest, stats);
        areas.pictures = cut(&mut rest, pictures);
        let bar = area.height >= 5 && !pictures::has_circle(area);
        areas.bar = cut(&mut rest, bar.into());
    }
    areas.body = rest;
    areas.framed = rest.height >= BARE;
    if frame.is_none() || rest.is_empty() {
        return areas;
    }
    if app.details().is_some() || reads {
        return areas;
    }
    if rest.height < LOW || app.is_zoomed() {
        match app.focus() {
            Pane::Consumers => areas.consumers = rest,
            Pane::Findings => areas.findings = rest,
            Pane::Messages => areas.messages = rest,
            Pane::Hex => areas.hex = rest,
        }
    } else {
        stack(app, &mut areas);
    }
    areas
}

/// Consumers over findings over messages and hex. Neighbours share an edge, so each begins on the last row or column of
/// the one before.
///
/// Heights depend on the room, and on how many consumers the ring has had, in steps: nothing moves because something has
/// happened. [`Action::Zoom`](crate::ui::action::Action::Zoom) shows what has no room.
fn stack(app: &App, areas: &mut PanelAreas) {
    let body = areas.body;
    let findings = match body.height {
        ..14 => 1,
        height => (height / 6).clamp(2, 12),
    };
    // The titles of two panes and the last edge come on top of the rows.
    let spare = body.height.saturating_sub(findings + 3);
    let messages = (LEAST_MESSAGES - 1).max(spare * 2 / 5);
    let most = u16::try_from(app.most_consumers()).map_or(MOST, |most| most.min(MOST));
    // Their titles are a row, too.
    let wanted = most
        .max(CONSUMERS)
        .next_multiple_of(CONSUMERS_STEP)
        .saturating_add(1);
    let consumers = wanted.min(spare.saturating_sub(messages)).max(2);
    areas.consumers = Rect {
        height: consumers + 2,
        ..body
    };
    let y = body.y + consumers + 1;
    areas.findings = Rect {
        y,
        height: findings + 2,
        ..body
    };
    let y = y + findings + 1;
    let rest = Rect {
        y,
        height: body.bottom().saturating_sub(y),
        ..body
    };
    let hex = match rest.width {
        ..76 => {
            *(if app.focus() == Pane::Hex {
                &mut areas.hex
            } else {
                &mut areas.messages
            }) = rest;
            return;
        }
        76..140 => hex::NARROW,
        140.. => hex::WIDE,
    };
    areas.hex = Rect {
        x: rest.right() - hex,
        width: hex,
        ..rest
    };
    areas.messages = Rect {
        width: rest.width - hex + 1,
        ..rest
    };
}
