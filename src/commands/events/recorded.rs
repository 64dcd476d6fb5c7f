//! What happened in recordings.

use std::io;
use std::time::Duration;

use super::in_order::{Happened, InOrder};
use super::told::Told;
use crate::cli::EventsArgs;
use crate::observe::model::Event;
use crate::recording::{Playback, PlayedRing};
use crate::shutdown::StopSignal;
use crate::stderr::warn;
use crate::stdout::Printer;

/// What is still being recorded is looked for this often.
const LOOKS_EVERY: Duration = Duration::from_millis(100);

/// Tells the events of all rings of `playback` in the order in which they happened, up to the moment at which it stands or,
/// with `-f`, as they come.
///
/// # Errors
/// Those of stdout.
pub fn recorded(
    playback: &mut Playback,
    options: &EventsArgs,
    out: &mut Printer,
) -> anyhow::Result<()> {
    let ending = StopSignal::watch()?;
    let mut told = Told::new(options, out)?.patient_until(&ending);
    // Up to here all were told, for each ring.
    let mut known: Vec<(PlayedRing, Option<u64>)> = Vec::new();
    let mut order = InOrder::default();
    loop {
        for ring in playback.rings() {
            if !known.iter().any(|(other, _)| other == ring) {
                known.push((ring.clone(), None));
            }
        }
        while let Some((ring, at_ns, events)) = next(playback, &mut known) {
            let state = playback.state(&ring).map(|(_, state)| state);
            let interval_ns = state.as_ref().and_then(|state| state.interval_ns);
            let producer = state.and_then(|state| state.ring.producer.command);
            for event in events {
                let happened = Happened {
                    ring: ring.id.clone(),
                    producer: producer.clone(),
                    event,
                };
                order.push(at_ns, interval_ns, happened);
            }
            while let Some(happened) = order.due(at_ns) {
                tell(&mut told, &happened)?;
            }
            if ending.asked() {
                return Ok(told.end(false)?);
            }
        }
        // What comes later is told when it comes.
        while let Some(happened) = order.next() {
            tell(&mut told, &happened)?;
        }
        if !options.follow || !playback.goes_on() {
            break;
        }
        told.rest(LOOKS_EVERY)?;
        if ending.asked() {
            return Ok(told.end(false)?);
        }
        playback.take_in();
        playback.go_to(u64::MAX);
    }
    told.end(true)?;
    playback.notes().iter().for_each(|note| warn(note));
    Ok(())
}

fn tell(told: &mut Told<'_>, happened: &Happened) -> io::Result<()> {
    let producer = happened.producer.as_deref();
    told.tell(&happened.ring, producer, &happened.event)
}

/// The next events, of the ring whose next ones are the earliest, and when they were recorded.
fn next(
    playback: &mut Playback,
    known: &mut [(PlayedRing, Option<u64>)],
) -> Option<(PlayedRing, u64, Vec<Event>)> {
    let until = playback.at_ns();
    let mut earliest: Option<(u64, usize)> = None;
    for (number, (ring, after)) in known.iter().enumerate() {
        let next = match after {
            Some(after) => playback.event_after(ring, *after),
            None => playback
                .event_at(ring, 0)
                .or_else(|| playback.event_after(ring, 0)),
        };
        if let Some((at, _)) = next
            && at <= until
            && earliest.is_none_or(|(first, _)| at < first)
        {
            earliest = Some((at, number));
        }
    }
    let (at, number) = earliest?;
    let (ring, after) = &mut known[number];
    *after = Some(at);
    // Several may have been recorded at the same time.
    let events = playback.events(ring, (at, at)).into_iter();
    let events = events.map(|(_, event)| event).collect();
    Some((ring.clone(), at, events))
}
