//! The numbers of a ring over time, judged: rates and ages, states, findings and events.

mod departed_pasts;
mod episode;
mod events;
mod findings;
mod history;
mod states;
mod time_series;
mod who;

pub use events::Events;
pub use findings::findings;
pub use history::History;
pub use states::{Context, consumer_state, is_refused, ring_state};
pub use who::who;
