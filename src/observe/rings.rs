//! All the rings of this machine, and the one that is being watched: where dashboard and commands get theirs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::again;
use super::attach::{AttachedRing, Choice};
use super::discover::discover;
use super::error::AttachError;
use super::frame::{Frame, Listing, Message, RingListing, Source};
use super::orphans::orphans;
use super::rendezvous::listener;
use super::snapshot::{ConsumerState, Limit, RingSnapshot};
use super::survey::Survey;
use super::watch::{Budget, Watcher};

/// The rings of this machine, each watched lightly, and at most one watched in full.
#[derive(Debug, Default)]
pub struct Rings {
    listed: BTreeMap<String, Watcher>,
    /// Whether rings whose producer is gone are listed, too.
    orphans: bool,
    watched: Option<Watcher>,
}

impl Rings {
    /// Starts with a ring that is attached already.
    #[must_use]
    pub fn watching(ring: AttachedRing) -> Self {
        Self {
            listed: BTreeMap::new(),
            orphans: false,
            watched: Some(Watcher::new(ring, Budget::DASHBOARD)),
        }
    }
}

impl Rings {
    /// Lists rings whose producer is gone, too.
    #[must_use]
    pub fn with_orphans() -> Self {
        Self {
            orphans: true,
            ..Self::default()
        }
    }

    /// The rings that live on in the processes that map them, but for those that `listed` has already.
    fn list_orphans(&self, listed: &mut Listing, broken: impl Fn(AttachError) -> Limit) {
        let limit = |what: String, why: String| Limit {
            what,
            why,
            remedy: None,
        };
        let survey = match Survey::take() {
            Ok(survey) => survey,
            Err(error) => {
                let what = "every ring without a producer".into();
                listed.limits.push(limit(what, error.to_string()));
                return;
            }
        };
        if survey.left() > 0 {
            let what = format!("rings without a producer in {} processes", survey.left());
            let why = "there are too many processes to ask each in time what it maps".into();
            listed.limits.push(limit(what, why));
        }
        let found = orphans(&survey, None);
        listed.limits.extend(found.broken.into_iter().map(broken));
        for orphan in found.rings {
            // Whoever kept a descriptor of it is listed with it already.
            let mut known = self.listed.values();
            if known.any(|watcher| watcher.ring().watches(orphan.ctrl.file)) {
                continue;
            }
            let through = Some(orphan.process.pid());
            let consumers = survey.denied.is_empty().then_some(orphan.readers);
            let ring = AttachedRing::adopt(orphan, &survey);
            listed.rings.push(RingListing {
                through,
                consumers,
                ..Watcher::new(ring, Budget::GLANCE).look().into()
            });
        }
    }
}

impl Source for Rings {
    fn list(&mut self) -> Listing {
        let found = match discover() {
            Ok(found) => found,
            Err(error) => {
                let what = "every ring".into();
                return Listing {
                    rings: Vec::new(),
                    limits: vec![Limit {
                        what,
                        why: error.to_string(),
                        remedy: None,
                    }],
                };
            }
        };
        let mut limits = found.limits;
        let broken = |error: AttachError| Limit {
            what: "a ring".into(),
            why: error.to_string(),
            remedy: None,
        };
        limits.extend(found.broken.into_iter().map(broken));
        let mut listed = BTreeMap::new();
        for ring in found.rings {
            let id = ring.id();
            // A descriptor number can come to stand for another ring.
            let known = self
                .listed
                .remove(&id)
                .filter(|known| known.ring().watches(ring.ctrl.file));
            match known.map_or_else(
                || AttachedRing::map(ring).map(|ring| Watcher::new(ring, Budget::GLANCE)),
                Ok,
            ) {
                Ok(watcher) => {
                    listed.insert(id, watcher);
                }
                Err(error) => limits.push(broken(error)),
            }
        }
        self.listed = listed;
        let mut rings: Vec<RingListing> = self
            .listed
            .values_mut()
            .map(|watcher| RingListing::from(watcher.look()))
            .collect();
        rings.sort_by(|a, b| (a.pid, a.id.len(), &a.id).cmp(&(b.pid, b.id.len(), &b.id)));
        let mut listing = Listing { rings, limits };
        if self.orphans {
            self.list_orphans(&mut listing, broken);
        }
        listing
    }

    fn attach(&mut self, id: &str) -> Result<(), String> {
        let (pid, fd) = id
            .split_once('/')
            .ok_or_else(|| format!("`{id}` is not a ring's id"))?;
        let number = |text: &str| {
            text.parse::<i32>()
                .map_err(|_| format!("`{id}` is not a ring's id"))
        };
        let ring = AttachedRing::by_pid(number(pid)?, Choice::Fd(number(fd)?))
            .map_err(|error| error.to_string())?;
        self.watched = Some(Watcher::new(ring, Budget::DASHBOARD));
        Ok(())
    }

    fn sample(&mut self) -> Option<Frame> {
        Some(self.watched.as_mut()?.frame())
    }

    fn payload(&mut self, message: &Message) -> Option<Vec<u8>> {
        again::payload(self.watched.as_ref()?.ring(), message)
    }
}

impl From<RingSnapshot> for RingListing {
    fn from(ring: RingSnapshot) -> Self {
        let seen = ring
            .consumers
            .iter()
            .filter(|consumer| consumer.state != ConsumerState::Evicted);
        let held = match (ring.slots, ring.hidden_consumers) {
            (Some(slots), _) => Some(slots.used),
            (None, Some(hidden)) => u32::try_from(seen.count())
                .ok()
                .and_then(|seen| seen.checked_add(hidden)),
            (None, None) => None,
        };
        Self {
            id: ring.id,
            pid: ring.producer.pid,
            command: ring.producer.command,
            ring_capacity: ring.control.ring_capacity,
            producer_head: ring.control.producer_head,
            consumers: held,
            bytes_per_second: ring.rate.bytes_per_second,
            state: ring.state,
            reason: ring.reason,
            sockets: ring.producer.sockets,
            through: None,
        }
    }
}

/// Whose ring is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The only one there is.
    Any,
    /// This process.
    Pid(i32),
    /// Whoever listens on a rendezvous socket.
    Socket {
        /// A path, or `@name`.
        address: String,
        /// Join even if the process may be mapped.
        join: bool,
        /// Longest time that joining may take.
        timeout: Duration,
    },
}

/// Maps the process that listens at `address`, or joins where that cannot be.
fn by_socket(
    address: &str,
    choice: Choice,
    join: bool,
    timeout: Duration,
) -> Result<AttachedRing, AttachError> {
    if join {
        return AttachedRing::join(address, timeout);
    }
    let mapped = listener(address).and_then(|process| AttachedRing::by_pid(process.pid(), choice));
    match mapped {
        // Which of several rings a socket leads to is known only by joining, and that was not asked for.
        Err(
            AttachError::ListenerHidden { .. }
            | AttachError::NotPermitted { .. }
            | AttachError::NotARing { .. }
            | AttachError::Inherited { .. },
        ) if choice == Choice::Only => AttachedRing::join(address, timeout),
        outcome => outcome,
    }
}

/// Attaches the ring that is meant.
///
/// # Errors
/// Each way in which it cannot be had.
pub fn attach(owner: &Owner, choice: Choice) -> Result<AttachedRing, AttachError> {
    match owner {
        Owner::Any => {}
        Owner::Pid(pid) => return AttachedRing::by_pid(*pid, choice),
        Owner::Socket {
            address,
            join,
            timeout,
        } => return by_socket(address, choice, *join, *timeout),
    }
    let mut found = discover()
        .map_err(|error| AttachError::NoRing(Some(format!("/proc cannot be read: {error}"))))?;
    match found.rings.len() {
        1 => AttachedRing::map(found.rings.remove(0)),
        0 => Err(found.broken.into_iter().next().unwrap_or_else(|| {
            let limit = found.limits.first();
            AttachError::NoRing(limit.map(|Limit { what, why, remedy }| match remedy {
                Some(remedy) => format!("{what}: {why}; {remedy}"),
                None => format!("{what}: {why}"),
            }))
        })),
        _ => Err(AttachError::Several(Rings::default().list().rings)),
    }
}
