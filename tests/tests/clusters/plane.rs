//! The API of CloudHSM by raw HTTP, and what an operator does besides.
use crate::PROGRAM;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::cluster::{Up, folder, run, text};
use tests::http::send;

/// Nothing here takes as long, on any machine.
const PATIENCE: Duration = Duration::from_secs(120);
const ADMIN: &str = "adminPassw0rd";
pub(crate) const REGION: &str = "us-east-1";

/// Where to ask.
#[derive(Clone)]
pub(crate) struct Plane {
    address: String,
    state: PathBuf,
}

/// A cluster and what its operator has of it.
pub(crate) struct Owned {
    pub(crate) id: String,
    plane: Plane,
    place: TempDir,
}

impl Plane {
    pub(crate) fn of(up: &Up) -> Self {
        let url = up.ready()["endpoint"].as_str().unwrap().to_owned();
        let address = url.strip_prefix("http://").unwrap().to_owned();
        Self { address, state: up.folder().to_owned() }
    }

    /// The answer, or the error with its name under `__type`.
    pub(crate) fn call(&self, operation: &str, parameters: Value) -> Value {
        let target = format!("BaldrApiService.{operation}");
        let headers =
            [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let body = parameters.to_string();
        let answer = send(&self.address, "POST /", &headers, body.as_bytes());
        let json: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.status == 200, json["__type"].is_null(), "{operation}: {json}");
        json
    }

    pub(crate) fn clusters(&self) -> Vec<Value> {
        let all = self.call("DescribeClusters", json!({}));
        all["Clusters"].as_array().unwrap().clone()
    }

    /// One cluster; null if it is not there.
    pub(crate) fn describe(&self, id: &str) -> Value {
        let found = self.call("DescribeClusters", json!({ "Filters": { "clusterIds": [id] } }));
        found["Clusters"][0].clone()
    }

    /// Looks until the cluster is so.
    pub(crate) fn until(&self, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let seen = self.describe(id);
            if is_so(&seen) {
                return seen;
            }
            assert!(begun.elapsed() < PATIENCE, "{seen:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The subnets of the Region.
    pub(crate) fn subnets(&self) -> Vec<Value> {
        let answer = send(&self.address, "GET /_sim/network", &[], b"");
        let network: Value = serde_json::from_slice(&answer.body).unwrap();
        network[REGION]["subnets"].as_array().unwrap().clone()
    }

    pub(crate) fn create(&self) -> String {
        let subnets: Vec<_> = self.subnets().iter().map(|subnet| subnet["id"].clone()).collect();
        let made = self.call(
            "CreateCluster",
            json!({ "HsmType": "hsm2m.medium", "Mode": "FIPS", "SubnetIds": subnets }),
        );
        made["Cluster"]["ClusterId"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    pub(crate) fn add_hsm(&self, id: &str, zone: char) -> Value {
        let zone = format!("{REGION}{zone}");
        self.call("CreateHsm", json!({ "ClusterId": id, "AvailabilityZone": zone }))["Hsm"].clone()
    }

    /// Waits until the cluster has so many HSMs, all ACTIVE.
    pub(crate) fn has(&self, id: &str, count: usize) -> Value {
        self.until(id, |cluster| active(cluster) == count && hsms(cluster).len() == count)
    }
}

pub(crate) fn hsms(cluster: &Value) -> &[Value] {
    cluster["Hsms"].as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(crate) fn active(cluster: &Value) -> usize {
    hsms(cluster).iter().filter(|hsm| hsm["State"] == "ACTIVE").count()
}

impl Owned {
    /// From nothing to a cluster that is ACTIVE with one HSM.
    pub(crate) fn activated(plane: &Plane) -> Self {
        let id = plane.create();
        plane.until(&id, |cluster| cluster["State"] == "UNINITIALIZED");
        plane.add_hsm(&id, 'a');
        let csr = plane.has(&id, 1)["Certificates"]["ClusterCsr"].clone();
        let owned = Self { id, plane: plane.clone(), place: folder() };
        owned.initialize(csr.as_str().unwrap());
        owned.operate(&["cluster", "activate", "--password", ADMIN]);
        plane.until(&owned.id, |cluster| cluster["State"] == "ACTIVE");
        owned
    }

    fn initialize(&self, csr: &str) {
        let ca = fleet::make_ca(&self.id).unwrap();
        let client = fleet::make_client_certificate(&ca, "operator").unwrap();
        let files = [
            ("customerCA.crt", ca.certificate()),
            ("client.crt", client.certificate.as_str()),
            ("client.key", client.key.as_str()),
        ];
        for (name, content) in files {
            std::fs::write(self.place.path().join(name), content).unwrap();
        }
        let begun = self.plane.call(
            "InitializeCluster",
            json!({
                "ClusterId": self.id, "TrustAnchor": ca.certificate(),
                "SignedCert": fleet::sign_csr(csr, &ca).unwrap(),
            }),
        );
        assert_eq!(begun["State"], "INITIALIZE_IN_PROGRESS", "{begun}");
        self.plane.until(&self.id, |cluster| cluster["State"] == "INITIALIZED");
    }

    /// What the operator does at the HSMs, through a configuration that is as new as they are.
    pub(crate) fn operate(&self, words: &[&str]) -> String {
        let at = |words: &[&str]| {
            let mut command = Command::new(PROGRAM);
            command.arg("--state").arg(&self.plane.state).args(words);
            command.env("CLOUDHSM_ROLE", "admin").env("CLOUDHSM_PIN", format!("admin:{ADMIN}"));
            let output = run(command.current_dir(self.place.path()), "");
            assert!(output.status.success(), "{words:?}: {}", text(&output));
            text(&output)
        };
        at(&["configure", "--cluster-id", &self.id]);
        at(&[words, &["--config", "cloudhsm-cli.cfg"]].concat())
    }
}
