//! What KMS has in the VPC of a cluster while a key store is connected to it: a security group, and
//! a network interface in each private subnet of the cluster (KMS developer guide, connect).
use super::ControlPlane;
use super::network::{Network, new_aws_id};
use super::record::{ClusterRecord, all, find};
use crate::error::ApiError;
use kms_connector::{ConnectError, ConnectionErrorCode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Of one key store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KmsNetwork {
    cluster_id: String,
    security_group: NamedGroup,
    interfaces: Vec<Interface>,
}

/// It lets in who is in the cluster's group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct NamedGroup {
    id: String,
    name: String,
    inbound_from: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Interface {
    id: String,
    description: String,
    subnet_id: String,
    address: String,
    /// KMS's group, and the cluster's.
    groups: [String; 2],
}

impl Network {
    /// The addresses of KMS's interfaces.
    pub(super) fn kms_addresses(&self) -> impl Iterator<Item = &str> {
        let interfaces = self.key_stores.values().flat_map(|it| &it.interfaces);
        interfaces.map(|interface| interface.address.as_str())
    }

    fn give_back(&mut self, store_id: &str) {
        let Some(gone) = self.key_stores.remove(store_id) else { return };
        for interface in gone.interfaces {
            self.give_back_address(&interface.subnet_id);
        }
    }

    /// One interface in each of the cluster's subnets, at addresses that are not `taken`.
    fn interfaces(
        &mut self,
        cluster: &ClusterRecord,
        group: &str,
        mut taken: BTreeSet<String>,
    ) -> Result<Vec<Interface>, ConnectError> {
        let failed = |code, message| ConnectError { code, message };
        let mut made = Vec::new();
        for id in cluster.subnets.values() {
            let subnet = self.subnets.iter_mut().find(|subnet| subnet.id == *id);
            let subnet = subnet.ok_or_else(|| {
                let message = format!("the subnet {id} of {} was deleted", cluster.id);
                failed(ConnectionErrorCode::SubnetNotFound, message)
            })?;
            let address = subnet.take_address(None, &taken).ok_or_else(|| {
                let message = format!("the subnet {id} of {} has no free address", cluster.id);
                failed(ConnectionErrorCode::InsufficientFreeAddressesInSubnet, message)
            })?;
            taken.insert(address.clone());
            made.push(Interface {
                id: new_aws_id("eni"),
                description: format!("KMS managed ENI for cluster {}", cluster.id),
                subnet_id: id.clone(),
                address,
                groups: [group.to_owned(), cluster.security_group.clone()],
            });
        }
        Ok(made)
    }
}

impl ControlPlane {
    /// What connecting a key store makes first, as far as it is not there. Clusters of other
    /// state folders have no network here.
    pub(crate) async fn lay_interfaces(
        &self,
        region: &str,
        cluster_id: &str,
        store_id: &str,
    ) -> Result<(), ConnectError> {
        let broken = |e: ApiError| ConnectError {
            code: ConnectionErrorCode::InternalError,
            message: e.message.unwrap_or_default(),
        };
        let _one = self.addressing.lock().await;
        let found = find::<ClusterRecord>(&self.database, region, cluster_id).await;
        let Some((cluster, _)) = found.map_err(broken)? else { return Ok(()) };
        let clusters: Vec<ClusterRecord> = all(&self.database, region).await.map_err(broken)?;
        let mut refused = None;
        let laid = self.change_network(region, |network| {
            refused = None;
            if network.key_stores.get(store_id).is_some_and(|it| it.cluster_id == cluster_id) {
                return Ok(());
            }
            // That of another cluster, which the key store was on before.
            let mut new = network.clone();
            new.give_back(store_id);
            let group = new_aws_id("sg");
            let taken = new.taken(&clusters);
            match new.interfaces(&cluster, &group, taken) {
                Err(error) => refused = Some(error),
                Ok(interfaces) => {
                    let security_group = NamedGroup {
                        id: group,
                        name: format!("kms-{store_id}"),
                        inbound_from: cluster.security_group.clone(),
                    };
                    let cluster_id = cluster.id.clone();
                    let laid = KmsNetwork { cluster_id, security_group, interfaces };
                    new.key_stores.insert(store_id.to_owned(), laid);
                    *network = new;
                }
            }
            Ok(())
        });
        laid.await.map_err(broken)?;
        refused.map_or(Ok(()), Err)
    }

    /// Disconnecting a key store takes it all away.
    pub(crate) async fn remove_interfaces(
        &self,
        region: &str,
        store_id: &str,
    ) -> Result<(), ApiError> {
        let removed = self.change_network(region, |network| {
            network.give_back(store_id);
            Ok(())
        });
        removed.await.map(drop)
    }
}
