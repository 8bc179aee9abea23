//! AES-256-GCM around everything that leaves the HSM: records, masked objects, backups.
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use zeroize::Zeroizing;

const EPOCH_LEN: usize = 8;
const TAG_LEN: usize = 16;
/// NIST SP 800-38D, 8.3: at most 2^32 messages under one key with random nonces. We stop earlier.
const MESSAGES_MAX: u64 = 1 << 31;

/// One AES-256-GCM key.
pub(crate) struct Seal(LessSafeKey);

/// What was sealed cannot be opened: another key, another place, or damage.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl Seal {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("the key has 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// Appends nonce, ciphertext and tag to `out`.
    pub(crate) fn seal(&self, nonce: [u8; NONCE_LEN], aad: &[u8], plain: &[u8], out: &mut Vec<u8>) {
        out.reserve(NONCE_LEN + plain.len() + TAG_LEN);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plain);
        let (_, body) = out.split_at_mut(start);
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), body)
            .expect("a record is far shorter than AES-GCM's limit");
        out.extend_from_slice(tag.as_ref());
    }

    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Broken> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Broken)?;
        let mut plain = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length =
            self.0.open_in_place(nonce, Aad::from(aad), &mut plain).map_err(|_| Broken)?.len();
        plain.truncate(length);
        Ok(plain)
    }
}

/// Seals the records of one node. Each start of the HSM begins a new epoch with a key of its own,
/// derived from the master key, and an epoch ends before its key has sealed 2^32 records.
pub(crate) struct RecordSeal {
    master: hmac::Key,
    node: u16,
    sealed: AtomicU64,
    current: RwLock<(u64, Arc<Seal>)>,
    earlier: Mutex<HashMap<u64, Arc<Seal>>>,
}

impl RecordSeal {
    pub(crate) fn new(master: &[u8; 32], node: u16) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, master);
        let current = RwLock::new((0, Arc::new(derive(&master, 0))));
        Self { master, node, sealed: AtomicU64::new(0), current, earlier: Mutex::default() }
    }

    /// Begins the epoch of this start, once the number of starts is known.
    pub(crate) fn begin(&self, reboot: u64) {
        self.enter(reboot << 16);
    }

    fn enter(&self, epoch: u64) {
        let seal = Arc::new(derive(&self.master, epoch));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (epoch, seal);
    }

    pub(crate) fn seal(&self, nonce: [u8; NONCE_LEN], slot: &[u8], plain: &[u8]) -> Vec<u8> {
        let (epoch, seal) = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        if self.sealed.fetch_add(1, Ordering::Relaxed) == MESSAGES_MAX {
            self.sealed.store(0, Ordering::Relaxed);
            self.enter(epoch + 1);
        }
        let mut out = Vec::with_capacity(EPOCH_LEN + NONCE_LEN + plain.len() + TAG_LEN);
        out.extend_from_slice(&epoch.to_be_bytes());
        seal.seal(nonce, &self.aad(slot), plain, &mut out);
        out
    }

    pub(crate) fn open(&self, slot: &[u8], value: &[u8]) -> Result<Zeroizing<Vec<u8>>, Broken> {
        let (epoch, sealed) = value.split_first_chunk::<EPOCH_LEN>().ok_or(Broken)?;
        let epoch = u64::from_be_bytes(*epoch);
        let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        let seal =
            earlier.entry(epoch).or_insert_with(|| Arc::new(derive(&self.master, epoch))).clone();
        drop(earlier);
        seal.open(&self.aad(slot), sealed)
    }

    /// A record is bound to its node and its slot: none can be moved.
    fn aad(&self, slot: &[u8]) -> Vec<u8> {
        [&self.node.to_be_bytes(), slot].concat()
    }
}

fn derive(master: &hmac::Key, epoch: u64) -> Seal {
    let mut context = hmac::Context::with_key(master);
    context.update(b"cloudhsm-sim record seal");
    context.update(&epoch.to_be_bytes());
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(context.sign().as_ref());
    Seal::new(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_opens_only_where_it_was_sealed() {
        let seal = RecordSeal::new(&[7; 32], 1);
        let value = seal.seal([1; 12], b"k/1", b"secret");
        assert_eq!(seal.open(b"k/1", &value).as_deref().map(Vec::as_slice), Ok(&b"secret"[..]));
        assert_eq!(seal.open(b"k/2", &value), Err(Broken), "another slot");
        let elsewhere = RecordSeal::new(&[7; 32], 2);
        assert_eq!(elsewhere.open(b"k/1", &value), Err(Broken), "another node");
        let stranger = RecordSeal::new(&[8; 32], 1);
        assert_eq!(stranger.open(b"k/1", &value), Err(Broken), "another master key");
        for cut in 0..value.len() {
            assert_eq!(seal.open(b"k/1", &value[..cut]), Err(Broken), "cut at {cut}");
        }
    }

    #[test]
    fn an_epoch_s_key_is_its_own_and_earlier_epochs_stay_readable() {
        let seal = RecordSeal::new(&[7; 32], 1);
        let old = seal.seal([1; 12], b"s", b"x");
        seal.begin(4);
        let new = seal.seal([1; 12], b"s", b"x");
        assert_ne!(old, new);
        assert!(seal.open(b"s", &old).is_ok() && seal.open(b"s", &new).is_ok());
    }
}
