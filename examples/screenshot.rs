//! Draws `assets/dashboard.svg`: the real dashboard, on the demo's real ring, at its most telling moment.
//!
//! `cargo run --release --example screenshot` needs the program itself to be built the same way. It takes half a
//! minute: the demo's flaky consumer has to hang first.
#![expect(clippy::print_stdout, reason = "it says what it waits for")]

#[path = "../tests/support/pty.rs"]
#[expect(dead_code, reason = "only some of it is needed here")]
mod pty;

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

const ROWS: u16 = 30;
const COLUMNS: u16 = 110;
/// A cell, pixels.
const CELL: (f32, f32) = (8.4, 18.0);
const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d5d8df";
/// The 16 colours that terminals name.
const PALETTE: [&str; 16] = [
    "#16181d", "#e06c75", "#8fc379", "#e0b66c", "#6ca8e8", "#c586d8", "#5fbfc7", "#c5c9d1",
    "#6b7280", "#f08088", "#a6dd8f", "#f0cb80", "#86beff", "#dba0ee", "#7bd9e0", "#ffffff",
];

fn main() {
    let example = std::env::current_exe().expect("we are a file");
    let program = example
        .ancestors()
        .nth(2)
        .expect("target/PROFILE/examples")
        .join("zbqtop");
    let mut terminal = pty::Terminal::start(Command::new(program).arg("demo"), ROWS, COLUMNS);
    println!("waiting for the flaky consumer to gate the producer");
    let started = Instant::now();
    let telling = |text: &str| {
        text.contains("stalled") && text.contains("lagging") || text.contains("blocking")
    };
    while !telling(&terminal.text()) && started.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let picture = draw(terminal.screen());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/dashboard.svg");
    std::fs::write(path, picture).expect("assets/ can be written");
    println!("{path}");
    terminal.keys("q");
    terminal.ended();
}

fn draw(screen: &vt100::Screen) -> String {
    let (width, height) = (CELL.0 * f32::from(COLUMNS), CELL.1 * f32::from(ROWS));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"DejaVu Sans Mono, \
         Menlo, Consolas, monospace\" font-size=\"14\" xml:space=\"preserve\">\n<rect width=\"100%\" height=\"100%\" fill=\"{BACKGROUND}\"/>\n"
    );
    for row in 0..ROWS {
        let mut column = 0;
        while column < COLUMNS {
            let style = Style::of(screen, row, column);
            let start = column;
            let mut text = String::new();
            while column < COLUMNS && Style::of(screen, row, column) == style {
                let cell = screen.cell(row, column).map_or("", vt100::Cell::contents);
                text.push_str(if cell.is_empty() { " " } else { cell });
                column += 1;
            }
            if let Some(style) = style {
                style.draw(&mut svg, &text, row, start, column - start);
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}

#[derive(Clone, Copy, PartialEq)]
struct Style {
    foreground: vt100::Color,
    background: vt100::Color,
    bold: bool,
    dim: bool,
}

impl Style {
    fn of(screen: &vt100::Screen, row: u16, column: u16) -> Option<Self> {
        let cell = screen.cell(row, column)?;
        let (mut foreground, mut background) = (cell.fgcolor(), cell.bgcolor());
        if cell.inverse() {
            std::mem::swap(&mut foreground, &mut background);
            if background == vt100::Color::Default {
                background = vt100::Color::Idx(7);
            }
            if foreground == vt100::Color::Default {
                foreground = vt100::Color::Idx(0);
            }
        }
        Some(Self {
            foreground,
            background,
            bold: cell.bold(),
            dim: cell.dim(),
        })
    }
}

impl Style {
    fn draw(self, svg: &mut String, text: &str, row: u16, column: u16, cells: u16) {
        let (x, y, width) = (
            f32::from(column) * CELL.0,
            f32::from(row) * CELL.1,
            f32::from(cells) * CELL.0,
        );
        if self.background != vt100::Color::Default {
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
                CELL.1,
                colour(self.background, BACKGROUND)
            );
        }
        if text.trim().is_empty() {
            return;
        }
        let escaped = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{}{}>{escaped}</text>",
            y + CELL.1 * 0.75,
            colour(self.foreground, FOREGROUND),
            if self.bold {
                " font-weight=\"bold\""
            } else {
                ""
            },
            if self.dim { " opacity=\"0.6\"" } else { "" },
        );
    }
}

fn colour(colour: vt100::Color, default: &str) -> String {
    match colour {
        vt100::Color::Default => default.into(),
        vt100::Color::Idx(index) => match PALETTE.get(usize::from(index)) {
            Some(named) => (*named).into(),
            None if index >= 232 => {
                let level = 8 + 10 * (u32::from(index) - 232);
                format!("#{level:02x}{level:02x}{level:02x}")
            }
            None => {
                let cube = u32::from(index) - 16;
                let level = |step: u32| if step == 0 { 0 } else { 55 + 40 * step };
                let [red, green, blue] = [cube / 36, cube / 6 % 6, cube % 6].map(level);
                format!("#{red:02x}{green:02x}{blue:02x}")
            }
        },
        vt100::Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
    }
}
