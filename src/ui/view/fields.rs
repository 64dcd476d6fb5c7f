//! The fields of a message as a tree: what is inside a value stands below it, further to the right.
//!
//! ```text
//! px    101.5
//! legs  2 values
//!   0   1 value
//!     qty  3
//! ```

use std::borrow::Cow;

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::decode::{Decoded, Field, Value, word};
use crate::text::{counted, escape};
use crate::ui::message_list::Fields;
use crate::ui::theme::ColorRole;

/// Columns that a level is set in by.
const INDENT: usize = 2;

/// A row of the tree.
struct Row<'a> {
    field: Field<'a>,
    /// Its place, where values have no names.
    place: Option<usize>,
    depth: usize,
}

impl<'a> Row<'a> {
    fn name(&self) -> Cow<'a, str> {
        match self.place {
            Some(place) => place.to_string().into(),
            None if self.field.number() == 0 => "value".into(),
            None => escape(self.field.name()),
        }
    }

    /// Columns of the name, and of what it is set in by.
    fn width(&self) -> usize {
        let name = match self.place {
            Some(place) => place
                .checked_ilog10()
                .map_or(1, |digits| digits as usize + 1),
            None => self.name().chars().count(),
        };
        self.depth * INDENT + name
    }
}

/// Gives each row, first to last: there may be very many, of which few are in sight. Those inside the outermost value; of a
/// single value that one alone.
fn each<'a>(decoded: &'a Decoded, mut take: impl FnMut(Row<'a>)) {
    fn inside<'a>(parent: Field<'a>, depth: usize, take: &mut impl FnMut(Row<'a>)) {
        let is_list = parent.value() == Value::List;
        for (place, field) in parent.children().enumerate() {
            let place = is_list.then_some(place);
            take(Row {
                field,
                place,
                depth,
            });
            inside(field, depth + 1, take);
        }
    }
    match decoded.root() {
        Some(root) if root.below() > 0 => inside(root, 0, &mut take),
        Some(field) => take(Row {
            field,
            place: None,
            depth: 0,
        }),
        None => {}
    }
}

fn value(field: Field<'_>) -> (String, ColorRole) {
    match field.value() {
        Value::List | Value::Record if field.below() > 0 => {
            let count = field.children().count() as u64;
            (counted(count, "value"), ColorRole::Dim)
        }
        Value::Named(number, name) if !name.is_empty() => {
            (format!("{} ({number})", word(field)), ColorRole::Plain)
        }
        Value::Null => (word(field), ColorRole::Dim),
        _ => (word(field), ColorRole::Plain),
    }
}

/// Draws it, so that the field that is looked at, the one at `byte`, is in sight.
pub(super) fn render(fields: &Fields, byte: usize, canvas: &mut Canvas<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    let decoded = match fields.decoded() {
        Ok(decoded) => decoded,
        Err(why) => {
            let words = format!("Not decoded: {}.", escape(why));
            return canvas.put_wrapped(area, &words, ColorRole::Warn);
        }
    };
    // What is inside a value comes behind it, in one order: the first row is value 1, or the only one there is.
    let first = usize::from(decoded.len() > 1);
    let selected = fields.at(byte).and_then(|at| at.checked_sub(first));
    let room = usize::from(area.height);
    // Nothing moves as long as the field is among the first that are in sight.
    let top = selected.map_or(0, |row| (row + 1).saturating_sub(room));
    let (mut number, mut widest, mut rows) = (0, 0, Vec::new());
    each(decoded, |row| {
        widest = widest.max(row.width());
        if (top..top + room).contains(&number) {
            rows.push((number, row));
        }
        number += 1;
    });
    let column = widest.min(usize::from(area.width) / 2);
    for ((number, row), y) in rows.into_iter().zip(area.top()..area.bottom()) {
        let indent = u16::try_from(row.depth * INDENT)
            .unwrap_or(u16::MAX)
            .min(area.width / 3);
        let column = u16::try_from(column).unwrap_or(u16::MAX).min(area.width);
        let x = area.x + indent;
        canvas.put(
            x,
            y,
            column.saturating_sub(indent),
            &row.name(),
            ColorRole::Label,
        );
        let (text, role) = value(row.field);
        let behind = area.x + column + 2;
        canvas.put(behind, y, area.right().saturating_sub(behind), &text, role);
        if selected == Some(number) {
            canvas.tint(
                Rect {
                    y,
                    height: 1,
                    ..area
                },
                ColorRole::Selected,
            );
        }
    }
}
