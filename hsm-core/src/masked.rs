//! Keys on their way to another HSM of the cluster, sealed under the cluster's masking key.
use crate::key::Key;
use crate::record::{KeyRecord, Veiled};
use crate::seal::Seal;
use crate::world::World;
use proto::{Fault, Refusal};

const AAD: &[u8] = b"cloudhsm-sim masked object 1";

/// The cluster's masking key, ready for use.
pub(crate) fn masking_key(key: &Veiled) -> Option<Seal> {
    key.0.as_slice().try_into().ok().map(|key: &[u8; 32]| Seal::new(key))
}

pub(crate) fn mask(seal: &Seal, key: &Key, world: &dyn World) -> Vec<u8> {
    let mut nonce = [0; 12];
    world.random(&mut nonce);
    let mut out = Vec::new();
    seal.seal(nonce, AAD, &key.to_bytes(), &mut out);
    out
}

/// Anything that was not masked in this cluster is refused.
pub(crate) fn unmask(seal: &Seal, object: &[u8]) -> Result<Key, Refusal> {
    let refusal = || Fault::DataUnfit.with("not a masked object of this cluster");
    let plain = seal.open(AAD, object).map_err(|_| refusal())?;
    let record: KeyRecord = proto::decode(&plain)?;
    Key::from_record(record).map_err(|_| refusal())
}
