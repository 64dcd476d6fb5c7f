//! The dashboard: ask, draw, wait, apply.
//!
//! Owns the loop and performs the effects that keys ask for. Knows rings as [`RingSource`] gives them, plain data, and
//! refuses to know how a ring is reached. Handlers decide (`app`), views draw (`view`), and only this file acts. It
//! waits in one place, for keys, signals, the sampler and the terminal together: none of them can keep it from the
//! others.

mod action;
mod app;
mod clipboard;
mod consumer_field;
mod consumer_list;
mod cursor;
mod details;
mod findings_rows;
mod format;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod hex_cursor;
mod hit_map;
mod interval;

mod keys;
mod message_list;
mod order;
mod prompt;
mod query;
mod ring_field;
mod ring_list;
mod sampler;
mod save;
mod search;
mod terminal;
#[cfg(any(test, fuzzing))]
mod tests;
mod text;
mod theme;
mod time_span;
mod view;
mod viewport;

use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use action::{Action, Effect, Screen};
use app::App;
pub use consumer_field::ConsumerField;
use crossterm::event::{Event, MouseButton, MouseEventKind};
use hit_map::{HitMap, Spot};
pub use keys::{Clash, Key, Keymap};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use sampler::{Reply, Request, Sampler};
use terminal::{Terminal, WakeReason, is_gone};
use theme::Theme;
pub use theme::{Depth, Palette};
use view::screen;
use viewport::Viewport;

use crate::decode::DecodeRules;
use crate::observe::model::{Frame, RingSource};

/// How often the machine is searched for rings while none is on the screen.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Rows that a notch of the wheel moves by.
const WHEEL_ROWS: usize = 3;

/// A look that takes longer than this is told of on the screen.
const LONG: Duration = Duration::from_millis(500);

/// How long a terminal may take to say what its background is.
const ANSWERS_WITHIN: Duration = Duration::from_millis(150);

/// A screen on which there is nothing yet is not worth being seen for less than this.
const BLINK: Duration = Duration::from_millis(60);

/// What the user decided before the dashboard came up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Time between two samples; `+` and `-` change it.
    pub interval: Duration,
    /// Whether colours may be used; the caller has weighed `--color`, `NO_COLOR` and `TERM`.
    pub color: bool,
    /// Which colours, if any may be used.
    pub palette: Palette,
    /// How many colours the terminal has.
    pub depth: Depth,
    /// Draw with ASCII characters only.
    pub ascii: bool,
    /// Whether clicks and the wheel are asked of the terminal, which then does not select text with them.
    pub mouse: bool,
    /// The columns of the table of consumers, in their order.
    pub columns: Vec<ConsumerField>,
    /// Which key does what.
    pub keymap: Keymap,
    /// Id of the ring that the source is already attached to; without it, rings are discovered.
    pub target: Option<String>,
    /// The source is a recording: nothing is looked for on this machine.
    pub recorded: bool,
    /// How payloads are decoded: the first rule that is for a ring counts.
    pub decoding: DecodeRules,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(100),
            color: true,
            palette: Palette::Terminal,
            depth: Depth::Sixteen,
            ascii: false,
            mouse: true,
            columns: ConsumerField::usual(),
            keymap: Keymap::default(),
            target: None,
            recorded: false,
            decoding: DecodeRules::default(),
        }
    }
}

/// Shows the dashboard until the user quits.
///
/// `SIGTERM`, `SIGINT`, `SIGHUP` and a terminal that goes away end it as `q` does: the screen is given back and the
/// answer is `Ok`. A source that panics ends it, too: the panic goes on here. One that hangs does not keep it from
/// ending, and is left behind. The caller is expected to exit: only the second of the same signal ends the process by
/// itself.
///
/// # Errors
/// Standard input or output is not a terminal, or the terminal fails in another way than by going away.
pub fn run(source: impl RingSource + Send + 'static, options: Options) -> io::Result<()> {
    let mut terminal = Terminal::enter(options.color, options.mouse)?;
    let palette = match options.palette {
        Palette::Auto if options.color => Palette::on(terminal.background(ANSWERS_WITHIN)?),
        palette => palette,
    };
    let options = Options { palette, ..options };
    let mut sampler = Sampler::start(source)?;
    let outcome = drive(&mut sampler, options, &mut terminal);
    // First of all: what comes now may take its time.
    drop(terminal);
    sampler.end();
    match outcome {
        Err(error) if is_gone(&error) => Ok(()),
        outcome => outcome,
    }
}

/// What the screen of a ring looks like with this sample on it, drawn without a terminal.
#[must_use]
pub fn picture(frame: Frame, options: Options, area: Rect) -> Buffer {
    let ring = frame.snapshot.id.clone();
    let (theme, mut app) = prepare(Options {
        target: Some(ring),
        ..options
    });
    app.take_frame(frame, jiff::Timestamp::now());
    let mut buffer = Buffer::empty(area);
    screen::render(&app, &theme, area, &mut buffer);
    buffer
}

fn prepare(options: Options) -> (Theme, App) {
    let theme = Theme::new(options.color, options.ascii).painted(options.palette, options.depth);
    let app = App::new(options.interval, options.target)
        .wanting(options.keymap, options.columns, options.mouse)
        .decoding(options.decoding);
    let app = if options.recorded {
        app.of_recordings()
    } else {
        app
    };
    (theme, app)
}

fn drive(sampler: &mut Sampler, options: Options, terminal: &mut Terminal) -> io::Result<()> {
    let (theme, mut app) = prepare(options);
    let mut due = Instant::now();
    // When the ring behind the list is sampled next: what is watched goes on being watched.
    let mut background = Instant::now();
    let mut stale = true;
    let mut hit_map = HitMap::default();
    loop {
        loop {
            match sampler.reply() {
                Ok(Some(reply)) => stale |= heed_reply(reply, &mut app, sampler, &mut due),
                Ok(None) => break,
                // It has panicked, which is told when the screen has been given back.
                Err(sampler::Ended) => return Ok(()),
            }
        }
        let behind = app.screen() == Screen::Rings && app.ring().is_some();
        if sampler.is_free() && Instant::now() >= due {
            sampler.ask(match app.screen() {
                // A frozen screen is sampled all the same: the source keeps its histories without a hole.
                Screen::Ring => Request::Sample,
                Screen::Waiting | Screen::Rings => Request::List,
            });
            due = next_due(due, period(&app), Instant::now());
        } else if sampler.is_free() && app.is_search_due() {
            sampler.ask(Request::SearchOn);
        } else if sampler.is_free() && behind && Instant::now() >= background {
            sampler.ask(Request::Sample);
            background = next_due(background, app.pace(), Instant::now());
        }
        let lasts = sampler.lasts();
        stale |= app.look_lasts(lasts.is_some_and(|lasts| lasts >= LONG));
        let blank = lasts.is_some_and(|lasts| lasts < BLINK) && app.is_blank();
        if stale && !blank && terminal.is_ready() {
            terminal.draw(|area, buffer| {
                hit_map = screen::render(&app, &theme, area, buffer);
            })?;
            app.drawn(&hit_map);
            stale = false;
        }
        let rest = match lasts {
            None => {
                let next = if behind { due.min(background) } else { due };
                next.saturating_duration_since(Instant::now())
            }
            Some(lasts) if blank => BLINK.saturating_sub(lasts),
            Some(lasts) if lasts < LONG => LONG - lasts,
            Some(_) => Duration::MAX,
        };
        match terminal.wait(rest, sampler.as_fd())? {
            WakeReason::Due => continue,
            WakeReason::Quit => return Ok(()),
            WakeReason::Suspend if !terminal.suspend()? => return Ok(()),
            WakeReason::Suspend => {}
            WakeReason::Redraw => terminal.redraw()?,
            WakeReason::Input => {
                for event in terminal.events() {
                    let before = period(&app);
                    match heed(&event, &mut app, &hit_map, |app| {
                        screen::viewport(app, &theme, terminal.area())
                    }) {
                        None => {}
                        Some(Effect::Quit) => return Ok(()),
                        Some(Effect::Suspend) if !terminal.suspend()? => return Ok(()),
                        Some(Effect::Suspend) => {}
                        Some(Effect::Redraw) => terminal.redraw()?,
                        Some(Effect::Look) => due = Instant::now(),
                        Some(Effect::Attach(id)) => sampler.ask(Request::Attach(id)),
                        Some(Effect::Save(message)) => {
                            let pid = app.frame().map_or(0, |frame| frame.snapshot.producer.pid);
                            sampler.ask(Request::Save(pid, message));
                        }
                        Some(Effect::Export(name)) => {
                            if let Some(export) = app.export(name) {
                                app.say("writing ...".to_owned());
                                sampler.ask(Request::Export(Box::new(export)));
                            }
                        }
                        Some(Effect::Search) => {
                            sampler.ask(Request::Search(app.search_request()));
                        }
                        Some(Effect::Around(offset)) => sampler.ask(Request::Around(offset)),
                        Some(Effect::Act(action)) => {
                            sampler.ask(Request::Act(action));
                            due = Instant::now();
                        }
                        Some(Effect::Copy(clip)) => {
                            if let Some(sequence) = clip.sequence() {
                                terminal.tell(&sequence)?;
                            }
                            let saves = app.keymap().key(Action::Save);
                            app.say(clip.said(saves.as_deref()));
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

/// Takes in what the source has to say; tells whether the screen has to be drawn again.
///
/// The user may have gone elsewhere since it was asked: a list is no reason to leave a ring, nor the end of one to
/// leave the list.
fn heed_reply(reply: Reply, app: &mut App, sampler: &mut Sampler, due: &mut Instant) -> bool {
    let on_ring = app.screen() == Screen::Ring;
    match reply {
        Reply::Listing(_) if on_ring => return false,
        Reply::Listing(listing) => {
            if let Some(Effect::Attach(id)) = app.take_listing(listing) {
                sampler.ask(Request::Attach(id));
            }
        }
        Reply::Attached(id) => {
            app.attached(id);
            *due = Instant::now();
        }
        Reply::Searched(progress) => {
            if let Some(Effect::Around(offset)) = app.take_progress(progress) {
                sampler.ask(Request::Around(offset));
            }
        }
        Reply::Around(offset, around) => app.take_around(offset, around.as_ref()),
        Reply::Refused(id, why) => app.refused(&id, &why),
        Reply::Saved(what) => app.say(what),
        Reply::Done(said) => {
            if let Some(said) = said {
                app.say(said);
            }
            *due = Instant::now();
        }
        Reply::Sample(Some(mut frame), at) => {
            app.look_took(sampler.took());
            let said = frame.said.take();
            let is_said = said.is_some();
            said.into_iter().for_each(|said| app.say(said));
            return app.take_frame(*frame, at) && on_ring || is_said;
        }
        Reply::Sample(None, _) => return on_ring && app.detached(),
    }
    true
}

/// Does what a key or the mouse asks for, on the screen that `hit_map` tells of.
fn heed(
    event: &Event,
    app: &mut App,
    hit_map: &HitMap,
    viewport: impl Fn(&App) -> Viewport,
) -> Option<Effect> {
    match event {
        Event::Key(key) => {
            let action = app.keymap().action(key);
            if app.is_typing() {
                if let Some(edit) = keys::edit(key) {
                    return app.edit(edit);
                }
                // What belongs to lists and panes would be a surprise here.
                let acts = [Action::Quit, Action::Redraw, Action::Suspend, Action::Help];
                let action = action.filter(|action| acts.contains(action))?;
                return app.apply(action, viewport(app));
            }
            app.apply(action?, viewport(app))
        }
        Event::Mouse(mouse) => {
            let spot = hit_map.at(mouse.column, mouse.row);
            let action = match mouse.kind {
                MouseEventKind::ScrollUp => Action::Up,
                MouseEventKind::ScrollDown => Action::Down,
                MouseEventKind::Down(button) => {
                    let spot = spot?;
                    match spot {
                        Spot::Key(action) => return app.apply(*action, viewport(app)),
                        Spot::Edit(edit) => return app.edit(*edit),
                        _ => app.click(spot),
                    }
                    let opens = matches!(
                        spot,
                        Spot::Ring(_) | Spot::Consumer(_) | Spot::Finding(_) | Spot::Message(_)
                    );
                    let asks = button == MouseButton::Right
                        || button == MouseButton::Left && app.is_double_click(spot, Instant::now());
                    return (opens && asks)
                        .then(|| app.apply(Action::Open, viewport(app)))
                        .flatten();
                }
                _ => return None,
            };
            // Where there is no pane, the one that has the keys is scrolled.
            if let Some(pane) = spot.and_then(Spot::pane) {
                app.click(&Spot::Pane(pane));
            }
            let steps = (0..WHEEL_ROWS).map(|_| app.apply(action, viewport(app)));
            steps.fold(None, |effect, step| step.or(effect))
        }
        _ => None,
    }
}

fn period(app: &App) -> Duration {
    if app.screen() == Screen::Ring {
        app.pace()
    } else {
        LOOK_AGAIN
    }
}

/// The next instant of a steady beat. A beat that was missed is skipped: samples are not made up for in a burst.
fn next_due(due: Instant, period: Duration, now: Instant) -> Instant {
    let next = due + period;
    if next > now { next } else { now + period }
}
