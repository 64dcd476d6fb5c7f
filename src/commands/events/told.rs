//! Where events go: to stdout, and to the command that was asked for.

use std::io::{self, Write as _};
use std::time::Duration;

use super::hook::Hook;
use super::journal;
use crate::cli::EventsArgs;
use crate::observe::model::{Event, Severity};
use crate::output::events::{EventStyle, RingEvent};
use crate::stdout::{Printer, Stdout};

/// Where events are told.
pub(super) struct Told<'a> {
    out: &'a mut Printer,
    style: EventStyle,
    least: Severity,
    hook: Option<Hook>,
}

impl<'a> Told<'a> {
    /// As `options` say.
    ///
    /// # Errors
    /// When no thread can be had for the command.
    pub(super) fn new(options: &EventsArgs, out: &'a mut Printer) -> io::Result<Self> {
        let hook = options.exec.as_deref();
        let hook = hook.map(|command| Hook::start(command, options.exec_timeout));
        Ok(Self {
            out,
            style: EventStyle {
                json: options.json,
                priorities: journal::reads_stdout(),
            },
            least: options.severity.into(),
            hook: hook.transpose()?,
        })
    }

    /// Tells an event, if it is bad enough.
    ///
    /// # Errors
    /// Those of stdout.
    pub(super) fn tell(
        &mut self,
        ring: &str,
        producer: Option<&str>,
        event: &Event,
    ) -> io::Result<()> {
        if event.severity < self.least {
            return Ok(());
        }
        let line = RingEvent {
            ring,
            producer,
            event,
        };
        if let Some(hook) = &mut self.hook {
            hook.hand_over(line.to_json());
        }
        line.write(self.out, self.style)
    }

    /// Writes out what was told, and waits so long for more.
    ///
    /// # Errors
    /// Those of stdout; [`io::ErrorKind::BrokenPipe`] also when nothing was told and its reader has gone.
    pub(super) fn rest(&mut self, time: Duration) -> io::Result<()> {
        self.out.flush()?;
        Stdout::now().sleep(time)
    }

    /// Writes out what was told; with `finish`, commands that were begun or wait are awaited.
    ///
    /// # Errors
    /// Those of stdout.
    pub(super) fn end(self, finish: bool) -> io::Result<()> {
        if let Some(hook) = self.hook {
            hook.end(finish);
        }
        self.out.flush()
    }
}
