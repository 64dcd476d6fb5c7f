//! Metrics between the thread that samples rings and those who ask: what was written is written once a round of samples.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::exposition::Encoding;
use super::store::Metrics;

/// Metrics that several threads share.
#[derive(Debug, Default)]
pub struct PublishedMetrics(Mutex<Published>);

#[derive(Debug, Default)]
struct Published {
    metrics: Metrics,
    /// As they were written since the last round.
    classic: Option<Arc<str>>,
    open: Option<Arc<str>>,
}

impl PublishedMetrics {
    /// Changes them.
    pub fn change(&self, change: impl FnOnce(&mut Metrics)) {
        let mut published = self.lock();
        change(&mut published.metrics);
        (published.classic, published.open) = (None, None);
    }

    /// All of it, as it stands now.
    pub fn text(&self, encoding: Encoding) -> Arc<str> {
        let published = &mut *self.lock();
        let written = match encoding {
            Encoding::Classic => &mut published.classic,
            Encoding::OpenMetrics => &mut published.open,
        };
        let metrics = &mut published.metrics;
        Arc::clone(written.get_or_insert_with(|| metrics.write(encoding).into()))
    }

    fn lock(&self) -> MutexGuard<'_, Published> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
