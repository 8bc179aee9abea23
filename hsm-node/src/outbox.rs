//! Replies in the order of their requests, none given out before what it depends on is durable.
use crate::budget::ALLOWANCE;
use std::collections::VecDeque;

/// Requests of one connection that wait for the disk: enough for the deepest pipeline that pays.
pub(crate) const IN_FLIGHT_MAX: usize = 1_024;

/// Bytes of replies that wait: sixteen of the largest frames.
const BYTES_MAX: usize = 1 << 20;

/// The same when the node's shared memory is spent: the disk still has something to gather.
const SPENT_IN_FLIGHT_MAX: usize = 8;

/// What an outbox that is empty keeps of its memory.
const KEPT: usize = 4 * 1024;

/// What is asked for when that is not enough: so much the operating system gives by itself, page by
/// page as it is written, and takes back whole. Of smaller pieces the C library keeps what others
/// that still live lie behind.
const LARGE: usize = 256 * 1024;

/// The replies of one connection that have not been sent.
#[derive(Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    /// How much of their memory has been written.
    written: usize,
    runs: VecDeque<Run>,
    replies: usize,
}

/// Replies that may be released together.
struct Run {
    position: u64,
    end: usize,
    replies: usize,
}

impl Outbox {
    /// Whether another request may be run. `spent`: the memory that all connections share is.
    /// When nothing waits here, one may always.
    pub(crate) fn has_room(&self, spent: bool) -> bool {
        let (replies, bytes) = match spent {
            false => (IN_FLIGHT_MAX, BYTES_MAX),
            true => (SPENT_IN_FLIGHT_MAX, ALLOWANCE),
        };
        self.replies < replies && self.bytes.len() < bytes
    }

    /// Bytes of memory.
    pub(crate) fn holds(&self) -> usize {
        self.written + self.runs.capacity() * size_of::<Run>()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Adds the reply that `write` writes; `write` returns the position that it depends on.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>) -> u64) {
        let waiting = self.bytes.len();
        if waiting > KEPT / 2 && self.bytes.capacity() < LARGE {
            self.bytes.reserve(LARGE - waiting);
        }
        let position = write(&mut self.bytes);
        let end = self.bytes.len();
        self.written = self.written.max(end);
        self.replies += 1;
        match self.runs.back_mut() {
            // Replies are released in order: one that needs less waits for those before it.
            Some(run) if position <= run.position => {
                run.end = end;
                run.replies += 1;
            }
            _ => self.runs.push_back(Run { position, end, replies: 1 }),
        }
    }

    /// The position that the oldest reply waits for.
    pub(crate) fn waits_for(&self) -> Option<u64> {
        self.runs.front().map(|run| run.position)
    }

    /// The bytes that may be sent when everything up to `durable` is durable.
    pub(crate) fn released(&self, durable: u64) -> &[u8] {
        let ready = self.runs.partition_point(|run| run.position <= durable);
        let end =
            ready.checked_sub(1).and_then(|last| self.runs.get(last)).map_or(0, |run| run.end);
        self.bytes.get(..end).unwrap_or_default()
    }

    /// Forgets the first `count` bytes, which [`Outbox::released`] gave and which were sent.
    pub(crate) fn sent(&mut self, count: usize) {
        self.bytes.drain(..count);
        while self.runs.front().is_some_and(|run| run.end <= count) {
            self.replies -= self.runs.pop_front().map_or(0, |run| run.replies);
        }
        for run in &mut self.runs {
            run.end -= count;
        }
        if self.is_empty() && self.holds() > KEPT {
            *self = Self::default();
        } else if self.written > ALLOWANCE.max(4 * self.bytes.len()) {
            self.bytes = self.bytes.as_slice().to_vec();
            self.written = self.bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(outbox: &mut Outbox, byte: u8, position: u64) {
        outbox.push(|out| {
            out.push(byte);
            position
        });
    }

    #[test]
    fn replies_leave_in_order_and_not_before_they_are_durable() {
        let mut outbox = Outbox::default();
        for (byte, position) in [(b'a', 0), (b'b', 5), (b'c', 0), (b'd', 7)] {
            reply(&mut outbox, byte, position);
        }
        assert_eq!(outbox.released(4), b"a");
        outbox.sent(1);
        assert_eq!(outbox.waits_for(), Some(5));
        assert_eq!(outbox.released(4), b"");
        assert_eq!(outbox.released(6), b"bc");
        outbox.sent(2);
        assert_eq!(outbox.released(9), b"d");
        outbox.sent(1);
        assert!(outbox.is_empty() && outbox.waits_for().is_none());
    }

    #[test]
    fn room_ends_at_the_bound_on_requests_in_flight() {
        let mut outbox = Outbox::default();
        for position in 1..=IN_FLIGHT_MAX as u64 {
            assert!(outbox.has_room(false));
            reply(&mut outbox, 0, position);
        }
        assert!(!outbox.has_room(false));
        let released = outbox.released(1).len();
        outbox.sent(released);
        assert!(outbox.has_room(false));
    }

    #[test]
    fn what_grew_is_given_back_and_little_waits_when_memory_is_spent() {
        let mut outbox = Outbox::default();
        assert!(outbox.has_room(true), "one request may always run");
        while outbox.has_room(false) {
            outbox.push(|out| {
                out.extend_from_slice(&[0; 16_384]);
                9
            });
        }
        assert!(!outbox.has_room(true) && outbox.holds() >= BYTES_MAX);
        outbox.sent(BYTES_MAX - 100);
        assert!(outbox.holds() <= 2 * ALLOWANCE, "{}", outbox.holds());
        assert!(outbox.bytes.capacity() <= 2 * ALLOWANCE);
        let rest = outbox.released(9).len();
        outbox.sent(rest);
        assert!(outbox.is_empty() && outbox.holds() <= KEPT);

        for _ in 0..SPENT_IN_FLIGHT_MAX {
            assert!(outbox.has_room(true));
            reply(&mut outbox, 0, 10);
        }
        assert!(!outbox.has_room(true) && outbox.has_room(false));
    }
}
