//! What is answered.

use std::sync::Arc;

/// What is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its media type.
    pub content_type: &'static str,
    /// All of it; many may be reading it.
    pub body: Arc<str>,
}
