//! Resource ids in AWS's shape: a kind, a dash, and eleven characters of base32.
use rand::RngExt;

/// CloudHSMv2 API, ClusterId and HsmId: real ids have 11 lower-case base32 characters.
const LENGTH: usize = 11;
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A new id such as `hsm-lgavqitns2a`.
pub fn new_id(kind: &str) -> String {
    let mut rng = rand::rng();
    let tail = (0..LENGTH).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]));
    std::iter::once(format!("{kind}-")).chain(tail.map(String::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_shape_of_the_api() {
        for _ in 0..100 {
            let id = new_id("hsm");
            let tail = id.strip_prefix("hsm-").unwrap();
            assert_eq!(tail.len(), LENGTH);
            assert!(tail.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')), "{id}");
        }
        assert_ne!(new_id("cluster"), new_id("cluster"));
    }
}
