//! Parts of the program on something that panics, for the tests that what they took is given back all the same: the
//! dashboard on a source, which has taken the terminal, and, with the arguments of `zbqtop tail --lossless`, that on an
//! output, when it has taken a slot and holds ring space.

use std::io;
use std::time::Duration;

use clap::Parser as _;

use zbqtop::cli::{Cli, Command};
use zbqtop::commands::tail::lossless;
use zbqtop::observe::model::{Frame, Listing, RingSource};
use zbqtop::shutdown::StopSignal;
use zbqtop::stdout::Output;
use zbqtop::ui::{Options, run};

struct Panicking(u32);

impl RingSource for Panicking {
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

impl Output for Panicking {
    fn write(&self, bytes: &[u8], _: &StopSignal) -> io::Result<bool> {
        panic!("{} bytes are too many", bytes.len())
    }

    fn sleep(&self, time: Duration) -> io::Result<()> {
        std::thread::sleep(time);
        Ok(())
    }
}

fn main() -> io::Result<()> {
    if std::env::args().len() > 1 {
        let Some(Command::Tail(options)) = Cli::parse().command else {
            panic!("the arguments of `tail --lossless`, or none");
        };
        let address = options.target.socket.as_deref().unwrap_or_default();
        return lossless(address, &options, Panicking(0)).map_err(io::Error::other);
    }
    let options = Options {
        interval: Duration::from_millis(100),
        ..Options::default()
    };
    run(Panicking(0), options)
}
