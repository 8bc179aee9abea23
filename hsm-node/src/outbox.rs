//! Replies in the order of their requests, none given out before what it depends on is durable.
use std::collections::VecDeque;

/// Requests of one connection that wait for the disk: enough for the deepest pipeline that pays.
pub(crate) const IN_FLIGHT_MAX: usize = 1_024;

/// Bytes of replies that wait: sixteen of the largest frames.
const BYTES_MAX: usize = 1 << 20;

/// The replies of one connection that have not been sent.
#[derive(Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
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
    /// Whether another request may be run.
    pub(crate) fn has_room(&self) -> bool {
        self.replies < IN_FLIGHT_MAX && self.bytes.len() < BYTES_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Adds the reply that `write` writes; `write` returns the position that it depends on.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>) -> u64) {
        let position = write(&mut self.bytes);
        let end = self.bytes.len();
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
            assert!(outbox.has_room());
            reply(&mut outbox, 0, position);
        }
        assert!(!outbox.has_room());
        let released = outbox.released(1).len();
        outbox.sent(released);
        assert!(outbox.has_room());
    }
}
