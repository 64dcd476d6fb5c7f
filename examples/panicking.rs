//! The dashboard on a source that panics after a few samples: for the test that the terminal is given back all the
//! same.

use std::time::Duration;

use zbqtop::observe::frame::{Frame, Listing, Source};
use zbqtop::ui::{Options, run};

struct Panicking(u32);

impl Source for Panicking {
    fn list(&mut self) -> Listing {
        self.0 += 1;
        assert!(self.0 < 3, "looked too often");
        Listing::default()
    }

    fn attach(&mut self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn sample(&mut self) -> Option<Frame> {
        None
    }
}

fn main() -> std::io::Result<()> {
    let options = Options {
        interval: Duration::from_millis(100),
        ..Options::default()
    };
    run(&mut Panicking(0), options)
}
