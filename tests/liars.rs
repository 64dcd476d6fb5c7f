//! Whoever answers may lie, and the program still ends in time with the right status, or goes on: `snapshot --join` and
//! `tail --lossless` against listeners that are silent, false or treacherous.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::ftruncate;
use rustix::io::{Errno, pwrite, write};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept, bind,
    connect, listen, recv, send, socket_with,
};
use rustix::process::{Pid, Signal, kill_process};
use zbqtop::ring::layout;

use crate::support::liar::{Answer, LIES};
use crate::support::program::{stderr, zbqtop};
use crate::support::{PATIENCE, Place, eventually};

/// The two commands that join.
const JOINING: [&[&str]; 2] = [
    &["snapshot", "--interval", "0", "--join"],
    &["tail", "--lossless"],
];
/// Far more than any answer takes, far less than the time limit that is given with it.
const SOON: Duration = Duration::from_secs(30);

/// A command that joins at `socket`, with a place of its own for what it remembers.
fn joining(command: &[&str], timeout: &str, socket: &Path) -> Command {
    let mut joining = zbqtop();
    joining
        .args(command)
        .args(["--timeout", timeout, "--socket"])
        .arg(socket)
        .env("XDG_RUNTIME_DIR", socket.parent().expect("a directory"));
    joining
}

/// Both commands fail with `code`, say `words` and where, and leave nothing running: whatever inherited their output
/// would keep it open. `serve` is called before each.
fn fails(socket: &Path, timeout: &str, code: i32, words: &str, mut serve: impl FnMut()) {
    for command in JOINING {
        serve();
        let started = Instant::now();
        let output = joining(command, timeout, socket)
            .output()
            .expect("zbqtop starts");
        let said = stderr(&output);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{command:?}, {words}: {said}"
        );
        assert!(said.starts_with("zbqtop: socket "), "{said}");
        assert!(said.contains(&socket.display().to_string()), "{said}");
        assert_eq!(
            said.matches(words).count(),
            1,
            "{command:?}: {said}, expected {words}"
        );
        assert!(output.stdout.is_empty(), "{command:?}");
        assert!(started.elapsed() < SOON, "{command:?}, {words}: too late");
    }
}

fn socket(kind: SocketType) -> OwnedFd {
    socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).expect("a socket")
}

/// Listens at `path`, with room for `backlog` connections (and one, as the kernel counts).
fn listener(path: &Path, kind: SocketType, backlog: i32) -> OwnedFd {
    let _ = std::fs::remove_file(path);
    let listener = socket(kind);
    bind(&listener, &SocketAddrUnix::new(path).expect("a short path")).expect("a free path");
    listen(&listener, backlog).expect("a listener");
    listener
}

/// The next connection; nobody is waited for in vain.
fn accepted(listener: &OwnedFd) -> OwnedFd {
    let mut polled = [PollFd::new(listener, PollFlags::IN)];
    let limit = Timespec::try_from(PATIENCE).expect("it fits");
    assert_eq!(
        poll(&mut polled, Some(&limit)).expect("a socket"),
        1,
        "nobody connects"
    );
    accept(listener).expect("it connects")
}

/// Waits until nobody has the other end open.
fn hung_up(end: &OwnedFd) {
    let mut polled = [PollFd::new(end, PollFlags::empty())];
    let limit = Timespec::try_from(PATIENCE).expect("it fits");
    let ready = poll(&mut polled, Some(&limit)).expect("a socket");
    assert_eq!(ready, 1, "the other end is still open");
}

/// Accepts each of both commands' connections, reads the request and does `act`, until the other end is closed.
fn lying(kind: SocketType, timeout: &str, code: i32, words: &str, act: impl Fn(&OwnedFd) + Sync) {
    let place = Place::new();
    let path = place.socket();
    let listener = listener(&path, kind, 8);
    std::thread::scope(|scope| {
        fails(&path, timeout, code, words, || {
            scope.spawn(|| {
                let conn = accepted(&listener);
                assert_eq!(
                    recv(&conn, &mut [0; 9], RecvFlags::empty())
                        .expect("a request")
                        .0,
                    8
                );
                act(&conn);
                hung_up(&conn);
            });
        });
    });
}

#[test]
fn every_lie_is_told_with_its_status() {
    for (code, words, lie) in LIES {
        lying(SocketType::SEQPACKET, "600s", *code, words, |conn| {
            let mut answer = Answer::new();
            lie(&mut answer);
            answer.send(conn, &answer.bytes);
            // Ours is the only copy of the consumer's end of a side socket that is left.
            let Answer { side, fds, .. } = answer;
            let kept = fds.len() == 4;
            drop(fds);
            if kept {
                hung_up(&side);
            }
        });
    }
}

#[test]
fn a_stream_may_end_or_drip() {
    let stream = SocketType::STREAM;
    lying(
        stream,
        "600s",
        5,
        "join answer: 63 bytes, expected 64",
        |conn| {
            write(conn, &[0; 63]).expect("it waits");
            rustix::net::shutdown(conn, rustix::net::Shutdown::Write).expect("a socket");
        },
    );
    lying(
        stream,
        "600s",
        5,
        "join answer: 0 descriptors, expected 4",
        |conn| {
            let answer = Answer::new();
            write(conn, &answer.bytes).expect("it waits");
        },
    );
    lying(
        stream,
        "300ms",
        1,
        "join answer: nothing within 300ms",
        |conn| {
            while send(conn, &[0], SendFlags::NOSIGNAL).is_ok() {
                std::thread::sleep(Duration::from_millis(30));
            }
        },
    );
}

#[test]
fn silence_is_not_waited_for() {
    for kind in [SocketType::SEQPACKET, SocketType::STREAM] {
        lying(
            kind,
            "300ms",
            1,
            "join answer: nothing within 300ms",
            |_| {},
        );
        let place = Place::new();
        let path = place.socket();
        // One that does not even accept; and one whose queue is full.
        let silent = listener(&path, kind, 8);
        fails(
            &path,
            "300ms",
            1,
            "join answer: nothing within 300ms",
            || {},
        );
        drop(silent);
        let _full = listener(&path, kind, 0);
        let address = SocketAddrUnix::new(&path).expect("a short path");
        let queue: Vec<OwnedFd> = std::iter::repeat_with(|| socket(kind))
            .take_while(|conn| {
                rustix::io::ioctl_fionbio(conn, true).expect("a socket");
                let queued = connect(conn, &address);
                assert!(matches!(queued, Ok(()) | Err(Errno::AGAIN)), "{queued:?}");
                queued.is_ok()
            })
            .collect();
        assert!(!queue.is_empty());
        fails(&path, "300ms", 1, "connect: nothing within 300ms", || {});
    }
}

#[test]
fn whoever_hangs_up_has_refused() {
    let words =
        "closed the connection without an answer, expected a slot (it probably has none free)";
    for kind in [SocketType::SEQPACKET, SocketType::STREAM] {
        let place = Place::new();
        let path = place.socket();
        let listener = listener(&path, kind, 8);
        for reads in [true, false] {
            std::thread::scope(|scope| {
                fails(&path, "600s", 1, words, || {
                    scope.spawn(|| {
                        let conn = accepted(&listener);
                        if reads {
                            recv(&conn, &mut [0; 8], RecvFlags::empty()).expect("a request");
                        }
                    });
                });
            });
        }
    }
}

#[test]
fn nobody_and_the_wrong_type_are_told_apart() {
    let place = Place::new();
    let path = place.socket();
    fails(&path, "600s", 3, "no such path", || {});
    let nobody = "the path exists, but no process listens on it";
    std::fs::write(&path, "").expect("room");
    for other in [&path, place.path()] {
        fails(
            other,
            "600s",
            3,
            "the path exists, but it is not a socket",
            || {},
        );
    }
    drop(listener(&path, SocketType::SEQPACKET, 8));
    fails(&path, "600s", 3, nobody, || {});
    std::fs::remove_file(&path).expect("it is there");
    let _wrong = UnixDatagram::bind(&path).expect("a free path");
    let words = "rendezvous socket: SOCK_DGRAM, expected SOCK_SEQPACKET or SOCK_STREAM";
    fails(&path, "600s", 5, words, || {});
}

/// A ring with one message, and a program that has joined it.
struct Treachery {
    _place: Place,
    answer: Answer,
    _conn: OwnedFd,
    program: Child,
    head: u64,
}

impl Treachery {
    fn new(command: &[&str]) -> Self {
        let place = Place::new();
        let listener = listener(&place.socket(), SocketType::SEQPACKET, 8);
        let program = joining(command, "600s", &place.socket())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("zbqtop starts");
        let conn = accepted(&listener);
        let mut answer = Answer::new();
        answer.say(layout::JOIN_INITIAL_HEAD, 0);
        answer.put(2, layout::META_TAIL_OFFSET, 0);
        answer.put(0, layout::CTRL_PRODUCER_HEAD, 0);
        answer.send(&conn, &answer.bytes);
        let mut treachery = Self {
            _place: place,
            answer,
            _conn: conn,
            program,
            head: 0,
        };
        treachery.commit();
        treachery
    }

    /// One more message, as far as there is still a ring to write it to.
    fn commit(&mut self) {
        let [_, ring, ..] = &self.answer.fds[..] else {
            panic!("four descriptors")
        };
        if rustix::fs::fstat(ring).expect("a memfd").st_size > 0 {
            let mut message = [b'z'; 64];
            message[..16].fill(0);
            message[0] = 48;
            pwrite(ring, &message, self.head).expect("it is ours");
        }
        self.head += 64;
        self.answer.put(0, layout::CTRL_PRODUCER_HEAD, self.head);
    }
}

impl Drop for Treachery {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn a_memfd_that_shrinks_under_a_view_is_told_in_it() {
    for (fd, words) in [
        (0, Some("zbq_ctrl was truncated")),
        (1, Some("zbq_ring was truncated")),
        // Our own page: parked, and looked at by nobody.
        (2, None),
    ] {
        let mut treachery = Treachery::new(&["snapshot", "--join", "--watch", "20ms"]);
        let out = treachery.program.stdout.take().expect("piped");
        let mut lines = BufReader::new(out).lines().map(|line| line.expect("text"));
        // A view is a dozen lines, and comes every 20 ms.
        let mut says = |words: &str| {
            let found = lines.by_ref().take(5000).any(|line| line.contains(words));
            assert!(found, "{words}");
        };
        says("capacity");
        ftruncate(&treachery.answer.fds[fd], 0).expect("it is not sealed");
        if fd != 0 {
            treachery.commit();
        }
        if let Some(words) = words {
            says(words);
        }
        // And on it goes.
        (0..3).for_each(|_| says("capacity"));
        let ended = treachery.program.try_wait().expect("our child");
        assert_eq!(ended, None);
    }
}

#[test]
fn a_memfd_that_shrinks_under_a_true_consumer_ends_it_with_a_word() {
    for (fd, code, words) in [
        (0, 1, "zbq_ctrl: its memfd was truncated under the mapping"),
        (1, 1, "zbq_ring: its memfd was truncated under the mapping"),
        // What it releases, nobody sees any more; what it reads is all there.
        (2, 0, "2 messages"),
    ] {
        let mut treachery = Treachery::new(&["tail", "--lossless", "--format", "text"]);
        let out = treachery.program.stdout.take().expect("piped");
        let mut lines = BufReader::new(out).lines().map(|line| line.expect("text"));
        assert_eq!(lines.next(), Some("z".repeat(48)));
        ftruncate(&treachery.answer.fds[fd], 0).expect("it is not sealed");
        if fd != 0 {
            treachery.commit();
        }
        if fd == 2 {
            assert_eq!(lines.next(), Some("z".repeat(48)));
            let pid = Pid::from_child(&treachery.program);
            kill_process(pid, Signal::TERM).expect("our child");
        }
        let status = eventually("it ends", || {
            treachery.program.try_wait().expect("our child")
        });
        let mut said = String::new();
        let mut stderr = treachery.program.stderr.take().expect("piped");
        stderr.read_to_string(&mut said).expect("text");
        assert_eq!(status.code(), Some(code), "{said}");
        assert!(said.contains(words), "{said}, expected {words}");
        assert_eq!(lines.next(), None);
    }
}
