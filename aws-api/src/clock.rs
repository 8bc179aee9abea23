//! The time of the endpoint, which a rehearsal may move forward.
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, and how far they were moved forward.
#[derive(Default)]
pub(crate) struct Clock {
    ahead_ms: AtomicI64,
}

impl Clock {
    /// The time that keys and key stores live in.
    pub(crate) fn now_ms(&self) -> i64 {
        real_now_ms() + self.ahead_ms.load(Ordering::Relaxed)
    }

    /// Moves the time forward, never back.
    pub(crate) fn advance(&self, by_ms: u32) {
        self.ahead_ms.fetch_add(by_ms.into(), Ordering::Relaxed);
    }
}

/// The time that leases are measured in.
pub(crate) fn real_now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
