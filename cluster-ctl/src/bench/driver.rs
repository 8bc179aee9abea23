//! The load: keeps keys under way on its connections, and destroys them in batches.
use super::kind::Make;
use super::tally::Meter;
use crate::Failure;
use hsm_client::{CallError, Connection, Pending};
use proto::command::key::{
    DestroyObjects, ExtractMaskedObject, InsertMaskedObject, MaskedObject, MaskedObjectInserted,
    ObjectsDestroyed,
};
use proto::{Blob, Fault};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

/// Handles that are destroyed by one request: many enough to cost little, few enough that an HSM's
/// other clients do not feel it.
pub(super) const BATCH: usize = 1_024;

/// One connection of session keys, or one to each HSM for token keys. On each the replies come in
/// the order of the requests, so a queue for each is all that there is to keep.
pub(super) struct Driver<M: Make> {
    lanes: Vec<Lane<M>>,
    request: M,
    depth: usize,
    under_way: usize,
    /// On which lane the next key is made.
    turn: usize,
    /// Token keys that are not on all HSMs yet, and free places among them.
    keys: Vec<Key<M>>,
    free: Vec<usize>,
    alive: VecDeque<u64>,
    kept: usize,
    retry: u128,
}

struct Lane<M: Make> {
    connection: Connection,
    calls: VecDeque<Call<M>>,
    meter: Meter,
}

impl<M: Make> Lane<M> {
    fn insert(&mut self, place: usize, object: Arc<InsertMaskedObject>) {
        let call = self.connection.submit(&*object);
        self.calls.push_back(Call::Insert(place, object, call));
    }
}

/// A token key on its way to all HSMs.
struct Key<M: Make> {
    began: Instant,
    made_on: usize,
    handles: M::Handles,
    /// Masked objects that are still to be inserted.
    missing: usize,
}

enum Call<M: Make> {
    Make(Instant, Pending<M::Reply>),
    Extract(usize, Pending<MaskedObject>),
    /// The object is kept for a second attempt.
    Insert(usize, Arc<InsertMaskedObject>, Pending<MaskedObjectInserted>),
    Destroy(Pending<ObjectsDestroyed>),
}

/// The reply to a [`Call`].
enum Reply<M: Make> {
    Made(Instant, M::Reply),
    Extracted(usize, Blob),
    Inserted(usize),
    /// A peer brought the same key at the same moment.
    Collided(usize, Arc<InsertMaskedObject>),
    Destroyed(u64),
}

impl<M: Make> Call<M> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply<M>, CallError>> {
        Poll::Ready(match self {
            Self::Make(began, call) => {
                ready!(Pin::new(call).poll(cx)).map(|reply| Reply::Made(*began, reply))
            }
            Self::Extract(key, call) => {
                ready!(Pin::new(call).poll(cx)).map(|reply| Reply::Extracted(*key, reply.object))
            }
            Self::Insert(key, object, call) => match ready!(Pin::new(call).poll(cx)) {
                Ok(_) => Ok(Reply::Inserted(*key)),
                Err(CallError::Refused(refusal)) if refusal.fault == Fault::Busy => {
                    Ok(Reply::Collided(*key, object.clone()))
                }
                Err(error) => Err(error),
            },
            Self::Destroy(call) => match ready!(Pin::new(call).poll(cx)) {
                Ok(reply) => Ok(Reply::Destroyed(reply.count)),
                // A peer was quicker to tell this HSM of tombstones, and will tell it of the rest.
                Err(CallError::Refused(refusal)) if refusal.fault == Fault::InvalidHandle => {
                    Ok(Reply::Destroyed(0))
                }
                Err(error) => Err(error),
            },
        })
    }
}

impl<M: Make> Driver<M> {
    /// A driver that keeps `depth` keys under way, and leaves at least `kept` handles alive.
    pub(super) fn new(
        request: M,
        lanes: Vec<(Connection, Meter)>,
        depth: usize,
        kept: usize,
    ) -> Self {
        let lane = |(connection, meter)| Lane { connection, calls: VecDeque::new(), meter };
        Self {
            lanes: lanes.into_iter().map(lane).collect(),
            request,
            depth,
            under_way: 0,
            turn: 0,
            keys: Vec::new(),
            free: Vec::new(),
            alive: VecDeque::new(),
            kept,
            retry: rand::random(),
        }
    }

    /// Makes keys until it is dropped, or until one cannot be made.
    pub(super) async fn run(mut self) -> Failure {
        loop {
            self.make(Instant::now());
            if let Err(failure) = poll_fn(|cx| self.take(cx)).await {
                return failure;
            }
        }
    }

    /// Begins keys until there are as many under way as there should be.
    fn make(&mut self, now: Instant) {
        while self.under_way < self.depth {
            if let Some(Blob(token)) = self.request.retry() {
                self.retry = self.retry.wrapping_add(1);
                token.copy_from_slice(&self.retry.to_be_bytes());
            }
            let lane = &mut self.lanes[self.turn];
            lane.calls.push_back(Call::Make(now, lane.connection.submit(&self.request)));
            self.turn = (self.turn + 1) % self.lanes.len();
            self.under_way += 1;
        }
    }

    /// Takes all replies that have come, at least one.
    fn take(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let mut came = None;
        for at in 0..self.lanes.len() {
            while let Some(call) = self.lanes[at].calls.front_mut() {
                let reply = match call.poll(cx) {
                    Poll::Pending => break,
                    Poll::Ready(reply) => reply,
                };
                let now = *came.get_or_insert_with(|| {
                    let now = Instant::now();
                    self.lanes.iter_mut().for_each(|lane| lane.meter.at(now));
                    now
                });
                self.lanes[at].calls.pop_front();
                match reply {
                    Ok(reply) => self.go_on(at, reply, now),
                    Err(error) => {
                        let hsm_id = &self.lanes[at].connection.welcome().hsm_id;
                        return Poll::Ready(Err(Failure::new(format!("{hsm_id}: {error}"))));
                    }
                }
            }
        }
        if came.is_some() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// The next step of a key, after a reply on lane `at`.
    fn go_on(&mut self, at: usize, reply: Reply<M>, now: Instant) {
        match reply {
            Reply::Made(began, reply) => {
                let handles = M::handles(&reply);
                let copies = handles.as_ref().len() * (self.lanes.len() - 1);
                let key = Key { began, made_on: at, handles, missing: copies };
                if copies == 0 {
                    return self.made(&key, now);
                }
                let place = self.place(key);
                let lane = &mut self.lanes[at];
                for &handle in handles.as_ref() {
                    let call = lane.connection.submit(&ExtractMaskedObject { handle });
                    lane.calls.push_back(Call::Extract(place, call));
                }
            }
            Reply::Extracted(place, object) => {
                let object = Arc::new(InsertMaskedObject { object });
                for (_, lane) in self.lanes.iter_mut().enumerate().filter(|(other, _)| *other != at)
                {
                    lane.insert(place, object.clone());
                }
            }
            Reply::Collided(place, object) => self.lanes[at].insert(place, object),
            Reply::Inserted(place) => {
                let key = &mut self.keys[place];
                key.missing -= 1;
                if key.missing == 0 {
                    self.free.push(place);
                    let key = Key { ..*key };
                    self.made(&key, now);
                }
            }
            Reply::Destroyed(count) if at == 0 => self.lanes[0].meter.destroyed(count),
            Reply::Destroyed(_) => {}
        }
    }

    fn place(&mut self, key: Key<M>) -> usize {
        match self.free.pop() {
            Some(place) => {
                self.keys[place] = key;
                place
            }
            None => {
                self.keys.push(key);
                self.keys.len() - 1
            }
        }
    }

    /// A key is where it should be.
    fn made(&mut self, key: &Key<M>, now: Instant) {
        self.under_way -= 1;
        self.lanes[key.made_on].meter.count(now - key.began);
        self.alive.extend(key.handles.as_ref());
        if self.alive.len() >= self.kept + BATCH {
            let destroy = DestroyObjects { handles: self.alive.drain(..BATCH).collect() };
            for lane in &mut self.lanes {
                let call = lane.connection.submit(&destroy);
                lane.calls.push_back(Call::Destroy(call));
            }
        }
    }
}
