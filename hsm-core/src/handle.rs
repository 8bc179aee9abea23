//! Key handles that are never given twice, not across HSMs, restarts or restores.
use crate::record::Reservation;
use crate::vault::Change;
use std::sync::{Mutex, PoisonError};

/// How many handles one durable reservation covers. After a crash the rest of a block is skipped.
const BLOCK: u64 = 4096;
/// Observed at CloudHSM: the first handles of an HSM are taken.
const FIRST: u64 = 6;

/// The handle of a node's n-th key: small numbers on node 0, then 0x4000A and 0x80008 as observed
/// at CloudHSM, where the bits above the lowest 18 tell the node. Larger numbers go above that.
pub(crate) fn handle(node: u16, counter: u64) -> u64 {
    let node = u64::from(node);
    (counter & 0x3_ffff) | (node & 0x3f) << 18 | (counter >> 18) << 24 | (node >> 6) << 54
}

/// Which of a node's keys has this handle; `None`: another node gave it.
fn counter(node: u16, handle: u64) -> Option<u64> {
    let counter = (handle & 0x3_ffff) | (handle >> 24 & 0x3fff_ffff) << 18;
    (self::handle(node, counter) == handle).then_some(counter)
}

/// Gives out handles. A block is reserved durably before its first handle is released.
pub(crate) struct Handles {
    node: u16,
    blocks: Mutex<Blocks>,
}

struct Blocks {
    next: u64,
    /// All below are reserved.
    upto: u64,
    /// The position of the last reservation.
    position: u64,
    /// All below `upto_before` were reserved by the reservation before, at `position_before`.
    upto_before: u64,
    position_before: u64,
}

impl Handles {
    /// Goes on behind what was reserved before the last stop.
    pub(crate) fn resume(node: u16, reserved: u64) -> Self {
        let next = reserved.max(FIRST);
        Self {
            node,
            blocks: Mutex::new(Blocks {
                next,
                upto: next,
                position: 0,
                upto_before: next,
                position_before: 0,
            }),
        }
    }

    /// A key has this handle that came from elsewhere: where this node gave it, goes on behind. It
    /// gave all that it meets in its own cluster, but before nodes were numbered in families of
    /// clusters, one of a relative could have its number.
    pub(crate) fn pass(&self, handle: u64) {
        if let Some(counter) = counter(self.node, handle) {
            let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
            blocks.next = blocks.next.max(counter + 1);
        }
    }

    /// As [`Handles::pass`], the handles of keys that are, or were, restored.
    pub(crate) fn pass_those_of(&self, change: &Change) {
        match change {
            Change::KeyAdded(key) => self.pass(key.handle),
            Change::TombstonesAdded(range) => self.pass(*range.end()),
            _ => {}
        }
    }

    /// The next handle, and the position that must be durable before it may be seen. A new block
    /// is reserved half a block ahead, so that nobody waits for it under a steady load.
    pub(crate) fn next(&self, reserve: impl FnOnce(Reservation) -> u64) -> (u64, u64) {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = blocks.next;
        if counter + BLOCK / 2 >= blocks.upto {
            (blocks.upto_before, blocks.position_before) = (blocks.upto, blocks.position);
            blocks.upto = blocks.upto.max(counter) + BLOCK;
            blocks.position = reserve(Reservation { upto: blocks.upto });
        }
        blocks.next += 1;
        let before = counter < blocks.upto_before;
        let position = if before { blocks.position_before } else { blocks.position };
        (handle(self.node, counter), position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_look_like_cloudhsm_s_and_never_collide() {
        assert_eq!(handle(0, 6), 6);
        assert_eq!(handle(1, 10), 0x4000a);
        assert_eq!(handle(2, 8), 0x80008);
        let mut seen = std::collections::HashSet::new();
        for node in [0, 1, 2, 63, 64, 65, u16::MAX] {
            for counter in [6, 7, 0x3_ffff, 0x4_0000, 0x4_0001, 1 << 30, (1 << 48) - 1] {
                let given = handle(node, counter);
                assert!(seen.insert(given), "{node} {counter}");
                assert_eq!(super::counter(node, given), Some(counter));
                assert_eq!(super::counter(node ^ 1, given), None);
                assert_eq!(super::counter(node ^ 64, given), None);
            }
        }
    }

    #[test]
    fn every_handle_waits_for_a_reservation_that_covers_it() {
        let handles = Handles::resume(0, 0);
        let mut reserved = Vec::new();
        for n in 0..3 * BLOCK {
            let (handle, wait) = handles.next(|r| {
                reserved.push(r.upto);
                reserved.len() as u64
            });
            let counter = FIRST + n;
            assert_eq!(handle, super::handle(0, counter));
            let covered = reserved[wait as usize - 1];
            assert!(counter < covered, "{counter} is above {covered}");
        }
        assert_eq!(reserved.len(), 4, "half a block ahead");
    }

    #[test]
    fn a_handle_that_a_key_has_already_is_passed() {
        let handles = Handles::resume(3, 0);
        handles.pass(handle(2, 100));
        assert_eq!(handles.next(|_| 1).0, handle(3, FIRST));
        handles.pass(handle(3, 2 * BLOCK));
        handles.pass(handle(3, FIRST));
        let mut upto = 0;
        let (next, _) = handles.next(|r| {
            upto = r.upto;
            2
        });
        assert_eq!(next, handle(3, 2 * BLOCK + 1));
        assert!(upto > 2 * BLOCK + 1, "reserved up to {upto}");
    }

    #[test]
    fn a_restart_skips_what_was_reserved() {
        let handles = Handles::resume(0, 0);
        let mut upto = 0;
        handles.next(|r| {
            upto = r.upto;
            1
        });
        let (handle, _) = Handles::resume(0, upto).next(|_| 1);
        assert_eq!(handle, upto);
    }
}
