//! Answers of CloudHSM as they were recorded at AWS, and what KMS says of a cluster that is gone.
use super::PROGRAM;
use serde_json::{Value, json};
use std::net::TcpStream;
use tests::cluster::Up;
use tests::plane::{Plane, REGION, active, hsms};

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
    kms.ok("ConnectCustomKeyStore", named.clone());
    assert_eq!(kms.settled(store), "FAILED");
    assert_eq!(kms.store(store)["ConnectionErrorCode"], "CLUSTER_NOT_FOUND");
    kms.ok("DisconnectCustomKeyStore", named);
    let back = json!({ "CustomKeyStoreId": store, "CloudHsmClusterId": id });
    let refused = kms.refused("UpdateCustomKeyStore", back);
    assert_eq!(refused.name, "CloudHsmClusterNotFoundException", "{refused:?}");
    up.stop();
}
