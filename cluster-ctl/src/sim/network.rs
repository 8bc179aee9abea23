//! `sim network`: the network that CloudHSM and KMS see, shown and changed.
use crate::{Failure, Ready, endpoint};
use clap::{Args, Subcommand};
use std::fmt::Write;

#[derive(Subcommand)]
pub(super) enum Change {
    /// The VPCs of each Region, their subnets, and the clusters' security groups
    List(List),
    /// Add a VPC, with an id of your own or a new one
    AddVpc(New),
    /// Remove a VPC that was added, and its subnets; no cluster may be in it
    DeleteVpc(Of),
    /// Add a private subnet, with an id of your own or a new one
    AddSubnet(NewSubnet),
    /// Delete a subnet: key stores on it fail with SUBNET_NOT_FOUND
    DeleteSubnet(Of),
    /// Let a subnet have no free address: INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET
    FillSubnet(Of),
    /// Free the addresses of a subnet again
    FreeSubnet(Of),
    /// Make a subnet public: KMS refuses it
    PublishSubnet(Of),
    /// Make it private again
    PrivatizeSubnet(Of),
    /// Remove the rule for ports 2223 to 2225 from a cluster's security group: it is cut off
    CloseGroup(Of),
    /// Put the rule back
    OpenGroup(Of),
}

#[derive(Args)]
pub(super) struct List {
    /// Only this Region, which gets a network if it has none yet
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

#[derive(Args)]
pub(super) struct Of {
    /// The id of the VPC, the subnet or the cluster
    #[arg(value_name = "ID")]
    id: String,
    /// The Region that it is in
    #[arg(long, default_value = "us-east-1", value_name = "REGION")]
    region: String,
}

#[derive(Args)]
pub(super) struct New {
    /// Its id; a new one without it
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// The Region that it is in
    #[arg(long, default_value = "us-east-1", value_name = "REGION")]
    region: String,
}

#[derive(Args)]
pub(super) struct NewSubnet {
    #[command(flatten)]
    new: New,
    /// The VPC that it is of [default: the Region's own]
    #[arg(long, value_name = "ID")]
    vpc: Option<String>,
    /// Its availability zone [default: a, b or c, whichever has the fewest]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Its addresses, 256 of them, as 10.1.2.0/24 [default: some that no other subnet has]
    #[arg(long, value_name = "CIDR")]
    cidr: Option<String>,
}

/// Asks the endpoint, which has the network; shows what it is like then.
pub(super) async fn run(ready: &Ready, change: &Change) -> Result<(), Failure> {
    let endpoint = endpoint::of(ready)?;
    let (action, of) = match change {
        Change::List(list) => {
            let region = list.region.iter().fold(String::new(), |_, it| format!("?region={it}"));
            let shown = endpoint.get(&format!("/_sim/network{region}")).await?;
            anstream::println!("{shown:#}");
            return Ok(());
        }
        Change::AddVpc(new) => return post(&endpoint, query("add-vpc", new, &[])).await,
        Change::AddSubnet(subnet) => {
            let NewSubnet { new, vpc, zone, cidr } = subnet;
            let more = [("vpc", vpc), ("zone", zone), ("cidr", cidr)];
            return post(&endpoint, query("add-subnet", new, &more)).await;
        }
        Change::DeleteVpc(of) => ("delete-vpc", of),
        Change::DeleteSubnet(of) => ("delete-subnet", of),
        Change::FillSubnet(of) => ("fill-subnet", of),
        Change::FreeSubnet(of) => ("free-subnet", of),
        Change::PublishSubnet(of) => ("publish-subnet", of),
        Change::PrivatizeSubnet(of) => ("privatize-subnet", of),
        Change::CloseGroup(of) => ("close-group", of),
        Change::OpenGroup(of) => ("open-group", of),
    };
    let new = New { id: Some(of.id.clone()), region: of.region.clone() };
    post(&endpoint, query(action, &new, &[])).await
}

fn query(action: &str, new: &New, more: &[(&str, &Option<String>)]) -> String {
    let mut query = format!("/_sim/network?region={}&action={action}", new.region);
    for (name, value) in [("of", &new.id)].iter().chain(more) {
        if let Some(value) = value {
            let _ = write!(query, "&{name}={value}");
        }
    }
    query
}

async fn post(endpoint: &endpoint::Asked, path: String) -> Result<(), Failure> {
    let shown = endpoint.post(&path).await?;
    anstream::println!("{shown:#}");
    Ok(())
}
