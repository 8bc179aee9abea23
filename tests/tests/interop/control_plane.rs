//! CloudHSM's control plane, as aws-cli, openssl, terraform and boto3 use it.
use crate::{PROGRAM, aws, ok};
use tests::cluster::{Up, folder, run};

#[test]
fn the_user_guide_s_getting_started_runs_as_a_script() {
    let up = Up::start(PROGRAM, &["--nodes", "1"]);
    let place = folder();
    let mut script = aws::command("bash", &up);
    script.arg(aws::python().join("getting_started.sh")).current_dir(place.path());
    script.env("CTL", PROGRAM).env("STATE", up.folder());
    let said = ok(run(&mut script, ""));
    assert!(said.contains("getting started: done"), "{said}");
    up.stop();
}

#[test]
fn terraform_s_calls_and_the_drills_of_clusters_run_through_boto3() {
    let up = Up::start(PROGRAM, &["--nodes", "1", "--limits", "none"]);
    let mut script = aws::command("python3", &up);
    script.arg(aws::python().join("control_plane.py"));
    script.arg(up.ready()["endpoint"].as_str().unwrap()).arg(PROGRAM).arg(up.folder());
    let said = ok(run(&mut script, ""));
    assert!(said.contains("ok daily backups, retention, and what is purged"), "{said}");
    up.stop();
}
