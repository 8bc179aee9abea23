//! `kill -9` of the endpoint, and so of all HSMs, while they come and go: the next one finishes.
use crate::PROGRAM;
use nix::sys::signal::Signal;
use serde_json::json;
use std::time::Duration;
use tests::cluster::{Up, folder};
use tests::plane::{Owned, Plane, hsms};

#[test]
fn whatever_was_begun_when_the_endpoint_was_killed_is_finished_by_the_next() {
    let place = folder();
    let start = || Up::start_in(PROGRAM, place.path(), &["--nodes", "1", "--limits", "none"]);
    let mut up = start();
    let mut plane = Plane::of(&up);
    let owned = Owned::activated(&plane);
    // At many moments of the work, which takes some tenths of a second.
    for (round, millis) in [0, 30, 60, 100, 150, 220, 300, 400].into_iter().enumerate() {
        let wanted = if round % 2 == 0 {
            plane.add_hsm(&owned.id, 'b');
            2
        } else {
            let cluster = plane.describe(&owned.id);
            let last = hsms(&cluster).last().unwrap();
            plane.call("DeleteHsm", json!({ "ClusterId": owned.id, "HsmId": last["HsmId"] }));
            1
        };
        std::thread::sleep(Duration::from_millis(millis));
        up.signal(Signal::SIGKILL);
        drop(up);
        up = start();
        plane = Plane::of(&up);
        let cluster = plane.has(&owned.id, wanted);
        assert_eq!(cluster["State"], "ACTIVE", "{cluster}");
    }
    // A cluster of which nothing but the record is there yet, and one that is being deleted.
    let young = plane.create();
    plane.until(&young, |cluster| cluster["State"] == "UNINITIALIZED");
    plane.call("DeleteCluster", json!({ "ClusterId": young }));
    let younger = plane.create();
    up.signal(Signal::SIGKILL);
    drop(up);
    up = start();
    plane = Plane::of(&up);
    plane.until(&young, serde_json::Value::is_null);
    plane.until(&younger, |cluster| cluster["State"] == "UNINITIALIZED");
    up.stop();
}
