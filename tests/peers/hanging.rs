//! The dashboard on a source that hangs, for the tests that keys, the screen and the end do not wait for it. The
//! argument says where: `list`, `attach`, `sample`; or `a while`: it answers after a second.

use std::io;
use std::time::Duration;

use zbqtop::observe::model::{Frame, Health, Listing, RingListing, RingSource, RingState};
use zbqtop::ui::{Options, run};

struct Hanging(String);

impl Hanging {
    fn at(&self, place: &str) {
        if self.0 == place {
            std::thread::sleep(Duration::from_secs(3600));
        }
    }
}

impl RingSource for Hanging {
    fn list(&mut self) -> Listing {
        self.at("list");
        if self.0 == "a while" {
            std::thread::sleep(Duration::from_secs(1));
            self.0.clear();
        }
        let rings = [7, 8].map(|pid| RingListing {
            id: format!("{pid}/3"),
            pid,
            command: None,
            ring_capacity: Some(4096),
            producer_head: Some(0),
            consumers: None,
            free_bytes: None,
            last_event: None,
            bytes_per_second: None,
            state: RingState::Unknown,
            health: Health::Unknown,
            reason: String::new(),
            sockets: Some(Vec::new()),
            through: None,
            worst_finding: None,
            worst_consumer: None,
        });
        Listing {
            rings: rings.into(),
            limits: Vec::new(),
        }
    }

    fn attach(&mut self, _: &str) -> Result<(), String> {
        self.at("attach");
        Ok(())
    }

    fn sample(&mut self) -> Option<Frame> {
        self.at("sample");
        None
    }
}

fn main() -> io::Result<()> {
    let place = std::env::args().nth(1).unwrap_or_default();
    let options = Options {
        target: (place == "sample").then(|| "7/3".into()),
        ..Options::default()
    };
    run(Hanging(place), options)
}
