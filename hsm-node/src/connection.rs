//! One client's connection: reads what came, runs it in order, and writes replies together.
use crate::budget::Charge;
use crate::lanes::Place;
use crate::node::Shared;
use crate::outbox::Outbox;
use crate::rooms::Seat;
use crate::writer::Progress;
use bytes::{Buf, BytesMut};
use hsm_core::{Peer, Session};
use proto::limits::FRAME_MAX;
use proto::{Deframer, Frame, Refusal, put_frame};
use std::fmt;
use std::future::pending;
use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, spawn_blocking, yield_now};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::server::TlsStream;
use zeroize::{Zeroize, Zeroizing};

/// A frame that has begun must be whole within this time.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);

/// A client must take a reply within this time.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// One connection runs so long before the others of its thread have their turn.
const TURN: Duration = Duration::from_millis(2);

/// How much is read at once: the plaintext of one TLS record.
const READ: usize = 16 * 1024;

/// What TLS holds of replies that the network has not taken: one record.
const SENDING_MAX: usize = 16 * 1024;

/// Bytes that wait to be run: one frame that is not whole yet, and what came behind it.
const INBOX_MAX: usize = FRAME_MAX + READ;

/// How long a connection that ends here goes on reading: bytes that nobody read would make the
/// operating system reset it, and the client would lose the last replies.
const LINGER: Duration = Duration::from_millis(250);

/// Why a connection ended.
#[derive(Debug)]
pub(crate) enum Ended {
    ByClient,
    Lost(io::Error),
    Malformed(Refusal),
    HalfFrame,
    Idle,
    /// Another connection needs its place.
    Displaced,
    SlowReader,
    Stopping,
    StoreFailed,
    Panicked,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByClient => f.write_str("the client closed it"),
            Self::Lost(cause) => write!(f, "the line was lost: {cause}"),
            Self::Malformed(refusal) => write!(f, "{refusal}"),
            Self::HalfFrame => {
                write!(f, "a frame was not whole within {} s", FRAME_TIMEOUT.as_secs())
            }
            Self::Idle => f.write_str("it was idle for too long"),
            Self::Displaced => f.write_str("it was idle without a login, and others came"),
            Self::SlowReader => {
                write!(f, "the client took no reply for {} s", WRITE_TIMEOUT.as_secs())
            }
            Self::Stopping => f.write_str("the node stops"),
            Self::StoreFailed => f.write_str("the store failed"),
            Self::Panicked => f.write_str("a command panicked"),
        }
    }
}

/// What comes back of a heavy command.
struct Served {
    session: Session,
    /// The reply and its position; none when the command panicked.
    reply: Option<(Vec<u8>, u64)>,
}

/// A heavy command.
enum Job {
    /// It waits for a place in its lane.
    Waiting {
        place: oneshot::Receiver<Place>,
        work: Option<Work>,
    },
    Running(JoinHandle<Served>),
}

/// A heavy command and what it needs.
struct Work {
    session: Session,
    request: Zeroizing<Vec<u8>>,
}

/// What the frames of one turn left to do.
enum Turn {
    /// Wait for bytes, or for the disk.
    Wait,
    /// There are more frames, but it is the others' turn.
    Yield,
    /// There may be more frames, but the outbox has no room for their replies.
    Full,
    /// The line cannot be understood any more.
    Close(Refusal),
}

pub(crate) struct Connection {
    node: Arc<Shared>,
    stream: TlsStream<TcpStream>,
    seat: Seat,
    /// Not here while a heavy command has it.
    session: Option<Session>,
    job: Option<Job>,
    inbox: BytesMut,
    outbox: Outbox,
    /// What inbox, outbox and a heavy command hold of the memory that all share.
    charge: Charge,
    heard: Instant,
    /// When the first bytes of the frame came that is at the front of the inbox.
    frame_began: Option<Instant>,
}

impl Connection {
    pub(crate) fn new(
        node: Arc<Shared>,
        stream: TlsStream<TcpStream>,
        peer: Peer,
        seat: Seat,
    ) -> Self {
        let session = Some(node.hsm.open_session(peer));
        let charge = Charge::new(Arc::clone(&node.budget));
        let mut stream = stream;
        stream.get_mut().1.set_buffer_limit(Some(SENDING_MAX));
        Self {
            node,
            stream,
            seat,
            session,
            job: None,
            inbox: BytesMut::new(),
            outbox: Outbox::default(),
            charge,
            heard: Instant::now(),
            frame_began: None,
        }
    }

    /// Serves the client until one of the two ends it.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) -> Ended {
        let ended = match self.serve(&mut stopping).await {
            ControlFlow::Break(ended) => ended,
            ControlFlow::Continue(never) => match never {},
        };
        self.take_back().await;
        if matches!(
            ended,
            Ended::Malformed(_)
                | Ended::HalfFrame
                | Ended::Idle
                | Ended::Displaced
                | Ended::Stopping
        ) {
            close(&mut self.stream).await;
        }
        ended
    }

    /// A heavy command that has not begun will not.
    fn give_up_waiting(&mut self) {
        if let Some(Job::Waiting { work, .. }) = &mut self.job {
            self.session = work.take().map(|work| work.session);
            self.job = None;
        }
    }

    /// Takes the session back of a heavy command, so that its login ends with it.
    async fn take_back(&mut self) {
        self.give_up_waiting();
        if let Some(Job::Running(running)) = self.job.take()
            && let Ok(served) = running.await
        {
            self.session = Some(served.session);
        }
    }

    async fn serve(
        &mut self,
        stopping: &mut watch::Receiver<bool>,
    ) -> ControlFlow<Ended, std::convert::Infallible> {
        let mut progress = self.node.machine.queue.progress();
        let mut last: Option<Ended> = None;
        loop {
            let turn = if last.is_none() { self.run_frames() } else { Turn::Wait };
            if let Turn::Close(refusal) = &turn {
                self.outbox.push(|out| {
                    put_frame(out, 0, refusal.fault as u16, |out| refusal.encode(out));
                    0
                });
                last = Some(Ended::Malformed(refusal.clone()));
            }
            self.count();
            self.release(&mut progress).await?;
            self.count();
            if self.job.is_none()
                && self.outbox.is_empty()
                && let Some(ended) = last.take()
            {
                return ControlFlow::Break(ended);
            }
            // Frames that have come whole wait for room, not for bytes: nothing would wake us.
            let room_again = matches!(turn, Turn::Full) && self.has_room();
            if matches!(turn, Turn::Yield) || room_again {
                yield_now().await;
                continue;
            }
            if let Some(ended) = self.wait(&mut progress, stopping, last.is_none()).await? {
                if matches!(ended, Ended::Stopping) {
                    self.give_up_waiting();
                }
                last = Some(ended);
            }
        }
    }

    /// Waits until there is something to do. What it returns is the reason to read no more.
    async fn wait(
        &mut self,
        progress: &mut watch::Receiver<Progress>,
        stopping: &mut watch::Receiver<bool>,
        reading: bool,
    ) -> ControlFlow<Ended, Option<Ended>> {
        let room = self.has_room() && self.inbox.len() < INBOX_MAX;
        let waits_for = self.outbox.waits_for();
        let busy = self.job.is_some() || waits_for.is_some();
        match &self.session {
            Some(session) if !busy && !session.is_logged_in() => self.seat.is_quiet(self.heard),
            _ => self.seat.is_busy(),
        }
        let idle = self.node.idle_timeout;
        let (deadline, late) = match self.frame_began {
            Some(began) => (began + idle.min(FRAME_TIMEOUT), Ended::HalfFrame),
            None => (self.heard + idle, Ended::Idle),
        };
        self.inbox.reserve(if room { READ } else { 0 });
        tokio::select! {
            // Bytes that came in time count, also when they could not be read in time.
            biased;
            served = finished(&self.node, &mut self.job) => {
                self.job = None;
                // Without a pool there is no session: the node is being thrown away.
                let Some(served) = served else { return ControlFlow::Break(Ended::Stopping) };
                self.session = Some(served.session);
                let Some((reply, position)) = served.reply else {
                    return ControlFlow::Break(Ended::Panicked);
                };
                self.heard = Instant::now();
                self.outbox.push(|out| {
                    out.extend_from_slice(&reply);
                    position
                });
            },
            () = reached(progress, waits_for) => {},
            () = stopped(stopping), if reading => {
                return ControlFlow::Continue(Some(Ended::Stopping));
            },
            read = self.stream.read_buf(&mut self.inbox), if reading && room => match read {
                Ok(0) => return ControlFlow::Continue(Some(Ended::ByClient)),
                Ok(_) => {
                    self.heard = Instant::now();
                    self.frame_began.get_or_insert(self.heard);
                },
                Err(cause) => return ControlFlow::Break(Ended::Lost(cause)),
            },
            () = self.seat.told_to_leave(), if reading && !busy => {
                return ControlFlow::Continue(Some(Ended::Displaced));
            },
            () = sleep_until(deadline), if reading && !busy => {
                return ControlFlow::Continue(Some(late));
            },
        }
        ControlFlow::Continue(None)
    }

    /// Runs the frames that have come, until one is heavy, the outbox is full or the turn is over.
    fn run_frames(&mut self) -> Turn {
        let began = Instant::now();
        let mut frames = Deframer::new(&self.inbox);
        let mut turn = Turn::Wait;
        let mut heavy = None;
        let mut secret = Vec::new();
        while let Some(session) = &mut self.session {
            if !self.outbox.has_room(self.charge.is_spent()) {
                turn = Turn::Full;
                break;
            }
            let start = frames.used();
            let frame = match frames.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(refusal) => {
                    turn = Turn::Close(refusal);
                    break;
                }
            };
            if let Some(lane) = self.node.lanes.of(hsm_core::weight(frame.code)) {
                // It may hold a password.
                secret.push(start..frames.used());
                // What is refused anyway is refused in place.
                if let Some(account) = self.node.hsm.account(session, frame) {
                    heavy = Some((lane.enter(account), start));
                    break;
                }
            }
            let (hsm, machine) = (&self.node.hsm, &self.node.machine);
            self.outbox.push(|out| hsm.serve(machine, session, frame, out));
            if began.elapsed() > TURN {
                turn = Turn::Yield;
                break;
            }
        }
        let used = frames.used();
        if let Some((place, start)) = heavy {
            let bytes = self.inbox.get(start..used).unwrap_or_default();
            let request = Zeroizing::new(bytes.to_vec());
            let work = self.session.take().map(|session| Work { session, request });
            self.job = Some(Job::Waiting { place, work });
        }
        for range in secret {
            self.inbox.get_mut(range).unwrap_or_default().zeroize();
        }
        self.inbox.advance(used);
        if used > 0 {
            self.frame_began = (!self.inbox.is_empty()).then(Instant::now);
        }
        if self.inbox.is_empty() {
            // An idle connection of nine hundred keeps no buffer.
            self.inbox = BytesMut::new();
        }
        turn
    }

    fn has_room(&self) -> bool {
        self.outbox.has_room(self.charge.is_spent())
    }

    /// Counts what it holds now.
    fn count(&mut self) {
        let asked = match &self.job {
            Some(Job::Waiting { work: Some(work), .. }) => work.request.len(),
            _ => 0,
        };
        self.charge.set(self.inbox.capacity() + self.outbox.holds() + asked);
    }

    /// Sends what is durable.
    async fn release(&mut self, progress: &mut watch::Receiver<Progress>) -> ControlFlow<Ended> {
        let durable = {
            let progress = progress.borrow_and_update();
            if progress.failed.is_some() {
                return ControlFlow::Break(Ended::StoreFailed);
            }
            progress.durable
        };
        let released = self.outbox.released(durable);
        let count = released.len();
        if count == 0 {
            return ControlFlow::Continue(());
        }
        let sending = async {
            self.stream.write_all(released).await?;
            self.stream.flush().await
        };
        match timeout(WRITE_TIMEOUT, sending).await {
            Ok(Ok(())) => self.outbox.sent(count),
            Ok(Err(cause)) => return ControlFlow::Break(Ended::Lost(cause)),
            Err(_) => return ControlFlow::Break(Ended::SlowReader),
        }
        ControlFlow::Continue(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.node.hsm.close_session(&self.node.machine, session);
        }
    }
}

/// Runs a heavy command that has its place.
fn run_heavy(node: &Arc<Shared>, place: Place, work: Work) -> JoinHandle<Served> {
    let node = Arc::clone(node);
    spawn_blocking(move || {
        let Work { session, request } = work;
        let frame = Deframer::new(&request).next().ok().flatten();
        let frame = frame.unwrap_or(Frame { id: 0, code: 0, body: &[] });
        let (session, reply) = keep(session, |session| {
            let mut reply = Vec::new();
            let position = node.hsm.serve(&node.machine, session, frame, &mut reply);
            (reply, position)
        });
        drop(place);
        Served { session, reply }
    })
}

/// Works with a session and gives it back, also when the work panics: a session that is lost is
/// never closed, and its user stays logged in.
fn keep<S, R>(mut session: S, work: impl FnOnce(&mut S) -> R) -> (S, Option<R>) {
    let done = catch_unwind(AssertUnwindSafe(|| work(&mut session))).ok();
    (session, done)
}

/// Returns when the heavy command has been served; `None`: the pool is gone. It can be dropped at
/// any moment and asked again.
async fn finished(node: &Arc<Shared>, job: &mut Option<Job>) -> Option<Served> {
    loop {
        match job {
            None => pending().await,
            Some(Job::Running(running)) => return running.await.ok(),
            Some(Job::Waiting { place, work }) => {
                let place = place.await.ok()?;
                *job = Some(Job::Running(run_heavy(node, place, work.take()?)));
            }
        }
    }
}

/// Returns when the position is durable, or never will be.
pub(crate) async fn reached(progress: &mut watch::Receiver<Progress>, position: Option<u64>) {
    let passed = |progress: &Progress| {
        position.is_some_and(|p| p <= progress.durable) || progress.failed.is_some()
    };
    if progress.wait_for(passed).await.is_err() {
        pending().await
    }
}

pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // The sender is gone only when the node is.
    let _ = stopping.wait_for(|stop| *stop).await.map(drop);
}

/// Says goodbye, and reads what still comes for a moment.
pub(crate) async fn close(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) {
    let _ = timeout(LINGER, async {
        stream.shutdown().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_comes_back_from_work_that_panics() {
        assert_eq!(keep("session", |_| 7), ("session", Some(7)));
        assert_eq!(keep("session", |_| -> u64 { panic!("as a test") }), ("session", None));
    }
}
