//! Memory that all connections of a node share, for what each holds beyond a small allowance.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of requests, replies and records that may wait, of all connections together.
const SHARED_MAX: usize = 32 * 1024 * 1024;

/// Bytes that each connection may hold besides, whatever the others do.
pub(crate) const ALLOWANCE: usize = 16 * 1024;

/// What is counted at a time: a busy connection does not count each reply.
const STEP: usize = 16 * 1024;

/// How much is in use.
#[derive(Default)]
pub(crate) struct Budget(AtomicUsize);

impl Budget {
    /// Whether nobody may take more than the allowance now.
    pub(crate) fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= SHARED_MAX
    }

    pub(crate) fn take(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What one connection has taken of the budget; given back when dropped.
pub(crate) struct Charge {
    budget: Arc<Budget>,
    taken: usize,
}

impl Charge {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self { budget, taken: 0 }
    }

    /// Whether nobody may take more than the allowance now.
    pub(crate) fn is_spent(&self) -> bool {
        self.budget.is_spent()
    }

    /// The connection holds so many bytes now.
    pub(crate) fn set(&mut self, holds: usize) {
        let due = holds.saturating_sub(ALLOWANCE).next_multiple_of(STEP);
        if due > self.taken {
            self.budget.take(due - self.taken);
        } else if due < self.taken {
            self.budget.give_back(self.taken - due);
        }
        self.taken = due;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_allowance_is_counted_in_steps_and_given_back() {
        let budget = Arc::new(Budget::default());
        let (mut one, mut other) =
            (Charge::new(Arc::clone(&budget)), Charge::new(Arc::clone(&budget)));
        let mut in_use = |holds: usize| {
            one.set(holds);
            budget.0.load(Ordering::Relaxed)
        };
        assert_eq!([0, ALLOWANCE, ALLOWANCE + 1].map(&mut in_use), [0, 0, STEP]);
        assert_eq!([ALLOWANCE + STEP, ALLOWANCE + STEP + 1, 5].map(in_use), [STEP, 2 * STEP, 0]);
        other.set(SHARED_MAX + ALLOWANCE - STEP);
        assert!(!budget.is_spent());
        one.set(ALLOWANCE + STEP);
        assert!(budget.is_spent() && one.is_spent());
        drop(other);
        assert!(!budget.is_spent());
        drop(one);
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
    }
}
