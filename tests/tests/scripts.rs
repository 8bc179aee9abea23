//! Every conversation in `scripts/`, held with an HSM in memory, on both engines.
#![allow(clippy::unwrap_used)]
use hsm_core::EngineKind;
use tests::memory::Memory;
use tests::script::{all, hold};

#[test]
fn in_memory_with_the_native_engine() {
    for path in all() {
        let script = std::fs::read_to_string(&path).unwrap();
        let held = hold(&script, &mut Memory::activated(EngineKind::Native, true));
        expect_test::expect_file![&path].assert_eq(&held);
    }
}

#[test]
fn in_memory_with_the_rust_engine() {
    for path in all() {
        let script = std::fs::read_to_string(&path).unwrap();
        let held = hold(&script, &mut Memory::activated(EngineKind::Rust, true));
        expect_test::expect_file![&path].assert_eq(&held);
    }
}
