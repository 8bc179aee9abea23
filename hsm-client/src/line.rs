//! The one task of a connection: it writes what was queued, reads replies, and ends both together.
use crate::pending::Finish;
use crate::tls::Refused;
use crate::{CallError, TlsIdentity};
use proto::limits::FRAME_MAX;
use proto::{Deframer, Fault, HEADER, Spec, Weight, put_frame};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep};
use tokio_rustls::client::TlsStream;
use zeroize::Zeroize;

/// Requests of one connection that wait for a reply: enough to keep an HSM busy while a reply is on
/// its way, and a bound for memory.
const IN_FLIGHT_MAX: usize = 1024;
/// An HSM that has requests and says nothing for so long is lost. The slowest command, an RSA-4096
/// pair behind others of its kind, takes some seconds.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// How often silence is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Room for replies at first; a longer frame makes it grow.
const INPUT: usize = 32 * 1024;

/// What the callers and the task share.
pub(crate) struct Shared {
    queue: Mutex<Queue>,
    turns: Semaphore,
    name: Arc<str>,
}

#[derive(Default)]
struct Queue {
    /// Whole frames, to be written together.
    bytes: Vec<u8>,
    /// There is a password in them.
    secret: bool,
    calls: Vec<Sent>,
    /// All bytes that were ever queued.
    total: u64,
    next_id: u32,
    /// The task, when it has nothing to write.
    idle: Option<Waker>,
    /// Nobody can call any more: end when all replies have come.
    finished: bool,
    /// Why the line has ended.
    ended: Option<Arc<str>>,
}

/// A request in flight.
struct Sent {
    id: u32,
    /// Where its frame ends in all that is ever written.
    end: u64,
    call: Arc<dyn Finish>,
}

impl Shared {
    pub(crate) fn new(name: Arc<str>) -> Self {
        let queue = Mutex::new(Queue { next_id: 1, ..Queue::default() });
        Self { queue, turns: Semaphore::new(IN_FLIGHT_MAX), name }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic is called while the lock is held.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one of the connection's turns, if there is one now. The reply gives it back.
    pub(crate) fn take_turn(&self) -> bool {
        self.turns.try_acquire().map(tokio::sync::SemaphorePermit::forget).is_ok()
    }

    /// Waits for a turn, or until the line has ended.
    pub(crate) async fn wait_turn(&self) {
        if let Ok(turn) = self.turns.acquire().await {
            turn.forget();
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        IN_FLIGHT_MAX.saturating_sub(self.turns.available_permits())
    }

    /// Queues a request, whose body `body` writes, and wakes the task if it was idle.
    pub(crate) fn put(&self, spec: &Spec, call: Arc<dyn Finish>, body: impl FnOnce(&mut Vec<u8>)) {
        let mut queue = self.lock();
        if let Some(why) = queue.ended.clone() {
            drop(queue);
            return call.fail(CallError::NotSent { node: self.name.clone(), why });
        }
        let (id, start) = (queue.next_id, queue.bytes.len());
        put_frame(&mut queue.bytes, id, spec.opcode as u16, body);
        queue.secret |= spec.weight == Weight::Password;
        let length = queue.bytes.len() - start;
        if length > 4 + FRAME_MAX {
            queue.bytes.truncate(start);
            drop(queue);
            self.turns.add_permits(1);
            let why = format!("the request has {} bytes of {FRAME_MAX} at most", length - HEADER);
            return call.fail(CallError::Refused(Fault::Malformed.with(why)));
        }
        queue.next_id = id.wrapping_add(1);
        queue.total += length as u64;
        let end = queue.total;
        queue.calls.push(Sent { id, end, call });
        let idle = queue.idle.take();
        drop(queue);
        if let Some(task) = idle {
            task.wake();
        }
    }

    /// Nobody can call any more.
    pub(crate) fn finish(&self) {
        let mut queue = self.lock();
        queue.finished = true;
        let idle = queue.idle.take();
        drop(queue);
        if let Some(task) = idle {
            task.wake();
        }
    }
}

/// The task's own side.
pub(crate) struct Line {
    stream: TlsStream<TcpStream>,
    shared: Arc<Shared>,
    identity: TlsIdentity,
    /// What is being written, and how much of it is.
    output: Vec<u8>,
    written: usize,
    secret: bool,
    /// All bytes that TLS has ever taken over.
    total_written: u64,
    flushed: bool,
    write_error: Option<io::Error>,
    incoming: Vec<Sent>,
    in_flight: VecDeque<Sent>,
    input: Vec<u8>,
    filled: usize,
    look: Pin<Box<Sleep>>,
    heard: Instant,
    gathered: bool,
}

impl Line {
    pub(crate) fn new(
        stream: TlsStream<TcpStream>,
        shared: Arc<Shared>,
        identity: TlsIdentity,
    ) -> Self {
        Self {
            stream,
            shared,
            identity,
            output: Vec::new(),
            written: 0,
            secret: false,
            total_written: 0,
            flushed: true,
            write_error: None,
            incoming: Vec::new(),
            in_flight: VecDeque::new(),
            input: vec![0; INPUT],
            filled: 0,
            look: Box::pin(tokio::time::sleep(LOOK_EVERY)),
            heard: Instant::now(),
            gathered: false,
        }
    }

    /// Serves the line until it ends, and gives the reason to everybody who waits.
    pub(crate) async fn run(mut self) -> Arc<str> {
        let why = poll_fn(|cx| self.poll(cx)).await;
        let why: Arc<str> = match why {
            Ok(()) => {
                let _ = poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx)).await;
                "this client closed it".into()
            }
            Err(error) => self.explain(&error).into(),
        };
        let node = &self.shared.name;
        let mut queue = self.shared.lock();
        queue.ended = Some(why.clone());
        let unsent = std::mem::take(&mut queue.calls);
        drop(queue);
        self.shared.turns.close();
        for sent in self.in_flight.drain(..).chain(unsent) {
            let (node, why) = (node.clone(), why.clone());
            sent.call.fail(if sent.end > self.total_written {
                CallError::NotSent { node, why }
            } else {
                CallError::Lost { node, why }
            });
        }
        why
    }

    fn explain(&self, error: &io::Error) -> String {
        match self.identity.explain(error) {
            Some(Refused::Client(why) | Refused::Server(why) | Refused::NotTls(why)) => why,
            None => error.to_string(),
        }
    }

    /// Does what can be done now. Ends with `Ok` when nobody can call any more and all is answered.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.written == self.output.len() && !self.take(cx) {
                return Poll::Ready(Ok(()));
            }
            self.write(cx);
            match self.read(cx) {
                Poll::Ready(result) => result?,
                Poll::Pending => break,
            }
        }
        if let Some(error) = self.write_error.take() {
            return Poll::Ready(Err(error));
        }
        while self.look.as_mut().poll(cx).is_ready() {
            if !self.in_flight.is_empty() && self.heard.elapsed() > SILENCE_MAX {
                let why = format!("it has not answered for {} s", SILENCE_MAX.as_secs());
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)));
            }
            self.look.as_mut().reset(Instant::now() + LOOK_EVERY);
        }
        Poll::Pending
    }

    /// Takes what was queued. False: there is nothing, and nothing can come.
    fn take(&mut self, cx: &mut Context<'_>) -> bool {
        let mut queue = self.shared.lock();
        if queue.calls.is_empty() {
            if queue.finished && self.in_flight.is_empty() {
                return false;
            }
            self.gathered = false;
            if !queue.idle.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                queue.idle = Some(cx.waker().clone());
            }
            return true;
        }
        if !self.gathered {
            // Once around the scheduler: tasks that are ready to call get into the same write.
            self.gathered = true;
            drop(queue);
            cx.waker().wake_by_ref();
            return true;
        }
        self.gathered = false;
        self.secret = std::mem::take(&mut queue.secret);
        self.output.clear();
        self.written = 0;
        std::mem::swap(&mut self.output, &mut queue.bytes);
        std::mem::swap(&mut self.incoming, &mut queue.calls);
        drop(queue);
        if self.in_flight.is_empty() {
            self.heard = Instant::now();
        }
        self.in_flight.extend(self.incoming.drain(..));
        true
    }

    fn write(&mut self, cx: &mut Context<'_>) {
        while self.written < self.output.len() && self.write_error.is_none() {
            let rest = self.output.get(self.written..).unwrap_or_default();
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => self.write_error = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => {
                    self.written += n;
                    self.total_written += n as u64;
                    self.flushed = false;
                }
                // The HSM may have said why before it hung up: what has come is read first.
                Poll::Ready(Err(error)) => self.write_error = Some(error),
                Poll::Pending => return,
            }
        }
        if self.secret && self.written == self.output.len() {
            self.output.zeroize();
            (self.written, self.secret) = (0, false);
        }
        if !self.flushed && self.write_error.is_none() {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.flushed = true,
                Poll::Ready(Err(error)) => self.write_error = Some(error),
                Poll::Pending => {}
            }
        }
    }

    /// Reads what has come and completes the calls that it answers.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.filled == self.input.len() {
            self.input.resize((self.filled * 2).min(4 + FRAME_MAX), 0);
        }
        let room = self.input.get_mut(self.filled..).unwrap_or_default();
        let mut room = ReadBuf::new(room);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
        let came = room.filled().len();
        if came == 0 {
            let why = "the HSM hung up";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, why)));
        }
        self.filled += came;
        self.heard = Instant::now();
        let garbage = |why: String| {
            io::Error::new(io::ErrorKind::InvalidData, format!("it answered garbage: {why}"))
        };
        let mut answered = 0;
        let mut frames = Deframer::new(self.input.get(..self.filled).unwrap_or_default());
        while let Some(frame) = frames.next().map_err(|refusal| garbage(refusal.to_string()))? {
            match self.in_flight.front() {
                Some(sent) if sent.id == frame.id => {
                    sent.call.reply(frame.code, frame.body);
                    self.in_flight.pop_front();
                    answered += 1;
                }
                _ => return Poll::Ready(Err(garbage("a reply to no request".into()))),
            }
        }
        let used = frames.used();
        self.input.copy_within(used..self.filled, 0);
        self.filled -= used;
        self.shared.turns.add_permits(answered);
        Poll::Ready(Ok(()))
    }
}
