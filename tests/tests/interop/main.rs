//! The shipped programs against real ones. Run by `cargo xtask interop`.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "interop")]
mod attacks;
mod aws;
mod control_plane;
mod endpoints;
mod hosts;
mod openssl;
mod postgresql;
mod readme;

use std::process::Output;
use std::time::{Duration, Instant};
use tests::cluster::text;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cluster-ctl-tested");
const ENDPOINT: &str = env!("CARGO_BIN_EXE_aws-api-tested");

fn ok(output: Output) -> String {
    assert!(output.status.success(), "{}", text(&output));
    text(&output)
}

/// Looks until it is so, for as long as it may take, and tells how long it took.
fn until(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < within, "{what}: not within {within:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    begun.elapsed()
}
