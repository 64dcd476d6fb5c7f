//! Recordings: what a ring was, in a file that can be looked at later, elsewhere, and by other tools.
//!
//! The container is [MCAP](https://mcap.dev), profile `zbqtop`: chunks compressed with zstd, with an index and CRCs. Each
//! ring has its channels, `zbq/NAME/…`, where NAME is the producer's command, the ring's id and the inode of its
//! control region:
//!
//! - `state` (encoding `json`): the object of `"rings"` in `snapshot --json`, with `captured_at` and `interval_ns`; the schema
//!   of the channel is `assets/snapshot.schema.json`.
//! - `events` (encoding `json`): one event each, as in `"events"`; its schema is `assets/event.schema.json`.
//! - `messages` (encoding `zbq`): the 24 bytes of [`MessageRecord`](crate::capture::MessageRecord), then, of a message, its header and payload as they lay in the
//!   ring; of a gap, why there is one, in words. Its log time is the look at which the message was first seen.
//! - `decoded` (encoding `json`), if it was asked for: of each message `offset`, `seq_id`, and `decoded` or `decode_error`.
//! - `pages` (encoding `zbq-pages`), of a dump: the memory of the ring, as [`Page`] says.
//!
//! A channel's metadata tell `schema_version`, `zbqtop_version`, `host`, and the ring's `id`. Times are nanoseconds since 1970,
//! UTC. States and events have chunks of their own, so that they are found without reading messages.
//!
//! Owns the file. Refuses to know where it is shown.

mod batch;
mod channel;
mod dump;
mod export;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
#[cfg(test)]
mod hostile;
mod live;
mod page;
mod playback;
mod player;
mod reader;
mod recorder;
mod restored;
mod state;
mod writer;

pub use channel::{Content, RingName};
pub use dump::{dump, dump_headers};
pub use live::Live;
pub use page::{Page, Part};
pub use playback::{Playback, PlayedRing};
pub use player::Player;
pub use reader::{Recording, RecordingError};
pub use recorder::{
    FilePlan, MessagePlan, Output, Progress, Recorder, RecordingPlan, RecordingStep, RingPlan,
    Trigger, create, named,
};
pub use state::RecordedState;
pub use writer::{RecordingWriter, Written};
