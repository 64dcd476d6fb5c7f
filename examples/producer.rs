//! A producer: `cargo run --example producer /tmp/quotes.sock`, and then a `consumer` or two, and `zbqtop`.

use std::time::Duration;

use zbqtop::ring::{Error, Producer, ProducerParams, Rendezvous};

fn main() -> Result<(), Error> {
    let path = std::env::args().nth(1).unwrap_or("/tmp/quotes.sock".into());
    let mut producer = Producer::create(ProducerParams::default())?;
    let rendezvous = Rendezvous::bind(path)?;
    for number in 0_u64.. {
        // A consumer that does not keep to the protocol is turned away, and no reason to end.
        let _ = rendezvous.admit(&mut producer);
        match producer.send(format!("quote {number}").as_bytes()) {
            Ok(_) | Err(Error::Full { .. }) => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
