//! `/_sim/network`: what a rehearsal sees of the network of a Region, and does to it.
use crate::cloudhsmv2::invalid;
use crate::cloudhsmv2::network::FREE;
use crate::cloudhsmv2::vpc::NewSubnet;
use crate::error::ApiError;
use crate::kms::Kms;
use serde_json::Value;
use std::sync::Arc;

/// The longest name of a Region that is taken for one.
const REGION_MAX: usize = 32;

/// What one request wants.
struct Change {
    region: String,
    action: Action,
    /// The id of a VPC, a subnet or a cluster. Only what is added may have none, and gets one.
    of: Option<String>,
    /// Of a subnet that is added.
    subnet: NewSubnet,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    AddVpc,
    DeleteVpc,
    AddSubnet,
    DeleteSubnet,
    FillSubnet,
    FreeSubnet,
    PublishSubnet,
    PrivatizeSubnet,
    CloseGroup,
    OpenGroup,
}

/// What stands in the query, and what it means.
const ACTIONS: &[(&str, Action)] = &[
    ("add-vpc", Action::AddVpc),
    ("delete-vpc", Action::DeleteVpc),
    ("add-subnet", Action::AddSubnet),
    ("delete-subnet", Action::DeleteSubnet),
    ("fill-subnet", Action::FillSubnet),
    ("free-subnet", Action::FreeSubnet),
    ("publish-subnet", Action::PublishSubnet),
    ("privatize-subnet", Action::PrivatizeSubnet),
    ("close-group", Action::CloseGroup),
    ("open-group", Action::OpenGroup),
];

fn member(query: &str, name: &str) -> Option<String> {
    let parts = query.split('&').filter_map(|part| part.split_once('='));
    let mut values = parts.filter(|(key, _)| *key == name).map(|(_, value)| value);
    values.next().map(|value| value.replace("%2F", "/").replace("%2f", "/"))
}

fn region(query: &str) -> Result<Option<String>, ApiError> {
    let Some(region) = member(query, "region") else { return Ok(None) };
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = region.len() <= REGION_MAX && region.bytes().all(fits) && region.contains('-');
    let named = is_name.then_some(region);
    named.map(Some).ok_or_else(|| invalid("region is the name of one: eu-central-1"))
}

/// The networks of all Regions that have one, or that of the Region that is asked for, which is
/// made where there is none.
pub(super) async fn show(query: &str, kms: &Kms) -> Result<Value, ApiError> {
    let regions = match region(query)? {
        Some(region) => [region].into(),
        None => {
            let mut regions = kms.plane.networked_regions().await?;
            regions.extend(kms.plane.regions().await?);
            regions.insert(crate::http::DEFAULT_REGION.to_owned());
            regions
        }
    };
    let mut networks = serde_json::Map::new();
    for region in regions {
        let network = kms.plane.network(&region).await?;
        networks.insert(region, serde_json::to_value(network).unwrap_or_default());
    }
    Ok(Value::Object(networks))
}

/// Changes the network of a Region, and shows it as it is then.
pub(super) async fn change(query: &str, kms: &Arc<Kms>) -> Result<Value, ApiError> {
    Change::parse(query)?.make(kms).await
}

impl Change {
    /// `region=us-east-1&action=delete-subnet&of=subnet-…`, or `…&action=close-group&of=cluster-…`;
    /// `…&action=add-subnet&of=subnet-…&vpc=vpc-…&zone=us-east-1a&cidr=10.1.2.0/24`.
    fn parse(query: &str) -> Result<Self, ApiError> {
        let missing = |name: &str| invalid(format!("{name} is missing"));
        let named = member(query, "action").ok_or_else(|| missing("action"))?;
        let action = ACTIONS.iter().find(|(name, _)| *name == named).map(|(_, action)| *action);
        let action = action.ok_or_else(|| {
            let names: Vec<_> = ACTIONS.iter().map(|(name, _)| *name).collect();
            invalid(format!("action is one of {}", names.join(", ")))
        })?;
        let of = member(query, "of");
        if of.is_none() && !matches!(action, Action::AddVpc | Action::AddSubnet) {
            return Err(missing("of"));
        }
        let front = match member(query, "cidr") {
            None => None,
            Some(cidr) => {
                let front = cidr.strip_suffix(".0/24").and_then(|front| front.parse().ok());
                Some(front.ok_or_else(|| invalid("cidr is 256 addresses: 10.1.2.0/24"))?)
            }
        };
        let subnet = NewSubnet {
            id: of.clone(),
            vpc_id: member(query, "vpc"),
            zone: member(query, "zone"),
            front,
        };
        let region = region(query)?.ok_or_else(|| missing("region"))?;
        Ok(Self { region, action, of, subnet })
    }

    async fn make(self, kms: &Arc<Kms>) -> Result<Value, ApiError> {
        let of = self.of.as_deref().unwrap_or_default();
        if self.action == Action::DeleteVpc {
            let network = kms.plane.remove_vpc(&self.region, of).await?;
            return Ok(serde_json::to_value(network).unwrap_or_default());
        }
        let first = kms.plane.front();
        let changed = kms.plane.change_network(&self.region, |network| match self.action {
            Action::AddVpc => network.add_vpc(self.of.as_deref()),
            Action::AddSubnet => network.add_subnet(&self.region, &self.subnet, first),
            Action::CloseGroup | Action::OpenGroup => {
                let group = network.groups.get_mut(of).ok_or_else(|| self.missing(of))?;
                group.open = self.action == Action::OpenGroup;
                Ok(())
            }
            action => {
                let subnets = network.subnets.iter_mut();
                let subnet = subnets.into_iter().find(|subnet| subnet.id == of);
                let subnet = subnet.ok_or_else(|| self.missing(of))?;
                match action {
                    Action::FillSubnet => subnet.free = 0,
                    Action::FreeSubnet => subnet.free = FREE,
                    Action::DeleteSubnet => network.subnets.retain(|subnet| subnet.id != of),
                    action => subnet.public = action == Action::PublishSubnet,
                }
                Ok(())
            }
        });
        let network = changed.await?;
        kms.plane.wake(&self.region, of);
        if matches!(self.action, Action::CloseGroup | Action::OpenGroup) {
            kms.plane.follow_group(&self.region, of).await?;
        }
        Ok(serde_json::to_value(network).unwrap_or_default())
    }

    fn missing(&self, of: &str) -> ApiError {
        invalid(format!("there is no {of} in {}", self.region))
    }
}
