//! The list of rings on this machine.

use ratatui::layout::{Margin, Rect};

use super::canvas::Canvas;
use super::findings;
use super::table::{Cell, Column, Part, Table};
use crate::observe::frame::RingListing;
use crate::ui::app::App;
use crate::ui::format::{bytes, rate};
use crate::ui::spots::Spot;
use crate::ui::text;
use crate::ui::theme::Role;

/// Order on the screen; [`text_of`] names them by the same order.
const COLUMNS: [Column; 7] = [
    Column::text("PID/FD", 11, 0),
    Column::text("COMMAND", 9, 2).up_to(20),
    Column::number("CAPACITY", 8, 4),
    Column::number("CONSUMERS", 9, 6),
    Column::number("RATE", 10, 3),
    Column::text("STATE", 13, 1),
    Column::text("SOCKET", 8, 7).up_to(u16::MAX),
];

pub(super) fn render(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let listing = app.listing();
    let selected = app.selected_ring();
    let notice = app
        .notice()
        .map(|notice| text::wrap(notice, area.width.saturating_sub(2)))
        .unwrap_or_default();
    let below = u16::try_from(notice.len() + findings::limit_rows(&listing.limits, area.width))
        .unwrap_or(u16::MAX);
    let below = below.min(area.height / 2);
    let framed = Rect {
        height: area.height - below,
        ..area
    };
    let note = selected
        .map(|row| listing.rings[row].reason.as_str())
        .unwrap_or_default();
    let room = if framed.height < 4 {
        framed
    } else {
        canvas.frame(framed, true);
        canvas.title(framed, "Rings", note, true);
        framed.inner(Margin::new(1, 1))
    };
    let table = Table {
        columns: &COLUMNS,
        rows: listing.rings.len(),
        selected,
        focused: true,
        sorted: None,
    };
    let unknown = canvas.glyphs().unknown;
    let cell = |row: usize, column| {
        let ring = &listing.rings[row];
        let role = if column == 5 {
            ring.state.into()
        } else {
            Role::Plain
        };
        match text_of(ring, column) {
            Some(text) => Cell::new(text, role),
            None => Cell::new(unknown, Role::Dim),
        }
    };
    canvas.spot(area, Spot::Front);
    table.render(canvas, room, cell, |part| match part {
        Part::Row(row) => Some(Spot::Ring(listing.rings[row].id.clone())),
        Part::Title(_) => None,
    });
    let mut y = framed.bottom();
    for line in notice {
        if y < area.bottom() {
            canvas.put(
                area.x + 1,
                y,
                area.width.saturating_sub(2),
                &line,
                Role::Bad,
            );
            y += 1;
        }
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

fn text_of(ring: &RingListing, column: usize) -> Option<String> {
    match column {
        0 => Some(ring.id.clone()),
        1 => ring.command.clone(),
        2 => Some(bytes(ring.ring_capacity)),
        3 => ring.consumers.map(|consumers| consumers.to_string()),
        4 => ring.bytes_per_second.map(rate),
        5 => Some(ring.state.word().to_owned()),
        _ => (!ring.sockets.is_empty()).then(|| ring.sockets.join(" ")),
    }
}
