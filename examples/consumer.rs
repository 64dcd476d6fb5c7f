//! A consumer: `cargo run --example consumer /tmp/quotes.sock`, beside a `producer`.

use std::io::Write as _;
use std::time::Duration;

use zbqtop::ring::{Consumer, Error, WakeupMode};

fn main() -> Result<(), Error> {
    let path = std::env::args().nth(1).unwrap_or("/tmp/quotes.sock".into());
    let mut consumer = Consumer::connect(path, WakeupMode::Push, Duration::from_secs(5))?;
    while !consumer.is_evicted() {
        consumer.wait(Duration::from_secs(1))?;
        let mut drain = consumer.drain();
        while let Some(message) = drain.message()? {
            if !message.header.is_filler() {
                let payload = message.payload.to_vec()?;
                if writeln!(std::io::stdout(), "{}", payload.escape_ascii()).is_err() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
