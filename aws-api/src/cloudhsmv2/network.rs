//! The network as CloudHSM and KMS see it: VPCs of a Region, their subnets and security groups.
use super::ControlPlane;
use super::interfaces::KmsNetwork;
use super::record::{ClusterRecord, failed};
use crate::database::{Database, Statement, WriteError, number, text};
use crate::error::ApiError;
use data_encoding::HEXLOWER;
use fleet::Front;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Availability zones of a Region, by the last letter.
const ZONES: [char; 3] = ['a', 'b', 'c'];
/// A /24 subnet has 256 addresses, of which AWS takes five.
pub(crate) const FREE: u32 = 251;
/// The addresses that AWS keeps for itself in every subnet: the first four and the last.
const HOSTS: std::ops::RangeInclusive<u8> = 4..=254;
const TRIES: u32 = 20;

/// The network of a Region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Network {
    /// The Region's own VPC, which is always there.
    pub(crate) vpc_id: String,
    /// All VPCs. Records of earlier versions have no list.
    #[serde(default)]
    pub(crate) vpcs: Vec<String>,
    pub(crate) subnets: Vec<Subnet>,
    /// By cluster: the group `cloudhsm-cluster-<id>-sg`.
    pub(crate) groups: BTreeMap<String, Group>,
    /// By key store: what KMS has in the VPC while it is connected.
    #[serde(default)]
    pub(crate) key_stores: BTreeMap<String, KmsNetwork>,
}

/// A subnet. Addresses are given out upward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    /// Records of earlier versions have none: it is the Region's own.
    #[serde(default)]
    pub(crate) vpc_id: String,
    pub(crate) zone: String,
    /// The front of its addresses.
    pub(crate) front: Front,
    pub(crate) free: u32,
    pub(crate) public: bool,
}

impl Subnet {
    /// Gives out an address that nobody has: the one that is wanted, or the lowest.
    pub(super) fn take_address(
        &mut self,
        wanted: Option<&str>,
        taken: &BTreeSet<String>,
    ) -> Option<String> {
        let mut all = HOSTS.map(|host| format!("{}.{host}", self.front));
        let fits = |it: &String| wanted.is_none_or(|wanted| it == wanted) && !taken.contains(it);
        let found = all.find(fits).filter(|_| self.free > 0)?;
        self.free -= 1;
        Some(found)
    }
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) id: String,
    /// Whether its members reach each other on ports 2223 to 2225.
    pub(crate) open: bool,
}

/// `subnet-0123456789abcdef0`.
pub(crate) fn new_aws_id(kind: &str) -> String {
    let mut random = [0; 9];
    rand::rng().fill_bytes(&mut random);
    let digits = HEXLOWER.encode(&random);
    format!("{kind}-{}", digits.get(..17).unwrap_or(&digits))
}

impl Network {
    fn new(region: &str, front: Front) -> Self {
        let vpc_id = new_aws_id("vpc");
        let subnet = |(number, letter): (usize, char)| Subnet {
            id: new_aws_id("subnet"),
            vpc_id: vpc_id.clone(),
            zone: format!("{region}{letter}"),
            front: front.of_zone(number),
            free: FREE,
            public: false,
        };
        Self {
            vpcs: vec![vpc_id.clone()],
            subnets: ZONES.into_iter().enumerate().map(subnet).collect(),
            groups: BTreeMap::new(),
            key_stores: BTreeMap::new(),
            vpc_id,
        }
    }

    /// What an earlier version has written, with all that is known since.
    pub(super) fn completed(mut self) -> Self {
        if self.vpcs.is_empty() {
            self.vpcs.push(self.vpc_id.clone());
        }
        for subnet in self.subnets.iter_mut().filter(|subnet| subnet.vpc_id.is_empty()) {
            subnet.vpc_id.clone_from(&self.vpc_id);
        }
        self
    }

    /// The subnets that `up` uses: of the Region's own VPC, the first of each zone.
    pub(super) fn own_subnets(&self) -> BTreeMap<String, Subnet> {
        let own = self.subnets.iter().filter(|subnet| subnet.vpc_id == self.vpc_id);
        own.rev().map(|subnet| (subnet.zone.clone(), subnet.clone())).collect()
    }

    pub(crate) fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.id == id)
    }

    /// All addresses that HSMs and KMS have.
    pub(super) fn taken(&self, clusters: &[ClusterRecord]) -> BTreeSet<String> {
        let hsms = clusters.iter().flat_map(|cluster| &cluster.hsms);
        let hsms = hsms.map(|hsm| hsm.eni_ip.as_str());
        hsms.chain(self.kms_addresses()).map(str::to_owned).collect()
    }

    /// An interface in this subnet is gone.
    pub(super) fn give_back_address(&mut self, subnet_id: &str) {
        if let Some(subnet) = self.subnets.iter_mut().find(|subnet| subnet.id == *subnet_id) {
            subnet.free = (subnet.free + 1).min(FREE);
        }
    }

    /// Whether the HSMs of a cluster can be reached.
    pub(crate) fn is_open(&self, cluster_id: &str) -> bool {
        self.groups.get(cluster_id).is_none_or(|group| group.open)
    }
}

fn database(error: sqlx::Error) -> ApiError {
    failed("the database", error)
}

/// What the name of a network's record begins with.
const NAME: &str = "network ";

fn name(region: &str) -> String {
    format!("{NAME}{region}")
}

async fn read(from: &Database, region: &str) -> Result<Option<(Network, i64)>, ApiError> {
    let sql = "SELECT value, version FROM shared WHERE name = $1";
    let row = from.row(sql, [name(region).into()]).await.map_err(database)?;
    let Some(row) = row else { return Ok(None) };
    let value = text(&row, 0).map_err(database)?;
    let network: Network =
        serde_json::from_str(&value).map_err(|e| failed("the network's record", e))?;
    Ok(Some((network.completed(), number(&row, 1).map_err(database)?)))
}

impl ControlPlane {
    /// The network of a Region, which is made when it is looked at first.
    pub(crate) async fn network(&self, region: &str) -> Result<Network, ApiError> {
        self.change_network(region, |_| Ok(())).await
    }

    /// Reads, decides and writes, anew for as long as somebody else is quicker.
    pub(crate) async fn change_network(
        &self,
        region: &str,
        decide: impl FnMut(&mut Network) -> Result<(), ApiError>,
    ) -> Result<Network, ApiError> {
        self.change_network_from(self.front(), region, decide).await
    }

    /// The front of a new network. Addresses that are only for show start at 10.0.1 in every
    /// Region.
    pub(crate) fn front(&self) -> Front {
        let own = self.hosting.as_ref().is_some_and(|hosting| hosting.own_addresses);
        if own { Front::random() } else { Front::SHOWN }
    }

    /// The Regions that have a network.
    pub(crate) async fn networked_regions(&self) -> Result<BTreeSet<String>, ApiError> {
        let sql = "SELECT name FROM shared WHERE name LIKE 'network %'";
        let rows = self.database.rows(sql, []).await.map_err(database)?;
        let names = rows.iter().map(|row| text(row, 0)).collect::<Result<Vec<_>, _>>();
        let regions = names.map_err(database)?.into_iter();
        Ok(regions.filter_map(|name| name.strip_prefix(NAME).map(str::to_owned)).collect())
    }

    /// An interface in this subnet is gone.
    pub(super) async fn give_back_address(
        &self,
        region: &str,
        subnet_id: &str,
    ) -> Result<(), ApiError> {
        let given = self.change_network(region, |network| {
            network.give_back_address(subnet_id);
            Ok(())
        });
        given.await.map(drop)
    }

    /// The same; a network that is made has this front.
    pub(super) async fn change_network_from(
        &self,
        front: Front,
        region: &str,
        mut decide: impl FnMut(&mut Network) -> Result<(), ApiError>,
    ) -> Result<Network, ApiError> {
        for _ in 0..TRIES {
            let found = read(&self.database, region).await?;
            let (mut network, version) = found.unwrap_or_else(|| (Network::new(region, front), 0));
            let before = network.clone();
            decide(&mut network)?;
            if version > 0 && network == before {
                return Ok(network);
            }
            match self.database.write(vec![written(region, &network, version)?]).await {
                Ok(()) => return Ok(network),
                Err(WriteError::Conflict) => {}
                Err(WriteError::Failed(why)) => return Err(failed("the database", why)),
            }
        }
        Err(failed("the database", "others are quicker, again and again"))
    }
}

fn written(region: &str, network: &Network, version: i64) -> Result<Statement, ApiError> {
    let value = serde_json::to_string(network).map_err(|e| failed("the network", e))?;
    Ok(if version == 0 {
        let sql = "INSERT INTO shared (name, version, value) VALUES ($1, 1, $2)";
        Statement::one(sql, [name(region).into(), value.into()])
    } else {
        let sql = "UPDATE shared SET value = $1, version = version + 1 \
                   WHERE name = $2 AND version = $3";
        Statement::one(sql, [value.into(), name(region).into(), version.into()])
    })
}
