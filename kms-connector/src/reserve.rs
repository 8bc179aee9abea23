//! Random bytes that were fetched from the HSMs ahead: a data key then costs one call of them, not
//! two.
use crate::KeyError;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::{Zeroize, Zeroizing};

/// What is fetched at once: as much as an HSM gives, 512 data keys of 256 bits.
const PIECE: usize = 16_384;

/// Bytes that nobody has had yet.
#[derive(Default)]
pub(crate) struct Reserve {
    bytes: Mutex<Zeroizing<Vec<u8>>>,
    /// Held by the one that fetches for others too.
    fetching: tokio::sync::Mutex<()>,
}

impl Reserve {
    /// So many bytes, each of which is given out once. Where there are too few, `fetch` brings as
    /// many as it is asked for. Nobody waits for what another fetches: that HSM may hang.
    pub(crate) async fn take(
        &self,
        count: usize,
        fetch: impl AsyncFnOnce(usize) -> Result<Zeroizing<Vec<u8>>, KeyError>,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        if let Some(taken) = split(&mut self.lock(), count) {
            return Ok(taken);
        }
        let ahead = self.fetching.try_lock().ok();
        let mut fetched = fetch(if ahead.is_some() { count.max(PIECE) } else { count }).await?;
        let taken = split(&mut fetched, count);
        if ahead.is_some() {
            *self.lock() = fetched;
        }
        taken.ok_or_else(|| KeyError::Internal("an HSM gave too few random bytes".into()))
    }

    /// Erases them.
    pub(crate) fn clear(&self) {
        *self.lock() = Zeroizing::default();
    }

    fn lock(&self) -> MutexGuard<'_, Zeroizing<Vec<u8>>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes so many bytes off the end, if there are as many.
fn split(bytes: &mut Zeroizing<Vec<u8>>, count: usize) -> Option<Zeroizing<Vec<u8>>> {
    let from = bytes.len().checked_sub(count)?;
    let end = bytes.get_mut(from..)?;
    let taken = Zeroizing::new(end.to_vec());
    end.zeroize();
    bytes.truncate(from);
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    #[tokio::test]
    async fn each_byte_is_given_out_once() {
        let reserve = Reserve::default();
        let take = async |count, first: u8| {
            let bytes = async |count| Ok(Zeroizing::new(vec![first; count]));
            reserve.take(count, bytes).await.map(|bytes| (bytes.len(), bytes.first().copied()))
        };
        assert_eq!(take(32, 1).await.unwrap(), (32, Some(1)));
        assert_eq!(take(PIECE - 32, 2).await.unwrap(), (PIECE - 32, Some(1)), "the rest of it");
        assert_eq!(take(16, 3).await.unwrap(), (16, Some(3)), "there were none left");
        assert_eq!(take(PIECE + 1, 4).await.unwrap(), (PIECE + 1, Some(4)));
        assert_eq!(take(PIECE - 1, 5).await.unwrap(), (PIECE - 1, Some(5)));
        reserve.clear();
        assert_eq!(take(1, 6).await.unwrap(), (1, Some(6)), "it was erased");
    }

    #[tokio::test]
    async fn nobody_waits_for_a_fetch_that_hangs() {
        let reserve = Reserve::default();
        let hangs = reserve.take(32, async |_| pending().await);
        let goes = reserve.take(32, async |count| Ok(Zeroizing::new(vec![1; count])));
        tokio::select! {
            biased;
            _ = hangs => panic!("it cannot end"),
            goes = goes => assert_eq!(goes.unwrap().len(), 32),
        }
        assert!(reserve.lock().is_empty(), "it fetched for itself alone");
    }

    #[tokio::test]
    async fn too_few_bytes_are_none() {
        let few = async |_| Ok(Zeroizing::new(vec![1; 3]));
        assert!(Reserve::default().take(4, few).await.is_err());
        let failed = async |_| Err(KeyError::HsmsUnreachable("away".into()));
        assert!(Reserve::default().take(4, failed).await.is_err());
    }
}
