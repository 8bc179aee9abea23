//! `cluster activate` and `cluster hsm-info`.
use super::outcome::{self, Outcome};
use super::{Failure, login, prompt};
use clap::Subcommand;
use hsm_client::Cluster;
use proto::command::cluster::{GetHsmInfo, HsmInfo};
use proto::command::user::{ChangePassword, ListUsers};
use proto::{Role, Secret};
use serde_json::{Value, json};

/// User guide, activate-cluster: who may log in to a cluster that is not active yet, and how.
const PRECO: (&str, &str) = ("admin", "password");

/// The cluster as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Activate an initialized cluster: set the password of its first admin
    #[command(after_help = "\
Examples:
  cluster-ctl cluster activate
  cluster-ctl cluster activate --password 'S3cret-Passw0rd'

No login is needed: the unactivated admin's password is AWS's default until now.")]
    Activate {
        /// The password that admin gets: 7 to 32 characters, no colon. Asked for without this
        #[arg(long, value_name = "PASSWORD", value_parser = secret)]
        password: Option<Secret>,
    },
    /// Describe the hardware of every HSM; needs no login
    #[command(after_help = "Example:\n  cluster-ctl cluster hsm-info")]
    HsmInfo,
}

/// A password on the command line.
pub(super) fn secret(text: &str) -> Result<Secret, String> {
    if text.is_empty() { Err("a password is not empty".to_owned()) } else { Ok(Secret::new(text)) }
}

pub(super) async fn run(command: &ClusterCommand, cluster: &Cluster) -> Result<Value, Failure> {
    match command {
        ClusterCommand::Activate { password } => activate(cluster, password.as_ref()).await,
        ClusterCommand::HsmInfo => hsm_info(cluster).await,
    }
}

async fn activate(cluster: &Cluster, password: Option<&Secret>) -> Result<Value, Failure> {
    let (name, initial) = PRECO;
    let users = cluster.call(&ListUsers {}).await?.users;
    if !users.iter().any(|user| user.role == Role::Preco) {
        return Err(Failure::Unfit(
            "the cluster is active already: its admin has a password, and `user change-password` \
             changes it"
                .to_owned(),
        ));
    }
    let password = match password {
        Some(password) => password.clone(),
        None => prompt::new_password()?,
    };
    login::as_user(cluster, Role::Preco, name, &Secret::new(initial)).await?;
    let change = ChangePassword {
        role: Role::Preco,
        username: name.to_owned(),
        password,
        second_factor: None,
    };
    let outcomes = outcome::of(cluster.change_password(&change).await);
    outcome::settle("Cluster activate", &outcomes, |_, _| false)?;
    Ok(json!("Cluster activation successful"))
}

async fn hsm_info(cluster: &Cluster) -> Result<Value, Failure> {
    let outcomes = outcome::of(cluster.call_each(&GetHsmInfo {}).await);
    let hsms: Vec<Value> = outcomes
        .iter()
        .filter_map(|(_, outcome)| match outcome {
            Outcome::Done(info) => Some(element(info)),
            _ => None,
        })
        .collect();
    if hsms.is_empty() {
        return Err(Failure::Partial(format!(
            "Cluster hsm-info {}",
            outcome::node_by_node(&outcomes)
        )));
    }
    Ok(json!({ "hsms": hsms }))
}

fn element(info: &HsmInfo) -> Value {
    json!({
        "vendor": info.vendor,
        "model": info.model,
        "serial-number": info.serial_number,
        "hardware-version-major": info.hardware_version_major,
        "hardware-version-minor": info.hardware_version_minor,
        "firmware-version-major": info.firmware_version_major,
        "firmware-version-minor": info.firmware_version_minor,
        "firmware-build-number": info.firmware_build_number,
        "firmware-id": info.firmware_id,
        "fips-state": info.fips_state,
    })
}
