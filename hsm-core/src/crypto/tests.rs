//! Both engines against published answers, against each other, and against bad input.
#![allow(clippy::unwrap_used)]

mod cross;
mod known;
mod refused;

use super::{Engine, EngineKind, Material, Prepared, SignParams, engine};
use proto::{Curve, Hash, Mechanism};
use std::sync::{Arc, OnceLock};

/// A repeatable stream of bytes (splitmix64).
fn stream(seed: u64) -> impl FnMut(&mut [u8]) {
    let mut state = seed;
    move |out: &mut [u8]| {
        for chunk in out.chunks_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(word ^ (word >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    stream(seed)(&mut out);
    out
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn engines() -> [Arc<dyn Engine>; 2] {
    [engine(EngineKind::Native), engine(EngineKind::Rust)]
}

/// Each engine as the first and the other as the second.
fn pairs() -> [(Arc<dyn Engine>, Arc<dyn Engine>); 2] {
    let [native, rust] = engines();
    [(native.clone(), rust.clone()), (rust, native)]
}

fn secret(bytes: &[u8]) -> Material {
    Material::Secret(bytes.to_vec().into())
}

fn aes(engine: &dyn Engine, key: &[u8]) -> Prepared {
    engine.prepare(&secret(key)).unwrap()
}

/// One RSA key pair for all tests that only need some.
fn rsa_key() -> &'static Material {
    static KEY: OnceLock<Material> = OnceLock::new();
    KEY.get_or_init(|| engine(EngineKind::Rust).generate_rsa(2048, 65_537, &mut stream(1)).unwrap())
}

fn params(mechanism: Mechanism, hash: Hash) -> SignParams {
    SignParams { mechanism, hash, digested: false, salt_len: None }
}

fn ec_key(curve: Curve) -> Material {
    engine(EngineKind::Rust).generate_ec(curve, &mut stream(curve.code())).unwrap()
}
