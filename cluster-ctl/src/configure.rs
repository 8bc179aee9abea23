//! `configure`: writes `cloudhsm-cli.cfg`, as `configure-cli` of CloudHSM's client packages does.
use crate::{Failure, StateFolder, endpoint};
use clap::Args;
use hsm_client::{ConfigFile, Endpoint};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  cluster-ctl configure --cluster-id cluster-igklspoyj5v      the HSMs that the endpoint knows
  cluster-ctl configure -a 127.0.0.1:2226 -a 127.0.0.1:2227   these HSMs
  cluster-ctl cluster activate --config cloudhsm-cli.cfg      then use the file";

/// What `configure` takes.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// An HSM of the cluster, host or host:port; more than one can be given
    #[arg(short = 'a', value_name = "HOST[:PORT]", required_unless_present = "cluster_id")]
    address: Vec<String>,
    /// The cluster, whose HSMs the endpoint knows
    #[arg(long, value_name = "ID", conflicts_with = "address")]
    cluster_id: Option<String>,
    /// The endpoint's URL [default: that of the running `up`]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The certificate of the cluster's CA
    #[arg(long, value_name = "FILE", default_value = "customerCA.crt")]
    hsm_ca_cert: PathBuf,
    /// The certificate of the client
    #[arg(long, value_name = "FILE", default_value = "client.crt")]
    client_cert: PathBuf,
    /// The key of the client's certificate
    #[arg(long, value_name = "FILE", default_value = "client.key")]
    client_key: PathBuf,
    /// Make and use token keys on a single HSM, too
    #[arg(long)]
    disable_key_availability_check: bool,
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "cloudhsm-cli.cfg")]
    output: PathBuf,
}

pub(crate) async fn run(state: Option<PathBuf>, options: Options) -> Result<(), Failure> {
    let servers = match &options.cluster_id {
        Some(id) => hsms_of(state, &options, id).await?,
        None => {
            let parsed = options.address.iter().map(|address| address.parse::<Endpoint>());
            parsed.collect::<Result<_, _>>().map_err(Failure::usage)?
        }
    };
    let config = ConfigFile {
        hsm_ca_file: std::path::absolute(&options.hsm_ca_cert)?,
        client_cert_path: std::path::absolute(&options.client_cert)?,
        client_key_path: std::path::absolute(&options.client_key)?,
        cluster_id: options.cluster_id,
        servers,
        disable_key_availability_check: options.disable_key_availability_check,
        log_file: None,
    };
    config.write(&options.output)?;
    let servers: Vec<_> = config.servers.iter().map(ToString::to_string).collect();
    anstream::println!("{} names {}", options.output.display(), servers.join(", "));
    Ok(())
}

async fn hsms_of(
    state: Option<PathBuf>,
    options: &Options,
    id: &str,
) -> Result<Vec<Endpoint>, Failure> {
    let url = match &options.endpoint {
        Some(url) => url.clone(),
        None => endpoint::of(&StateFolder::running(state)?.1)?.to_owned(),
    };
    let known = endpoint::get(&url, "/_sim/hsms").await?;
    let hsms = known["hsms"].as_array().into_iter().flatten();
    let of_it = hsms.filter(|hsm| hsm["cluster_id"] == id && hsm["state"] != "CREATE_IN_PROGRESS");
    let servers: Result<Vec<Endpoint>, _> =
        of_it.filter_map(|hsm| hsm["address"].as_str()).map(str::parse).collect();
    let servers = servers.map_err(Failure::new)?;
    if servers.is_empty() {
        return Err(Failure::new(format!("{id} has no HSM at {url}: create one first")));
    }
    Ok(servers)
}
