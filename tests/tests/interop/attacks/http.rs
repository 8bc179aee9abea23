//! Attempts of strangers to keep others from the endpoint.
use crate::PROGRAM;
use serde_json::json;
use tests::cluster::Up;
use tests::http::send;
use tests::kms::Kms;
use tests::strangers::{halves, open_ones};

#[test]
fn half_requests_keep_nobody_from_the_endpoint() {
    let up = Up::start(PROGRAM, &["--nodes", "2"]);
    let kms = Kms::at(up.ready()["endpoint"].as_str().unwrap());
    let half = b"POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: TrentServ";
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
