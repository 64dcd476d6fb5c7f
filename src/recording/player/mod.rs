//! Recordings as a source of the dashboard: played, stood still in, and gone through.
//!
//! The views see frames, as of a ring that is watched now.

mod past;
mod recorded_search;
mod shown;

use std::sync::Arc;
use std::time::{Duration, Instant};

use past::Past;
use recorded_search::RecordedSearch;
use shown::Shown;

use super::export::export;
use super::playback::{Playback, PlayedRing};
use crate::observe::messages::{RingSearch, around};
use crate::observe::model::{
    Export, Frame, Limitation, Listing, Mark, Message, MessageLog, RingListing, RingSource,
    SearchProgress, SearchRequest, Seek, Severity, SourceAction, Timeline,
};
use crate::text::{duration, nanoseconds};

/// How fast a recording can be played.
const SPEEDS: [u32; 8] = [1, 2, 5, 10, 30, 60, 300, 1800];
/// Events are searched for marks for so long at one look.
const PATIENCE: Duration = Duration::from_millis(5);
/// Time that is searched for events at once, ns.
const SEARCHED: u64 = 600_000_000_000;

/// Plays recordings.
#[derive(Debug)]
pub struct Player {
    playback: Playback,
    /// The place in [`SPEEDS`].
    speed: usize,
    /// Since when it plays, as of the last look.
    plays: Option<Instant>,
    /// What comes in is shown as it comes.
    is_live: bool,
    watched: Option<Watched>,
}

/// The ring that is on the screen.
#[derive(Debug)]
struct Watched {
    ring: PlayedRing,
    past: Past,
    shown: Shown,
    /// Events that were bad, up to a time until which they were searched for.
    events: Vec<Mark>,
    searched: u64,
    marks: Arc<Vec<Mark>>,
    /// What is looked for among its messages.
    search: Option<MessageSearch>,
}

/// A search among messages that were recorded, or through the ring of a dump.
#[derive(Debug)]
enum MessageSearch {
    Recorded(RecordedSearch),
    Restored(RingSearch),
}

impl Player {
    /// Stands where `playback` does; with `is_live`, at what comes.
    #[must_use]
    pub fn new(playback: Playback, is_live: bool) -> Self {
        let mut player = Self {
            is_live: is_live && playback.goes_on(),
            playback,
            speed: 0,
            plays: None,
            watched: None,
        };
        if let [only] = player.playback.rings() {
            let only = only.clone();
            player.watch(only);
        }
        player
    }

    /// The id of the ring that is shown, where there is only one.
    #[must_use]
    pub fn only(&self) -> Option<&str> {
        let watched = self.watched.as_ref()?;
        Some(&watched.ring.id)
    }

    fn watch(&mut self, ring: PlayedRing) {
        self.watched = Some(Watched {
            ring,
            past: Past::default(),
            shown: Shown::default(),
            events: Vec::new(),
            searched: 0,
            marks: Arc::default(),
            search: None,
        });
    }

    /// Takes in what has come, and goes on in time.
    fn go_on(&mut self) {
        self.playback.take_in();
        let (_, end) = self.playback.span();
        if self.is_live {
            self.playback.go_to(end);
        }
        if let Some(since) = &mut self.plays {
            let elapsed = since.elapsed();
            *since = Instant::now();
            let by = nanoseconds(elapsed).saturating_mul(SPEEDS[self.speed].into());
            let at = self.playback.at_ns().saturating_add(by);
            self.playback.go_to(at);
            if at >= end {
                self.plays = None;
                self.is_live = self.playback.goes_on();
            }
        }
    }

    fn seek(&mut self, seek: Seek) -> Option<String> {
        let at = self.playback.at_ns();
        let (begin, end) = self.playback.span();
        let stood = self.plays.take();
        let was_live = std::mem::take(&mut self.is_live);
        match seek {
            Seek::Toggle if stood.is_some() || was_live => {}
            Seek::Toggle => {
                if at >= end {
                    self.playback.go_to(begin);
                }
                self.plays = Some(Instant::now());
            }
            Seek::Faster | Seek::Slower => {
                self.speed = match seek {
                    Seek::Faster => (self.speed + 1).min(SPEEDS.len() - 1),
                    _ => self.speed.saturating_sub(1),
                };
                (self.plays, self.is_live) = (stood, was_live);
                if stood.is_none() {
                    return Some(format!("playing at {}x", SPEEDS[self.speed]));
                }
            }
            Seek::NextSample | Seek::PreviousSample => {
                let ring = self.watched.as_ref()?.ring.clone();
                let found = match seek {
                    Seek::NextSample => self.playback.state_time_after(&ring, at),
                    _ => {
                        let this = self.playback.state_time(&ring, at)?;
                        let before = this.checked_sub(1)?;
                        self.playback.state_time(&ring, before)
                    }
                };
                match found {
                    Some(found) => self.playback.go_to(found),
                    None => {
                        (self.plays, self.is_live) = (stood, was_live);
                        return Some("no more samples in that direction".into());
                    }
                }
            }
            Seek::NextEvent | Seek::PreviousEvent => {
                let forward = seek == Seek::NextEvent;
                match self.next_event(at, forward) {
                    Some((found, what)) => {
                        self.playback.go_to(found);
                        return Some(what);
                    }
                    None => {
                        (self.plays, self.is_live) = (stood, was_live);
                        let none = if forward {
                            "nothing happens after this"
                        } else {
                            "nothing happened before this"
                        };
                        return Some(none.into());
                    }
                }
            }
            Seek::To(moment) => {
                if let Err(error) = self.playback.go_to_moment(moment) {
                    (self.plays, self.is_live) = (stood, was_live);
                    return Some(error.to_string());
                }
            }
            Seek::End => {
                self.playback.go_to(end);
                self.is_live = self.playback.goes_on();
            }
        }
        None
    }

    /// The next event, or where a finding begins, and what it is.
    fn next_event(&mut self, at: u64, forward: bool) -> Option<(u64, String)> {
        let ring = self.watched.as_ref()?.ring.clone();
        let event = if forward {
            self.playback.event_after(&ring, at)
        } else {
            at.checked_sub(1)
                .and_then(|before| self.playback.event_at(&ring, before))
        };
        let event = event.map(|(at, event)| (at, event.message));
        // A finding that was there from the start has no event.
        let begins = self.watched.as_ref().and_then(|watched| {
            let mut begins = watched.past.beginnings();
            if forward {
                begins.find(|mark| mark.at_ns > at)
            } else {
                begins.rfind(|mark| mark.at_ns < at)
            }
        });
        let words = |mark: Mark| (mark.at_ns, format!("a finding: {}", mark.severity.word()));
        let begins = begins.map(words);
        match (event, begins) {
            (Some(event), Some(begins)) if forward == (begins.0 < event.0) => Some(begins),
            (event, begins) => event.or(begins),
        }
    }

    /// What cannot be read.
    fn limits(&self) -> impl Iterator<Item = Limitation> + use<> {
        let notes = self.playback.notes().into_iter();
        notes.map(|note| Limitation::new("a part of the recording", note))
    }

    fn timeline(&mut self) -> Timeline {
        let (begin_ns, end_ns) = self.playback.span();
        let marks = self.watched.as_mut().map(|watched| {
            watched.search(&mut self.playback, end_ns);
            Arc::clone(&watched.marks)
        });
        Timeline {
            begin_ns,
            end_ns,
            at_ns: self.playback.at_ns(),
            speed: self.plays.map(|_| SPEEDS[self.speed]),
            is_live: self.is_live,
            marks: marks.unwrap_or_default(),
        }
    }
}

impl Watched {
    /// Goes on with the search for what was wrong.
    fn search(&mut self, playback: &mut Playback, end: u64) {
        let until = Instant::now() + PATIENCE;
        let (begin, _) = playback.span();
        self.searched = self.searched.max(begin.saturating_sub(1));
        while self.searched < end && Instant::now() < until {
            let to = self.searched.saturating_add(SEARCHED).min(end);
            let found = playback.events(&self.ring, (self.searched + 1, to));
            let bad = found
                .iter()
                .filter(|(_, event)| event.severity > Severity::Info);
            self.events.extend(bad.map(|(at_ns, event)| Mark {
                at_ns: *at_ns,
                severity: event.severity,
            }));
            self.searched = to;
        }
        let mut marks: Vec<Mark> = self
            .past
            .marks()
            .chain(self.events.iter().copied())
            .collect();
        marks.sort_unstable();
        if *self.marks != marks {
            self.marks = Arc::new(marks);
        }
    }
}

impl RingSource for Player {
    fn list(&mut self) -> Listing {
        self.go_on();
        let rings = self.playback.rings().to_vec();
        let rings = rings.into_iter().filter_map(|ring| {
            let (_, state) = self.playback.state(&ring)?;
            Some(RingListing {
                id: ring.id,
                ..state.ring.into()
            })
        });
        let rings = rings.collect();
        Listing {
            rings,
            limits: self.limits().collect(),
        }
    }

    fn attach(&mut self, id: &str) -> Result<(), String> {
        if self
            .watched
            .as_ref()
            .is_some_and(|watched| watched.ring.id == id)
        {
            return Ok(());
        }
        let mut rings = self.playback.rings().iter();
        let ring = rings.find(|ring| ring.id == id).cloned();
        let ring = ring.ok_or_else(|| "it is not in the recording".to_owned())?;
        self.watch(ring);
        Ok(())
    }

    fn sample(&mut self) -> Option<Frame> {
        self.go_on();
        let watched = self.watched.as_mut()?;
        let ring = watched.ring.clone();
        let (begin, _) = self.playback.span();
        let (at, state) = match self.playback.state(&ring) {
            Some(found) => found,
            // Before its first state it looks as it did then.
            None => {
                let first = self
                    .playback
                    .state_time_after(&ring, begin.saturating_sub(1))?;
                let (at, mut state) = self.playback.state_at(&ring, first)?;
                let early = duration(first.saturating_sub(self.playback.at_ns()));
                state.ring.attach.limits.push(Limitation::new(
                    "the state of the ring at this time",
                    format!("the first recorded state is {early} later"),
                ));
                (at, state)
            }
        };
        watched.past.note(at, &state);
        let figures = watched.past.figures(&mut self.playback, &ring);
        watched.shown.follow(&mut self.playback, &ring);
        let (messages, note, events) = (
            watched.shown.messages().clone(),
            watched.shown.note().map(str::to_owned),
            Arc::clone(watched.shown.events()),
        );
        let mut snapshot = state.ring;
        snapshot.attach.limits.extend(self.limits());
        Some(Frame {
            snapshot,
            rates: figures.rates,
            lags: figures.lags,
            messages,
            messages_note: note,
            events,
            timeline: Some(self.timeline()),
            recording: None,
            dump: None,
            said: None,
        })
    }

    fn act(&mut self, action: SourceAction) -> Option<String> {
        match action {
            SourceAction::Seek(seek) => self.seek(seek),
            SourceAction::Dump | SourceAction::Record => {
                Some("this is a recording: there is no live ring to dump or record".into())
            }
        }
    }

    fn export(&mut self, asked: &Export) -> String {
        export(asked, |message| self.payload(message))
    }

    fn search(&mut self, request: Option<SearchRequest>) {
        if let Some(watched) = &mut self.watched {
            watched.search = request.map(|request| match watched.shown.restored() {
                Some(_) => MessageSearch::Restored(RingSearch::new(request)),
                None => MessageSearch::Recorded(RecordedSearch::new(request)),
            });
        }
    }

    fn search_on(&mut self, patience: Duration) -> Option<SearchProgress> {
        let Watched {
            ring,
            shown,
            search,
            ..
        } = self.watched.as_mut()?;
        Some(match (search.as_mut()?, shown.restored()) {
            (MessageSearch::Recorded(search), _) => {
                search.advance(&mut self.playback, ring, patience)
            }
            (MessageSearch::Restored(search), restored) => {
                search.advance(restored?, shown.messages(), patience)
            }
        })
    }

    fn around(&mut self, offset: u64) -> Option<MessageLog> {
        let watched = self.watched.as_ref()?;
        match watched.shown.restored() {
            Some(restored) => around(restored, offset),
            None => recorded_search::around(&mut self.playback, &watched.ring, offset),
        }
    }

    fn payload(&mut self, message: &Message) -> Option<Vec<u8>> {
        let watched = self.watched.as_ref()?;
        let ring = watched.ring.clone();
        watched.shown.payload(&mut self.playback, &ring, message)
    }
}
