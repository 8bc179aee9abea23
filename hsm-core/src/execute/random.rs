//! Random bytes.
use super::*;
use proto::command::random::*;
use proto::{Blob, limits};

impl Execute for GenerateRandom {
    fn execute(call: Granted<'_, Self>) -> Outcome<RandomBytes> {
        let count = call.request.count as usize;
        if !(1..=limits::RANDOM_MAX).contains(&count) {
            return Err(Fault::SizeUnfit.with(format!("1 to {} bytes", limits::RANDOM_MAX)).into());
        }
        let mut bytes = vec![0; count];
        call.world.random(&mut bytes);
        Ok(Done::new(RandomBytes { bytes: Blob(bytes) }))
    }
}
