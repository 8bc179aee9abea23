//! `initialize-cluster`: the step that AWS documents with openssl, on a cluster that waits for it.
use crate::{Failure, StateFolder};
use certificates::{Certificate, verify_chain};
use clap::Args;
use fleet::{NodeView, Roster, read, write_public};
use proto::command::cluster::Initialize;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// What `initialize-cluster` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// The cluster's CSR, signed by your CA
    #[arg(long, value_name = "FILE", value_parser = file)]
    signed_cert: PathBuf,
    /// The certificate of your CA
    #[arg(long, value_name = "FILE", value_parser = file)]
    trust_anchor: PathBuf,
    /// Refuse any other cluster
    #[arg(long, value_name = "ID")]
    cluster_id: Option<String>,
}

/// AWS's documents write `file://` before the path.
fn file(text: &str) -> Result<PathBuf, std::convert::Infallible> {
    Ok(text.strip_prefix("file://").unwrap_or(text).into())
}

pub(crate) async fn run(state: Option<PathBuf>, options: Options) -> Result<(), Failure> {
    let (folder, ready) = StateFolder::running(state)?;
    if options.cluster_id.as_ref().is_some_and(|id| *id != ready.cluster_id) {
        let path = folder.path().display();
        return Err(Failure::new(format!("the cluster in {path} is {}", ready.cluster_id)));
    }
    let request = Initialize {
        signed_cert: read(&options.signed_cert)?,
        trust_anchor: read(&options.trust_anchor)?,
    };
    let roster = Roster::read(folder.layout())?;
    let seat = roster.as_ref().and_then(|roster| roster.nodes.first());
    let (Some(seat), Some(listed)) = (seat, ready.nodes.first()) else {
        return Err(Failure::new("the cluster has no HSM"));
    };
    let node = NodeView {
        hsm_id: seat.hsm_id.clone(),
        node: seat.node,
        zone: seat.zone.clone(),
        address: listed.address.parse()?,
        pid: listed.pid,
    };
    let connection = fleet::connect(folder.layout(), &node).await?;
    connection
        .call(&request)
        .await
        .map_err(|error| Failure::new(format!("{} refuses: {error}", node.hsm_id)))?;
    write_public(&folder.layout().customer_ca(), request.trust_anchor.as_bytes())?;
    anstream::println!("{} is initialized", ready.cluster_id);
    if !vouched(&folder.client_cert(), &request.trust_anchor) {
        anstream::println!(
            "client.crt is not of this CA: make one with\n  client-cert --ca {} --ca-key KEY \
             --name operator --out-dir {}",
            options.trust_anchor.display(),
            folder.path().display()
        );
    }
    Ok(())
}

/// Will an HSM with this trust anchor accept the certificate?
fn vouched(certificate: &Path, anchor: &str) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let leaf = read(certificate).ok().and_then(|pem| Certificate::from_pem(&pem).ok());
    let anchors = Certificate::chain_from_pem(anchor).unwrap_or_default();
    leaf.is_some_and(|leaf| verify_chain(&[leaf], &anchors, now).is_ok())
}
