//! All that the HSM may ask of the outside. The node gives it the machine, `sim` gives it a seed.

/// One sealed record. It replaces what its slot held; no record is ever removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it belongs: a kind and a number, a few bytes.
    pub slot: Vec<u8>,
    /// Sealed under the node's master key.
    pub value: Vec<u8>,
}

/// The outside of the HSM.
pub trait World {
    /// Microseconds since 1970.
    fn now_us(&self) -> u64;
    /// Fills `out` with bytes that nobody can guess.
    fn random(&self, out: &mut [u8]);
    /// Takes records that become durable together, and returns their position: it rises with each
    /// call, and 0 is never given. What depends on them waits until that position is durable.
    fn append(&self, records: Vec<Record>) -> u64;
}
