//! What benches are made of: the reference's producer and consumer, as fast as they can be, in processes of their
//! own, and the ways to measure them.
#![expect(
    unsafe_code,
    reason = "the reference is called through its C interface, to be as fast as it can be"
)]
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each bench needs only some of it"
)]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const ZBQTOP: &str = env!("CARGO_BIN_EXE_zbqtop");

/// The reference's producer, without anything in between. Every message has the same length, which divides the
/// ring's capacity, so that laps end evenly.
pub(crate) struct Ring {
    producer: *mut zbq_sys::zbq_producer,
    message: u64,
}

impl Ring {
    /// A ring of `capacity` bytes for messages of `message` bytes, headers included.
    pub(crate) fn create(capacity: u64, message: u64) -> Self {
        assert_eq!(capacity % message, 0);
        let params = zbq_sys::zbq_producer_params {
            ring_capacity: capacity,
            clog_threshold: 1000,
            stall_timeout_ns: 60_000_000_000,
            max_consumers: 64,
        };
        let mut producer = std::ptr::null_mut();
        // SAFETY: both pointers are to live values; the producer is used by this thread alone and never destroyed.
        let outcome = unsafe { zbq_sys::zbq_producer_create(&mut producer, &params) };
        assert_eq!(outcome, 0);
        Self { producer, message }
    }

    pub(crate) fn scan(&mut self) {
        // SAFETY: the producer is live.
        let outcome = unsafe { zbq_sys::zbq_producer_scan(self.producer) };
        assert_eq!(outcome, 0);
    }

    /// Fails for whoever has gone already.
    pub(crate) fn join(&mut self, conn: &UnixStream, mode: &str) {
        let mut slot = 0;
        let mode = match mode {
            "push" => zbq_sys::zbq_wakeup_mode::ZBQ_WAKEUP_PUSH,
            _ => zbq_sys::zbq_wakeup_mode::ZBQ_WAKEUP_PULL,
        };
        // SAFETY: the producer is live, the socket is open for the call, and `slot` outlives it.
        unsafe {
            zbq_sys::zbq_producer_handshake(self.producer, conn.as_raw_fd(), mode, &mut slot)
        };
    }

    /// One message whose payload begins with `stamp`; false when there is no room.
    pub(crate) fn send(&mut self, stamp: u64) -> bool {
        // SAFETY: the producer is live; a run of at least `message` bytes at `base` is ours to write until the commit.
        unsafe {
            let run = zbq_sys::zbq_producer_query(self.producer);
            if run.max_bytes < self.message {
                return false;
            }
            let header = run.base.cast::<zbq_sys::zbq_msg_header>();
            (*header).payload_len = (self.message - 16) as u32;
            (*header).fd_count = 0;
            (*header).flags = 0;
            (*header).reserved = 0;
            (*header).seq_id = stamp;
            let payload = run.base.cast::<u8>().add(16);
            payload.write_bytes(stamp as u8, self.message as usize - 16);
            payload.cast::<u64>().write_unaligned(stamp);
            zbq_sys::zbq_producer_commit(
                self.producer,
                self.message,
                zbq_sys::zbq_commit_flags::ZBQ_COMMIT_NONE,
            )
        }
    }

    /// Sends descriptors ahead of the message with this number, to whoever has room.
    pub(crate) fn broadcast(&mut self, number: u64, fds: &[i32]) {
        let count = u8::try_from(fds.len()).expect("few");
        // SAFETY: the producer is live, and `fds` has as many descriptors as is said.
        unsafe {
            zbq_sys::zbq_producer_broadcast_fds(self.producer, number, fds.as_ptr(), count);
        }
    }

    /// Commits as fast as the reference can. Scans whenever somebody connects, and then lets them in.
    pub(crate) fn flat_out(mut self, socket: &str, mode: &str) -> ! {
        let listener = listen(socket);
        loop {
            for number in 0..(1 << 22) / self.message {
                self.send(number);
            }
            if let Some(conn) = accept(&listener) {
                self.scan();
                self.join(&conn, mode);
            }
        }
    }

    /// Sends at `rate` messages a second, each with the time in its payload, to whoever joins.
    pub(crate) fn paced(mut self, socket: &str, mode: &str, rate: u64) -> ! {
        let listener = listen(socket);
        let (started, mut sent) = (Instant::now(), 0);
        loop {
            if let Some(conn) = accept(&listener) {
                self.join(&conn, mode);
            }
            while sent < started.elapsed().as_nanos() as u64 / (1_000_000_000 / rate) {
                self.send(now());
                sent += 1;
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

/// Listens, and says which of our descriptors is the control region.
fn listen(socket: &str) -> UnixListener {
    let listener = UnixListener::bind(socket).expect("a free path");
    listener.set_nonblocking(true).expect("a socket");
    let fds = std::fs::read_dir("/proc/self/fd").expect("our own");
    let ctrl = fds.flatten().find(|fd| {
        std::fs::read_link(fd.path()).is_ok_and(|link| link.to_string_lossy().contains("zbq_ctrl"))
    });
    println!(
        "{}",
        ctrl.expect("it was made").file_name().to_string_lossy()
    );
    listener
}

fn accept(listener: &UnixListener) -> Option<UnixStream> {
    let (conn, _) = listener.accept().ok()?;
    conn.set_nonblocking(false).expect("a socket");
    Some(conn)
}

/// A stock consumer that looks at each message and publishes it, and waits as its mode says; `idle` between two looks
/// in a pull slot that has nothing to look at.
pub(crate) fn stock_consumer(socket: &str, idle: Duration) {
    let conn = UnixStream::connect(socket).expect("a producer");
    let consumer = zbq::Consumer::join(conn.as_raw_fd(), zbq::WakeupMode::Pull).expect("a slot");
    while consumer.is_alive() {
        while let Ok(Some(message)) = consumer.peek() {
            consumer.publish(message.logical_offset() + message.total_len());
        }
        match idle {
            Duration::ZERO => std::hint::spin_loop(),
            idle => std::thread::sleep(idle),
        }
    }
}

/// Nanoseconds of CLOCK_MONOTONIC, the same in every process.
pub(crate) fn now() -> u64 {
    zbqtop::ring::clock::monotonic_ns()
}

/// A producer in a process of its own, and its control region.
pub(crate) struct Producer {
    pub(crate) role: Role,
    pub(crate) socket: PathBuf,
    ctrl: File,
    message: u64,
}

impl Producer {
    /// Starts this program as `name`, with the socket, the mode and the length of messages as arguments.
    pub(crate) fn start(name: &str, mode: &str, message: u64, more: &[&str]) -> Self {
        let socket = std::env::temp_dir().join(format!(
            "zbqtop-bench-{}-{}.sock",
            std::process::id(),
            now()
        ));
        let path = socket.to_str().expect("a temporary path is text");
        let length = message.to_string();
        let mut role = role(&[&[name, path, mode, &length], more].concat());
        let mut line = String::new();
        BufReader::new(role.0.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("it says ready");
        let ctrl = format!("/proc/{}/fd/{}", role.0.id(), line.trim());
        let ctrl = File::open(ctrl).expect("its control region");
        Self {
            role,
            socket,
            ctrl,
            message,
        }
    }

    pub(crate) fn pid(&self) -> String {
        self.role.0.id().to_string()
    }

    pub(crate) fn path(&self) -> &str {
        self.socket.to_str().expect("a temporary path is text")
    }

    pub(crate) fn head(&self) -> u64 {
        let mut bytes = [0; 8];
        self.ctrl
            .read_exact_at(&mut bytes, 0)
            .expect("the control region is there");
        u64::from_ne_bytes(bytes)
    }

    /// Messages a second over one second, from head.
    pub(crate) fn rate(&self) -> f64 {
        self.rate_over(Duration::from_secs(1))
    }

    /// Messages a second over that time, from head.
    pub(crate) fn rate_over(&self, time: Duration) -> f64 {
        let (started, before) = (Instant::now(), self.head());
        std::thread::sleep(time);
        (self.head() - before) as f64 / self.message as f64 / started.elapsed().as_secs_f64()
    }

    /// Makes it scan, which frees the slots of those who are gone.
    pub(crate) fn clear(&self) {
        drop(UnixStream::connect(&self.socket).expect("it listens"));
        std::thread::sleep(Duration::from_millis(100));
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// A child that ends with its handle.
pub(crate) struct Role(pub(crate) Child);

impl Role {
    pub(crate) fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This program, as something else.
pub(crate) fn role(arguments: &[&str]) -> Role {
    spawn(Command::new(std::env::current_exe().expect("we are a file")).args(arguments))
}

pub(crate) fn spawn(command: &mut Command) -> Role {
    Role(
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child starts"),
    )
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A figure of `/proc/PID/status`, as the kernel gives it: KiB where it is memory.
pub(crate) fn status(pid: i32, field: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .expect("the kernel knows the field");
    line.split_whitespace()
        .next()
        .and_then(|value| value.parse().ok())
        .expect("a number")
}

/// Seconds of processor time that the process's threads have used so far, to the nanosecond. Threads that have ended
/// are not in it.
pub(crate) fn cpu(pid: i32) -> f64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it lives");
    let times = threads.flatten().filter_map(|thread| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    times.sum::<f64>() / 1e9
}
