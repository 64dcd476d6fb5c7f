//! The list of rings on this machine.

use ratatui::layout::{Margin, Rect};

use super::canvas::Canvas;
use super::table::{Cell, Column, DataTable, Part};
use super::{findings, waiting};
use crate::observe::model::{ConsumerState, RingListing, WorstConsumer};
use crate::text::few;
use crate::ui::app::App;
use crate::ui::format::{bytes, rate};
use crate::ui::hit_map::{List, Spot};
use crate::ui::text;
use crate::ui::theme::ColorRole;

/// What a column tells.
#[derive(Clone, Copy, PartialEq)]
enum RingField {
    Id,
    Command,
    Capacity,
    Consumers,
    Rate,
    State,
    Health,
    Worst,
    Socket,
}

/// Fields and their columns, in the order of the screen.
const COLUMNS: [(RingField, Column); 9] = [
    (RingField::Id, Column::text("PID/FD", 11, 0)),
    (RingField::Command, Column::text("COMMAND", 9, 2).up_to(16)),
    (RingField::Capacity, Column::number("CAPACITY", 8, 6)),
    (RingField::Consumers, Column::number("CONSUMERS", 9, 7)),
    (RingField::Rate, Column::number("RATE", 10, 3)),
    (RingField::State, Column::text("STATE", 13, 1)),
    (RingField::Health, Column::text("HEALTH", 8, 4)),
    (
        RingField::Worst,
        Column::text("WORST CONSUMER", 18, 5).up_to(44),
    ),
    (RingField::Socket, Column::text("SOCKET", 10, 8).up_to(60)),
];

/// What the list does not say by itself.
const ORPHANS: &str = "Rings whose producer has gone are looked for every 5 s.";

pub(super) fn render(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let listing = app.listing();
    if listing.rings.is_empty() {
        return waiting::render(app, canvas, area);
    }
    let selected = app.selected_ring();
    let notice = app
        .notice()
        .map(|notice| text::wrap(notice, area.width.saturating_sub(2)))
        .unwrap_or_default();
    let about = selected
        .map(|row| about(&listing.rings[row]))
        .unwrap_or_default();
    let about = text::wrap(&about, area.width.saturating_sub(2));
    // What is wrong with the selected ring keeps its room whatever it is: rows are not to jump while one goes through
    // them.
    let about_rows = usize::from(area.height >= 12) * 2;
    let hint_rows = usize::from(area.height >= 16 && !app.plays());
    let limits = findings::limit_rows(&listing.limits, area.width);
    let below = u16::try_from(notice.len() + about_rows + hint_rows + limits).unwrap_or(u16::MAX);
    let below = below.min(area.height / 2);
    let framed = Rect {
        height: area.height - below,
        ..area
    };
    let orphans = listing.rings.iter().filter(|ring| ring.through.is_some());
    let title = match orphans.count() {
        0 => format!("Rings {}", listing.rings.len()),
        orphans => format!(
            "Rings {}, {orphans} without a producer",
            listing.rings.len()
        ),
    };
    let room = if framed.height < 4 {
        framed
    } else {
        canvas.frame(framed, true);
        canvas.title(framed, &title, "", true);
        framed.inner(Margin::new(1, 1))
    };
    let columns = COLUMNS.map(|(_, column)| column);
    let table = DataTable {
        columns: &columns,
        rows: listing.rings.len(),
        selected,
        focused: true,
        sorted: None,
    };
    let unknown = canvas.glyphs().unknown;
    let cell = |row: usize, column: usize| {
        let ring = &listing.rings[row];
        let field = COLUMNS[column].0;
        match text_of(ring, field) {
            Some(text) => Cell::new(text, role_of(ring, field)),
            None => Cell::new(unknown, ColorRole::Dim),
        }
    };
    canvas.spot(area, Spot::Front);
    let top = table.render_from(app.rings_top(), canvas, room, cell, |part| match part {
        Part::Row(row) => Some(Spot::Ring(listing.rings[row].id.clone())),
        Part::Title(_) => None,
    });
    canvas.begin(List::Rings, top);
    let padding = about_rows.saturating_sub(about.len());
    let about = about.into_iter().take(about_rows);
    let about = about.chain(std::iter::repeat_n(String::new(), padding));
    let lines = notice
        .into_iter()
        .map(|line| (line, ColorRole::Bad))
        .chain(about.map(|line| (line, ColorRole::Plain)))
        .chain(std::iter::repeat_n(
            (ORPHANS.to_owned(), ColorRole::Dim),
            hint_rows,
        ));
    let mut y = framed.bottom();
    for ((line, role), row) in lines.zip(framed.bottom()..area.bottom()) {
        canvas.put(area.x + 1, row, area.width.saturating_sub(2), &line, role);
        y = row + 1;
    }
    findings::render_limits(
        &listing.limits,
        canvas,
        Rect {
            y,
            height: area.bottom() - y,
            ..area
        },
    );
}

/// What the columns have no room for: what is wrong, else what it is doing.
fn about(ring: &RingListing) -> String {
    match &ring.worst_finding {
        Some(finding) => format!("{}: {}", health(ring), finding.message),
        None => format!("{}: {}", ring.state.word(), ring.reason),
    }
}

fn health(ring: &RingListing) -> &'static str {
    let worst = ring.worst_finding.as_ref();
    worst.map_or("ok", |finding| finding.severity.word())
}

fn role_of(ring: &RingListing, field: RingField) -> ColorRole {
    match field {
        RingField::State => ring.state.into(),
        RingField::Health => ring
            .worst_finding
            .as_ref()
            .map_or(ColorRole::Good, |finding| finding.severity.into()),
        RingField::Worst => ring
            .worst_consumer
            .as_ref()
            .map_or(ColorRole::Plain, |worst| worst.state.into()),
        _ => ColorRole::Plain,
    }
}

fn text_of(ring: &RingListing, field: RingField) -> Option<String> {
    match field {
        // Its producer has gone: it is known by who still maps it.
        RingField::Id => Some(match ring.through {
            Some(through) => format!("via {through}"),
            None => ring.id.clone(),
        }),
        RingField::Command => ring.command.clone(),
        RingField::Capacity => Some(bytes(ring.ring_capacity)),
        RingField::Consumers => ring.consumers.map(|consumers| consumers.to_string()),
        RingField::Rate => ring.bytes_per_second.map(rate),
        RingField::State => Some(ring.state.word().to_owned()),
        RingField::Health => Some(health(ring).to_owned()),
        RingField::Worst => ring.worst_consumer.as_ref().map(worst),
        RingField::Socket => (ring.sockets.as_deref())
            .filter(|sockets| !sockets.is_empty())
            .map(|sockets| few(sockets, " ")),
    }
}

/// ``` stalled  slot 3 archive ```; `ok` where there is no trouble.
fn worst(consumer: &WorstConsumer) -> String {
    let who = match (consumer.slot, consumer.pid) {
        (Some(slot), _) => format!("slot {slot}"),
        (None, Some(pid)) => format!("pid {pid}"),
        (None, None) => String::new(),
    };
    let command = consumer.command.as_deref().unwrap_or_default();
    let state = consumer.state;
    if matches!(
        state,
        ConsumerState::Ok | ConsumerState::Idle | ConsumerState::Parked
    ) {
        // None is worse than the others: which of them it is changes from look to look.
        return state.word().to_owned();
    }
    format!("{:<8} {who} {command}", state.word())
}
