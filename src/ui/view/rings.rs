//! The list of rings on this machine.

use ratatui::layout::{Margin, Rect};

use super::canvas::Canvas;
use super::sparkline::{self, BARS};
use super::table::{Cell, Column, DataTable, Part, rows_in};
use super::{findings, waiting};
use crate::observe::model::RingListing;
use crate::ui::app::App;
use crate::ui::hit_map::{List, Spot};
use crate::ui::ring_field::{RingField, health};
use crate::ui::text;
use crate::ui::theme::ColorRole;

/// Columns in the order of [`RingField::ALL`].
const COLUMNS: [Column; RingField::ALL.len()] = {
    const fn text(field: RingField, width: u16, rank: u8) -> Column {
        Column::text(field.title(), width, rank)
    }
    const fn number(field: RingField, width: u16, rank: u8) -> Column {
        Column::number(field.title(), width, rank)
    }
    [
        text(RingField::Health, 8, 0),
        text(RingField::Id, 11, 0),
        text(RingField::Command, 9, 2).up_to(16),
        text(RingField::State, 13, 1),
        number(RingField::Rate, 10, 3),
        text(RingField::History, BARS, 11),
        number(RingField::Percent, 5, 6),
        number(RingField::Free, 8, 8),
        number(RingField::Capacity, 8, 9),
        number(RingField::Consumers, 9, 7),
        text(RingField::Worst, 18, 4).up_to(44),
        text(RingField::Event, 13, 10),
        text(RingField::Socket, 16, 5).up_to(60).ends_tell(),
    ]
};

/// What the list does not say by itself.
const ORPHANS: &str = "Rings whose producer has gone are looked for every 5 s.";

pub(super) fn render(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let listing = app.listing();
    if listing.rings.is_empty() {
        return waiting::render(app, canvas, area);
    }
    let list = app.ring_list();
    let rows = list.rows(listing);
    let selected = list.selected(listing, &rows);
    let notice = app
        .notice()
        .map(|notice| text::wrap(notice, area.width.saturating_sub(2)))
        .unwrap_or_default();
    let about = selected
        .map(|row| about(&listing.rings[rows[row]]))
        .unwrap_or_default();
    let about = text::wrap(&about, area.width.saturating_sub(2));
    // What is wrong with the selected ring keeps its room whatever it is: rows are not to jump while one goes through
    // them.
    let about_rows = usize::from(area.height >= 12) * 2;
    let limits = findings::limit_rows(&listing.limits, area.width);
    // What cannot be seen takes no more than a sixth of the screen, with this.
    let limits = limits.min(
        (usize::from(area.height) / 6)
            .saturating_sub(about_rows)
            .max(1),
    );
    let hint_rows = usize::from(area.height >= 16 + 6 * u16::from(limits > 0) && !app.plays());
    let below = u16::try_from(notice.len() + about_rows + hint_rows + limits).unwrap_or(u16::MAX);
    let below = below.min(area.height / 2);
    let framed = Rect {
        height: area.height - below,
        ..area
    };
    let orphans = listing.rings.iter().filter(|ring| ring.through.is_some());
    let shown = match list.filter() {
        "" => listing.rings.len().to_string(),
        filter => format!("{} of {} /{filter}", rows.len(), listing.rings.len()),
    };
    let title = match orphans.count() {
        0 => format!("Rings {shown}"),
        orphans => format!("Rings {shown}, {orphans} without a producer"),
    };
    let room = if framed.height < 4 {
        framed
    } else {
        canvas.frame(framed, true);
        framed.inner(Margin::new(1, 1))
    };
    let (field, descending) = list.sort();
    let sorted = RingField::ALL.iter().position(|one| *one == field);
    let table = DataTable {
        columns: &COLUMNS,
        rows: rows.len(),
        selected,
        focused: true,
        sorted: sorted.map(|column| (column, descending)),
    };
    let glyphs = canvas.glyphs();
    let unknown = glyphs.unknown;
    let cell = |row: usize, column: usize| {
        let ring = &listing.rings[rows[row]];
        let field = RingField::ALL[column];
        if field == RingField::History {
            let bars = sparkline::steps(list.rates(&ring.id), glyphs);
            return Cell::new(bars, ColorRole::Chart);
        }
        match field.text(ring) {
            Some(text) => Cell::new(text, role_of(ring, field)),
            None => Cell::new(unknown, ColorRole::Dim),
        }
    };
    canvas.spot(area, Spot::Front);
    let top = table.render_from(list.top(), canvas, room, cell, |part| {
        Some(match part {
            Part::Row(row) => Spot::Ring(listing.rings[rows[row]].id.clone()),
            Part::Title(column) => Spot::RingTitle(RingField::ALL[column]),
        })
    });
    canvas.begin(List::Rings, top);
    if framed.height >= 4 {
        let below = rows.len().saturating_sub(top + rows_in(room, rows.len()));
        let note = match below {
            0 => String::new(),
            below => format!("{below} more below"),
        };
        canvas.title(framed, &title, &note, true);
    }
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
