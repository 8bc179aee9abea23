#![allow(clippy::unwrap_used)]
use super::*;
use serde_json::json;

const REGION: &str = "eu-west-1";

/// A network as earlier versions have written it.
fn old() -> Network {
    let subnet = |n: u8| {
        let zone = format!("{REGION}{}", char::from(b'a' + n));
        let id = format!("subnet-0000000{n}");
        json!({ "id": id, "zone": zone, "front": format!("10.0.{}", n + 1), "free": 251,
                "public": false })
    };
    let subnets: Vec<_> = (0..3).map(subnet).collect();
    let written = json!({ "vpc_id": "vpc-00000000", "subnets": subnets, "groups": {} });
    serde_json::from_value::<Network>(written).unwrap().completed()
}

fn says(outcome: Result<(), ApiError>) -> String {
    outcome.unwrap_err().message.unwrap()
}

fn new(id: &str, vpc_id: &str, zone: Option<&str>) -> NewSubnet {
    NewSubnet {
        id: Some(id.to_owned()),
        vpc_id: Some(vpc_id.to_owned()),
        zone: zone.map(str::to_owned),
        front: None,
    }
}

#[test]
fn what_earlier_versions_have_written_is_the_regions_own() {
    let network = old();
    assert_eq!(network.vpcs, ["vpc-00000000"]);
    assert!(network.subnets.iter().all(|subnet| subnet.vpc_id == "vpc-00000000"));
    let zones: Vec<_> = network.own_subnets().into_keys().collect();
    assert_eq!(zones, ["eu-west-1a", "eu-west-1b", "eu-west-1c"]);
}

#[test]
fn vpcs_and_subnets_are_added_with_ids_that_ec2_could_have_given_and_removed_again() {
    let (mut network, before) = (old(), old());
    let first = Front::SHOWN;
    network.add_vpc(Some("vpc-0123456789abcdef0")).unwrap();
    assert!(says(network.add_vpc(Some("vpc-0123456789abcdef0"))).contains("already"));
    for id in ["vpc-", "vpc-1234567", "vpc-012345678", "subnet-12345678", "vpc-0123456789abcdef01"]
    {
        let outcome = network.add_vpc(Some(id));
        assert_eq!(outcome.is_ok(), id == "vpc-012345678", "{id}");
    }
    network.add_vpc(None).unwrap();
    for n in 0..4 {
        let id = format!("subnet-1000000{n}");
        network.add_subnet(REGION, &new(&id, "vpc-0123456789abcdef0", None), first).unwrap();
    }
    let added: Vec<_> = network.subnets.iter().skip(3).collect();
    let zones: String = added.iter().filter_map(|it| it.zone.chars().last()).collect();
    assert_eq!(zones, "abca");
    let fronts: BTreeSet<_> = network.subnets.iter().map(|it| it.front.to_string()).collect();
    assert_eq!(fronts.len(), 7, "{fronts:?}");
    for (subnet, why) in [
        (new("subnet-10000000", "vpc-00000000", None), "already"),
        (new("subnet-1", "vpc-00000000", None), "8 to 17"),
        (new("subnet-20000000", "vpc-99999999", None), "add it first"),
        (new("subnet-20000000", "vpc-00000000", Some("us-east-1a")), "no zone of eu-west-1"),
        (new("subnet-20000000", "vpc-00000000", Some("eu-west-1")), "no zone of eu-west-1"),
    ] {
        assert!(says(network.add_subnet(REGION, &subnet, first)).contains(why), "{subnet:?}");
    }
    let taken = NewSubnet { front: Some("10.0.2".parse().unwrap()), ..NewSubnet::default() };
    assert!(says(network.add_subnet(REGION, &taken, first)).contains("10.0.2.0/24"));
    let loopback = NewSubnet { front: Some("127.0.2".parse().unwrap()), ..NewSubnet::default() };
    assert!(says(network.add_subnet(REGION, &loopback, first)).contains("not where HSMs listen"));

    assert!(says(network.remove_vpc("vpc-00000000", &[])).contains("stays"));
    assert!(says(network.remove_vpc("vpc-99999999", &[])).contains("no VPC"));
    for id in network.vpcs.clone().iter().skip(1) {
        network.remove_vpc(id, &[]).unwrap();
    }
    assert_eq!(network, before);
}

#[test]
fn a_region_has_room_for_so_many() {
    let mut network = old();
    while network.vpcs.len() < VPCS_MAX {
        network.add_vpc(None).unwrap();
    }
    assert!(says(network.add_vpc(None)).contains("50 VPCs"));
    while network.subnets.len() < SUBNETS_MAX {
        network.add_subnet(REGION, &NewSubnet::default(), Front::SHOWN).unwrap();
    }
    let more = network.add_subnet(REGION, &NewSubnet::default(), Front::SHOWN);
    assert!(says(more).contains("500 subnets"));
}

#[test]
fn unknown_subnets_of_a_request_are_adopted_in_zones_of_their_own() {
    let mut network = old();
    network.add_vpc(Some("vpc-11111111")).unwrap();
    let known = new("subnet-b0000000", "vpc-11111111", Some("eu-west-1b"));
    network.add_subnet(REGION, &known, Front::SHOWN).unwrap();
    let ids = ["subnet-a1234567", "subnet-b0000000", "subnet-c1234567"].map(str::to_owned);
    let adopt = |network: &mut Network, ids: &[String], letters: &[char]| {
        network.adopt(REGION, ids, letters, Front::SHOWN)
    };
    adopt(&mut network, &ids, &ZONES).unwrap();
    let found = |id: &String| {
        let subnet = network.subnet(id).unwrap();
        (subnet.zone.clone(), subnet.vpc_id.clone())
    };
    let zones: Vec<_> = ids.iter().map(found).map(|(zone, _)| zone).collect();
    assert_eq!(zones, ["eu-west-1a", "eu-west-1b", "eu-west-1c"]);
    assert!(ids.iter().map(found).all(|(_, vpc)| vpc == "vpc-11111111"));
    let again = network.clone();
    adopt(&mut network, &ids, &ZONES).unwrap();
    assert_eq!(network, again, "they are known now");

    let four: Vec<_> = (0..4).map(|n| format!("subnet-d000000{n}")).collect();
    assert!(says(adopt(&mut network.clone(), &four, &ZONES)).contains("--network-zones"));
    adopt(&mut network, &four, &['a', 'd', 'b', 'f']).unwrap();
    let zones: BTreeSet<_> = four.iter().map(|id| &network.subnet(id).unwrap().zone).collect();
    assert_eq!(zones.len(), 4, "{zones:?}");
}
