//! Waiting for what happens in the background, with an end: a test fails rather than hangs.
use std::time::{Duration, Instant};

/// Nothing here takes as long, on any machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// Looks until it is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "not within {} s: {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}
