//! The dashboard: sample, draw, wait, apply.
//!
//! Owns the loop and performs the effects that keys ask for. Knows rings as [`Source`] gives them, plain data, and refuses
//! to know how a ring is reached. Handlers decide (`app`), views draw (`view`), and only this file acts.

mod action;
mod app;
mod clip;
mod cursor;
mod details;
mod format;
mod input;
mod items;
mod keys;
mod pace;
mod query;
mod reading;
mod roster;
mod save;
mod search;
mod spots;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
mod theme;
mod view;

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use action::{Action, Effect, Screen};
use app::App;
use crossterm::event::{Event, MouseEventKind};
use save::Save;
use spots::{Spot, Spots};
use terminal::{Terminal, Wake};
use theme::Theme;
use view::screen::{self, Room};

use crate::observe::frame::{Message, Source};

/// How often the machine is searched for rings while none is on the screen.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Rows that a notch of the wheel moves by.
const WHEEL_ROWS: usize = 3;

/// What the user decided before the dashboard came up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Time between two samples; `+` and `-` change it.
    pub interval: Duration,
    /// Whether colours may be used; the caller has weighed `--color`, `NO_COLOR` and `TERM`.
    pub color: bool,
    /// Draw with ASCII characters only.
    pub ascii: bool,
    /// Id of the ring that the source is already attached to; without it, rings are discovered.
    pub target: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(100),
            color: true,
            ascii: false,
            target: None,
        }
    }
}

/// Shows the dashboard until the user quits.
///
/// `SIGTERM`, `SIGINT`, `SIGHUP` and a terminal that goes away end it as `q` does: the screen is given back and the
/// answer is `Ok`. Afterwards the process no longer dies of those signals by itself (their handlers stay installed):
/// the caller is expected to exit.
///
/// # Errors
/// Standard input or output is not a terminal, or the terminal fails in another way than by going away.
pub fn run(source: &mut dyn Source, options: Options) -> io::Result<()> {
    let mut terminal = Terminal::enter(options.color)?;
    match drive(source, options, &mut terminal) {
        Err(error) if terminal::is_gone(&error) => Ok(()),
        outcome => outcome,
    }
}

fn drive(source: &mut dyn Source, options: Options, terminal: &mut Terminal) -> io::Result<()> {
    let theme = Theme::new(options.color, options.ascii);
    let mut app = App::new(options.interval, options.target);
    let mut due = Instant::now();
    let mut stale = true;
    let mut spots = Spots::default();
    loop {
        if Instant::now() >= due {
            stale |= refresh(source, &mut app);
            due = next_due(due, period(&app), Instant::now());
        }
        if stale {
            terminal.draw(|frame| {
                spots = screen::render(&app, &theme, frame.area(), frame.buffer_mut());
            })?;
            stale = false;
        }
        match terminal.wait(due.saturating_duration_since(Instant::now()))? {
            Wake::Due => continue,
            Wake::Quit => return Ok(()),
            Wake::Suspend if !terminal.suspend()? => return Ok(()),
            Wake::Suspend => {}
            Wake::Redraw => terminal.redraw()?,
            Wake::Input => {
                for event in terminal.events() {
                    let before = period(&app);
                    match heed(&event, &mut app, &spots, |app| {
                        screen::room(app, &theme, terminal.area())
                    }) {
                        None => {}
                        Some(Effect::Quit) => return Ok(()),
                        Some(Effect::Suspend) if !terminal.suspend()? => return Ok(()),
                        Some(Effect::Suspend) => {}
                        Some(Effect::Redraw) => terminal.redraw()?,
                        Some(Effect::Look) => due = Instant::now(),
                        Some(Effect::Attach(id)) => {
                            attach(source, &mut app, id);
                            due = Instant::now();
                        }
                        Some(Effect::Save(message)) => app.say(save(source, &app, &message)),
                        Some(Effect::Copy(clip)) => {
                            if let Some(sequence) = clip.sequence() {
                                terminal.tell(&sequence)?;
                            }
                            app.say(clip.said());
                        }
                    }
                    if period(&app) != before {
                        due = due.min(Instant::now() + period(&app));
                    }
                }
            }
        }
        stale = true;
    }
}

/// Does what a key or the mouse asks for, on the screen that `spots` tells of.
fn heed(
    event: &Event,
    app: &mut App,
    spots: &Spots,
    room: impl Fn(&App) -> Room,
) -> Option<Effect> {
    match event {
        Event::Key(key) => {
            if app.is_typing()
                && let Some(edit) = keys::edit(key)
            {
                app.edit(edit);
                return None;
            }
            app.apply(keys::action(key)?, room(app))
        }
        Event::Mouse(mouse) => {
            let spot = spots.at(mouse.column, mouse.row)?;
            let action = match mouse.kind {
                MouseEventKind::ScrollUp => Action::Up,
                MouseEventKind::ScrollDown => Action::Down,
                _ => {
                    app.click(spot);
                    return None;
                }
            };
            if let Some(pane) = spot.pane() {
                app.click(&Spot::Pane(pane));
            }
            for _ in 0..WHEEL_ROWS {
                app.apply(action, room(app));
            }
            None
        }
        _ => None,
    }
}

/// Brings what the present screen shows up to date; tells whether it has to be drawn again.
fn refresh(source: &mut dyn Source, app: &mut App) -> bool {
    if app.screen() != Screen::Ring {
        if let Some(Effect::Attach(id)) = app.take_listing(source.list()) {
            attach(source, app, id);
        }
        if app.screen() != Screen::Ring {
            return true;
        }
    }
    // A frozen screen is sampled all the same: the source keeps its histories without a hole.
    match source.sample() {
        Some(frame) => app.take_frame(frame, jiff::Timestamp::now()),
        None => app.detached(),
    }
}

fn attach(source: &mut dyn Source, app: &mut App, id: String) {
    match source.attach(&id) {
        Ok(()) => app.attached(id),
        Err(why) => app.refused(&id, &why),
    }
}

/// Writes a message's payload into the current directory, all of it if the ring still has it; says what came of it.
fn save(source: &mut dyn Source, app: &App, message: &Message) -> String {
    let whole = (message.payload.len() as u64) < u64::from(message.header.payload_len);
    let whole = whole.then(|| source.payload(message)).flatten();
    let save = Save {
        pid: app.frame().map_or(0, |frame| frame.snapshot.producer.pid),
        offset: message.offset,
        payload: whole.as_ref().unwrap_or(&message.payload),
        length: message.header.payload_len.into(),
    };
    save.write(Path::new("."))
}

fn period(app: &App) -> Duration {
    if app.screen() == Screen::Ring {
        app.interval()
    } else {
        LOOK_AGAIN
    }
}

/// The next instant of a steady beat. A beat that was missed is skipped: samples are not made up for in a burst.
fn next_due(due: Instant, period: Duration, now: Instant) -> Instant {
    let next = due + period;
    if next > now { next } else { now + period }
}
