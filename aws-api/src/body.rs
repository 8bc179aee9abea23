//! Bodies of requests, and large answers: the memory that all connections share for them, and that
//! the operating system gets back at once.
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::{Body as _, Incoming};
use memmap2::MmapMut;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// The largest request of the model, a policy of 131,072 characters, fits several times.
pub(crate) const BODY_MAX: usize = 1024 * 1024;
/// Bytes of all bodies together, and as many of all answers that are not taken yet.
const SHARED_MAX: usize = 64 * 1024 * 1024;
/// Bytes that each may have besides, whatever the others do. Most need no more.
const ALLOWANCE: usize = 16 * 1024;
/// What is counted at a time.
const STEP: usize = 16 * 1024;
/// How long a client may take for a request's body.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// How long a body or an answer waits for memory: those that wait for more have some already.
const MEMORY_WITHIN: Duration = Duration::from_secs(2);

/// What all connections share; clones are the same.
#[derive(Clone)]
pub(crate) struct Memory {
    bodies: Arc<Semaphore>,
    answers: Arc<Semaphore>,
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// More than [`BODY_MAX`].
    TooLarge,
    /// The connection has ended, or is none of HTTP.
    Broken,
    /// It did not come in time.
    Late,
    /// Others have all the memory that there is for bodies.
    NoMemory,
}

/// A whole body. Its part of the memory is free again when it is dropped.
pub(crate) struct Body {
    held: Held,
    _charge: Option<OwnedSemaphorePermit>,
}

enum Held {
    Small(Vec<u8>),
    /// Pages of its own, and how many bytes are filled. An allocator would keep them for itself.
    Large(MmapMut, usize),
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.held {
            Held::Small(bytes) => bytes,
            Held::Large(pages, filled) => pages.get(..*filled).unwrap_or_default(),
        }
    }
}

impl Memory {
    pub(crate) fn new() -> Self {
        let shared = || Arc::new(Semaphore::new(SHARED_MAX / STEP));
        Self { bodies: shared(), answers: shared() }
    }

    /// Reads a body to its end. What says before that it is too large is not read at all.
    pub(crate) async fn read(&self, mut coming: Incoming) -> Result<Body, Unread> {
        if coming.size_hint().lower() > BODY_MAX as u64 {
            return Err(Unread::TooLarge);
        }
        let until = Instant::now() + BODY_WITHIN;
        let mut body = Body { held: Held::Small(Vec::new()), _charge: None };
        loop {
            match timeout_at(until, coming.frame()).await {
                Err(_) => return Err(Unread::Late),
                Ok(None) => return Ok(body),
                Ok(Some(Err(_))) => return Err(Unread::Broken),
                Ok(Some(Ok(frame))) => {
                    if let Ok(piece) = frame.into_data() {
                        // The whole of it has one deadline, whatever each step waits.
                        let added = timeout_at(until, self.add(&mut body, &piece)).await;
                        added.map_err(|_| Unread::NoMemory)??;
                    }
                }
            }
        }
    }

    async fn add(&self, body: &mut Body, piece: &[u8]) -> Result<(), Unread> {
        let length = body.len() + piece.len();
        if length > BODY_MAX {
            return Err(Unread::TooLarge);
        }
        let has = body._charge.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = steps(length).saturating_sub(has);
        if more > 0 {
            let charge = charge(&self.bodies, more).await.ok_or(Unread::NoMemory)?;
            match &mut body._charge {
                Some(there) => there.merge(charge),
                none => *none = Some(charge),
            }
        }
        body.held.add(piece)
    }

    /// An answer that counts until its client has taken it. `None`: there is no memory for it.
    pub(crate) async fn count(
        &self,
        answer: Response<Full<Bytes>>,
    ) -> Option<Response<Full<Bytes>>> {
        let length = answer.body().size_hint().lower() as usize;
        if length <= ALLOWANCE {
            return Some(answer);
        }
        let charge = charge(&self.answers, steps(length)).await?;
        let (head, body) = answer.into_parts();
        let Ok(bytes) = body.collect().await;
        let counted = Bytes::from_owner(Counted { bytes: bytes.to_bytes(), _charge: charge });
        Some(Response::from_parts(head, Full::new(counted)))
    }
}

struct Counted {
    bytes: Bytes,
    _charge: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Held {
    fn add(&mut self, piece: &[u8]) -> Result<(), Unread> {
        match self {
            Self::Small(bytes) if bytes.len() + piece.len() <= ALLOWANCE => {
                bytes.extend_from_slice(piece);
            }
            Self::Small(bytes) => {
                // A page costs nothing until it is filled.
                let mut pages = MmapMut::map_anon(BODY_MAX).map_err(|_| Unread::NoMemory)?;
                fill(&mut pages, 0, bytes)?;
                let filled = bytes.len();
                *self = Self::Large(pages, filled);
                return self.add(piece);
            }
            Self::Large(pages, filled) => {
                fill(pages, *filled, piece)?;
                *filled += piece.len();
            }
        }
        Ok(())
    }
}

fn fill(pages: &mut MmapMut, from: usize, piece: &[u8]) -> Result<(), Unread> {
    let room = pages.get_mut(from..from + piece.len()).ok_or(Unread::TooLarge)?;
    room.copy_from_slice(piece);
    Ok(())
}

/// Steps that so many bytes count for.
fn steps(length: usize) -> usize {
    length.saturating_sub(ALLOWANCE).div_ceil(STEP)
}

/// Steps of the memory; no more than there are.
async fn charge(shared: &Arc<Semaphore>, steps: usize) -> Option<OwnedSemaphorePermit> {
    let steps = u32::try_from(steps.min(SHARED_MAX / STEP)).ok()?;
    timeout(MEMORY_WITHIN, Arc::clone(shared).acquire_many_owned(steps)).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Body {
        Body { held: Held::Small(Vec::new()), _charge: None }
    }

    #[tokio::test]
    async fn what_is_beyond_the_allowance_is_counted_in_steps_and_given_back() {
        let memory = Memory::new();
        let all = memory.bodies.available_permits();
        let mut body = empty();
        for (piece, taken) in [(ALLOWANCE, 0), (1, 1), (STEP - 1, 1), (2 * STEP, 3)] {
            memory.add(&mut body, &vec![7; piece]).await.unwrap();
            assert_eq!(all - memory.bodies.available_permits(), taken, "{piece}");
        }
        assert_eq!(&*body, vec![7; ALLOWANCE + 3 * STEP]);
        let rest = vec![8; BODY_MAX - body.len()];
        memory.add(&mut body, &rest).await.unwrap();
        assert_eq!(memory.add(&mut body, &[9]).await, Err(Unread::TooLarge));
        assert_eq!(body.last(), Some(&8));
        drop(body);
        assert_eq!(memory.bodies.available_permits(), all);
    }

    #[tokio::test]
    async fn small_bodies_need_no_memory_of_all_and_large_ones_are_refused_without() {
        let memory = Memory::new();
        let _others = charge(&memory.bodies, SHARED_MAX / STEP).await.unwrap();
        let mut body = empty();
        memory.add(&mut body, &[1; ALLOWANCE]).await.unwrap();
        assert_eq!(memory.add(&mut body, &[1]).await, Err(Unread::NoMemory));
    }

    #[tokio::test]
    async fn a_large_answer_counts_until_it_is_taken() {
        let memory = Memory::new();
        let large = || Response::new(Full::new(Bytes::from(vec![1; SHARED_MAX / 2 + ALLOWANCE])));
        let first = memory.count(large()).await.unwrap();
        let second = memory.count(large()).await.unwrap();
        assert!(memory.count(large()).await.is_none());
        let small = Response::new(Full::new(Bytes::from_static(b"{}")));
        assert!(memory.count(small).await.is_some());
        drop(first);
        assert!(memory.count(large()).await.is_some());
        drop(second);
    }
}
