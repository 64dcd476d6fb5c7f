//! The thread that looks at rings, and its counter: requests go in, replies come out, one at a time.
//!
//! Listing the rings of a machine takes long where there are many processes, or hostile ones; keys must not wait for
//! it. The thread owns the [`RingSource`]; nothing is shared. There is never more than one request under way, so there
//! is never more than one reply to be taken: nothing piles up, however slow either side is.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::pipe::{PipeFlags, pipe_with};

use super::save::Save;
use crate::observe::model::{
    Export, Frame, Listing, Message, MessageLog, RingSource, SearchProgress, SearchRequest,
    SourceAction,
};

/// How long the thread may take to end. A source has nothing to do at its end that the end of the process does not do
/// for it: rings are mapped read-only, and one that was joined is parked from the moment of joining on. So it is waited
/// for only to end in order, and left where it is when it hangs.
const ENDS_WITHIN: Duration = Duration::from_millis(200);

/// How long the source searches at a time: somebody may want to see something else.
const SEARCHES_FOR: Duration = Duration::from_millis(20);

/// What can be asked of the source.
#[derive(Debug)]
pub(super) enum Request {
    /// The rings of this machine.
    List,
    /// To go over to this ring.
    Attach(String),
    /// The attached ring now.
    Sample,
    /// To write this message of the producer with this pid to a file.
    Save(i32, Box<Message>),
    /// To write messages to a file.
    Export(Box<Export>),
    /// To do something.
    Act(SourceAction),
    /// To look for something else in the ring, or for nothing any more.
    Search(Option<SearchRequest>),
    /// To search on.
    SearchOn,
    /// The messages around the one at this offset.
    Around(u64),
}

/// What comes of it.
#[derive(Debug)]
pub(super) enum Reply {
    /// The rings that were found.
    Listing(Listing),
    /// The source is at this ring now.
    Attached(String),
    /// It could not go over to this ring, and why.
    Refused(String, String),
    /// What came of writing a message to a file.
    Saved(String),
    /// What came of it, if that is worth a word.
    Done(Option<String>),
    /// How far the search has come.
    Searched(Option<SearchProgress>),
    /// The messages around the one at this offset, if the ring has it.
    Around(u64, Option<MessageLog>),
    /// The ring at that time; `None` when none is attached.
    Sample(Option<Box<Frame>>, Timestamp),
}

/// The loop's end.
pub(super) struct Sampler {
    requests: Option<Sender<Request>>,
    replies: Receiver<Reply>,
    /// Readable when there is a reply; at its end when the thread is.
    wakeup_read: OwnedFd,
    thread: Option<JoinHandle<()>>,
    /// When the request that is under way was made.
    asked: Option<Instant>,
    /// How long the last one was.
    took: Duration,
    /// What is to be asked next, whatever the beat says.
    queued: VecDeque<Request>,
}

impl Sampler {
    /// Starts the thread.
    pub(super) fn start(source: impl RingSource + Send + 'static) -> io::Result<Self> {
        let (wakeup_read, wakeup_write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let (request_sender, requests) = channel();
        let (reply_sender, replies) = channel();
        let thread = std::thread::Builder::new()
            .name("sampler".into())
            .spawn(move || {
                // Behind the source, whatever ends the thread: who reads the end of the pipe can join without waiting.
                let wakeup_write = wakeup_write;
                serve(source, &requests, &reply_sender, &wakeup_write);
            })?;
        Ok(Self {
            requests: Some(request_sender),
            replies,
            wakeup_read,
            thread: Some(thread),
            asked: None,
            took: Duration::ZERO,
            queued: VecDeque::new(),
        })
    }

    /// Whether nothing is under way.
    pub(super) fn is_free(&self) -> bool {
        self.asked.is_none()
    }

    /// How long the request that is under way has been.
    pub(super) fn lasts(&self) -> Option<Duration> {
        self.asked.map(|asked| asked.elapsed())
    }

    /// How long the last request was under way.
    pub(super) fn took(&self) -> Duration {
        self.took
    }

    /// Asks, or, while something is under way, as soon as that is done; of all requests for a ring the last one counts.
    pub(super) fn ask(&mut self, request: Request) {
        if self.asked.is_some() {
            self.queued.retain(|queued| match queued {
                Request::Save(..) | Request::Export(_) | Request::Act(_) => true,
                Request::Search(_) => !matches!(request, Request::Search(_)),
                Request::Around(_) => !matches!(request, Request::Around(_) | Request::Search(_)),
                Request::List | Request::Attach(_) | Request::Sample | Request::SearchOn => false,
            });
            self.queued.push_back(request);
            return;
        }
        self.asked = Some(Instant::now());
        if let Some(requests) = &self.requests {
            // A thread that has ended is noticed by the end of its pipe.
            let _ = requests.send(request);
        }
    }

    /// The reply that has come, if one has; nothing wakes for it any more. `Err` when there will be none any more.
    pub(super) fn reply(&mut self) -> Result<Option<Reply>, Ended> {
        if self.asked.is_none() {
            return Ok(None);
        }
        match rustix::io::read(&self.wakeup_read, &mut [0; 8]) {
            Ok(0) => return Err(Ended),
            Ok(_) => {}
            Err(_) => return Ok(None),
        }
        let Ok(reply) = self.replies.try_recv() else {
            return Ok(None);
        };
        self.took = self
            .asked
            .take()
            .map_or(Duration::ZERO, |asked| asked.elapsed());
        if let Some(requested) = self.queued.pop_front() {
            self.ask(requested);
        }
        Ok(Some(reply))
    }

    /// Ends the thread, or leaves it behind where it hangs; a panic of its is carried on.
    pub(super) fn end(mut self) {
        self.requests = None;
        let deadline = Instant::now() + ENDS_WITHIN;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut fds = [PollFd::new(&self.wakeup_read, PollFlags::empty())];
            let time = Timespec::try_from(left).ok();
            let ended = rustix::event::poll(&mut fds, time.as_ref()).is_ok_and(|ready| ready > 0);
            if ended {
                break;
            }
            if left.is_zero() {
                return;
            }
        }
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            // It has been told already.
            std::panic::resume_unwind(panic);
        }
    }
}

impl AsFd for Sampler {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wakeup_read.as_fd()
    }
}

/// The thread has ended though nobody asked it to: it has panicked.
#[derive(Debug)]
pub(super) struct Ended;

fn serve(
    mut source: impl RingSource,
    requests: &Receiver<Request>,
    replies: &Sender<Reply>,
    wakeup_write: &OwnedFd,
) {
    loop {
        let request = match source.note_commits() {
            None => requests.recv().map_err(RecvTimeoutError::from),
            Some(time) => requests.recv_timeout(time),
        };
        let request = match request {
            Ok(request) => request,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let reply = match request {
            Request::List => Reply::Listing(source.list()),
            Request::Attach(id) => match source.attach(&id) {
                Ok(()) => Reply::Attached(id),
                Err(why) => Reply::Refused(id, why),
            },
            Request::Save(pid, message) => Reply::Saved(save(&mut source, pid, &message)),
            Request::Export(export) => Reply::Saved(source.export(&export)),
            Request::Act(action) => Reply::Done(source.act(action)),
            Request::Search(request) => {
                source.search(request);
                Reply::Searched(source.search_on(SEARCHES_FOR))
            }
            Request::SearchOn => Reply::Searched(source.search_on(SEARCHES_FOR)),
            Request::Around(offset) => Reply::Around(offset, source.around(offset)),
            Request::Sample => {
                let frame = source.sample().map(Box::new);
                Reply::Sample(frame, Timestamp::now())
            }
        };
        if replies.send(reply).is_err() {
            return;
        }
        // A pipe that is full wakes already.
        let _ = rustix::io::write(wakeup_write, &[1]);
    }
}

/// Writes a message's payload into the current directory, all of it if the ring still has it; says what came of it.
fn save(source: &mut impl RingSource, pid: i32, message: &Message) -> String {
    let whole = (message.payload.len() as u64) < u64::from(message.header.payload_len);
    let whole = whole.then(|| source.payload(message)).flatten();
    let save = Save {
        pid,
        offset: message.offset,
        payload: whole.as_ref().unwrap_or(&message.payload),
        length: message.header.payload_len.into(),
    };
    let here = std::env::current_dir().unwrap_or_else(|_| ".".into());
    save.write(&here)
}
