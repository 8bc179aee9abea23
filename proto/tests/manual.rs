//! PROTOCOL.md is what the tables say.
#[test]
fn protocol_md_is_made_from_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../PROTOCOL.md");
    expect_test::expect_file![path].assert_eq(&proto::manual::manual());
}
