//! A live ring to look at: a producer and four consumers, each a process of its own, on our own implementation.
//!
//! Owns the processes: however the parent ends, none is left behind. The kernel sends each child a signal when its
//! parent dies, and the parent ends them itself when it can. What each process does is in [`roles`].

mod payload;
pub mod roles;

use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use roles::DemoRole;

/// How long the producer gets to clean up before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// The processes of a demo; dropping it ends them.
#[derive(Debug)]
pub struct Demo {
    directory: PathBuf,
    producer: Child,
    consumers: Vec<Child>,
}

impl Demo {
    /// Starts the ring. `quiet` keeps the children's complaints off a screen that is drawn on.
    ///
    /// # Errors
    /// When a process cannot be started, or the producer does not come up.
    pub fn start(quiet: bool) -> anyhow::Result<Self> {
        let directory = std::env::temp_dir().join(format!("zbqtop-demo-{}", std::process::id()));
        // Ours alone, or not at all: nobody else is to put a socket there. One of the same name that a demo before us
        // has left goes; what belongs to another user does not, and is not used.
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .with_context(|| format!("create {}", directory.display()))?;
        let socket = directory.join("ring.sock");
        let mut producer = spawn(DemoRole::Producer, &socket, quiet)?;
        let mut ready = String::new();
        if let Some(stdout) = producer.stdout.take() {
            BufReader::new(stdout).read_line(&mut ready)?;
        }
        let mut demo = Self {
            directory,
            producer,
            consumers: Vec::new(),
        };
        if ready.is_empty() {
            bail!("the demo's producer did not come up");
        }
        for role in [
            DemoRole::Fast,
            DemoRole::Poller,
            DemoRole::Slow,
            DemoRole::Flaky,
        ] {
            demo.consumers.push(spawn(role, &socket, quiet)?);
        }
        Ok(demo)
    }

    /// The producer's pid.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.producer.id().cast_signed()
    }

    /// The ring's rendezvous socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("ring.sock")
    }

    /// Whether the producer still runs.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn runs(&mut self) -> io::Result<bool> {
        Ok(self.producer.try_wait()?.is_none())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        for consumer in &mut self.consumers {
            // An error means that it has ended already.
            let _ = consumer.kill();
            let _ = consumer.wait();
        }
        if let Some(pid) = Pid::from_raw(self.pid()) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + GRACE;
        while self.runs().unwrap_or(false) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.producer.kill();
        let _ = self.producer.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn spawn(role: DemoRole, socket: &Path, quiet: bool) -> anyhow::Result<Child> {
    let name = clap::ValueEnum::to_possible_value(&role).map(|value| value.get_name().to_owned());
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("zbqtop")
        .arg("demo-role")
        .arg(name.unwrap_or_default())
        .arg(socket)
        .arg(std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(if role == DemoRole::Producer {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stderr(if quiet {
            Stdio::null()
        } else {
            Stdio::inherit()
        });
    command.spawn().context("start a process of the demo")
}
