//! Random bytes that were fetched from the HSMs ahead: a data key then costs one call of them, not
//! two.
use crate::KeyError;
use tokio::sync::Mutex;
use zeroize::{Zeroize, Zeroizing};

/// What is fetched at once: 128 data keys of 256 bits.
const PIECE: usize = 4_096;

/// Bytes that nobody has had yet.
#[derive(Default)]
pub(crate) struct Reserve(Mutex<Zeroizing<Vec<u8>>>);

impl Reserve {
    /// So many bytes, each of which is given out once. Where there are too few, `fetch` brings as
    /// many as it is asked for; others wait for it meanwhile.
    pub(crate) async fn take(
        &self,
        count: usize,
        fetch: impl AsyncFnOnce(usize) -> Result<Zeroizing<Vec<u8>>, KeyError>,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let mut kept = self.0.lock().await;
        if kept.len() < count {
            *kept = fetch(count.max(PIECE)).await?;
        }
        let from = kept.len().checked_sub(count);
        let rest = from.and_then(|from| Some((from, kept.get_mut(from..)?)));
        let (from, rest) =
            rest.ok_or_else(|| KeyError::Internal("an HSM gave too few random bytes".into()))?;
        let taken = Zeroizing::new(rest.to_vec());
        rest.zeroize();
        kept.truncate(from);
        Ok(taken)
    }

    /// Erases them.
    pub(crate) async fn clear(&self) {
        *self.0.lock().await = Zeroizing::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        reserve.clear().await;
        assert_eq!(take(1, 6).await.unwrap(), (1, Some(6)), "it was erased");
    }

    #[tokio::test]
    async fn too_few_bytes_are_none() {
        let few = async |_| Ok(Zeroizing::new(vec![1; 3]));
        assert!(Reserve::default().take(4, few).await.is_err());
        let failed = async |_| Err(KeyError::HsmsUnreachable("away".into()));
        assert!(Reserve::default().take(4, failed).await.is_err());
    }
}
