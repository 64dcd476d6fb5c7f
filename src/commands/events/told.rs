//! Where events go: to stdout, and to the command that was asked for.

use std::io::{self, Write as _};
use std::time::Duration;

use super::hook::Hook;
use super::journal;
use crate::cli::EventsArgs;
use crate::observe::model::{Event, Severity};
use crate::output::events::{EventStyle, RingEvent};
use crate::shutdown::StopSignal;
use crate::stdout::{Printer, Stdout};

/// Where an event waits for the command, that is tried again this often.
const PATIENCE: Duration = Duration::from_millis(5);

/// Where events are told.
pub(super) struct Told<'a> {
    out: &'a mut Printer,
    style: EventStyle,
    least: Severity,
    hook: Option<Hook>,
    /// Events wait until the command can be run for them, unless this is asked for.
    patient_until: Option<StopSignal>,
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
            patient_until: None,
        })
    }

    /// Lets no event be missed: what was recorded can wait, until the end is asked for.
    pub(super) fn patient_until(mut self, ending: &StopSignal) -> Self {
        self.patient_until = Some(ending.clone());
        self
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
        line.write(self.out, self.style)?;
        let Some(hook) = &mut self.hook else {
            return Ok(());
        };
        let mut waiting = hook.hand_over(line.to_json());
        while let Some(event) = waiting {
            if (self.patient_until.as_ref()).is_none_or(StopSignal::asked) {
                hook.miss();
                break;
            }
            self.out.flush()?;
            Stdout::now().sleep(PATIENCE)?;
            waiting = hook.hand_over(event);
        }
        Ok(())
    }

    /// Writes out what was told, and waits so long for more.
    ///
    /// # Errors
    /// Those of stdout; [`io::ErrorKind::BrokenPipe`] also when nothing was told and its reader has gone.
    pub(super) fn rest(&mut self, time: Duration) -> io::Result<()> {
        self.out.flush()?;
        Stdout::now().sleep(time)
    }

    /// Writes out what was told; with `finish`, the command is run for all events that wait.
    ///
    /// # Errors
    /// Those of stdout.
    pub(super) fn end(self, finish: bool) -> io::Result<()> {
        self.out.flush()?;
        if let Some(hook) = self.hook.filter(|_| finish) {
            hook.finish();
        }
        Ok(())
    }
}
