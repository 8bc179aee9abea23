//! A call whose reply is awaited: one allocation, completed from the reply's bytes.
use crate::CallError;
use proto::{Message, Refusal, decode};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A reply to come. Dropping it does not take the request back.
#[must_use = "a request's outcome is known only by awaiting it"]
pub struct Pending<R>(Inner<R>);

enum Inner<R> {
    Sent(Arc<Call<R>>),
    /// The connection has as many requests as it takes: this one waits for its turn.
    Waiting(Pin<Box<dyn Future<Output = Arc<Call<R>>> + Send>>),
}

/// Where the connection puts the reply and the caller finds it.
pub(crate) struct Call<R>(Mutex<State<R>>);

enum State<R> {
    Waiting(Option<Waker>),
    Done(Result<R, CallError>),
    Taken,
}

/// What a connection does with a call without knowing its type.
pub(crate) trait Finish: Send + Sync {
    /// A reply frame came.
    fn reply(&self, code: u16, body: &[u8]);
    /// None will come.
    fn fail(&self, error: CallError);
}

impl<R> Call<R> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::Waiting(None))))
    }

    fn lock(&self) -> MutexGuard<'_, State<R>> {
        // Nothing can panic while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, result: Result<R, CallError>) {
        let before = std::mem::replace(&mut *self.lock(), State::Done(result));
        if let State::Waiting(Some(waker)) = before {
            waker.wake();
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<R, CallError>> {
        let mut state = self.lock();
        match &mut *state {
            State::Waiting(Some(waker)) => waker.clone_from(cx.waker()),
            State::Waiting(empty) => *empty = Some(cx.waker().clone()),
            State::Done(_) => {
                if let State::Done(result) = std::mem::replace(&mut *state, State::Taken) {
                    return Poll::Ready(result);
                }
            }
            State::Taken => {}
        }
        Poll::Pending
    }
}

impl<R: Message + Send> Finish for Call<R> {
    fn reply(&self, code: u16, body: &[u8]) {
        self.finish(match code {
            0 => decode(body).map_err(CallError::BadReply),
            code => Err(CallError::Refused(Refusal::decode(code, body))),
        });
    }

    fn fail(&self, error: CallError) {
        self.finish(Err(error));
    }
}

impl<R> Pending<R> {
    pub(crate) fn sent(call: Arc<Call<R>>) -> Self {
        Self(Inner::Sent(call))
    }

    pub(crate) fn waiting(turn: impl Future<Output = Arc<Call<R>>> + Send + 'static) -> Self {
        Self(Inner::Waiting(Box::pin(turn)))
    }
}

impl<R> Future for Pending<R> {
    type Output = Result<R, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut self.0 {
                Inner::Sent(call) => return call.poll(cx),
                Inner::Waiting(turn) => match turn.as_mut().poll(cx) {
                    Poll::Ready(call) => self.0 = Inner::Sent(call),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }
}
