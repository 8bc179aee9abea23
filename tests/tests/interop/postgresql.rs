//! All that the endpoint knows may be in PostgreSQL.
use crate::{PROGRAM, aws, ok};
use std::process::Command;
use tests::cluster::{Up, run};
use tests::postgres::{Postgres, TESTS_ON};

/// `cargo test` of what is compiled already, with more arguments.
fn cargo_test(more: &[&str], (name, value): (&str, &std::ffi::OsStr)) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    cargo.args(["test", "--workspace", "--features", "tests/interop"]).args(more).env(name, value);
    ok(run(&mut cargo, ""))
}

#[test]
fn the_tests_of_the_database_pass_on_postgresql() {
    let postgres = Postgres::start();
    let tests = ["--lib", "--", "database::tests", "key_stores::tests", "credentials::tests"];
    let database = postgres.database("tests");
    let said = cargo_test(&tests, ("CLOUDHSM_SIM_TEST_DATABASE", database.as_ref()));
    assert!(said.contains("database::tests::many_writes_at_once_are_all_there ... ok"), "{said}");
}

#[test]
fn the_tests_of_the_endpoint_pass_on_postgresql() {
    let postgres = Postgres::start();
    // The client that is skipped waits for the endpoint's own bound, whatever the database.
    let skip = ["--", "--skip", "who_never_comes_to_an_end"];
    let tests = [&["--test", "kms", "--test", "drills"], &skip[..]].concat();
    let said = cargo_test(&tests, (TESTS_ON, postgres.folder().as_os_str()));
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
