//! CloudHSM CLI's commands in single-command mode: the same names, flags and JSON.
mod answer;
mod attribute;
mod cluster;
mod crypto;
mod element;
mod failure;
mod filter;
mod generate;
mod key;
pub(crate) mod kms_user;
mod login;
mod outcome;
pub(crate) mod prompt;
mod user;
mod user_list;

pub(crate) use failure::Failure;

use crate::StateFolder;
use clap::{Args, Subcommand};
use hsm_client::{Cluster, ClusterConfig};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How one logs in, for every command's help.
pub(crate) const LOGIN_HELP: &str = "\
Log in by environment, as in CloudHSM CLI:
  CLOUDHSM_ROLE=crypto-user CLOUDHSM_PIN=user:password
Without CLOUDHSM_PIN the command asks for the user name and the password.";

/// The commands that CloudHSM CLI has too.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Activate the cluster, or describe its HSMs
    Cluster(At<cluster::ClusterCommand>),
    /// Create, change, list and delete the users of all HSMs
    User(At<user::UserCommand>),
    /// Make, list, change, share and delete keys
    Key(At<key::KeyCommand>),
    /// Sign data and verify signatures
    Crypto(At<crypto::CryptoCommand>),
}

/// A command, and the cluster that it is for.
#[derive(Args, Debug)]
pub(crate) struct At<C: Subcommand> {
    /// A CloudHSM CLI configuration file [default: cloudhsm-cli.cfg in the state folder]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: C,
}

/// Runs one command on the cluster of this state folder, or of `--config`, and prints its JSON on
/// stdout. The exit status is 1 when `error_code` is.
pub(crate) fn main(command: &Command, state: Option<PathBuf>) -> ExitCode {
    let result = runtime().and_then(|runtime| runtime.block_on(run(command, state)));
    answer::print(&result)
}

/// What runs the clients' connections.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(Failure::Runtime)
}

/// The configuration of the cluster: a file in CloudHSM CLI's own form.
pub(crate) fn config(
    named: Option<&Path>,
    state: Option<PathBuf>,
) -> Result<ClusterConfig, Failure> {
    let file = match named {
        Some(file) => file.to_owned(),
        None => {
            StateFolder::locate(state).map_err(|error| Failure::Unfit(error.to_string()))?.config()
        }
    };
    if !file.exists() {
        return Err(Failure::NoConfig(file));
    }
    let mut config = ClusterConfig::from_file(&file).map_err(Failure::Config)?;
    // A second connection would count as another login, and forbid changing one's own password.
    config.connections_per_node = 1;
    Ok(config)
}

async fn run(command: &Command, state: Option<PathBuf>) -> Result<Value, Failure> {
    // What can be refused without asking an HSM is refused first.
    match command {
        Command::Cluster(at) => {
            let cluster = open(at, state).await?;
            cluster::run(&at.command, &cluster).await
        }
        Command::User(at) => {
            user::check(&at.command)?;
            let cluster = open(at, state).await?;
            user::run(&at.command, &cluster).await
        }
        Command::Key(at) => {
            let request = key::check(&at.command)?;
            let cluster = open(at, state).await?;
            key::run(request, &cluster).await
        }
        Command::Crypto(at) => {
            let request = crypto::check(&at.command)?;
            let cluster = open(at, state).await?;
            crypto::run(request, &cluster).await
        }
    }
}

async fn open<C: Subcommand>(at: &At<C>, state: Option<PathBuf>) -> Result<Cluster, Failure> {
    let config = config(at.config.as_deref(), state)?;
    Cluster::open(config).await.map_err(|error| Failure::Unreachable(Box::new(error)))
}
