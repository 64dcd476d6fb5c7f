//! All connections, served by one thread.

use std::io;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::answer::Answer;
use super::connection::Connection;
use super::request::Request;

/// Connections at most: another one takes the place of the one that has been idle longest.
const MOST: usize = 256;
/// Connections that are accepted between two looks at those that are there.
const ACCEPTS: usize = 64;
/// Where nobody can be accepted, that is tried again after so long.
const RESTS: Duration = Duration::from_millis(10);
/// How long the same trouble is not told again.
const TELLS_AGAIN: Duration = Duration::from_secs(60);

/// Whoever asks, and is answered.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    connections: Vec<Connection>,
    /// Why nobody can be accepted, until it was told.
    trouble: Option<io::Error>,
    told_at: Option<Instant>,
}

impl Server {
    /// Serves those who connect to `listener`.
    ///
    /// # Errors
    /// When it cannot be made non-blocking.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            connections: Vec::new(),
            trouble: None,
            told_at: None,
        })
    }

    /// Why nobody could be accepted of late, for whoever runs the program; seldom more than once a minute.
    pub fn take_trouble(&mut self) -> Option<io::Error> {
        let trouble = self.trouble.take()?;
        let is_known = self.told_at.is_some_and(|at| at.elapsed() < TELLS_AGAIN);
        if is_known {
            return None;
        }
        self.told_at = Some(Instant::now());
        Some(trouble)
    }

    /// Serves for as long as there is something to be done, `time` at the longest.
    ///
    /// # Errors
    /// When it cannot be waited for those who connect.
    pub fn serve(
        &mut self,
        time: Duration,
        mut answer: impl FnMut(&Request) -> Answer,
    ) -> io::Result<()> {
        let mut fds = vec![PollFd::new(&self.listener, PollFlags::IN)];
        let waiting = self.connections.iter().map(Connection::waits_for);
        fds.extend(waiting.map(|(stream, flags)| PollFd::new(stream, flags)));
        let time = Timespec::try_from(time).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&time)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        let mut ready = ready.into_iter();
        let is_asked = ready.next().unwrap_or(false);
        self.connections.retain_mut(|connection| {
            let goes_on = !ready.next().unwrap_or(false) || connection.go_on(&mut answer);
            goes_on && !connection.is_overdue()
        });
        if is_asked {
            self.accept(&mut answer);
        }
        Ok(())
    }

    fn accept(&mut self, answer: &mut impl FnMut(&Request) -> Answer) {
        for _ in 0..ACCEPTS {
            // Without descriptors nobody can be accepted, and the next look tries again.
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    // One that is gone again before it was accepted is no trouble.
                    if error.kind() != io::ErrorKind::ConnectionAborted {
                        self.trouble = Some(error);
                    }
                    std::thread::sleep(RESTS);
                    break;
                }
            };
            let Ok(mut connection) = Connection::new(stream) else {
                continue;
            };
            // What is asked for is there already, nearly always.
            if !connection.go_on(answer) {
                continue;
            }
            if self.connections.len() >= MOST {
                let idle = self.connections.iter().enumerate();
                let idle = idle.min_by_key(|(_, one)| one.idle_since());
                if let Some((place, _)) = idle {
                    self.connections.swap_remove(place);
                }
            }
            self.connections.push(connection);
        }
    }
}
