//! A retry token, bound to the request that bore it first.
use crate::mix::mix;
use proto::{Fault, Refusal};

/// What a client gives a request by which an HSM knows its retry.
pub(crate) type RetryToken = [u8; 16];

/// A token, and the request that bore it first: no other is answered with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    pub(crate) token: RetryToken,
    /// A hash of the command and all its parameters. Records of earlier versions have none.
    pub(crate) request: Option<u64>,
}

impl Retry {
    /// Of a request as it came. Equal requests have equal bytes. The hash is a quick one: whoever
    /// found two requests that have the same would deceive herself alone.
    pub(crate) fn new(token: RetryToken, code: u16, body: &[u8]) -> Self {
        let chunks = body.chunks(8);
        let request =
            chunks.fold(mix(u64::from(code) ^ (body.len() as u64) << 16), |sum, chunk| {
                let word = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
                mix(sum ^ word)
            });
        Self { token, request: Some(request) }
    }

    pub(crate) fn of_record(token: &[u8], request: Option<u64>) -> Option<Self> {
        Some(Self { token: token.try_into().ok()?, request })
    }

    /// Refuses what is not a retry of the same request.
    pub(crate) fn check_is(&self, other: &Self) -> Result<(), Refusal> {
        if self == other {
            return Ok(());
        }
        Err(Fault::RetryUnfit.with("its command or a parameter differs: take a new token"))
    }

    /// For comparing keys.
    pub(crate) fn sum(&self) -> u64 {
        let word = u128::from_be_bytes(self.token);
        mix(word as u64 ^ mix((word >> 64) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_bound_to_the_command_and_to_every_byte_of_its_parameters() {
        let of = |code, body: &[u8]| Retry::new([7; 16], code, body);
        let body: Vec<u8> = (0..40).collect();
        let first = of(0x17, &body);
        assert!(first.check_is(&of(0x17, &body)).is_ok());
        assert!(first.check_is(&of(0x19, &body)).is_err());
        assert!(first.check_is(&of(0x17, &[&body[..], &[0]].concat())).is_err());
        for at in 0..body.len() {
            let mut other = body.clone();
            other[at] ^= 1;
            assert!(first.check_is(&of(0x17, &other)).is_err(), "byte {at}");
        }
        let old = Retry::of_record(&[7; 16], None).unwrap();
        assert_eq!(old.check_is(&first).unwrap_err().fault, Fault::RetryUnfit);
    }
}
