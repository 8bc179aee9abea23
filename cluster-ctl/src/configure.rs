//! `configure`: writes `cloudhsm-cli.cfg`, as `configure-cli` of CloudHSM's client packages does.
use crate::endpoint::Asked;
use crate::{Failure, StateFolder, endpoint};
use clap::Args;
use fleet::read_pem;
use hsm_client::{ConfigFile, Endpoint};
use proto::Secret;
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
    /// With --endpoint: what it asks for, `sim_token` in the ready.json of its `up`
    #[arg(long, env = "CLOUDHSM_SIM_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    #[arg(value_parser = |text: &str| Ok::<_, std::convert::Infallible>(Secret::new(text)))]
    sim_token: Option<Secret>,
    /// The certificate of the cluster's CA [default: customerCA.crt, here or in the state folder]
    #[arg(long, value_name = "FILE")]
    hsm_ca_cert: Option<PathBuf>,
    /// The certificate of the client [default: client.crt, here or in the state folder]
    #[arg(long, value_name = "FILE")]
    client_cert: Option<PathBuf>,
    /// The key of the client's certificate [default: client.key, here or in the state folder]
    #[arg(long, value_name = "FILE")]
    client_key: Option<PathBuf>,
    /// Make and use token keys on a single HSM, too
    #[arg(long)]
    disable_key_availability_check: bool,
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "cloudhsm-cli.cfg")]
    output: PathBuf,
}

pub(crate) async fn run(state: Option<PathBuf>, options: Options) -> Result<(), Failure> {
    let servers = match &options.cluster_id {
        Some(id) => hsms_of(state.clone(), &options, id).await?,
        None => {
            let parsed = options.address.iter().map(|address| address.parse::<Endpoint>());
            parsed.collect::<Result<_, _>>().map_err(Failure::usage)?
        }
    };
    let theirs = of_state(state, options.cluster_id.as_deref());
    let config = ConfigFile {
        hsm_ca_file: file(options.hsm_ca_cert, "customerCA.crt", theirs.first())?,
        client_cert_path: file(options.client_cert, "client.crt", theirs.get(1))?,
        client_key_path: file(options.client_key, "client.key", theirs.get(2))?,
        cluster_id: options.cluster_id,
        servers,
        disable_key_availability_check: options.disable_key_availability_check,
        log_file: None,
    };
    config.write(&options.output)?;
    let servers: Vec<_> = config.servers.iter().map(ToString::to_string).collect();
    anstream::println!("{} names {}", options.output.display(), servers.join(", "));
    for path in [&config.hsm_ca_file, &config.client_cert_path, &config.client_key_path] {
        if !path.exists() {
            anstream::println!(
                "{} is not there yet: nobody can use the file before",
                path.display()
            );
        }
    }
    Ok(())
}

/// The file that was given, or that of this name which is here, or the state folder's: a path that
/// works in every folder.
fn file(given: Option<PathBuf>, name: &str, theirs: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    let here = std::path::absolute(name)?;
    let theirs = theirs.filter(|path| !here.exists() && path.exists());
    Ok(std::path::absolute(given.as_ref().or(theirs).unwrap_or(&here))?)
}

/// What the state folder has for the cluster: the certificate of its CA, and, where the CA is the
/// one that `up` made, the client's certificate and key.
fn of_state(state: Option<PathBuf>, cluster_id: Option<&str>) -> Vec<PathBuf> {
    let Ok(folder) = StateFolder::locate(state) else { return Vec::new() };
    let layout = folder.layout();
    let own = layout.customer_ca();
    let of_another = cluster_id.map(|id| layout.of_cluster(id).customer_ca());
    let ca = of_another.filter(|path| path.exists()).unwrap_or_else(|| own.clone());
    let same = ca == own || read_pem(&ca).is_ok_and(|it| read_pem(&own).is_ok_and(|own| own == it));
    match same {
        true => vec![ca, folder.client_cert(), folder.client_key()],
        false => vec![ca],
    }
}

async fn hsms_of(
    state: Option<PathBuf>,
    options: &Options,
    id: &str,
) -> Result<Vec<Endpoint>, Failure> {
    let endpoint = match &options.endpoint {
        Some(url) => Asked { url: url.clone(), token: options.sim_token.clone() },
        None => endpoint::of(&StateFolder::running(state)?.1)?,
    };
    let known = endpoint.get("/_sim/hsms").await?;
    let hsms = known["hsms"].as_array().into_iter().flatten();
    let of_it = hsms.filter(|hsm| hsm["cluster_id"] == id && hsm["state"] != "CREATE_IN_PROGRESS");
    let servers: Result<Vec<Endpoint>, _> =
        of_it.filter_map(|hsm| hsm["address"].as_str()).map(str::parse).collect();
    let servers = servers.map_err(Failure::new)?;
    if servers.is_empty() {
        return Err(Failure::new(format!("{id} has no HSM at {}: create one first", endpoint.url)));
    }
    Ok(servers)
}
