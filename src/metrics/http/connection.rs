//! One connection: a request is read, an answer is written, and that is all.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::answer::Answer;
use super::request::{LONGEST, Refusal, Request, parse};

/// A request has to be there within this time, ...
const ASKS_WITHIN: Duration = Duration::from_secs(5);
/// ... an answer goes on being taken within this, ...
const TAKES_WITHIN: Duration = Duration::from_secs(5);
/// ... and has been taken within this.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    begun: Instant,
    /// When something went through it last.
    moved: Instant,
    state: State,
}

#[derive(Debug)]
enum State {
    /// So much of the request is there.
    Asks(Vec<u8>),
    /// So much of the head and the body together is written.
    Answers {
        head: String,
        body: Arc<str>,
        written: usize,
    },
    /// All is written; what still comes is thrown away, so that the answer is not.
    Lingers,
}

impl Connection {
    /// One that was accepted just now.
    ///
    /// # Errors
    /// When it cannot be made non-blocking.
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let now = Instant::now();
        Ok(Self {
            stream,
            begun: now,
            moved: now,
            state: State::Asks(Vec::new()),
        })
    }

    /// The connection itself, and what it waits for.
    pub(super) fn waits_for(&self) -> (&TcpStream, PollFlags) {
        let flags = match self.state {
            State::Asks(_) | State::Lingers => PollFlags::IN,
            State::Answers { .. } => PollFlags::OUT,
        };
        (&self.stream, flags)
    }

    /// How long nothing has gone through it: the longer, the sooner another one may have its place.
    pub(super) fn idle_since(&self) -> Instant {
        self.moved
    }

    /// Goes on, as far as that is possible now; tells whether it is still of use.
    pub(super) fn go_on(&mut self, answer: &mut impl FnMut(&Request) -> Answer) -> bool {
        match self.step(answer) {
            Ok(goes_on) => goes_on,
            Err(error) => matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ),
        }
    }

    /// Whether its time is up; whoever has not asked yet is told.
    pub(super) fn is_overdue(&mut self) -> bool {
        match &self.state {
            State::Asks(_) if self.begun.elapsed() >= ASKS_WITHIN => {
                self.state = refused(Refusal::TooSlow);
                self.moved = Instant::now();
                self.write().is_err()
            }
            State::Asks(_) => false,
            State::Answers { .. } | State::Lingers => {
                self.moved.elapsed() >= TAKES_WITHIN || self.begun.elapsed() >= ENDS_WITHIN
            }
        }
    }

    fn step(&mut self, answer: &mut impl FnMut(&Request) -> Answer) -> io::Result<bool> {
        if let State::Asks(bytes) = &mut self.state {
            let mut piece = [0; 2048];
            let room = piece.len().min(LONGEST - bytes.len().min(LONGEST));
            let got = self.stream.read(&mut piece[..room])?;
            if got == 0 && room > 0 {
                return Ok(false);
            }
            bytes.extend_from_slice(&piece[..got]);
            self.moved = Instant::now();
            match parse(bytes) {
                None => return Ok(true),
                Some(Err(why)) => self.state = refused(why),
                Some(Ok(request)) => {
                    let Answer { content_type, body } = answer(&request);
                    let head = head("200 OK", content_type, body.len());
                    let body = if request.head_only { "".into() } else { body };
                    self.state = State::Answers {
                        head,
                        body,
                        written: 0,
                    };
                }
            }
        }
        if let State::Answers { .. } = self.state {
            return self.write();
        }
        let mut piece = [0; 2048];
        Ok(self.stream.read(&mut piece)? > 0)
    }

    /// Writes as much of the answer as is taken.
    fn write(&mut self) -> io::Result<bool> {
        if let State::Answers {
            head,
            body,
            written,
        } = &mut self.state
        {
            loop {
                let rest = match written.checked_sub(head.len()) {
                    None => &head.as_bytes()[*written..],
                    Some(at) => &body.as_bytes()[at..],
                };
                if rest.is_empty() {
                    break;
                }
                let taken = self.stream.write(rest)?;
                if taken == 0 {
                    return Ok(false);
                }
                *written += taken;
                self.moved = Instant::now();
            }
        }
        self.stream.shutdown(Shutdown::Write)?;
        self.state = State::Lingers;
        Ok(true)
    }
}

fn refused(why: Refusal) -> State {
    let status = why.status();
    let body: Arc<str> = format!("{status}\n").into();
    State::Answers {
        head: head(status, "text/plain; charset=utf-8", body.len()),
        body,
        written: 0,
    }
}

fn head(status: &str, content_type: &str, length: usize) -> String {
    let allow = if status.starts_with("405") {
        "Allow: GET, HEAD\r\n"
    } else {
        ""
    };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n{allow}Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
}
