//! The API of CloudHSM by raw HTTP, every answer held against the service model, and what an
//! operator does besides.
use crate::cluster::{Up, folder, run, text};
use crate::http::{Answer, send};
use crate::kms::Kms;
use crate::shape::check;
use hsm_client::{TlsIdentity, Trust};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Nothing here takes as long, on any machine.
const PATIENCE: Duration = Duration::from_secs(120);
const ADMIN: &str = "adminPassw0rd";
pub const REGION: &str = "us-east-1";

/// What AWS shows of each of these, always.
const ALWAYS: &[(&str, &[&str])] = &[
    (
        "ClusterId",
        &[
            "BackupPolicy",
            "BackupRetentionPolicy",
            "Certificates",
            "CreateTimestamp",
            "HsmType",
            "Hsms",
            "Mode",
            "NetworkType",
            "SecurityGroup",
            "State",
            "SubnetMapping",
            "TagList",
            "VpcId",
        ],
    ),
    ("HsmId", &["AvailabilityZone", "ClusterId", "EniId", "EniIp", "HsmType", "State", "SubnetId"]),
    (
        "BackupId",
        &[
            "BackupArn",
            "BackupState",
            "ClusterId",
            "CreateTimestamp",
            "HsmType",
            "Mode",
            "NeverExpires",
            "TagList",
        ],
    ),
];

static MODEL: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../aws-api/model/cloudhsmv2.json")).unwrap()
});

/// Where to ask.
#[derive(Clone)]
pub struct Plane {
    address: String,
    /// What `/_sim/` asks for, where it asks for something.
    token: Option<String>,
    region: String,
    state: PathBuf,
    program: PathBuf,
}

/// A cluster and what its operator has of it.
pub struct Owned {
    pub id: String,
    plane: Plane,
    place: TempDir,
}

impl Plane {
    pub fn of(up: &Up) -> Self {
        let address = Self::url(up).strip_prefix("http://").unwrap().to_owned();
        let (state, program) = (up.folder().to_owned(), up.program().to_owned());
        let token = up.ready()["sim_token"].as_str().map(str::to_owned);
        Self { address, token, region: REGION.to_owned(), state, program }
    }

    /// The same endpoint, asked in another Region.
    pub fn in_region(&self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self.clone() }
    }

    /// The endpoint's URL.
    pub fn url(up: &Up) -> String {
        up.ready()["endpoint"].as_str().unwrap().to_owned()
    }

    /// The same endpoint, as KMS.
    pub fn kms(&self) -> Kms {
        Kms { address: self.address.clone() }
    }

    /// Sends anything, and gives the answer as it came.
    pub fn send(&self, line: &str, body: &[u8]) -> Answer {
        let token = self.token.as_deref().map(|token| ("x-sim-token", token));
        send(&self.address, line, token.as_slice(), body)
    }

    /// What is not AWS's: `GET /_sim/hosts`.
    pub fn sim(&self, line: &str) -> Value {
        serde_json::from_slice(&self.send(line, b"").body).unwrap()
    }

    /// The answer, or the error with its name under `__type`.
    pub fn call(&self, operation: &str, parameters: Value) -> Value {
        let target = format!("BaldrApiService.{operation}");
        let scope = format!("20260101/{}/cloudhsm/aws4_request", self.region);
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/{scope}, SignedHeaders=host, \
             Signature=00"
        );
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target.as_str()),
            ("authorization", signed.as_str()),
        ];
        let body = parameters.to_string();
        let answer = send(&self.address, "POST /", &headers, body.as_bytes());
        let json: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.status == 200, json["__type"].is_null(), "{operation}: {json}");
        let wrong = match answer.status {
            200 => wrong_output(operation, &json),
            _ => wrong_error(operation, &json),
        };
        assert!(wrong.is_empty(), "{operation} {parameters}: {wrong:#?}\n{json}");
        json
    }

    pub fn clusters(&self) -> Vec<Value> {
        let all = self.call("DescribeClusters", json!({}));
        all["Clusters"].as_array().unwrap().clone()
    }

    /// One cluster; null if it is not there.
    pub fn describe(&self, id: &str) -> Value {
        let found = self.call("DescribeClusters", json!({ "Filters": { "clusterIds": [id] } }));
        found["Clusters"][0].clone()
    }

    /// Looks until the cluster is so.
    pub fn until(&self, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
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
    pub fn subnets(&self) -> Vec<Value> {
        self.sim("GET /_sim/network")[&self.region]["subnets"].as_array().unwrap().clone()
    }

    pub fn create(&self) -> String {
        let subnets: Vec<_> = self.subnets().iter().map(|subnet| subnet["id"].clone()).collect();
        let made = self.call(
            "CreateCluster",
            json!({ "HsmType": "hsm2m.medium", "Mode": "FIPS", "SubnetIds": subnets }),
        );
        made["Cluster"]["ClusterId"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// A cluster from a backup.
    pub fn create_from(&self, backup: &Value) -> String {
        let subnets: Vec<_> = self.subnets().iter().map(|subnet| subnet["id"].clone()).collect();
        let wanted = json!({ "HsmType": "hsm2m.medium", "Mode": "FIPS", "SubnetIds": subnets,
                             "SourceBackupId": backup });
        let made = self.call("CreateCluster", wanted);
        let id = made["Cluster"]["ClusterId"].as_str().unwrap_or_else(|| panic!("{made}"));
        self.until(id, |cluster| cluster["State"] == "ACTIVE");
        id.to_owned()
    }

    /// The id of the newest backup of a cluster.
    pub fn newest_backup(&self, id: &str) -> Value {
        let of_it = json!({ "Filters": { "clusterIds": [id] } });
        self.call("DescribeBackups", of_it)["Backups"][0]["BackupId"].clone()
    }

    pub fn add_hsm(&self, id: &str, zone: char) -> Value {
        let zone = format!("{}{zone}", self.region);
        self.call("CreateHsm", json!({ "ClusterId": id, "AvailabilityZone": zone }))["Hsm"].clone()
    }

    /// Waits until the cluster has so many HSMs, all ACTIVE.
    pub fn has(&self, id: &str, count: usize) -> Value {
        self.until(id, |cluster| active(cluster) == count && hsms(cluster).len() == count)
    }
}

fn wrong_output(operation: &str, body: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    match MODEL["operations"][operation]["output"].as_str() {
        Some(shape) => check(&MODEL, operation, shape, body, &mut wrong),
        None if *body != json!({}) => wrong.push("not empty".to_owned()),
        None => {}
    }
    match NOT_YET.iter().find(|(name, ..)| *name == operation) {
        Some((_, kind, missing)) => {
            let shown = missing.iter().filter(|member| !body[*kind][**member].is_null());
            wrong.extend(shown.map(|member| format!("{kind} has {member}, too early")));
        }
        // DeleteHsm answers with the id alone.
        None if operation == "DeleteHsm" => {}
        None => whole(body, &mut wrong),
    }
    wrong
}

/// What AWS shows of new ones later only (recorded).
const NOT_YET: &[(&str, &str, &[&str])] = &[
    ("CreateCluster", "Cluster", &["SecurityGroup", "TagList"]),
    ("CreateHsm", "Hsm", &["EniId", "EniIp", "HsmType", "StateMessage"]),
];

/// Looks for clusters, HSMs and backups of which something is missing.
fn whole(value: &Value, wrong: &mut Vec<String>) {
    let of = |id: &&(&str, &[&str])| match id.0 {
        // HSMs and backups name their cluster, too.
        "ClusterId" => value["HsmId"].is_null() && value["BackupId"].is_null(),
        _ => true,
    };
    if !value["PreCoPassword"].is_null() {
        wrong.push("AWS shows no PreCoPassword".to_owned());
    }
    if value["State"] == "ACTIVE" && value["HsmId"].is_string() {
        let says = &value["StateMessage"];
        wrong.extend((says != "HSM created.").then(|| format!("StateMessage is {says}")));
    }
    let kinds = ALWAYS.iter().filter(|kind| !value[kind.0].is_null()).filter(of);
    for (id, members) in kinds {
        let missing = members.iter().filter(|member| value[**member].is_null());
        wrong.extend(missing.map(|member| format!("{} has no {member}", value[*id])));
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| whole(item, wrong)),
        Value::Object(members) => members.values().for_each(|member| whole(member, wrong)),
        _ => {}
    }
}

fn wrong_error(operation: &str, body: &Value) -> Vec<String> {
    let name = body["__type"].as_str().unwrap_or_default();
    let declared = MODEL["operations"][operation]["errors"].as_array();
    let declared = declared.is_some_and(|errors| errors.iter().any(|error| error == name));
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    let mut wrong = Vec::new();
    if !declared {
        wrong.push(format!("{name:?} is no error of {operation}"));
    }
    if members != ["__type", "Message"] || body["Message"].as_str().is_none_or(str::is_empty) {
        wrong.push(format!("its members are {members:?}"));
    }
    wrong
}

pub fn hsms(cluster: &Value) -> &[Value] {
    cluster["Hsms"].as_array().map(Vec::as_slice).unwrap_or_default()
}

pub fn active(cluster: &Value) -> usize {
    hsms(cluster).iter().filter(|hsm| hsm["State"] == "ACTIVE").count()
}

impl Owned {
    /// From nothing to a cluster that is ACTIVE with one HSM.
    pub fn activated(plane: &Plane) -> Self {
        let owned = Self::created(plane);
        owned.begin_to_initialize();
        plane.until(&owned.id, |cluster| cluster["State"] == "INITIALIZED");
        owned.activate();
        plane.until(&owned.id, |cluster| cluster["State"] == "ACTIVE");
        owned
    }

    /// From nothing to a cluster that is UNINITIALIZED with one HSM.
    pub fn created(plane: &Plane) -> Self {
        let id = plane.create();
        plane.until(&id, |cluster| cluster["State"] == "UNINITIALIZED");
        plane.add_hsm(&id, 'a');
        plane.has(&id, 1);
        Self { id, plane: plane.clone(), place: folder() }
    }

    /// The same cluster behind another endpoint.
    pub fn behind(self, plane: &Plane) -> Self {
        Self { plane: plane.clone(), ..self }
    }

    /// What the operator has, for a relative of the cluster.
    pub fn named(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }

    /// Sets the admin's password at the HSM.
    pub fn activate(&self) {
        self.operate(&["cluster", "activate", "--password", ADMIN]);
    }

    /// customerCA.crt
    pub fn trust_anchor(&self) -> String {
        std::fs::read_to_string(self.place.path().join("customerCA.crt")).unwrap()
    }

    /// What the operator shows to HSMs.
    pub fn identity(&self) -> TlsIdentity {
        let file = |name| std::fs::read_to_string(self.place.path().join(name)).unwrap();
        let trust = Trust::Cluster { anchor_pem: self.trust_anchor() };
        TlsIdentity::new(trust, &file("client.crt"), &file("client.key")).unwrap()
    }

    /// Signs the CSR and has the cluster initialized, which takes a moment.
    pub fn begin_to_initialize(&self) {
        let csr = self.plane.describe(&self.id)["Certificates"]["ClusterCsr"].clone();
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
                "SignedCert": fleet::sign_csr(csr.as_str().unwrap(), &ca).unwrap(),
            }),
        );
        assert_eq!(begun["State"], "INITIALIZE_IN_PROGRESS", "{begun}");
    }

    /// What a user does at these HSMs alone, without the availability check. The login is a role
    /// and a PIN.
    pub fn operate_at(&self, hsms: &[&str], login: (&str, &str), words: &[&str]) -> String {
        let run_as = |words: &[&str]| {
            let mut command = Command::new(&self.plane.program);
            command.arg("--state").arg(&self.plane.state).args(words);
            command.env("CLOUDHSM_ROLE", login.0).env("CLOUDHSM_PIN", login.1);
            let output = run(command.current_dir(self.place.path()), "");
            assert!(output.status.success(), "{words:?}: {}", text(&output));
            text(&output)
        };
        let named: Vec<_> = hsms.iter().flat_map(|hsm| ["-a", hsm]).collect();
        let written = ["--disable-key-availability-check", "--output", "alone.cfg"];
        run_as(&[&["configure"][..], &named, &written].concat());
        run_as(&[words, &["--config", "alone.cfg"]].concat())
    }

    /// What the operator does at the HSMs, through a configuration that is as new as they are.
    pub fn operate(&self, words: &[&str]) -> String {
        let at = |words: &[&str]| {
            let mut command = Command::new(&self.plane.program);
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
