//! The fields of a message as a tree: what is inside a value stands below it, further to the right.
//!
//! ```text
//! px    101.5
//! legs  2 values
//!   0   1 value
//!     qty  3
//! ```

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
    name: String,
    depth: usize,
}

/// All rows, those inside the outermost value first to last; of a single value that one alone.
fn tree(decoded: &Decoded) -> Vec<Row<'_>> {
    fn add<'a>(rows: &mut Vec<Row<'a>>, parent: Field<'a>, depth: usize) {
        let is_list = parent.value() == Value::List;
        for (number, field) in parent.children().enumerate() {
            let name = if is_list {
                number.to_string()
            } else {
                escape(field.name()).into_owned()
            };
            rows.push(Row { field, name, depth });
            add(rows, field, depth + 1);
        }
    }
    let mut rows = Vec::new();
    if let Some(root) = decoded.root() {
        match root.value() {
            Value::Record | Value::List if root.below() > 0 => add(&mut rows, root, 0),
            _ => rows.push(Row {
                field: root,
                name: "value".to_owned(),
                depth: 0,
            }),
        }
    }
    rows
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
    let rows = tree(decoded);
    let at = fields.at(byte);
    let selected = at.and_then(|at| rows.iter().rposition(|row| row.field.number() <= at));
    let room = usize::from(area.height);
    // Nothing moves as long as the field is among the first that are in sight.
    let top = selected.map_or(0, |row| (row + 1).saturating_sub(room));
    let widest = rows
        .iter()
        .map(|row| row.depth * INDENT + row.name.chars().count());
    let column = widest.max().unwrap_or(0).min(usize::from(area.width) / 2);
    for ((number, row), y) in rows
        .iter()
        .enumerate()
        .skip(top)
        .zip(area.top()..area.bottom())
    {
        let indent = u16::try_from(row.depth * INDENT)
            .unwrap_or(u16::MAX)
            .min(area.width / 3);
        let column = u16::try_from(column).unwrap_or(u16::MAX).min(area.width);
        let x = area.x + indent;
        canvas.put(
            x,
            y,
            column.saturating_sub(indent),
            &row.name,
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
