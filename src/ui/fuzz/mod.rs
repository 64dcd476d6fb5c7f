//! Any keys, any bytes and any ring: the dashboard goes on, and shows nothing that acts.

mod dashboard;
mod escaping;
mod harmless;
mod query;

pub use super::terminal::fuzz::input_decoder;
pub use dashboard::dashboard;
#[cfg(test)]
pub(super) use dashboard::draw_inside;
pub use escaping::escaping;
pub use query::query;
