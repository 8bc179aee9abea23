//! Key handles that are never given twice, not across HSMs, restarts or restores.
use crate::record::Reservation;
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

/// Gives out handles. A block is reserved durably before its first handle is released.
pub(crate) struct Handles {
    node: u16,
    blocks: Mutex<Blocks>,
}

struct Blocks {
    next: u64,
    /// All below are reserved.
    upto: u64,
    /// All below were reserved by the last reservation but one, durable long since.
    safe: u64,
    /// The position of the last reservation.
    position: u64,
}

impl Handles {
    /// Goes on behind what was reserved before the last stop.
    pub(crate) fn resume(node: u16, reserved: u64) -> Self {
        let next = reserved.max(FIRST);
        Self { node, blocks: Mutex::new(Blocks { next, upto: next, safe: next, position: 0 }) }
    }

    /// The next handle, and the position that must be durable before it may be seen. A new block
    /// is reserved half a block ahead, so that nobody waits for it under a steady load.
    pub(crate) fn next(&self, reserve: impl FnOnce(Reservation) -> u64) -> (u64, u64) {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = blocks.next;
        if counter + BLOCK / 2 >= blocks.upto {
            blocks.safe = blocks.upto;
            blocks.upto = blocks.upto.max(counter) + BLOCK;
            blocks.position = reserve(Reservation { upto: blocks.upto });
        }
        blocks.next += 1;
        let position = if counter < blocks.safe { 0 } else { blocks.position };
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
                assert!(seen.insert(handle(node, counter)), "{node} {counter}");
            }
        }
    }

    #[test]
    fn a_restart_skips_what_was_reserved_and_a_block_is_waited_for_once() {
        let handles = Handles::resume(0, 0);
        let mut reserved = Vec::new();
        for n in 0..3 * BLOCK {
            let (_, wait) = handles.next(|r| { reserved.push(r.upto); reserved.len() as u64 });
            assert!(wait <= reserved.len() as u64);
            assert_eq!(n < 1 || wait != reserved.len() as u64 || reserved.len() < 2
                || FIRST + n >= reserved[reserved.len() - 2], true);
            assert!(FIRST + n < *reserved.last().expect("the first handle reserves"));
        }
        let again = Handles::resume(0, *reserved.last().expect("reserved"));
        assert!(again.next(|_| 1).0 >= *reserved.last().expect("reserved"));
    }
}
