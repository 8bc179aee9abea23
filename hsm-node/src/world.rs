//! What the machine gives its HSM: the time, randomness, and a disk that the writer feeds.
use crate::writer::Queue;
use hsm_core::{Record, World};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// This machine, as the HSM sees it.
pub(crate) struct Machine {
    pub(crate) queue: Arc<Queue>,
}

impl World for Machine {
    fn now_us(&self) -> u64 {
        // A clock before 1970 is a machine without one.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
    }

    fn random(&self, out: &mut [u8]) {
        aws_lc_rs::rand::fill(out).expect("aws-lc aborts rather than fail to give randomness");
    }

    fn append(&self, records: Vec<Record>) -> u64 {
        self.queue.append(records)
    }
}
