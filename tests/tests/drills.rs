//! What operators rehearse: every drill in `scripts/drills/`, on a cluster of its own.
#![allow(clippy::unwrap_used)]
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tests::cluster::Up;
use tests::drill::{all, hold};
use tests::kms::Kms;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cluster-ctl-tested");

macro_rules! drills {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(#[test]
        fn $name() {
            drill(stringify!($name));
        })*
    };
}

drills! { creation credentials hsms inactive keys kmsuser lost second_factor zones }

fn drill(name: &str) {
    let path = all().into_iter().find(|path| stem(path) == name).unwrap();
    let script = std::fs::read_to_string(&path).unwrap();
    expect_test::expect_file![&path].assert_eq(&hold(&script, PROGRAM));
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_script_is_held() {
    let scripts: BTreeSet<_> = all().iter().map(|path| stem(path)).collect();
    assert_eq!(scripts, NAMES.iter().map(|name| (*name).to_owned()).collect());
}

/// Several clients, a thousand calls between them.
#[test]
fn a_node_that_is_killed_in_the_middle_of_a_thousand_calls_fails_none() {
    const CLIENTS: usize = 4;
    const CALLS: usize = 250;
    let up = Up::start(PROGRAM, &["--no-restart"]);
    let kms = Kms::at(up.ready()["endpoint"].as_str().unwrap());
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for _ in 0..CALLS {
                    let encrypt = json!({ "KeyId": "alias/example", "Plaintext": "c2VjcmV0" });
                    let sealed = kms.ok("Encrypt", encrypt);
                    let blob = sealed["CiphertextBlob"].clone();
                    let opened = kms.ok("Decrypt", json!({ "CiphertextBlob": blob }));
                    assert_eq!(opened["Plaintext"], "c2VjcmV0");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for (hsm, after) in [("1", CLIENTS * CALLS / 4), ("3", CLIENTS * CALLS / 2)] {
            while done.load(Ordering::Relaxed) < after {
                std::thread::sleep(Duration::from_millis(1));
            }
            assert!(up.ctl(None, &["sim", "kill", hsm], "").status.success());
        }
    });
    assert_eq!(done.load(Ordering::Relaxed), CLIENTS * CALLS);
    up.stop();
}
