//! Every conversation in `scripts/`, held over TLS with a node of the shipped program.
use tests::line::Line;
use tests::script::{all, hold};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cluster-ctl-tested");

#[test]
fn the_answers_are_those_of_the_hsm_in_memory() {
    for path in all() {
        let script = std::fs::read_to_string(&path).unwrap();
        let held = hold(&script, &mut Line::activated(PROGRAM, "native"));
        expect_test::expect_file![&path].assert_eq(&held);
    }
}
