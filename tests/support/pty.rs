//! The real program in a real pseudo-terminal, and what is on its screen.
#![expect(
    unsafe_code,
    reason = "the child must get a session and a terminal of its own between fork and exec"
)]

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// Longer than anything takes on the slowest machine; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the terminal does with what the program writes.
const READS: u8 = 0;
const HOLDS: u8 = 1;
const GONE: u8 = 2;

/// A program in a terminal.
pub(crate) struct Terminal {
    child: Child,
    /// `None` once it is gone.
    master: Option<File>,
    mood: Arc<AtomicU8>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// Everything the program wrote.
    pub(crate) raw: Vec<u8>,
}

impl Terminal {
    /// Starts `command` in a terminal of `rows` × `columns`.
    pub(crate) fn start(command: &mut Command, rows: u16, columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("a pty can be had");
        grantpt(&master).expect("the pty is ours");
        unlockpt(&master).expect("the pty can be unlocked");
        let name = ptsname(&master, Vec::new()).expect("the pty has a name");
        let slave: OwnedFd = rustix::fs::open(
            name,
            rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )
        .expect("the terminal's end opens");
        resize(&slave, rows, columns);
        let end = || slave.try_clone().expect("a descriptor is left");
        command.stdin(end()).stdout(end()).stderr(end());
        // What a test has set stands; what whoever runs it has set does not.
        let set: Vec<_> = command
            .get_envs()
            .map(|(name, _)| name.to_owned())
            .collect();
        let unset = |name: &str| !set.iter().any(|set| set == name);
        if unset("TERM") {
            command.env("TERM", "xterm-256color");
        }
        for name in ["COLORTERM", "NO_COLOR"]
            .into_iter()
            .filter(|name| unset(name))
        {
            command.env_remove(name);
        }
        // SAFETY: setsid and an ioctl are async-signal-safe, and neither allocates.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                Ok(())
            });
        }
        let child = command.spawn().expect("the program starts");
        drop(slave);
        // The Command keeps its copies of the terminal; without them our reader sees the program's end.
        command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        let master = File::from(master);
        let mut reader = master.try_clone().expect("a descriptor is left");
        let (sender, output) = channel();
        let mood = Arc::new(AtomicU8::new(READS));
        let ours = Arc::clone(&mood);
        std::thread::spawn(move || {
            let mut bytes = [0; 1 << 14];
            let tick = Timespec {
                tv_sec: 0,
                tv_nsec: 20_000_000,
            };
            loop {
                match ours.load(Ordering::SeqCst) {
                    GONE => break,
                    HOLDS => std::thread::sleep(Duration::from_millis(5)),
                    _ => {
                        let mut fds = [PollFd::new(&reader, PollFlags::IN)];
                        if !rustix::event::poll(&mut fds, Some(&tick)).is_ok_and(|ready| ready > 0)
                        {
                            continue;
                        }
                        match reader.read(&mut bytes) {
                            Ok(read) if read > 0 && sender.send(bytes[..read].to_vec()).is_ok() => {
                            }
                            _ => break,
                        }
                    }
                }
            }
        });
        let size = |cells| NonZeroU16::new(cells).expect("a terminal has cells");
        let parser = vt100::Parser::new(size(rows), size(columns), 0);
        Self {
            child,
            master: Some(master),
            mood,
            output,
            parser,
            raw: Vec::new(),
        }
    }

    /// The program's pid.
    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.master()
            .write_all(keys.as_bytes())
            .expect("the terminal takes keys");
    }

    fn master(&self) -> &File {
        self.master.as_ref().expect("it is not gone")
    }

    /// Takes nothing of what the program writes, as one that was stopped or whose connection stalls; or goes on.
    pub(crate) fn hold(&self, holds: bool) {
        let mood = if holds { HOLDS } else { READS };
        self.mood.store(mood, Ordering::SeqCst);
    }

    /// Whether the program has read all that was typed.
    pub(crate) fn has_been_heard(&self) -> bool {
        let path = format!("/proc/{}/fd/0", self.pid());
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NOCTTY;
        let stdin = rustix::fs::open(path, flags, rustix::fs::Mode::empty());
        let unread = rustix::io::ioctl_fionread(stdin.expect("it lives")).expect("a terminal");
        unread == 0
    }

    /// Goes away, as when its window is closed.
    pub(crate) fn hang_up(&mut self) {
        self.mood.store(GONE, Ordering::SeqCst);
        self.master = None;
        while self.output.recv().is_ok() {}
    }

    /// Whether lines are edited and echoed, as a shell needs it.
    pub(crate) fn is_cooked(&self) -> bool {
        let modes = tcgetattr(self.master()).expect("a terminal").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// Writes on the screen as another program would.
    pub(crate) fn scribble(&mut self, text: &str) {
        self.screen();
        self.parser.process(text.as_bytes());
    }

    /// Changes the terminal's size.
    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        resize(self.master(), rows, columns);
        let size = |cells| NonZeroU16::new(cells).expect("a terminal has cells");
        self.parser.screen_mut().set_size(size(rows), size(columns));
    }

    /// The screen now.
    pub(crate) fn screen(&mut self) -> &vt100::Screen {
        while let Ok(bytes) = self.output.try_recv() {
            self.parser.process(&bytes);
            self.raw.extend(bytes);
        }
        self.parser.screen()
    }

    /// The screen's text now.
    pub(crate) fn text(&mut self) -> String {
        self.screen().contents()
    }

    /// Waits until the screen's text is as `wanted`, and returns it.
    pub(crate) fn wait(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            if wanted(&text) {
                return text;
            }
            assert!(
                Instant::now() < deadline,
                "{what} did not come; the screen is:\n{text}"
            );
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(100)) {
                self.parser.process(&bytes);
                self.raw.extend(bytes);
            }
        }
    }

    /// Waits until what the program wrote, escape sequences and all, is as `wanted`.
    pub(crate) fn wait_raw(&mut self, what: &str, wanted: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.screen();
            let raw = String::from_utf8_lossy(&self.raw);
            if wanted(&raw) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{what} did not come; it wrote:\n{raw:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the program ends.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("our child can be waited for") {
                // What it wrote last is still on its way through the reader.
                while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(200)) {
                    self.parser.process(&bytes);
                    self.raw.extend(bytes);
                }
                return status;
            }
            let text = self.text();
            assert!(
                Instant::now() < deadline,
                "the program does not end; the screen is:\n{text}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn resize(terminal: &impl std::os::fd::AsFd, rows: u16, columns: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).expect("a terminal has a size");
}
