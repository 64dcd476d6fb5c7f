//! Draws the pictures in `assets/`: the real dashboard, on the demo's real ring, at its most telling moment.
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

/// Rows and columns of most pictures, and of the wide one.
const USUAL: (u16, u16) = (40, 120);
const WIDE: (u16, u16) = (60, 200);
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
    // A second ring, for the list.
    let mut other = Command::new(&program)
        .args(["demo", "--headless"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the demo starts");
    let (rows, columns) = USUAL;
    let mut terminal = pty::Terminal::start(Command::new(program).arg("demo"), rows, columns);
    println!("waiting for the flaky consumer to gate the producer");
    wait(&mut terminal, |text| {
        text.contains("stalled") && text.contains("lagging") || text.contains("blocking")
    });
    save(&mut terminal, USUAL, "dashboard");
    resize(&mut terminal, WIDE);
    save(&mut terminal, WIDE, "wide");
    resize(&mut terminal, USUAL);
    terminal.keys("\r");
    wait(&mut terminal, |text| text.contains("Lag over time"));
    save(&mut terminal, USUAL, "details");
    terminal.keys("\x1b");
    wait(&mut terminal, |text| text.contains("Messages"));
    terminal.keys("3/bravo\r");
    wait(&mut terminal, |text| text.contains("matches, searched"));
    save(&mut terminal, USUAL, "messages");
    terminal.keys("\r");
    wait(&mut terminal, |text| text.contains("f64 le"));
    save(&mut terminal, USUAL, "message");
    terminal.keys("\x1b");
    wait(&mut terminal, |text| text.contains("Consumers"));
    terminal.keys("L");
    wait(&mut terminal, |text| text.contains("WORST CONSUMER"));
    // Rates need a second look.
    std::thread::sleep(Duration::from_secs(3));
    save(&mut terminal, USUAL, "rings");
    terminal.keys("q");
    terminal.ended();
    // It ends its own children.
    let _ = rustix::process::kill_process(
        rustix::process::Pid::from_child(&other),
        rustix::process::Signal::TERM,
    );
    let _ = other.wait();
}

/// Waits for what is to be seen; two minutes at most, and then takes what there is.
fn wait(terminal: &mut pty::Terminal, wanted: impl Fn(&str) -> bool) {
    let started = Instant::now();
    while !wanted(&terminal.text()) && started.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(50));
    }
    // The rest of the frame.
    std::thread::sleep(Duration::from_millis(150));
}

fn resize(terminal: &mut pty::Terminal, (rows, columns): (u16, u16)) {
    terminal.resize(rows, columns);
    std::thread::sleep(Duration::from_millis(600));
}

fn save(terminal: &mut pty::Terminal, size: (u16, u16), name: &str) {
    let picture = draw(terminal.screen(), size);
    let path = format!("{}/assets/{name}.svg", env!("CARGO_MANIFEST_DIR"));
    std::fs::write(&path, picture).expect("assets/ can be written");
    println!("{path}");
}

fn draw(screen: &vt100::Screen, (rows, columns): (u16, u16)) -> String {
    let (width, height) = (CELL.0 * f32::from(columns), CELL.1 * f32::from(rows));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"DejaVu Sans Mono, \
         Menlo, Consolas, monospace\" font-size=\"14\" xml:space=\"preserve\">\n<rect width=\"100%\" height=\"100%\" fill=\"{BACKGROUND}\"/>\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let style = Style::of(screen, row, column);
            let start = column;
            let mut text = String::new();
            while column < columns && Style::of(screen, row, column) == style {
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
        let fill = colour(self.foreground, FOREGROUND);
        let opacity = if self.dim { " opacity=\"0.6\"" } else { "" };
        // Fonts disagree about how wide dots and bars are: they are drawn, not written.
        let mut path = String::new();
        let mut written = String::new();
        for (cell, character) in (0u16..).zip(text.chars()) {
            let x = x + f32::from(cell) * CELL.0;
            if shapes(character, x, y, &mut path) {
                written.push(' ');
            } else {
                written.push(character);
            }
        }
        if !path.is_empty() {
            let _ = writeln!(svg, "<path d=\"{path}\" fill=\"{fill}\"{opacity}/>");
        }
        let begins = written.len() - written.trim_start().len();
        let x = x + f32::from(u16::try_from(begins).unwrap_or(0)) * CELL.0;
        let written = written.trim();
        if written.is_empty() {
            return;
        }
        let width = f32::from(u16::try_from(written.chars().count()).unwrap_or(0)) * CELL.0;
        let escaped = written
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{fill}\"{}{opacity}>{escaped}</text>",
            y + CELL.1 * 0.75,
            if self.bold {
                " font-weight=\"bold\""
            } else {
                ""
            },
        );
    }
}

/// Adds the shape of a character that consists of dots or is a bar; tells whether it is one.
fn shapes(character: char, x: f32, y: f32, path: &mut String) -> bool {
    let mut rectangle = |x: f32, y: f32, width: f32, height: f32| {
        let _ = write!(path, "M{x:.1} {y:.1}h{width:.1}v{height:.1}h-{width:.1}z");
    };
    match character {
        '\u{2801}'..='\u{28ff}' => {
            let dots = u32::from(character) - 0x2800;
            let (pitch_x, pitch_y) = (CELL.0 / 2.0, CELL.1 / 4.0);
            // Bits of the left and the right dot of each row.
            for (row, (left, right)) in (0u8..).zip([(0, 3), (1, 4), (2, 5), (6, 7)]) {
                let y = y + f32::from(row) * pitch_y + 0.8;
                let [left, right] = [left, right].map(|bit| dots >> bit & 1 == 1);
                let height = pitch_y - 1.6;
                match (left, right) {
                    (true, true) => rectangle(x, y, CELL.0, height),
                    (true, false) => rectangle(x, y, pitch_x, height),
                    (false, true) => rectangle(x + pitch_x, y, pitch_x, height),
                    (false, false) => {}
                }
            }
            true
        }
        '▁'..='█' => {
            let eighths = u32::from(character) - 0x2580;
            let height = CELL.1 * f32::from(u8::try_from(eighths).unwrap_or(8)) / 8.0;
            rectangle(x, y + CELL.1 - height, CELL.0, height);
            true
        }
        _ => false,
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
