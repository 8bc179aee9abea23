//! Attempts of strangers to keep others from the endpoint.
use crate::PROGRAM;
use serde_json::json;
use std::time::Duration;
use tests::cluster::Up;
use tests::http::send;
use tests::kms::Kms;
use tests::strangers::{bodies, halves, open_ones};

#[test]
fn half_requests_keep_nobody_from_the_endpoint() {
    let up = Up::start(PROGRAM, &["--nodes", "2"]);
    let kms = Kms::at(up.ready()["endpoint"].as_str().unwrap());
    let half = b"POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: TrentServ";
    let mut held = halves(&kms.address, 1_150, half);
    let encrypt = json!({ "KeyId": "alias/example", "Plaintext": "AAAA" });
    for _ in 0..20 {
        assert_eq!(send(&kms.address, "GET /_sim/health", &[], b"").status, 200);
        kms.ok("Encrypt", encrypt.clone());
    }
    let open = open_ones(&mut held);
    println!("{open} of 1,150 half requests are open still");
    assert!(open > 500, "the flood was over: nothing is shown");
    up.stop();
}

/// What large bodies may cost the endpoint, in MiB: those of all together, and for each connection
/// 128 KiB: of body, of what is read ahead, and of the allocator's. Afterwards the latter may stay.
#[cfg(target_os = "linux")]
const COST_MAX: usize = 64 + KEPT_MAX;
#[cfg(target_os = "linux")]
const KEPT_MAX: usize = CONNECTIONS * 128 / 1_024;
#[cfg(target_os = "linux")]
const CONNECTIONS: usize = 1_020;

#[test]
#[cfg(target_os = "linux")]
fn large_bodies_cost_the_endpoint_a_bounded_sum_and_it_gives_memory_back() {
    let up = Up::start(PROGRAM, &["--nodes", "2"]);
    let kms = Kms::at(up.ready()["endpoint"].as_str().unwrap());
    let memory = |name: &str| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", up.process())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse::<usize>().unwrap() / 1_024
    };
    let encrypt = json!({ "KeyId": "alias/example", "Plaintext": "AAAA" });
    let (before, length) = (memory("VmRSS:"), 1024 * 1024);
    let head = format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
    for _ in 0..3 {
        std::thread::scope(|threads| {
            let flood = || {
                let long = Duration::from_secs(3);
                bodies(&kms.address, CONNECTIONS, head.as_bytes(), length - 1, long);
            };
            let flood = threads.spawn(flood);
            while !flood.is_finished() {
                kms.ok("Encrypt", encrypt.clone());
            }
        });
    }
    let most = memory("VmHWM:");
    // What has come of a body is kept for up to 12 s, though its client is gone.
    std::thread::sleep(Duration::from_secs(15));
    let after = memory("VmRSS:");
    println!("MiB: {before} before, {most} at most, {after} afterwards");
    assert!(after <= before + KEPT_MAX, "{before} MiB before, {after} MiB afterwards");
    assert!(after + 16 <= most, "{most} MiB at most, {after} MiB afterwards: nothing came back");
    assert!(most >= before + 32, "nothing is shown: {before} MiB before, {most} MiB at most");
    assert!(most <= before + COST_MAX, "{before} MiB before, {most} MiB at most");
    up.stop();
}
