//! VPCs and subnets that people add, whose ids their own scripts or another emulator of EC2 gave.
use super::network::{FREE, Network, Subnet, new_aws_id};
use super::record::{ClusterRecord, all};
use super::{ControlPlane, invalid};
use crate::error::ApiError;
use fleet::Front;
use std::collections::BTreeSet;

/// VPCs and subnets of a Region, which are one record.
const VPCS_MAX: usize = 50;
const SUBNETS_MAX: usize = 500;
/// Zones of subnets of which nobody says where they are, by the last letter.
const ZONES: [char; 3] = ['a', 'b', 'c'];

/// A subnet that is to be added. What is not said is chosen.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewSubnet {
    pub(crate) id: Option<String>,
    pub(crate) vpc_id: Option<String>,
    pub(crate) zone: Option<String>,
    /// The front of its 256 addresses.
    pub(crate) front: Option<Front>,
}

/// The id that was given, if EC2 could have given it, or a new one.
fn id(kind: &str, given: Option<&str>) -> Result<String, ApiError> {
    let Some(given) = given else { return Ok(new_aws_id(kind)) };
    let digits = given.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-'));
    let digits = digits.filter(|digits| (8..=17).contains(&digits.len()));
    match digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit())) {
        Some(_) => Ok(given.to_owned()),
        None => {
            let given: String = given.chars().take(40).collect();
            Err(invalid(format!("{given:?} is no id: {kind}- and 8 to 17 hex digits are one")))
        }
    }
}

impl Network {
    /// Adds a VPC without subnets.
    pub(crate) fn add_vpc(&mut self, given: Option<&str>) -> Result<(), ApiError> {
        let id = id("vpc", given)?;
        if self.vpcs.contains(&id) {
            return Err(invalid(format!("There is a VPC {id} already.")));
        }
        if self.vpcs.len() >= VPCS_MAX {
            return Err(invalid(format!("This Region has {VPCS_MAX} VPCs already.")));
        }
        self.vpcs.push(id);
        Ok(())
    }

    fn remove_vpc(&mut self, id: &str, clusters: &[ClusterRecord]) -> Result<(), ApiError> {
        if !self.vpcs.iter().any(|vpc| vpc == id) {
            return Err(invalid(format!("There is no VPC {id}.")));
        }
        if id == self.vpc_id {
            return Err(invalid(format!("{id} is the Region's own VPC, which stays.")));
        }
        if let Some(cluster) = clusters.iter().find(|cluster| cluster.vpc_id == id) {
            return Err(invalid(format!("{} is in {id}: delete it first.", cluster.id)));
        }
        self.vpcs.retain(|vpc| vpc != id);
        self.subnets.retain(|subnet| subnet.vpc_id != id);
        Ok(())
    }

    /// Adds a private subnet. `first` is the front of the Region's first one, if it has none.
    pub(crate) fn add_subnet(
        &mut self,
        region: &str,
        new: &NewSubnet,
        first: Front,
    ) -> Result<(), ApiError> {
        let id = id("subnet", new.id.as_deref())?;
        if self.subnet(&id).is_some() {
            return Err(invalid(format!("There is a subnet {id} already.")));
        }
        if self.subnets.len() >= SUBNETS_MAX {
            return Err(invalid(format!("This Region has {SUBNETS_MAX} subnets already.")));
        }
        let vpc_id = new.vpc_id.clone().unwrap_or_else(|| self.vpc_id.clone());
        if !self.vpcs.contains(&vpc_id) {
            return Err(invalid(format!("There is no VPC {vpc_id}: add it first.")));
        }
        let zone = match &new.zone {
            Some(zone) => zone.clone(),
            None => self.emptiest_zone(region, &vpc_id, &ZONES, &BTreeSet::new())?,
        };
        let letter = zone.strip_prefix(region).map(str::as_bytes);
        if !matches!(letter, Some([b'a'..=b'z'])) {
            return Err(invalid(format!("{zone} is no zone of {region}: {region}a is one.")));
        }
        let front = self.front(new.front, first)?;
        self.subnets.push(Subnet { id, vpc_id, zone, front, free: FREE, public: false });
        Ok(())
    }

    /// A front that no subnet has.
    fn front(&self, wanted: Option<Front>, first: Front) -> Result<Front, ApiError> {
        let has = |front: &Front| self.subnets.iter().any(|subnet| subnet.front == *front);
        let begin = self.subnets.first().map_or(first, |subnet| subnet.front);
        let Some(wanted) = wanted else {
            let mut all = std::iter::successors(Some(begin), |front| Some(front.next()));
            let free = all.by_ref().take(SUBNETS_MAX + 1).find(|front| !has(front));
            return free.ok_or_else(|| invalid("This Region has no addresses left."));
        };
        if has(&wanted) {
            return Err(invalid(format!("Another subnet has {wanted}.0/24.")));
        }
        if wanted.is_loopback() != begin.is_loopback() {
            let like = if begin.is_loopback() { "in 127.0.0.0/8, where" } else { "not where" };
            return Err(invalid(format!("{wanted}.0/24 must be {like} HSMs listen here.")));
        }
        Ok(wanted)
    }

    /// Of these zones, the first that has the fewest subnets of the VPC, and is not taken.
    fn emptiest_zone(
        &self,
        region: &str,
        vpc_id: &str,
        letters: &[char],
        taken: &BTreeSet<String>,
    ) -> Result<String, ApiError> {
        let zones = letters.iter().map(|letter| format!("{region}{letter}"));
        let count = |zone: &String| {
            let there = self.subnets.iter().filter(|it| it.vpc_id == vpc_id && it.zone == *zone);
            there.count()
        };
        zones.filter(|zone| !taken.contains(zone)).min_by_key(count).ok_or_else(|| {
            let letters: String = letters.iter().collect();
            invalid(format!(
                "No availability zone is left for one more subnet: they are {letters} of {region} \
                 (`up --network-zones` says which)."
            ))
        })
    }

    /// Takes in the subnets of which nobody has heard: each in a zone that no other of them has,
    /// and in the VPC of those that are known, or the Region's own.
    pub(super) fn adopt(
        &mut self,
        region: &str,
        ids: &[String],
        letters: &[char],
        first: Front,
    ) -> Result<(), ApiError> {
        let known: Vec<_> = ids.iter().filter_map(|id| self.subnet(id)).collect();
        let mut taken: BTreeSet<_> = known.iter().map(|subnet| subnet.zone.clone()).collect();
        let vpc_id = known.first().map_or_else(|| self.vpc_id.clone(), |it| it.vpc_id.clone());
        for id in ids {
            if self.subnet(id).is_some() {
                continue;
            }
            let zone = self.emptiest_zone(region, &vpc_id, letters, &taken)?;
            taken.insert(zone.clone());
            let new = NewSubnet {
                id: Some(id.clone()),
                vpc_id: Some(vpc_id.clone()),
                zone: Some(zone),
                front: None,
            };
            self.add_subnet(region, &new, first)?;
        }
        Ok(())
    }
}

impl ControlPlane {
    /// Removes a VPC that was added, and its subnets, if no cluster is in it.
    pub(crate) async fn remove_vpc(&self, region: &str, id: &str) -> Result<Network, ApiError> {
        // Nor is one being made.
        let _one = self.addressing.lock().await;
        let clusters: Vec<ClusterRecord> = all(&self.database, region).await?;
        self.change_network(region, |network| network.remove_vpc(id, &clusters)).await
    }
}

#[cfg(test)]
mod tests;
