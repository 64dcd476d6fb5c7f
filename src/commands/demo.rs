//! `demo`: runs a ring and shows it, or just runs it.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use crate::demo::Demo;
use crate::shutdown::StopSignal;
use crate::stdout::Stdout;

/// Runs the demo's ring: with `headless` until the end is asked for, else for as long as `show`, which is given the
/// producer's pid, takes.
///
/// # Errors
/// When the ring does not come up, or those of `show`.
pub fn demo(headless: bool, show: impl FnOnce(i32) -> anyhow::Result<()>) -> anyhow::Result<()> {
    if !headless {
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            anyhow::bail!(
                "the demo's screen needs a terminal; `zbqtop demo --headless` only runs its ring"
            );
        }
        let demo = Demo::start(true)?;
        return show(demo.pid());
    }
    let ending = StopSignal::watch()?;
    let mut demo = Demo::start(false)?;
    let mut out = Stdout::printer();
    writeln!(
        out,
        "pid {}\nsocket {}",
        demo.pid(),
        demo.socket().display()
    )?;
    out.flush()?;
    while !ending.asked() {
        if !demo.runs()? {
            anyhow::bail!("the demo's producer has ended");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
