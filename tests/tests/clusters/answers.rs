//! Answers of CloudHSM as they were recorded at AWS, and what KMS says of a cluster that is gone.
use super::PROGRAM;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::TcpStream;
use tests::cluster::Up;
use tests::plane::{Owned, Plane, REGION, active, hsms};

fn members(of: &Value) -> Vec<&str> {
    let mut all: Vec<_> = of.as_object().unwrap().keys().map(String::as_str).collect();
    all.sort_unstable();
    all
}

/// Whether each HSM is ACTIVE to whoever asks, and whether anybody can reach it.
fn seen(plane: &Plane) -> Vec<(bool, bool)> {
    let listed = plane.sim("GET /_sim/hsms");
    let reached = |hsm: &Value| TcpStream::connect(hsm["address"].as_str().unwrap()).is_ok();
    let hsms = listed["hsms"].as_array().unwrap().iter();
    hsms.map(|hsm| (hsm["state"] == "ACTIVE", reached(hsm))).collect()
}

#[test]
fn new_clusters_and_hsms_are_shown_as_aws_was_recorded_to_show_them() {
    let up = Up::start(PROGRAM, &["--until", "nodes", "--nodes", "1"]);
    let plane = Plane::of(&up);
    let subnets: Vec<_> = plane.subnets().iter().map(|subnet| subnet["id"].clone()).collect();
    let unknown = json!({
        "HsmType": "hsm2m.medium", "Mode": "FIPS", "SubnetIds": ["subnet-0aaaaaaaaaaaaaaaa"],
    });
    let refused = plane.call("CreateCluster", unknown);
    assert!(refused["Message"].as_str().unwrap().contains("does not exist"), "{refused}");
    let mut wanted = json!({ "HsmType": "hsm2m.medium", "SubnetIds": subnets });
    let refused = plane.call("CreateCluster", wanted.clone());
    assert_eq!(refused["__type"], "CloudHsmInvalidRequestException", "{refused}");
    assert_eq!(refused["Message"], "Mode is a required argument for this hsm type");
    wanted["Mode"] = json!("FIPS");
    wanted["TagList"] = json!([{ "Key": "a", "Value": "b" }]);
    let made = plane.call("CreateCluster", wanted)["Cluster"].clone();
    let new = [
        "BackupPolicy",
        "BackupRetentionPolicy",
        "Certificates",
        "ClusterId",
        "CreateTimestamp",
        "HsmType",
        "Hsms",
        "Mode",
        "NetworkType",
        "State",
        "SubnetMapping",
        "VpcId",
    ];
    assert_eq!(members(&made), new);
    assert_eq!((&made["Certificates"], &made["Hsms"]), (&json!({}), &json!([])));
    let id = made["ClusterId"].as_str().unwrap();
    let shown = plane.until(id, |cluster| cluster["State"] == "UNINITIALIZED");
    assert!(shown["SecurityGroup"].is_string() && shown["TagList"][0]["Key"] == "a", "{shown}");
    let hsm = plane.add_hsm(id, 'a');
    assert_eq!(members(&hsm), ["AvailabilityZone", "ClusterId", "HsmId", "State", "SubnetId"]);
    let shown = plane.has(id, 1)["Hsms"][0].clone();
    assert!(shown["EniId"].is_string() && shown["EniIp"].is_string(), "{shown}");
    assert_eq!(shown["StateMessage"], "HSM created.");
    up.stop();
}

#[test]
fn a_closed_security_group_degrades_no_hsm_and_a_deleted_cluster_is_found_by_no_key_store() {
    let up = Up::start(PROGRAM, &["--nodes", "2"]);
    let (plane, id) = (Plane::of(&up), up.cluster_id());
    for (action, open) in [("close-group", false), ("open-group", true)] {
        plane.sim(&format!("POST /_sim/network?region={REGION}&action={action}&of={id}"));
        assert_eq!(seen(&plane), [(true, open); 2], "{action}");
        let shown = plane.describe(&id);
        assert_eq!((active(&shown), &shown["State"]), (2, &json!("ACTIVE")), "{action}: {shown}");
    }

    let kms = plane.kms();
    let stores = kms.ok("DescribeCustomKeyStores", json!({}));
    let store = stores["CustomKeyStores"][0]["CustomKeyStoreId"].as_str().unwrap();
    let named = json!({ "CustomKeyStoreId": store });
    kms.ok("DisconnectCustomKeyStore", named.clone());
    for hsm in hsms(&plane.describe(&id)) {
        plane.call("DeleteHsm", json!({ "ClusterId": id, "HsmId": hsm["HsmId"] }));
    }
    plane.has(&id, 0);
    plane.call("DeleteCluster", json!({ "ClusterId": id }));
    plane.until(&id, Value::is_null);
    let marked = std::fs::read_to_string(up.folder().join("deleted-cluster")).unwrap();
    assert_eq!(marked, id, "for endpoints that know it by its folder");
    kms.ok("ConnectCustomKeyStore", named.clone());
    assert_eq!(kms.settled(store), "FAILED");
    assert_eq!(kms.store(store)["ConnectionErrorCode"], "CLUSTER_NOT_FOUND");
    kms.ok("DisconnectCustomKeyStore", named);
    let back = json!({ "CustomKeyStoreId": store, "CloudHsmClusterId": id });
    let refused = kms.refused("UpdateCustomKeyStore", back);
    assert_eq!(refused.name, "CloudHsmClusterNotFoundException", "{refused:?}");
    up.stop();
}

const MODEL: &str = include_str!("../../../aws-api/model/cloudhsmv2.json");

/// Calls operations, each answer held against the model, and remembers which.
struct Sweep<'a> {
    plane: &'a Plane,
    answered: BTreeSet<String>,
    refused: BTreeSet<String>,
}

impl Sweep<'_> {
    fn call(&mut self, operation: &str, parameters: Value) -> Value {
        let answer = self.plane.call(operation, parameters);
        assert!(answer["__type"].is_null(), "{operation}: {answer}");
        self.answered.insert(operation.to_owned());
        answer
    }

    fn refused(&mut self, operation: &str, parameters: Value, error: &str) {
        let answer = self.plane.call(operation, parameters);
        assert_eq!(answer["__type"], error, "{operation}: {answer}");
        self.refused.insert(operation.to_owned());
    }
}

#[test]
fn every_operation_of_the_model_answers_and_refuses_as_it_says() {
    let up = Up::start(PROGRAM, &["--nodes", "2"]);
    let (plane, id) = (Plane::of(&up), up.cluster_id());
    let mut sweep = Sweep { plane: &plane, answered: BTreeSet::new(), refused: BTreeSet::new() };
    succeed(&mut sweep, &id);
    fail(&mut sweep, &id);
    let model: Value = serde_json::from_str(MODEL).unwrap();
    let all: BTreeSet<_> = model["operations"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(sweep.answered, all);
    assert_eq!(sweep.refused, all);
    up.stop();
}

fn succeed(sweep: &mut Sweep<'_>, id: &str) {
    let backups = sweep.call("DescribeBackups", json!({ "Filters": { "clusterIds": [id] } }));
    let backup = backups["Backups"][0].clone();
    let (arn, backup) = (backup["BackupArn"].clone(), backup["BackupId"].clone());
    let named = json!({ "BackupId": backup });
    for resource in [json!(id), backup.clone()] {
        let tags = json!([{ "Key": "Größe", "Value": "名前" }, { "Key": "b c", "Value": "" }]);
        sweep.call("TagResource", json!({ "ResourceId": resource, "TagList": tags }));
        let listed = sweep.call("ListTags", json!({ "ResourceId": resource }));
        assert_eq!(listed["TagList"].as_array().unwrap().len(), 2, "{listed}");
        sweep.call("UntagResource", json!({ "ResourceId": resource, "TagKeyList": ["b c"] }));
    }
    sweep.call("DescribeClusters", json!({}));
    let policy = json!({ "Type": "DAYS", "Value": "8" });
    sweep.call("ModifyCluster", json!({ "ClusterId": id, "BackupRetentionPolicy": policy }));
    sweep.call("ModifyBackupAttributes", json!({ "BackupId": backup, "NeverExpires": true }));
    sweep.call("PutResourcePolicy", json!({ "ResourceArn": arn, "Policy": "{}" }));
    sweep.call("GetResourcePolicy", json!({ "ResourceArn": arn }));
    sweep.call("DeleteResourcePolicy", json!({ "ResourceArn": arn }));
    let copy = json!({ "BackupId": backup, "DestinationRegion": "eu-west-1",
                       "TagList": [{ "Key": "тест", "Value": "1" }] });
    sweep.call("CopyBackupToRegion", copy);
    let heir = json!({ "HsmType": "hsm2m.medium", "SourceBackupId": arn,
                       "SubnetIds": [sweep.plane.subnets()[0]["id"]] });
    let heir = sweep.call("CreateCluster", heir)["Cluster"]["ClusterId"].clone();
    let heir = heir.as_str().unwrap();
    sweep.plane.until(heir, |cluster| cluster["State"] == "ACTIVE");
    sweep.call("DeleteBackup", named.clone());
    sweep.call("DescribeBackups", json!({ "Filters": { "states": ["PENDING_DELETION"] } }));
    sweep.call("RestoreBackup", named);
    let zone = format!("{REGION}a");
    let hsm = sweep.call("CreateHsm", json!({ "ClusterId": heir, "AvailabilityZone": zone }));
    sweep.plane.has(heir, 1);
    sweep.call("DeleteHsm", json!({ "ClusterId": heir, "HsmId": hsm["Hsm"]["HsmId"] }));
    sweep.plane.has(heir, 0);
    sweep.call("DeleteCluster", json!({ "ClusterId": heir }));
    sweep.plane.until(heir, Value::is_null);
    // Owned calls it, and holds the answer against the model, too.
    let owned = Owned::created(sweep.plane);
    owned.begin_to_initialize();
    sweep.answered.insert("InitializeCluster".to_owned());
}

/// Of what is not there.
fn fail(sweep: &mut Sweep<'_>, id: &str) {
    let (gone, invalid) = ("CloudHsmResourceNotFoundException", "CloudHsmInvalidRequestException");
    let (cluster, backup) = ("cluster-22222222222", "backup-22222222222");
    let arn = format!("arn:aws:cloudhsm:{REGION}:000000000000:backup/{backup}");
    let zone = format!("{REGION}a");
    let pem = "-----BEGIN CERTIFICATE-----";
    for (operation, parameters) in [
        ("CopyBackupToRegion", json!({ "BackupId": backup, "DestinationRegion": "eu-west-1" })),
        (
            "CreateCluster",
            json!({ "HsmType": "hsm2m.medium", "SourceBackupId": backup,
                    "SubnetIds": ["subnet-00000000"] }),
        ),
        ("CreateHsm", json!({ "ClusterId": cluster, "AvailabilityZone": zone })),
        ("DeleteBackup", json!({ "BackupId": backup })),
        ("DeleteCluster", json!({ "ClusterId": cluster })),
        ("DeleteHsm", json!({ "ClusterId": id, "HsmId": "hsm-22222222222" })),
        (
            "InitializeCluster",
            json!({ "ClusterId": cluster, "SignedCert": pem, "TrustAnchor": pem }),
        ),
        ("ListTags", json!({ "ResourceId": cluster })),
        ("ListTags", json!({ "ResourceId": backup })),
        ("ModifyBackupAttributes", json!({ "BackupId": backup, "NeverExpires": true })),
        ("ModifyCluster", json!({ "ClusterId": cluster })),
        ("RestoreBackup", json!({ "BackupId": backup })),
        ("TagResource", json!({ "ResourceId": backup, "TagList": [{ "Key": "a", "Value": "b" }] })),
        ("UntagResource", json!({ "ResourceId": cluster, "TagKeyList": ["a"] })),
        ("GetResourcePolicy", json!({ "ResourceArn": arn })),
        ("DeleteResourcePolicy", json!({ "ResourceArn": arn })),
        ("PutResourcePolicy", json!({ "ResourceArn": arn, "Policy": "{}" })),
    ] {
        sweep.refused(operation, parameters, gone);
    }
    let filter = json!({ "Filters": { "nothing": ["x"] } });
    sweep.refused("DescribeBackups", filter.clone(), invalid);
    sweep.refused("DescribeClusters", filter, invalid);
    let marks = json!([{ "Key": "e\u{301}", "Value": "" }]);
    sweep.refused("TagResource", json!({ "ResourceId": id, "TagList": marks }), invalid);
    let reserved = json!([{ "Key": "AWS:x", "Value": "" }]);
    let reserved = json!({ "ResourceId": id, "TagList": reserved });
    sweep.refused("TagResource", reserved, "CloudHsmTagException");
}
