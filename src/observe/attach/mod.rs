//! From a pid or a socket to a ring that is attached: found, mapped read-only or joined, with its members kept up to date.

mod attached_ring;
mod discover;
mod error;
mod evicted;
mod join_record;
mod live;
mod member;
mod membership;
mod memory;
mod open;
mod orphans;
mod own_sockets;
mod pairing;
mod passive_join;
mod producer;
mod recorded;
mod rendezvous;
mod select;
mod slot_table;
mod table_search;
mod target;
mod zombies;

pub use attached_ring::AttachedRing;
pub use discover::{Discovery, discover, no_time_for};
pub use error::AttachError;
pub use live::{LiveProducer, live_producers};
pub use member::{LastWords, Member, MemberProcess, Presence};
pub use open::{by_pid, map};
pub use orphans::{Orphan, adopt, orphans};
pub use pairing::Found;
pub use passive_join::{connect, join};
pub use producer::has_given_up;
pub use recorded::{RecordedPage, RecordedRing, restore};
pub use rendezvous::listener;
pub use select::RingSelector;
#[cfg(any(test, fuzzing))]
pub(crate) use slot_table::fuzz;
pub use slot_table::{Offer, SlotView, TableView, Writing};
pub use target::{RingTarget, Succession, by_socket, leads_to_another};
