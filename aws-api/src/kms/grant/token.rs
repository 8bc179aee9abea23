//! Grant tokens. Each names its grant and is sealed by KMS: a grant may have any number of them,
//! and none is kept.
use crate::kms::Kms;
use crate::secrets::hmac;
use data_encoding::{BASE64, HEXLOWER};
use rand::Rng;
use subtle::ConstantTimeEq;

/// The form of these tokens.
const FORM: u8 = 1;
const ID_LEN: usize = 32;
const NONCE_LEN: usize = 16;
const SEAL_LEN: usize = 32;

/// A new token of the grant with this id, which is 64 hex digits.
pub(super) fn new(kms: &Kms, region: &str, grant_id: &str) -> String {
    let id = HEXLOWER.decode(grant_id.as_bytes()).unwrap_or_default();
    let mut nonce = [0; NONCE_LEN];
    rand::rng().fill_bytes(&mut nonce);
    let mut token = [&[FORM][..], &id, &nonce].concat();
    token.extend(seal(kms, region, &token));
    BASE64.encode(&token)
}

/// The id of the grant that a token is of; none if this KMS did not give it in this Region.
pub(super) fn grant_id(kms: &Kms, region: &str, token: &str) -> Option<String> {
    let bytes = BASE64.decode(token.as_bytes()).ok()?;
    let (said, sealed) = bytes.split_at_checked(1 + ID_LEN + NONCE_LEN)?;
    let whole = said.first() == Some(&FORM) && sealed.len() == SEAL_LEN;
    let ours = bool::from(seal(kms, region, said).ct_eq(sealed));
    let id = said.get(1..=ID_LEN)?;
    (whole && ours).then(|| HEXLOWER.encode(id))
}

fn seal(kms: &Kms, region: &str, said: &[u8]) -> [u8; SEAL_LEN] {
    hmac(&*kms.secrets.derive(&format!("grant tokens of {region}")), said)
}
