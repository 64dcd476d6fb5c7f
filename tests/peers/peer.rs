//! One end of a zbq ring as a process of its own, on the reference (`zbq`, C) or on zbqtop's own code. It owns what
//! tests, benches and people trying things out need of the other side: seeded contents that a consumer can verify,
//! and consumers that misbehave. `peer --help` says how.
#![expect(unsafe_code, reason = "the reference consumer is C")]
#![expect(clippy::print_stderr, reason = "a program says what went wrong")]

use clap::{Args, Parser, Subcommand, ValueEnum};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::time::Timespec;
use std::io::{BufRead as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::time::{Duration, Instant};
use zbqtop::ring::Consumer;
use zbqtop::ring::WakeupMode;
use zbqtop::ring::{CommitFlags, Producer, ProducerParams};
use zbqtop::ring::{FLAG_FILLER, MessageHeader};

type Failure = Box<dyn std::error::Error>;

/// A zbq producer or consumer, on the reference or on zbqtop's own code.
///
/// What happens is told on stdout, a line each: `ready` (producer listens), `joined slot=0 mode=push`,
/// `done messages=5 bytes=480 head=480 us=1200`, and the answers to commands. Exit status 1 and a line on stderr when
/// something is wrong; for a consumer that includes a message that is not what the seed says.
///
/// Both ends stop when stdin ends, and are killed when their parent dies. With `--hold` they stay after their messages
/// and obey lines on stdin.
/// Producer: `send N`, `scan`, `slots` (own implementation only), `fork helper`, `fork heir` (a child that goes on writing),
/// `destroy` (give the ring up and live on), `remake` (the same, and make another at the same socket), `exec` (become
/// another program), `fill` (write what looks like messages wherever there is room, and commit nothing), `join self` and `leave self` (a consumer in the producer's own process).
/// Consumer: `take N`, `publish +N` or `publish -N` (a tail that far from the true one: a lie), `status`, `leave`
/// (unmap everything and live on).
#[derive(Parser)]
struct Peer {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Make a ring, listen for consumers, send.
    Produce(Produce),
    /// Join a ring, receive, verify.
    Consume(Consume),
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Impl {
    /// The C code: through the `zbq` crate to produce, through `zbq-sys` to consume.
    Reference,
    /// zbqtop's own.
    Zbqtop,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Push,
    Pull,
}

#[derive(Args)]
struct Common {
    /// Whose code to run.
    #[arg(long = "impl", value_enum, default_value = "zbqtop")]
    implementation: Impl,
    /// Rendezvous socket: a path, or @NAME for an abstract one.
    #[arg(long)]
    socket: String,
    /// The rendezvous socket is SOCK_STREAM instead of SOCK_SEQPACKET.
    #[arg(long)]
    stream: bool,
    /// The slots' mode (producer), or the mode to ask for (consumer).
    #[arg(long, value_enum, default_value = "pull")]
    mode: Mode,
    /// How many messages to send or receive.
    #[arg(long, default_value_t = 0)]
    messages: u64,
    /// What contents and lengths are made from. Both ends must be given the same.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Longest payload; lengths are mixed from 0 up.
    #[arg(long, default_value_t = 300)]
    max_payload: usize,
    /// Every payload is this long instead, and has no contents to be verified: for measuring.
    #[arg(long)]
    payload: Option<usize>,
    /// With --payload: it begins with the time so many seconds ago, in ns since 1970, 8 bytes little-endian.
    #[arg(long, requires = "payload")]
    stamp: Option<u64>,
    /// Descriptors with every `--fds-every`th message.
    #[arg(long, default_value_t = 0)]
    fds: usize,
    /// See `--fds`.
    #[arg(long, default_value_t = 1000)]
    fds_every: u64,
    /// Stay after the messages, and obey commands on stdin.
    #[arg(long)]
    hold: bool,
    /// Go on when stdin ends.
    #[arg(long)]
    ignore_stdin: bool,
    /// End the main thread, and do everything in another one.
    #[arg(long)]
    main_ends: bool,
}

#[derive(Args)]
struct Produce {
    #[command(flatten)]
    common: Common,
    /// Bytes in the ring.
    #[arg(long, default_value_t = 1 << 16)]
    capacity: u64,
    /// Wait for this many consumers before sending. More may join at any time.
    #[arg(long, default_value_t = 1)]
    consumers: u32,
    /// Slots.
    #[arg(long, default_value_t = 16)]
    max_consumers: u32,
    /// Failed reservations before a scan.
    #[arg(long, default_value_t = 1000)]
    clog_threshold: u64,
    /// Milliseconds without progress before an eviction.
    #[arg(long, default_value_t = 5000)]
    stall_timeout: u64,
    /// Messages per second; 0 is flat out.
    #[arg(long, default_value_t = 0.0)]
    rate: f64,
    /// With --rate: so many at once, and then none until the next are due.
    #[arg(long, default_value_t = 1)]
    burst: u64,
    /// With the own implementation, reserve and commit like an application of the reference instead of `send`.
    #[arg(long)]
    raw: bool,
    /// Hold the control region by a lower descriptor, too: a watcher then cannot tell where the slot table lies.
    #[arg(long)]
    hidden_table: bool,
}

#[derive(Args)]
struct Consume {
    #[command(flatten)]
    common: Common,
    /// Microseconds to dawdle over each message.
    #[arg(long, default_value_t = 0)]
    slow: u64,
    /// With nothing to take, look again after so many milliseconds instead of spinning or waiting: messages are taken
    /// in bursts.
    #[arg(long, default_value_t = 0)]
    poll: u64,
    /// Take messages as they come, but publish once in so many milliseconds (own implementation only).
    #[arg(long, default_value_t = 0)]
    publish: u64,
    /// After the messages, fork, tell `forked pid=N`, and end; the child keeps what is mapped for two minutes.
    #[arg(long)]
    fork: bool,
    /// After the messages, die of SIGKILL: no destructor runs, nothing is said to the producer.
    #[arg(long)]
    abrupt: bool,
}

fn main() -> ExitCode {
    // Before anything that could outlive a parent which dies meanwhile.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let role = Peer::parse().role;
    let (Role::Produce(Produce { common, .. }) | Role::Consume(Consume { common, .. })) = &role;
    if !common.main_ends {
        return play(&role);
    }
    std::thread::spawn(move || {
        let status = u8::from(play(&role) != ExitCode::SUCCESS);
        std::process::exit(status.into());
    });
    // SAFETY: ends this thread alone, without unwinding; nothing that it owns is in use by another.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!("the thread has ended")
}

fn play(role: &Role) -> ExitCode {
    let outcome = match role {
        Role::Produce(options) => produce(options),
        Role::Consume(options) => consume(options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("peer: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// One line for the parent, at once.
fn say(line: std::fmt::Arguments<'_>) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

/// Lines from stdin, read by a thread of their own, because the ring's thread may be busy or asleep in a futex.
fn commands(common: &Common) -> Receiver<String> {
    let (lines, commands) = channel();
    let (hold, ignore_stdin) = (common.hold, common.ignore_stdin);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if hold && lines.send(line).is_err() {
                return;
            }
        }
        if !ignore_stdin {
            // Not by dropping the channel: a reference consumer asleep on a dead producer's futex would not notice.
            std::process::exit(0);
        }
        std::thread::sleep(Duration::MAX);
    });
    commands
}

// What messages are made of.

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Common {
    fn wakeup_mode(&self) -> WakeupMode {
        match self.mode {
            Mode::Push => WakeupMode::Push,
            Mode::Pull => WakeupMode::Pull,
        }
    }

    fn reference_mode(&self) -> zbq::WakeupMode {
        match self.mode {
            Mode::Push => zbq::WakeupMode::Push,
            Mode::Pull => zbq::WakeupMode::Pull,
        }
    }

    /// The payload of the message with this seq_id.
    fn payload_of(&self, seq_id: u64, payload: &mut Vec<u8>) {
        if let Some(len) = self.payload {
            payload.resize(len, b'z');
            if let (Some(ago), Some(stamp)) = (self.stamp, payload.first_chunk_mut()) {
                let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
                let made = now.saturating_sub(Duration::from_secs(ago));
                *stamp = (made.as_nanos() as u64).to_le_bytes();
            }
            return;
        }
        let key = mix(self.seed ^ seq_id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let len = (key % (self.max_payload as u64 + 1)) as usize;
        payload.clear();
        for word in 0..len.div_ceil(8) as u64 {
            payload.extend_from_slice(&mix(key.wrapping_add(word)).to_ne_bytes());
        }
        payload.truncate(len);
    }

    fn fds_of(&self, seq_id: u64) -> usize {
        if self.fds > 0 && seq_id.is_multiple_of(self.fds_every) {
            self.fds
        } else {
            0
        }
    }

    /// What can be read from the descriptor at `index` of a message.
    fn fd_contents(&self, seq_id: u64, index: usize) -> String {
        format!("seed {} message {seq_id} descriptor {index}", self.seed)
    }

    fn make_fds(&self, seq_id: u64) -> Result<Vec<OwnedFd>, Failure> {
        let make = |index| -> Result<OwnedFd, Failure> {
            let fd = rustix::fs::memfd_create("peer", rustix::fs::MemfdFlags::CLOEXEC)?;
            rustix::io::write(&fd, self.fd_contents(seq_id, index).as_bytes())?;
            Ok(fd)
        };
        (0..self.fds_of(seq_id)).map(make).collect()
    }

    fn check_fds(&self, seq_id: u64, fds: &[OwnedFd]) -> Result<(), Failure> {
        if fds.len() != self.fds_of(seq_id) {
            return Err(format!(
                "message {seq_id}: {} descriptors, expected {}",
                fds.len(),
                self.fds_of(seq_id)
            )
            .into());
        }
        for (index, fd) in fds.iter().enumerate() {
            let mut bytes = [0; 200];
            let read = rustix::io::pread(fd, &mut bytes, 0)?;
            let found = String::from_utf8_lossy(&bytes[..read]);
            let expected = self.fd_contents(seq_id, index);
            if found != expected {
                return Err(format!(
                    "message {seq_id}: descriptor {index} says {found:?}, expected {expected:?}"
                )
                .into());
            }
            if self.implementation == Impl::Zbqtop
                && !rustix::io::fcntl_getfd(fd)?.contains(rustix::io::FdFlags::CLOEXEC)
            {
                return Err(
                    format!("message {seq_id}: descriptor {index} is not close-on-exec").into(),
                );
            }
        }
        Ok(())
    }
}

// The producing end.

enum Tx {
    Own(Producer),
    OwnRaw(Producer),
    Reference(zbq::Producer),
}

/// Where the next message goes in a lap: as it is, or behind a message that fills the rest.
enum Fit {
    Here,
    Behind(u64),
}

fn fit(offset: u64, capacity: u64, total: u64) -> Fit {
    let to_end = capacity - offset % capacity;
    if total == to_end || total + 16 <= to_end {
        Fit::Here
    } else {
        Fit::Behind(to_end)
    }
}

fn filler(len: u64) -> [u8; 16] {
    MessageHeader {
        payload_len: (len - 16) as u32,
        flags: FLAG_FILLER,
        ..Default::default()
    }
    .to_bytes()
}

impl Tx {
    /// Sends one message; false if there was no room.
    fn send(
        &mut self,
        common: &Common,
        capacity: u64,
        seq_id: u64,
        payload: &[u8],
    ) -> Result<bool, Failure> {
        let fds = common.make_fds(seq_id)?;
        let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
        let total = 16 + payload.len() as u64;
        let header = MessageHeader {
            payload_len: payload.len() as u32,
            fd_count: fds.len() as u8,
            seq_id,
            ..Default::default()
        };
        match self {
            Self::Own(producer) if fds.is_empty() => is_sent(producer.send(payload)),
            Self::Own(producer) => is_sent(producer.send_with_fds(payload, &borrowed)),
            Self::OwnRaw(producer) => loop {
                let Some(mut run) = producer.reserve() else {
                    return Ok(false);
                };
                match fit(run.offset(), capacity, total) {
                    Fit::Behind(rest) if run.max_bytes() == rest => {
                        run.write_at(0, &filler(rest))?;
                        run.commit(rest, CommitFlags::None)?;
                    }
                    Fit::Here if run.max_bytes() >= total => {
                        run.write_at(0, &header.to_bytes())?;
                        run.write_at(16, payload)?;
                        run.broadcast_fds(seq_id, &borrowed)?;
                        run.commit(total, CommitFlags::None)?;
                        return Ok(true);
                    }
                    _ => return Ok(false),
                }
            },
            Self::Reference(producer) => loop {
                let Some(mut run) = producer.reserve() else {
                    return Ok(false);
                };
                match fit(run.offset(), capacity, total) {
                    Fit::Behind(rest) if run.max_bytes() == rest => {
                        run.as_mut_slice()[..16].copy_from_slice(&filler(rest));
                        run.commit(rest, zbq::CommitFlags::None)?;
                    }
                    Fit::Here if run.max_bytes() >= total => {
                        let bytes = run.as_mut_slice();
                        bytes[..16].copy_from_slice(&header.to_bytes());
                        bytes[16..total as usize].copy_from_slice(payload);
                        if !borrowed.is_empty() {
                            let raw: Vec<_> = borrowed.iter().map(AsRawFd::as_raw_fd).collect();
                            // zbq 0.1.1 takes the count of consumers reached for an error code, so success is an error.
                            let _ = run.broadcast_fds(seq_id, &raw);
                        }
                        run.commit(total, zbq::CommitFlags::None)?;
                        return Ok(true);
                    }
                    _ => return Ok(false),
                }
            },
        }
    }

    /// Fills all that is offered with what looks like messages of `payload`, and commits nothing.
    fn fill(&mut self, payload: &[u8]) -> Result<u64, Failure> {
        let mut bytes = Vec::new();
        let mut message = |seq_id: u64, most: usize| {
            bytes.clear();
            let header = MessageHeader {
                payload_len: payload.len() as u32,
                seq_id,
                ..Default::default()
            };
            bytes.extend_from_slice(&header.to_bytes());
            bytes.extend_from_slice(payload);
            bytes.truncate(most);
            bytes.clone()
        };
        let length = 16 + payload.len() as u64;
        match self {
            Self::Own(producer) | Self::OwnRaw(producer) => {
                let mut run = producer.reserve().ok_or("no room")?;
                let all = run.max_bytes();
                for (seq_id, at) in (1_000_000..).zip((0..all).step_by(length as usize)) {
                    run.write_at(at, &message(seq_id, (all - at) as usize))?;
                }
                Ok(all)
            }
            Self::Reference(producer) => {
                let mut run = producer.reserve().ok_or("no room")?;
                let all = run.max_bytes();
                let places = run.as_mut_slice().chunks_mut(length as usize);
                for (seq_id, place) in (1_000_000..).zip(places) {
                    place.copy_from_slice(&message(seq_id, place.len()));
                }
                Ok(all)
            }
        }
    }

    fn scan(&mut self) -> Result<(), Failure> {
        match self {
            Self::Own(producer) | Self::OwnRaw(producer) => producer.scan(),
            Self::Reference(producer) => producer.scan()?,
        }
        Ok(())
    }

    fn handshake(&mut self, conn: &OwnedFd, common: &Common) -> Result<u32, Failure> {
        Ok(match self {
            Self::Own(producer) | Self::OwnRaw(producer) => {
                producer
                    .handshake(conn, common.wakeup_mode(), Duration::from_secs(10))?
                    .0
            }
            Self::Reference(producer) => {
                producer.handshake(conn.as_raw_fd(), common.reference_mode())?
            }
        })
    }

    fn slots(&self) -> String {
        match self {
            Self::Own(producer) | Self::OwnRaw(producer) => {
                let slot = |s: zbqtop::ring::SlotInfo| {
                    format!("{}:{}:{}:{}", s.slot, s.mode, s.pid, s.tail_offset)
                };
                producer.slots().map(slot).collect::<Vec<_>>().join(" ")
            }
            Self::Reference(_) => "?".into(),
        }
    }
}

struct Sender<'a> {
    options: &'a Produce,
    /// A consumer in this very process.
    own: Option<Consumer>,
    tx: Tx,
    listener: OwnedFd,
    joined: u32,
    seq_id: u64,
    bytes: u64,
}

fn address(socket: &str) -> rustix::io::Result<SocketAddrUnix> {
    match socket.strip_prefix('@') {
        Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes()),
        None => SocketAddrUnix::new(socket),
    }
}

fn socket(stream: bool) -> rustix::io::Result<OwnedFd> {
    let kind = if stream {
        SocketType::STREAM
    } else {
        SocketType::SEQPACKET
    };
    rustix::net::socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)
}

fn produce(options: &Produce) -> Result<(), Failure> {
    let common = &options.common;
    let commands = commands(common);
    let params = ProducerParams {
        ring_capacity: options.capacity,
        clog_threshold: options.clog_threshold,
        stall_timeout: Duration::from_millis(options.stall_timeout),
        max_consumers: options.max_consumers,
    };
    let place = match options.hidden_table {
        true => Some(rustix::fs::open(
            "/dev/null",
            rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )?),
        false => None,
    };
    let make = || -> Result<Tx, Failure> {
        Ok(match common.implementation {
            Impl::Zbqtop if options.raw => Tx::OwnRaw(Producer::create(params)?),
            Impl::Zbqtop => Tx::Own(Producer::create(params)?),
            Impl::Reference => Tx::Reference(zbq::Producer::new(&zbq::ProducerParams {
                ring_capacity: params.ring_capacity,
                clog_threshold: params.clog_threshold,
                stall_timeout_ns: options.stall_timeout * 1_000_000,
                max_consumers: params.max_consumers,
            })?),
        })
    };
    let tx = make()?;
    let _twin = place.map(twin_of_ctrl).transpose()?;
    let listener = socket(common.stream)?;
    rustix::net::bind(&listener, &address(&common.socket)?)?;
    rustix::net::listen(&listener, 16)?;
    say(format_args!("ready"))?;
    let mut sender = Sender {
        options,
        own: None,
        tx,
        listener,
        joined: 0,
        seq_id: 1,
        bytes: 0,
    };
    while sender.joined < options.consumers {
        sender.accept(Duration::from_millis(100))?;
    }
    sender.send(common.messages)?;
    if !common.hold {
        return Ok(());
    }
    loop {
        sender.accept(Duration::from_millis(2))?;
        match commands.try_recv() {
            Ok(command) if command == "destroy" => {
                drop(sender);
                say(format_args!("destroyed"))?;
                // Until stdin ends, and the process with it.
                std::thread::sleep(Duration::MAX);
                return Ok(());
            }
            Ok(command) if command == "remake" => {
                let Sender { tx, listener, .. } = sender;
                drop(tx);
                sender = Sender {
                    options,
                    own: None,
                    tx: make()?,
                    listener,
                    joined: 0,
                    seq_id: 1,
                    bytes: 0,
                };
                say(format_args!("remade"))?;
            }
            Ok(command) if command == "exec" => {
                say(format_args!("becomes another"))?;
                return Err(Command::new("sleep").arg("120").exec().into());
            }
            Ok(command) => sender.obey(&command)?,
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return Ok(()),
        }
    }
}

/// Forks a child that does something again and again, for two minutes at most; its pid.
fn fork_child(mut does: impl FnMut()) -> Result<i32, Failure> {
    // SAFETY: of this process only threads that read or wait are lost in the child, which takes no lock of theirs.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error().into()),
        0 => {
            // SAFETY: no memory is touched; so the child outlives no test for long.
            unsafe { libc::alarm(120) };
            // What it says is nobody's.
            let null = std::fs::File::options().write(true).open("/dev/null")?;
            rustix::stdio::dup2_stdout(&null)?;
            loop {
                does();
            }
        }
        child => Ok(child),
    }
}

/// Opens the control region again, in the place of a descriptor that is older than it.
fn twin_of_ctrl(place: OwnedFd) -> Result<OwnedFd, Failure> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let path = entry?.path();
        // The directory's own descriptor is listed, and gone.
        let link = std::fs::read_link(&path).unwrap_or_default();
        if link.as_os_str() == "/memfd:zbq_ctrl (deleted)" {
            paths.push(path);
        }
    }
    let path = paths.first().ok_or("no control region is open")?;
    drop(place);
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, rustix::fs::Mode::empty())?)
}

/// Whether there was room.
fn is_sent<T>(outcome: zbqtop::ring::Result<T>) -> Result<bool, Failure> {
    match outcome {
        Ok(_) => Ok(true),
        Err(zbqtop::ring::Error::Full { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

impl Sender<'_> {
    /// Lets a consumer in, if one comes.
    fn accept(&mut self, patience: Duration) -> Result<(), Failure> {
        let mut polled = [PollFd::new(&self.listener, PollFlags::IN)];
        if poll(&mut polled, Some(&Timespec::try_from(patience)?))? == 0 {
            return Ok(());
        }
        let conn = rustix::net::accept_with(&self.listener, SocketFlags::CLOEXEC)?;
        match self.tx.handshake(&conn, &self.options.common) {
            Ok(slot) => {
                self.joined += 1;
                say(format_args!(
                    "joined slot={slot} mode={}",
                    self.options.common.wakeup_mode()
                ))
            }
            Err(failure) => say(format_args!("refused: {failure}")),
        }
    }

    fn send(&mut self, messages: u64) -> Result<(), Failure> {
        let Produce {
            common,
            capacity,
            rate,
            burst,
            clog_threshold,
            ..
        } = self.options;
        let (start, mut payload, mut refused) = (Instant::now(), Vec::new(), 0_u64);
        for sent in 0..messages {
            if *rate > 0.0 {
                let begun = sent - sent % (*burst).max(1);
                let due = Duration::from_secs_f64(begun as f64 / *rate);
                std::thread::sleep(due.saturating_sub(start.elapsed()));
            }
            if sent % 4096 == 4095 {
                self.accept(Duration::ZERO)?;
            }
            common.payload_of(self.seq_id, &mut payload);
            while !self.tx.send(common, *capacity, self.seq_id, &payload)? {
                refused += 1;
                // A raw query that offers too little resets the clog counter, so an application that needs more
                // has to ask for the scan itself.
                if refused.is_multiple_of((*clog_threshold).max(1)) {
                    self.accept(Duration::ZERO)?;
                    if !matches!(self.tx, Tx::Own(_)) {
                        self.tx.scan()?;
                    }
                }
                std::thread::yield_now();
            }
            self.seq_id += 1;
            self.bytes += payload.len() as u64;
        }
        let us = start.elapsed().as_micros();
        say(format_args!(
            "done messages={} bytes={} refused={refused} us={us}",
            self.seq_id - 1,
            self.bytes
        ))
    }

    fn obey(&mut self, command: &str) -> Result<(), Failure> {
        match command.split_whitespace().collect::<Vec<_>>()[..] {
            ["send", messages] => self.send(messages.parse()?),
            ["scan"] => {
                self.tx.scan()?;
                say(format_args!("scanned"))
            }
            ["join", "self"] => {
                let (socket, mode) = (
                    self.options.common.socket.clone(),
                    self.options.common.wakeup_mode(),
                );
                let joins = std::thread::spawn(move || {
                    Consumer::connect(&socket, mode, Duration::from_secs(10))
                });
                while !joins.is_finished() {
                    self.accept(Duration::from_millis(10))?;
                }
                self.own = Some(joins.join().map_err(|_| "it panicked")??);
                Ok(())
            }
            ["leave", "self"] => {
                self.own = None;
                say(format_args!("left"))
            }
            ["fill"] => {
                let payload = [b'!'; 48];
                let filled = self.tx.fill(&payload)?;
                say(format_args!("filled bytes={filled}"))
            }
            ["slots"] => say(format_args!("slots {}", self.tx.slots())),
            // The child does nothing, or goes on as the producer; the parent lives on, and obeys.
            ["fork", what @ ("helper" | "heir")] => {
                let child = fork_child(|| {
                    if what == "heir" {
                        let _ = self.send(1);
                    }
                    std::thread::sleep(Duration::from_millis(5));
                })?;
                say(format_args!("forked pid={child}"))
            }
            _ => Err(format!("no such command: {command:?}").into()),
        }
    }
}

// The consuming end.

enum Rx {
    Own(Box<Consumer>),
    Reference(Reference),
}

/// What came of looking for a message.
enum Look {
    /// Header, logical offset behind the message; the payload is in the buffer.
    Message(MessageHeader, u64),
    Nothing,
}

impl Rx {
    fn look(&self, payload: &mut Vec<u8>) -> Result<Look, Failure> {
        payload.clear();
        match self {
            Self::Own(consumer) => {
                let Some(message) = consumer.peek()? else {
                    return Ok(Look::Nothing);
                };
                message.payload.append_to(payload)?;
                Ok(Look::Message(message.header, message.end()))
            }
            Self::Reference(consumer) => consumer.look(payload),
        }
    }

    fn recv_fds(&self, seq_id: u64) -> Result<Vec<OwnedFd>, Failure> {
        match self {
            Self::Own(consumer) => {
                let fds = consumer.recv_fds(seq_id, Duration::from_secs(10))?;
                fds.ok_or_else(|| format!("message {seq_id}: its descriptors were lost").into())
            }
            Self::Reference(consumer) => consumer.recv_fds(seq_id),
        }
    }

    fn publish(&mut self, tail: u64) {
        match self {
            Self::Own(consumer) => consumer.publish(tail),
            Self::Reference(consumer) => consumer.publish(tail),
        }
    }

    /// Goes on behind a message that was taken, and publishes that if the last time is `every` ago.
    fn advance(&mut self, end: u64, every: Duration, last: &mut Instant) {
        match self {
            Self::Own(consumer) if last.elapsed() < every => consumer.advance(end),
            _ => {
                *last = Instant::now();
                self.publish(end);
            }
        }
    }

    fn tail(&self) -> u64 {
        match self {
            Self::Own(consumer) => consumer.tail(),
            Self::Reference(consumer) => consumer.tail(),
        }
    }

    fn token(&self) -> u32 {
        match self {
            Self::Own(consumer) => consumer.futex_token(),
            Self::Reference(consumer) => consumer.token(),
        }
    }

    fn wait(&self, token: u32) -> Result<(), Failure> {
        match self {
            Self::Own(consumer) => {
                consumer.wait_broadcast(token, Duration::from_millis(100))?;
            }
            Self::Reference(consumer) => consumer.wait(token)?,
        }
        Ok(())
    }

    fn is_alive(&self) -> bool {
        match self {
            Self::Own(consumer) => consumer.is_producer_alive(),
            Self::Reference(consumer) => consumer.is_alive(),
        }
    }

    /// The reference has no way to tell.
    fn is_evicted(&self) -> Option<bool> {
        match self {
            Self::Own(consumer) => Some(consumer.is_evicted()),
            Self::Reference(_) => None,
        }
    }
}

/// The C consumer. Not the `zbq` crate's: its `peek` makes a reference to a 16-aligned header of every message, and
/// messages of any length lie anywhere (with debug assertions, that is where it aborts).
struct Reference(*mut zbq_sys::zbq_consumer);

/// An error code of the C code, as an error.
fn code(op: &str, code: i32) -> Result<(), Failure> {
    if code == 0 {
        Ok(())
    } else {
        Err(format!("{op}: {code}").into())
    }
}

impl Reference {
    fn join(conn: &OwnedFd, mode: WakeupMode) -> Result<Self, Failure> {
        let mut consumer = std::ptr::null_mut();
        let mode = match mode {
            WakeupMode::Push => zbq_sys::zbq_wakeup_mode::ZBQ_WAKEUP_PUSH,
            WakeupMode::Pull => zbq_sys::zbq_wakeup_mode::ZBQ_WAKEUP_PULL,
        };
        // SAFETY: the socket is open, and `consumer` is live for the call to fill in.
        code("join", unsafe {
            zbq_sys::zbq_consumer_join(conn.as_raw_fd(), mode, &raw mut consumer)
        })?;
        Ok(Self(consumer))
    }

    fn look(&self, payload: &mut Vec<u8>) -> Result<Look, Failure> {
        // SAFETY: all-zero bytes are a valid view: numbers and null pointers.
        let mut view: zbq_sys::zbq_msg_view = unsafe { std::mem::zeroed() };
        // SAFETY: the consumer is live, and so is the view.
        let answer = unsafe { zbq_sys::zbq_consumer_peek(self.0, &raw mut view) };
        if answer == zbq_sys::zbq_error::ZBQ_ERROR_AGAIN as i32 {
            return Ok(Look::Nothing);
        }
        code("peek", answer)?;
        // SAFETY: peek went well, so a header and `payload_len` bytes of payload are mapped where it says, at any
        // alignment, and the producer leaves them alone until they are released.
        let header = unsafe {
            let payload_bytes =
                std::slice::from_raw_parts(view.payload.cast::<u8>(), view.payload_len as usize);
            payload.extend_from_slice(payload_bytes);
            view.header.cast::<[u8; 16]>().read()
        };
        Ok(Look::Message(
            MessageHeader::from_bytes(header),
            view.logical_offset + view.total_len,
        ))
    }

    fn recv_fds(&self, seq_id: u64) -> Result<Vec<OwnedFd>, Failure> {
        let mut fds = [-1; 253];
        let mut count = 0;
        // SAFETY: the consumer is live, and there is room for as many descriptors as it can receive.
        let answer = unsafe {
            zbq_sys::zbq_consumer_recv_fds(self.0, seq_id, fds.as_mut_ptr(), &raw mut count)
        };
        code("recv_fds", answer)?;
        // SAFETY: the kernel made these descriptors for this process, and nobody else has them.
        Ok(fds[..count.into()]
            .iter()
            .map(|&fd| unsafe { OwnedFd::from_raw_fd(fd) })
            .collect())
    }

    fn publish(&self, tail: u64) {
        // SAFETY: the consumer is live.
        unsafe { zbq_sys::zbq_consumer_publish(self.0, tail) }
    }

    fn tail(&self) -> u64 {
        // SAFETY: the consumer is live.
        unsafe { zbq_sys::zbq_consumer_tail(self.0) }
    }

    fn token(&self) -> u32 {
        // SAFETY: the consumer is live.
        unsafe { zbq_sys::zbq_consumer_get_futex_token(self.0) }
    }

    fn wait(&self, token: u32) -> Result<(), Failure> {
        // SAFETY: the consumer is live.
        let answer = unsafe { zbq_sys::zbq_consumer_wait_broadcast(self.0, token) };
        if answer == zbq_sys::zbq_error::ZBQ_ERROR_AGAIN as i32 {
            Ok(())
        } else {
            code("wait_broadcast", answer)
        }
    }

    fn is_alive(&self) -> bool {
        // SAFETY: the consumer is live.
        unsafe { zbq_sys::zbq_consumer_is_producer_alive(self.0) }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // SAFETY: the consumer is live, and this is the last use of it.
        unsafe { zbq_sys::zbq_consumer_destroy(self.0) }
    }
}

struct Taker<'a> {
    options: &'a Consume,
    rx: Rx,
    mode: WakeupMode,
    /// seq_id of the first message seen.
    first: Option<u64>,
    taken: u64,
    bytes: u64,
}

fn consume(options: &Consume) -> Result<(), Failure> {
    let common = &options.common;
    let commands = commands(common);
    let rx = match common.implementation {
        Impl::Zbqtop => Rx::Own(Box::new(Consumer::connect(
            &common.socket,
            common.wakeup_mode(),
            Duration::from_secs(10),
        )?)),
        Impl::Reference => {
            let conn = socket(common.stream)?;
            rustix::net::connect(&conn, &address(&common.socket)?)?;
            Rx::Reference(Reference::join(&conn, common.wakeup_mode())?)
        }
    };
    let (mode, slot) = match &rx {
        Rx::Own(consumer) => (consumer.mode(), consumer.slot().to_string()),
        Rx::Reference(_) => (common.wakeup_mode(), "?".into()),
    };
    say(format_args!("joined slot={slot} mode={mode}"))?;
    let mut taker = Taker {
        options,
        rx,
        mode,
        first: None,
        taken: 0,
        bytes: 0,
    };
    taker.take(common.messages)?;
    if options.fork {
        let child = fork_child(|| std::thread::sleep(Duration::from_millis(5)))?;
        say(format_args!("forked pid={child}"))?;
        std::process::exit(0);
    }
    if options.abrupt {
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
    }
    if !common.hold {
        return Ok(());
    }
    loop {
        match commands.recv_timeout(Duration::from_secs(3600)) {
            Ok(command) if command == "leave" => {
                drop(taker);
                say(format_args!("left"))?;
                // Until stdin ends, and the process with it.
                std::thread::sleep(Duration::MAX);
                return Ok(());
            }
            Ok(command) => taker.obey(&command)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

impl Taker<'_> {
    fn take(&mut self, messages: u64) -> Result<(), Failure> {
        let common = &self.options.common;
        let (start, goal, mut idle) = (Instant::now(), self.taken + messages, 0_u32);
        let (mut payload, mut expected) = (Vec::new(), Vec::new());
        let mut published = Instant::now();
        while self.taken < goal {
            // Before the look: a commit in between changes it, and the wait returns at once.
            let token = self.rx.token();
            let Look::Message(header, end) = self.rx.look(&mut payload)? else {
                idle += 1;
                // Dead first, then one more look: what it sent before it died is still to be taken.
                let to_check = self.mode == WakeupMode::Push || idle.is_multiple_of(4096);
                if to_check
                    && !self.rx.is_alive()
                    && matches!(self.rx.look(&mut payload)?, Look::Nothing)
                {
                    return Err(format!(
                        "the producer is gone after {} messages, expected {goal}",
                        self.taken
                    )
                    .into());
                }
                match self.mode {
                    _ if self.options.poll > 0 => {
                        std::thread::sleep(Duration::from_millis(self.options.poll));
                    }
                    WakeupMode::Push => self.rx.wait(token)?,
                    WakeupMode::Pull if idle.is_multiple_of(64) => std::thread::yield_now(),
                    WakeupMode::Pull => std::hint::spin_loop(),
                }
                continue;
            };
            idle = 0;
            if !header.is_filler() {
                let seq_id = header.seq_id;
                let due = self.first.map_or(seq_id, |first| first + self.taken);
                if seq_id != due {
                    return Err(format!(
                        "message {seq_id} at {}, expected message {due}",
                        self.rx.tail()
                    )
                    .into());
                }
                self.first.get_or_insert(seq_id);
                if common.payload.is_none() {
                    common.payload_of(seq_id, &mut expected);
                    if payload != expected {
                        let (found, wanted) = (payload.len(), expected.len());
                        return Err(format!(
                            "message {seq_id}: {found} bytes are not the {wanted} sent"
                        )
                        .into());
                    }
                }
                if usize::from(header.fd_count) != common.fds_of(seq_id) {
                    return Err(format!("message {seq_id}: fd_count {}", header.fd_count).into());
                }
                if header.fd_count > 0 {
                    common.check_fds(seq_id, &self.rx.recv_fds(seq_id)?)?;
                }
                self.taken += 1;
                self.bytes += payload.len() as u64;
                if self.options.slow > 0 {
                    std::thread::sleep(Duration::from_micros(self.options.slow));
                }
            }
            let every = Duration::from_millis(self.options.publish);
            self.rx.advance(end, every, &mut published);
        }
        let (first, us) = (self.first.unwrap_or(0), start.elapsed().as_micros());
        say(format_args!(
            "done messages={} bytes={} first={first} us={us}",
            self.taken, self.bytes
        ))
    }

    fn obey(&mut self, command: &str) -> Result<(), Failure> {
        match command.split_whitespace().collect::<Vec<_>>()[..] {
            ["take", messages] => self.take(messages.parse()?),
            ["publish", by] => {
                let tail = self.rx.tail().wrapping_add_signed(by.parse()?);
                self.rx.publish(tail);
                say(format_args!("published {tail}"))
            }
            ["status"] => {
                let evicted = self
                    .rx
                    .is_evicted()
                    .map_or("?".into(), |evicted| evicted.to_string());
                say(format_args!(
                    "status tail={} alive={} evicted={evicted}",
                    self.rx.tail(),
                    self.rx.is_alive()
                ))
            }
            _ => Err(format!("no such command: {command:?}").into()),
        }
    }
}
