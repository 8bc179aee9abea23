//! All that the endpoint knows may be in PostgreSQL.
use crate::{PROGRAM, aws, ok};
use std::process::Command;
use tests::cluster::{Up, run};
use tests::postgres::{Postgres, TESTS_ON};

#[test]
fn the_tests_of_the_database_pass_on_postgresql() {
    let postgres = Postgres::start();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).args([
        "test",
        "--workspace",
        "--features",
        "tests/interop",
        "--lib",
        "--",
        "database::tests",
        "key_stores::tests",
        "credentials::tests",
    ]);
    cargo.env("CLOUDHSM_SIM_TEST_DATABASE", postgres.database("tests"));
    let said = ok(run(&mut cargo, ""));
    assert!(said.contains("database::tests::many_writes_at_once_are_all_there ... ok"), "{said}");
}

#[test]
fn the_tests_of_the_endpoint_pass_on_postgresql() {
    let postgres = Postgres::start();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).args([
        "test",
        "--workspace",
        "--features",
        "tests/interop",
        "--test",
        "kms",
        "--test",
        "drills",
        "--",
        // That client waits for the endpoint's own bound, whatever the database.
        "--skip",
        "who_never_comes_to_an_end",
    ]);
    cargo.env(TESTS_ON, postgres.folder());
    let said = ok(run(&mut cargo, ""));
    assert!(
        said.contains("every_operation_answers_as_the_model_and_the_guide_say ... ok"),
        "{said}"
    );
}

#[test]
fn boto3_runs_the_whole_flow_on_postgresql() {
    let postgres = Postgres::start();
    let database = postgres.database("kms");
    let up = Up::start(PROGRAM, &["--until", "kmsuser", "--nodes", "2", "--database", &database]);
    aws::boto3(&up);
    up.stop();
}
