//! Networks of people's own scripts: VPCs and subnets with ids that they have given, or that
//! another emulator of EC2 has.
use super::PROGRAM;
use serde_json::{Value, json};
use tests::cluster::{Up, text};
use tests::plane::{Plane, REGION};

const VPC: &str = "vpc-0a1b2c3d4e5f60718";
const SUBNET: &str = "subnet-0a1b2c3d4e5f60718";

/// What `sim network` prints.
fn network(up: &Up, words: &[&str]) -> Value {
    let output = up.ctl(None, &[&["sim", "network"], words].concat(), "");
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_str(&text(&output)).unwrap()
}

fn refusal(up: &Up, words: &[&str]) -> String {
    let output = up.ctl(None, &[&["sim", "network"], words].concat(), "");
    assert!(!output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn create(plane: &Plane, subnets: &[&str]) -> Value {
    let wanted = json!({ "HsmType": "hsm2m.medium", "Mode": "FIPS", "SubnetIds": subnets });
    plane.call("CreateCluster", wanted)
}

fn delete(plane: &Plane, id: &str) {
    plane.call("DeleteCluster", json!({ "ClusterId": id }));
    plane.until(id, Value::is_null);
}

#[test]
fn scripts_add_vpcs_and_subnets_of_their_own_in_every_region_and_remove_them() {
    let up = Up::start(PROGRAM, &["--until", "nodes", "--nodes", "1"]);
    let plane = Plane::of(&up);
    let elsewhere = ["--region", "eu-central-1"];
    network(&up, &[&["add-vpc", VPC], &elsewhere[..]].concat());
    let all = network(&up, &["list"]);
    assert!(all["eu-central-1"]["vpcs"].as_array().unwrap().contains(&json!(VPC)), "{all}");
    assert!(all[REGION]["vpcs"].is_array() && all.as_object().unwrap().len() == 2, "{all}");
    let one = network(&up, &["list", "--region", "ap-southeast-2"]);
    assert_eq!(one["ap-southeast-2"]["subnets"].as_array().unwrap().len(), 3, "{one}");
    network(&up, &[&["delete-vpc", VPC], &elsewhere[..]].concat());

    // A cluster in a VPC of one's own; the Region's own VPC has none but that of `up`.
    network(&up, &["add-vpc", VPC]);
    let zone = format!("{REGION}b");
    let more = ["--vpc", VPC, "--zone", &zone, "--cidr", "10.20.30.0/24"];
    network(&up, &[&["add-subnet", SUBNET], &more[..]].concat());
    let in_vpc = |vpc: &str| {
        let filters = json!({ "Filters": { "vpcIds": [vpc] } });
        let found = plane.call("DescribeClusters", filters);
        found["Clusters"].as_array().unwrap().len()
    };
    assert_eq!(in_vpc(VPC), 0);
    let made = create(&plane, &[SUBNET])["Cluster"].clone();
    assert_eq!(made["VpcId"], VPC, "{made}");
    assert_eq!(made["SubnetMapping"], json!({ zone.as_str(): SUBNET }));
    assert_eq!((in_vpc(VPC), plane.clusters().len()), (1, 2));
    let id = made["ClusterId"].as_str().unwrap();
    plane.until(id, |cluster| cluster["State"] == "UNINITIALIZED");
    plane.add_hsm(id, 'b');
    let hsm = plane.has(id, 1)["Hsms"][0].clone();
    assert!(hsm["EniIp"].as_str().unwrap().starts_with("10.20.30."), "{hsm}");
    assert_eq!(hsm["SubnetId"], SUBNET);

    let own = plane.subnets()[0]["id"].as_str().unwrap().to_owned();
    let refused = create(&plane, &[SUBNET, &own]);
    assert_eq!(refused["Message"], "The subnets must be of one VPC.", "{refused}");
    assert!(refusal(&up, &["delete-vpc", VPC]).contains(id));
    assert!(refusal(&up, &["add-vpc", VPC]).contains("already"));
    assert!(refusal(&up, &["add-subnet", "subnet-1"]).contains("hex digits"));
    plane.call("DeleteHsm", json!({ "ClusterId": id, "HsmId": hsm["HsmId"] }));
    plane.has(id, 0);
    delete(&plane, id);
    let left = network(&up, &["delete-vpc", VPC]);
    assert!(!left.to_string().contains(SUBNET) && !left.to_string().contains(VPC), "{left}");
    up.stop();
}

#[test]
fn up_with_an_open_network_adopts_the_subnets_of_another_emulator() {
    let options = ["--until", "nodes", "--nodes", "1", "--network", "open"];
    let up = Up::start(PROGRAM, &[&options[..], &["--network-zones", "a,c"]].concat());
    let plane = Plane::of(&up);
    let theirs = ["subnet-12345678", "subnet-0fedcba9876543210"];
    let made = create(&plane, &theirs)["Cluster"].clone();
    let (a, c) = (format!("{REGION}a"), format!("{REGION}c"));
    let mapping = json!({ a.as_str(): theirs[0], c.as_str(): theirs[1] });
    assert_eq!(made["SubnetMapping"], mapping, "{made}");
    let id = made["ClusterId"].as_str().unwrap();
    plane.until(id, |cluster| cluster["State"] == "UNINITIALIZED");
    plane.add_hsm(id, 'c');
    assert_eq!(plane.has(id, 1)["Hsms"][0]["SubnetId"], theirs[1]);
    // They are known from now on, and where they are stays.
    let listed = plane.subnets();
    assert!(theirs.iter().all(|id| listed.iter().any(|it| it["id"] == *id)), "{listed:?}");
    let again = create(&plane, &[theirs[1], theirs[0]])["Cluster"].clone();
    assert_eq!(again["SubnetMapping"], mapping);
    let three = ["subnet-aaaaaaaa", "subnet-bbbbbbbb", "subnet-cccccccc"];
    let refused = create(&plane, &three);
    assert!(refused["Message"].as_str().unwrap().contains("--network-zones"), "{refused}");
    let refused = create(&plane, &["subnet-xyz"]);
    assert!(refused["Message"].as_str().unwrap().contains("pattern"), "{refused}");
    up.stop();
}
