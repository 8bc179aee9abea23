//! `initialize-cluster`: the step that AWS documents with openssl, on a cluster that waits for it.
use crate::state::cannot;
use crate::{Failure, StateFolder};
use certificates::{Certificate, verify_chain};
use clap::Args;
use fleet::{Layout, NodeView, Roster, read, read_pem, write_public};
use hsm_client::{Connection, TlsIdentity, Trust};
use proto::command::cluster::Initialize;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// The HSM is on this machine: one that has not answered by then hangs.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

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
        signed_cert: read_pem(&options.signed_cert)?,
        trust_anchor: read_pem(&options.trust_anchor)?,
    };
    let roster = Roster::read(folder.layout())?;
    let seat = roster.as_ref().and_then(|roster| roster.nodes.first());
    let (Some(seat), Some(listed)) = (seat, ready.nodes.first()) else {
        return Err(Failure::new("the cluster has no HSM"));
    };
    let node = NodeView::at(seat, listed.address.parse()?);
    let layout = folder.layout();
    adopt_trust_anchor(layout, &node).await?;
    let connection = fleet::connect(layout, &node).await?;
    // On disk before the HSM has it: without it, nobody could connect to this HSM any more.
    write_public(&waiting(layout), request.trust_anchor.as_bytes())?;
    if let Err(error) = connection.call(&request).await {
        if error.refusal().is_some() {
            let _ = std::fs::remove_file(waiting(layout));
        }
        return Err(Failure::new(format!("{} refuses: {error}", node.hsm_id)));
    }
    take_over(layout)?;
    anstream::println!("{} is initialized", ready.cluster_id);
    if let Err(why) = vouched(&folder.client_cert(), &request.trust_anchor) {
        anstream::println!(
            "{why}: make one with\n  client-cert --ca {} --ca-key KEY --name operator --out-dir {}",
            options.trust_anchor.display(),
            folder.path().display()
        );
    }
    Ok(())
}

/// Where the trust anchor waits until it is known that the HSM has taken it.
fn waiting(layout: &Layout) -> PathBuf {
    layout.customer_ca().with_extension("crt.next")
}

/// Makes the trust anchor that waits the cluster's.
fn take_over(layout: &Layout) -> Result<(), Failure> {
    let waiting = waiting(layout);
    match std::fs::rename(&waiting, layout.customer_ca()) {
        // `up` has seen the initialized HSM, and was quicker.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        renamed => renamed.map_err(|e| cannot("rename", &waiting, &e))?,
    }
    Ok(File::open(layout.root())?.sync_all()?)
}

/// Makes the trust anchor that waits the cluster's, if the HSM serves a certificate of it: an
/// `initialize-cluster` that was killed could not any more.
pub(crate) async fn adopt_trust_anchor(layout: &Layout, node: &NodeView) -> Result<(), Failure> {
    let Ok(anchor_pem) = read(&waiting(layout)) else { return Ok(()) };
    let key = Zeroizing::new(read(&layout.service_key())?);
    let certificate = read(&layout.service_certificate())?;
    // What is no certificate was not taken by any HSM.
    let Ok(identity) = TlsIdentity::new(Trust::Cluster { anchor_pem }, &certificate, &key) else {
        return Ok(());
    };
    match Connection::open(&node.endpoint(), &identity, CONNECT_WITHIN).await {
        Ok(_) => take_over(layout),
        Err(_) => Ok(()),
    }
}

/// Will an HSM with this trust anchor accept the certificate? Why not.
fn vouched(certificate: &Path, anchor: &str) -> Result<(), String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let pem = read_pem(certificate).map_err(|e| e.to_string())?;
    let chain = Certificate::chain_from_pem(&pem).map_err(|e| format!("client.crt: {e}"))?;
    let anchors = Certificate::chain_from_pem(anchor).map_err(|e| e.to_string())?;
    verify_chain(&chain, &anchors, now).map_err(|_| "client.crt is not of this CA".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hsm_node::{FjallStore, Node};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_killed_initialization_is_finished_once_the_hsm_has_taken_it() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let seat =
            fleet::provision(&layout, Some(1), &["us-east-1a"], None).unwrap().nodes.remove(0);
        let options = hsm_node::Options::new(
            layout.node(&seat.hsm_id),
            std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
        );
        let node = Node::start(&options, |path| Ok(Box::new(FjallStore::open(path)?)));
        let node = node.await.unwrap();
        let view = NodeView::at(&seat, node.address());
        let [generated, own] = ["customerCA", "mine"].map(|name| fleet::make_ca(name).unwrap());
        write_public(&layout.customer_ca(), generated.certificate().as_bytes()).unwrap();

        write_public(&waiting(&layout), own.certificate().as_bytes()).unwrap();
        adopt_trust_anchor(&layout, &view).await.unwrap();
        assert_eq!(read(&layout.customer_ca()).unwrap(), generated.certificate());
        let line = fleet::connect(&layout, &view).await.unwrap();
        fleet::initialize(&line, &view, &own).await.unwrap();
        assert!(fleet::connect(&layout, &view).await.is_err());
        adopt_trust_anchor(&layout, &view).await.unwrap();
        assert_eq!(read(&layout.customer_ca()).unwrap(), own.certificate());
        assert!(!waiting(&layout).exists());
        fleet::connect(&layout, &view).await.unwrap();
        node.stop().await.unwrap();
    }
}
