//! Options of `metrics`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::tail::AgeArgs;
use super::target::{Configuration, Target};
use super::values::period;

/// Options of `metrics`.
#[derive(Args, Clone, Debug)]
pub struct MetricsArgs {
    /// Which ring.
    #[command(flatten)]
    pub target: Target,
    /// Serve them over HTTP at ADDRESS.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:9937", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// Write them to FILE, which is replaced as a whole: for node_exporter's textfile collector.
    #[arg(long, value_name = "FILE")]
    pub textfile: Option<PathBuf>,
    /// Write FILE repeatedly, this often [default with --listen: 15s]
    #[arg(long, value_name = "TIME", value_parser = period, requires = "textfile")]
    pub every: Option<Duration>,
    /// Samples a second of each ring, with --listen or --every.
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rate: u32,
    /// How old messages are.
    #[command(flatten)]
    pub ages: AgeArgs,
    /// Where the settings are.
    #[command(flatten)]
    pub configuration: Configuration,
}

/// `127.0.0.1:9937`, `[::1]:9937`, `localhost:9937` or `:9937`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let expected = || "expected an address and a port, as in 127.0.0.1:9937".to_owned();
    let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
    let host = match host {
        "" | "localhost" => "127.0.0.1",
        host => host,
    };
    format!("{host}:{port}").parse().map_err(|_| expected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for (text, expected) in [
            ("127.0.0.1:9937", Some("127.0.0.1:9937")),
            ("[::1]:1", Some("[::1]:1")),
            (":80", Some("127.0.0.1:80")),
            ("localhost:0", Some("127.0.0.1:0")),
            ("0.0.0.0:9937", Some("0.0.0.0:9937")),
            ("9937", None),
            ("127.0.0.1", None),
            ("::1:1:x", None),
            ("example.org:80", None),
            ("127.0.0.1:65536", None),
        ] {
            let found = address(text).ok().map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
