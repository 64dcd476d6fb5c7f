//! `tail --file`: the messages of a recording.

use anyhow::bail;

use super::merged::merge;
use super::passive::tail_at;
use super::recorded_messages::{
    LOOKS_EVERY, behind, chunks_from, known_of, last_of, pass, take_in, wanted_last,
};
use super::sink::Sink;
use crate::cli::{RingPosition, TailArgs, TailFormat};
use crate::recording::{Content, Playback, PlayedRing};
use crate::stderr::warn;
use crate::stdout::Stdout;

/// Writes the messages of rings in a recording, or of the one in a dump, to stdout, those of several in the order in which they
/// were seen; with `-f`, also those that come, of several also those of rings that come.
///
/// # Errors
/// Those of stdout, and when what was asked for is not in the recording.
pub fn recorded(
    playback: &mut Playback,
    mut rings: Vec<PlayedRing>,
    options: &TailArgs,
) -> anyhow::Result<()> {
    let takes_all = options.format() == TailFormat::Pcapng;
    // What a stream has is only seen when it comes; of a dump all is needed.
    let stdout = Stdout::now();
    while options.follows() && playback.goes_on() && !has_messages(playback, &rings) {
        stdout.sleep(LOOKS_EVERY)?;
        take_in(playback);
        if takes_all {
            rings = playback.rings().to_vec();
        }
    }
    let Some(first) = rings.first() else {
        bail!("there is no ring in the recording");
    };
    if playback.has(first, Content::Pages) && rings.len() == 1 {
        // Its messages were seen when it was copied.
        let at_ns = playback.state(first).map(|(at_ns, _)| at_ns);
        return tail_at(playback.restored(first)?, None, options, at_ns);
    }
    if !has_messages(playback, &rings) && !playback.goes_on() {
        let (whose, of_them) = match rings.len() {
            1 => (format!("ring {}", first.id), "it"),
            rings => (format!("{rings} rings"), "them"),
        };
        bail!(
            "{whose}: the recording has no messages of {of_them} (`record --messages all` stores messages, `dump` the whole ring)"
        );
    }
    let is_dump = |ring: &&PlayedRing| {
        playback.has(ring, Content::Pages) && !playback.has(ring, Content::Messages)
    };
    if let Some(ring) = rings.iter().find(is_dump) {
        bail!(
            "ring {} is in a dump, whose messages are not written among those of others: choose it with --ring, or leave its file \
             out",
            ring.id
        );
    }
    if rings.len() > 1
        && let Some(option) = place_option(options)
    {
        bail!(
            "{option}: each of the {} rings has offsets of its own: choose one with --ring, or say how many of the last \
             messages of each with -n",
            rings.len()
        );
    }
    let (head, description) = known_of(playback, first);
    let mut sink = Sink::new(options, head, stdout)?;
    if takes_all && (rings.len() > 1 || options.follows()) {
        merge(playback, &rings, options, &mut sink)?;
    } else {
        sink.open_ring(&first.id, &description);
        pass_ring(playback, first, options, &mut sink)?;
    }
    sink.finish()?;
    playback.notes().iter().for_each(|note| warn(note));
    Ok(())
}

/// Whether there are messages of one of them.
fn has_messages(playback: &Playback, rings: &[PlayedRing]) -> bool {
    let has = |ring: &PlayedRing| {
        playback.has(ring, Content::Messages) || playback.has(ring, Content::Pages)
    };
    rings.iter().any(has)
}

/// The option that means a place in one ring, if one does.
fn place_option(options: &TailArgs) -> Option<&'static str> {
    if matches!(options.from, Some(RingPosition::Offset(_))) {
        return Some("--from");
    }
    options.until.map(|_| "--until")
}

/// Writes the messages of the only ring; with `-f` those that come, too.
fn pass_ring(
    playback: &mut Playback,
    ring: &PlayedRing,
    options: &TailArgs,
    sink: &mut Sink<Stdout>,
) -> anyhow::Result<()> {
    let mut next = 0;
    if let Some(last) = wanted_last(options) {
        next = behind(playback, ring);
        for kept in last_of(playback, ring, last, sink) {
            kept.write(sink)?;
        }
    }
    loop {
        for chunk in chunks_from(playback, ring, next) {
            next = chunk + 1;
            let mut outcome = Ok(());
            playback.messages_in(ring, chunk, |sighted, message| {
                outcome = pass(sink, sighted, &message);
                outcome.is_ok() && !sink.is_done()
            });
            outcome?;
            if sink.is_done() {
                break;
            }
        }
        sink.flush()?;
        if sink.is_done() || !options.follows() || !playback.goes_on() {
            return Ok(());
        }
        sink.sleep(LOOKS_EVERY)?;
        take_in(playback);
    }
}
