//! All the rings of this machine, and the one that is being watched: where dashboard and commands get theirs.

use std::time::{Duration, Instant};

use super::orphan_search::{OrphanSearch, watch_orphans};
use super::ring_list::{RingList, broken_ring};
use super::watch::{Budget, Watcher};
use crate::decode::DecodeRules;
use crate::observe::attach::{
    AttachError, AttachedRing, RingSelector, RingTarget, Succession, adopt, by_pid, by_socket,
    discover, map, orphans,
};
use crate::observe::messages::{self, RingSearch};
use crate::observe::model::{
    Frame, Limitation, Listing, Message, MessageLog, RingListing, RingSource, SearchProgress,
    SearchRequest, Thresholds,
};
use crate::observe::procfs::{FileId, MappingSurvey};
use crate::text::counted;

/// A list that is looked at again and again takes no more than an eightieth of the time.
const RESTS: u32 = 80;
/// While there is more to be found: a fifth.
const RESTS_BEHIND: u32 = 4;
/// Nor does it rest for longer than this.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// The rings of this machine, each watched lightly, and at most one watched in full.
#[derive(Debug, Default)]
pub struct Rings {
    list: RingList,
    /// The last listing, and until when it stands.
    last: Option<(Listing, Instant)>,
    orphans: OrphanPolicy,
    watched: Option<Watcher>,
    /// What is looked for in the watched ring, and which ring that was.
    search: Option<(FileId, RingSearch)>,
    thresholds: Thresholds,
    decoding: DecodeRules,
}

/// How rings whose producer is gone are looked for.
#[derive(Debug, Default)]
enum OrphanPolicy {
    /// Not at all.
    #[default]
    Unsought,
    /// All of them at every listing.
    AtOnce,
    /// A little at every listing.
    Gradually(OrphanSearch),
}

impl Rings {
    /// Starts with a ring that is attached already, and goes on with the one that takes its place while its producer lives.
    #[must_use]
    pub fn watching(ring: AttachedRing, succession: Option<Succession>) -> Self {
        Self {
            watched: Some(watch_on(Watcher::new(ring, Budget::DASHBOARD), succession)),
            ..Self::default()
        }
    }

    /// Judges by other figures from now on.
    #[must_use]
    pub fn judging_by(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self.watched = self.watched.map(|watcher| watcher.judging_by(thresholds));
        self
    }

    /// Tells from now on how old the messages of the ring are that is watched in full, by these rules.
    #[must_use]
    pub fn decoding_by(mut self, rules: &DecodeRules) -> Self {
        self.decoding = DecodeRules::clone(rules);
        self.watched = self.watched.map(|watcher| watcher.decoding_by(rules));
        self
    }

    fn watcher(&self, ring: AttachedRing, budget: Budget) -> Watcher {
        let watcher = Watcher::new(ring, budget).judging_by(self.thresholds);
        watcher.decoding_by(&self.decoding)
    }
}

impl Rings {
    /// The ring that is watched in full.
    #[must_use]
    pub fn watched(&mut self) -> Option<&mut Watcher> {
        self.watched.as_mut()
    }

    /// Lists rings whose producer is gone, too.
    #[must_use]
    pub fn with_orphans() -> Self {
        Self {
            orphans: OrphanPolicy::AtOnce,
            ..Self::default()
        }
    }

    /// Looks for rings whose producer is gone, too: little by little, and seldom.
    #[must_use]
    pub fn seeking_orphans(mut self) -> Self {
        self.orphans = OrphanPolicy::Gradually(OrphanSearch::default());
        self
    }

    /// Lists the rings that live on in the processes that map them, but for those that are listed already.
    fn list_orphans(&mut self, listing: &mut Listing) {
        let mut at_once = (Vec::new(), Vec::new());
        let (found, broken) = match &mut self.orphans {
            OrphanPolicy::Unsought => return,
            OrphanPolicy::AtOnce => {
                match MappingSurvey::take() {
                    Ok(survey) => {
                        if survey.left() > 0 {
                            let what = format!(
                                "rings without a producer in {}",
                                counted(survey.left() as u64, "process")
                            );
                            let why = "too many processes to read all their mappings in time";
                            listing.limits.push(Limitation::new(what, why));
                        }
                        at_once = watch_orphans(&survey, self.thresholds);
                    }
                    Err(error) => {
                        let what = "every ring without a producer";
                        listing
                            .limits
                            .push(Limitation::new(what, error.to_string()));
                    }
                }
                (&mut at_once.0, &at_once.1)
            }
            OrphanPolicy::Gradually(search) => {
                search.advance(self.thresholds);
                (&mut search.found, &search.broken)
            }
        };
        listing.limits.extend(broken.iter().map(broken_ring));
        for orphan in found {
            // Whoever kept a descriptor of it is listed with it already.
            let ctrl = orphan.watcher.ring().ctrl_file();
            let mut known = self.list.watchers();
            if known.any(|watcher| watcher.ring().watches(ctrl)) {
                continue;
            }
            listing.rings.push(RingListing {
                through: Some(orphan.through),
                consumers: orphan.readers,
                ..orphan.watcher.look().into()
            });
        }
    }

    /// The ring that is called `id` in the list.
    /// # Errors
    /// Why it cannot be had, in words.
    pub fn open(&self, id: &str) -> Result<AttachedRing, String> {
        let no_id = || format!("`{id}` is not a ring's id");
        let (pid, place) = id.split_once('/').ok_or_else(no_id)?;
        let pid = pid.parse().map_err(|_| no_id())?;
        if place.starts_with("map:") {
            let survey = MappingSurvey::take().map_err(|error| error.to_string())?;
            let mut found = orphans(&survey, Some(pid));
            let at = found.rings.iter().position(|ring| ring.id() == id);
            return match at {
                Some(at) => Ok(adopt(found.rings.swap_remove(at), &survey)),
                None => Err(format!("pid {pid} no longer maps that ring")),
            };
        }
        let fd = place.parse().map_err(|_| no_id())?;
        by_pid(pid, RingSelector::Fd(fd)).map_err(|error| error.to_string())
    }
}

/// The same, which goes on with the next ring of a producer that lives.
fn watch_on(watcher: Watcher, succession: Option<Succession>) -> Watcher {
    match succession {
        Some(succession) => watcher.succeeded_by(succession.of_living()),
        None => watcher,
    }
}

impl RingSource for Rings {
    fn list(&mut self) -> Listing {
        let begun = Instant::now();
        let is_sparing = matches!(self.orphans, OrphanPolicy::Gradually(_));
        if is_sparing
            && let Some((last, until)) = &self.last
            && begun < *until
        {
            return last.clone();
        }
        let again = self.last.is_some();
        let mut listing = self.list.look(again, self.thresholds);
        self.list_orphans(&mut listing);
        let rests = match again {
            false => 0,
            // Rings that are there and not shown yet come first.
            true if self.list.is_catching_up() => RESTS_BEHIND,
            true => RESTS,
        };
        let rests = (begun.elapsed() * rests).min(LONGEST_REST);
        self.last = Some((listing.clone(), Instant::now() + rests));
        listing
    }

    fn attach(&mut self, id: &str) -> Result<(), String> {
        let listed = self.list.get(id).map(|listed| listed.ring().ctrl_file());
        let watched = self.watched.as_ref().map(Watcher::ring);
        if watched.is_some_and(|ring| ring.id() == id && listed == Some(ring.ctrl_file())) {
            // It goes on with all that is remembered of it.
            return Ok(());
        }
        let ring = self.open(id)?;
        let pid = ring.producer_pid();
        let its = |watcher: &&Watcher| watcher.ring().producer_pid() == pid;
        let only = self.list.watchers().filter(its).count() < 2 && !self.list.is_catching_up();
        let succession = (only
            .then(|| Succession::of(&RingTarget::Pid(pid), RingSelector::Only, &ring)))
        .flatten();
        self.watched = Some(watch_on(self.watcher(ring, Budget::DASHBOARD), succession));
        Ok(())
    }

    fn sample(&mut self) -> Option<Frame> {
        Some(self.watched.as_mut()?.frame())
    }

    fn note_commits(&mut self) -> Option<Duration> {
        self.watched.as_mut()?.note_commits()
    }

    fn payload(&mut self, message: &Message) -> Option<Vec<u8>> {
        messages::payload(self.watched.as_ref()?.ring(), message)
    }

    fn search(&mut self, request: Option<SearchRequest>) {
        let watched = self.watched.as_ref();
        let ring = watched.map(|watcher| watcher.ring().ctrl_file());
        let before = self.search.take().filter(|(of, _)| Some(*of) == ring);
        let search = request.map(|request| match &before {
            Some((_, before)) => RingSearch::after(request, before),
            None => RingSearch::new(request),
        });
        self.search = ring.zip(search);
    }

    fn search_on(&mut self, patience: Duration) -> Option<SearchProgress> {
        let watcher = self.watched.as_ref()?;
        let (ring, search) = self.search.as_mut()?;
        if *ring != watcher.ring().ctrl_file() {
            // What is watched now is another one.
            self.search = None;
            return None;
        }
        Some(search.advance(watcher.ring(), watcher.messages(), patience))
    }

    fn around(&mut self, offset: u64) -> Option<MessageLog> {
        messages::around(self.watched.as_ref()?.ring(), offset)
    }
}

/// Attaches the ring that is meant.
///
/// # Errors
/// Each way in which it cannot be had.
pub fn attach(owner: &RingTarget, choice: RingSelector) -> Result<AttachedRing, AttachError> {
    match owner {
        RingTarget::Any => {}
        RingTarget::Pid(pid) => return by_pid(*pid, choice),
        RingTarget::Socket {
            address,
            join,
            timeout,
        } => return by_socket(address, choice, *join, *timeout),
    }
    let mut found = discover().map_err(|error| AttachError::NoRing(Some(error.to_string())))?;
    match found.rings.len() {
        1 => map(found.rings.remove(0)),
        0 => Err(found.broken.into_iter().next().unwrap_or_else(|| {
            let limit = found.limits.first();
            AttachError::NoRing(limit.map(ToString::to_string))
        })),
        _ => Err(AttachError::Several(Rings::default().list().rings)),
    }
}
