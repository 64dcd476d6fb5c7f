//! Rings as metrics, for Prometheus and whoever else reads its formats.
//!
//! One table of families (`families`) makes both encodings, the classic text format 0.0.4 and OpenMetrics 1.0.0
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>, <https://prometheus.io/docs/specs/om/open_metrics_spec/>).
//! What is not known has no sample. It knows neither where samples come from nor who reads them.

mod exposition;
mod families;
mod histogram;
pub mod http;
mod labels;
mod published;
mod series;
mod store;
mod textfile;
mod written;

pub use exposition::Encoding;
pub use published::PublishedMetrics;
pub use store::Metrics;
pub use textfile::replace;
