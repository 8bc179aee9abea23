//! A cluster is initialized, and its certificates checked, by the real openssl.
use crate::{PROGRAM, ok};
use certificates::Certificate;
use std::path::Path;
use std::process::{Command, Output};
use tests::cluster::{Up, create_user, run, text};
use tests::pem::{unreadable, variants};

fn openssl(folder: &Path, words: &str) -> Output {
    run(Command::new("openssl").current_dir(folder).args(words.split_whitespace()), "")
}

#[test]
fn the_real_openssl_initializes_a_cluster_by_the_documented_steps() {
    let up = Up::start(PROGRAM, &["--until", "nodes", "--nodes", "2"]);
    let id = up.cluster_id();
    let folder = up.folder();
    for ours in ["customerCA.crt", "customerCA.key"] {
        let _ = std::fs::remove_file(folder.join(ours));
    }

    // User guide, "Verify the identity and authenticity of your cluster's HSM".
    let chain = |certificate: &str, root: &str| {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        std::fs::write(folder.join("chain.crt"), read(certificate) + &read(root)).unwrap();
        let said =
            ok(openssl(folder, &format!("verify -CAfile chain.crt {id}_HsmCertificate.crt")));
        assert!(said.contains(": OK"), "{said}");
    };
    chain(&format!("{id}_AwsHardwareCertificate.crt"), "AWS_CloudHSM_Root-G1.crt");
    chain(&format!("{id}_ManufacturerHardwareCertificate.crt"), "liquid_security_certificate.crt");
    let of_hsm = ok(openssl(folder, &format!("x509 -in {id}_HsmCertificate.crt -pubkey -noout")));
    let of_csr = ok(openssl(folder, &format!("req -in {id}_ClusterCsr.csr -pubkey -noout")));
    assert_eq!(of_hsm, of_csr);

    // User guide, "Initialize the cluster": genrsa, req -x509, x509 -req. No extensions: version 1.
    ok(openssl(folder, "genrsa -out customerCA.key 2048"));
    ok(openssl(
        folder,
        "req -new -x509 -days 3652 -key customerCA.key -subj /CN=customerCA -out customerCA.crt",
    ));
    ok(openssl(
        folder,
        &format!(
            "x509 -req -days 3652 -in {id}_ClusterCsr.csr -CA customerCA.crt -CAkey customerCA.key \
         -CAcreateserial -out {id}_CustomerHsmCertificate.crt"
        ),
    ));
    let printed =
        ok(openssl(folder, &format!("x509 -in {id}_CustomerHsmCertificate.crt -noout -text")));
    assert!(printed.contains("for FIPS mode"), "{printed}");
    let signed = folder.join(format!("{id}_CustomerHsmCertificate.crt"));
    let anchor = folder.join("customerCA.crt");
    let arguments = [
        "initialize-cluster",
        "--signed-cert",
        signed.to_str().unwrap(),
        "--trust-anchor",
        anchor.to_str().unwrap(),
    ];
    ok(up.ctl(None, &arguments, ""));

    activate(&up);
    s_client(&up, 0);
    up.stop();
}

fn activate(up: &Up) {
    let folder = up.folder();
    let anchor = folder.join("customerCA.crt");
    // A client certificate of that CA, then activation through it.
    let out = folder.to_str().unwrap();
    let key = folder.join("customerCA.key");
    let client = [
        "client-cert",
        "--ca",
        anchor.to_str().unwrap(),
        "--ca-key",
        key.to_str().unwrap(),
        "--name",
        "client",
        "--out-dir",
        out,
    ];
    ok(up.ctl(None, &client, ""));
    ok(up.ctl(None, &["cluster", "activate", "--password", "adminpw1"], ""));
    // The second HSM joins by itself.
    while up.ready()["state"] != "ACTIVE" {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let login = Some(("admin", "admin:adminpw1"));
    up.data(login, &create_user("kmsuser", "kmsPswd"));
}

/// `openssl s_client` is refused without a client certificate and admitted with one of customerCA.
fn s_client(up: &Up, node: usize) {
    let address = up.ready()["nodes"][node]["address"].as_str().unwrap().to_owned();
    let connect = format!("s_client -connect {address} -CAfile customerCA.crt -tls1_3 -ign_eof");
    let refused = text(&openssl(up.folder(), &connect));
    assert!(refused.contains("certificate required"), "{refused}");

    // Four letters are the length of an impossible frame: the HSM says so, and hangs up.
    let words = format!("{connect} -cert client.crt -key client.key");
    let mut command = Command::new("openssl");
    command.current_dir(up.folder()).args(words.split_whitespace());
    let admitted = text(&run(&mut command, "AAAA"));
    assert!(admitted.contains("Verify return code: 0 (ok)"), "{admitted}");
    assert!(admitted.contains("a frame of 1094795585 bytes"), "{admitted}");

    let make = "req -x509 -newkey rsa:2048 -nodes -subj /CN=other -days 1 -keyout other.key \
                -out other.crt";
    ok(openssl(up.folder(), make));
    let words = format!("{connect} -cert other.crt -key other.key");
    let stranger = text(&openssl(up.folder(), &words));
    assert!(stranger.contains("unknown ca"), "{stranger}");
}

#[test]
fn whatever_the_real_openssl_reads_as_a_certificate_is_read() {
    let place = tests::cluster::folder();
    let folder = place.path();
    ok(openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=customerCA -days 9 -out ca.crt",
    ));
    let pem = std::fs::read_to_string(folder.join("ca.crt")).unwrap();
    let meant = Certificate::from_pem(&pem).unwrap();
    let reads = |bytes: &[u8]| {
        std::fs::write(folder.join("given.crt"), bytes).unwrap();
        let read = openssl(folder, "x509 -in given.crt -outform DER -out read.der");
        let same = || std::fs::read(folder.join("read.der")).unwrap() == meant.der();
        read.status.success() && same()
    };
    for variant in variants(&pem) {
        let name = variant.name;
        assert_eq!(reads(&variant.bytes), variant.openssl, "{name}: openssl is another");
        let ours = Certificate::from_pem(&String::from_utf8_lossy(&variant.bytes));
        assert_eq!(ours.unwrap_or_else(|why| panic!("{name}: {why}")), meant, "{name}");
    }
    for (name, bytes) in unreadable(&pem) {
        // openssl looks for DER, too.
        assert_eq!(reads(&bytes), name == "DER", "{name}: openssl is another");
    }
    // With what it is trusted for behind it.
    ok(openssl(folder, "x509 -in ca.crt -trustout -addtrust serverAuth -out trusted.crt"));
    let trusted = std::fs::read_to_string(folder.join("trusted.crt")).unwrap();
    assert!(trusted.contains("BEGIN TRUSTED CERTIFICATE"), "{trusted}");
    assert_eq!(Certificate::from_pem(&trusted).unwrap(), meant);
}
