//! The first two steps: a state folder with its certificates, and HSMs that run.
use super::console::Console;
use super::key_store::{database, start_endpoint};
use super::{Layout, Options, Session};
use crate::state::{ReadyNode, cannot};
use crate::{Failure, Ready, StateFolder};
use aws_api::reserve_nodes;
use clap::ValueEnum;
use fleet::{Event, Fleet, Front, Launch, Roster, make_ca, make_client_certificate, provision};
use fleet::{write_public, write_secret};
use hsm_client::ConfigFile;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use proto::NodeState;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

pub(super) const REGION: &str = "us-east-1";
pub(super) const ACCOUNT: &str = "000000000000";
const ZONES: &[&str] = &["us-east-1a", "us-east-1b", "us-east-1c"];

/// HSMs of an `up` that was killed end within a moment.
const GONE_WITHIN: Duration = Duration::from_secs(3);
const TICK: Duration = Duration::from_millis(10);

impl Session {
    /// Makes or takes up the folder, and starts the HSMs.
    pub(super) async fn start(
        options: Options,
        folder: StateFolder,
        console: Console,
    ) -> Result<(Self, mpsc::Receiver<Event>), Failure> {
        if let Some(stale) = &options.ready_file
            && stale.exists()
        {
            std::fs::remove_file(stale).map_err(|e| cannot("remove", stale, &e))?;
        }
        let before = folder.ready()?;
        outlive(&folder, before.as_ref()).await?;
        let front = match options.layout {
            Some(Layout::Addresses) => Some(Front::random()),
            Some(Layout::Ports) | None => None,
        };
        let wanted = options.nodes.map(usize::from);
        reserve(&options, &folder).await?;
        let roster = provision(folder.layout(), wanted, ZONES, front)?;
        fits(options.layout, &roster, &folder)?;
        make_certificates(&folder)?;
        console.step("folder", &[folder.path().display().to_string()]);
        let endpoint = start_endpoint(&options, &folder, &roster).await?;
        let (fleet, events) = endpoint.start_hsms(REGION, &roster).await?;
        let ready = Ready {
            cluster_id: roster.cluster_id,
            region: REGION.to_owned(),
            account: ACCOUNT.to_owned(),
            state: before.as_ref().map_or_else(
                || NodeState::Uninitialized.name().to_owned(),
                |before| before.state.clone(),
            ),
            customer_ca: folder.layout().customer_ca(),
            client_cert: folder.client_cert(),
            client_key: folder.client_key(),
            nodes: listed(&fleet),
            admin: before.as_ref().and_then(|it| it.admin.clone()),
            kmsuser: before.as_ref().and_then(|it| it.kmsuser.clone()),
            example_user: before.and_then(|it| it.example_user),
            endpoint: endpoint.url(),
            sim_token: endpoint.sim_token().cloned(),
        };
        let session = Self {
            options,
            folder,
            console,
            fleet,
            ready,
            reached: false,
            unsaved: false,
            endpoint,
        };
        Ok((session, events))
    }

    /// Writes `cloudhsm-cli.cfg` (user guide, configure tool): the HSMs that are members of the
    /// cluster, since a client of customerCA has no business with others; before initialization
    /// the first. With one HSM the availability check is off, because no key could be on two.
    pub(super) fn write_config(&self, members: &[String]) -> Result<(), Failure> {
        let nodes = self.fleet.nodes();
        let first = |at: usize| at == 0 && members.is_empty();
        let servers = nodes.iter().enumerate();
        let servers = servers.filter(|(at, node)| members.contains(&node.hsm_id) || first(*at));
        let config = ConfigFile {
            hsm_ca_file: self.ready.customer_ca.clone(),
            client_cert_path: self.ready.client_cert.clone(),
            client_key_path: self.ready.client_key.clone(),
            cluster_id: Some(self.ready.cluster_id.clone()),
            servers: servers.map(|(_, node)| node.endpoint()).collect(),
            disable_key_availability_check: nodes.len() == 1,
            log_file: Some(self.folder.path().join("cloudhsm-cli.log")),
        };
        Ok(config.write(&self.folder.config())?)
    }

    pub(super) fn show_nodes(&self) {
        let line = |n: &ReadyNode| {
            let pid = n.pid.map_or("down".to_owned(), |pid| format!("process {pid}"));
            format!("{}  {}  {}  {pid}", n.hsm_id, n.address, n.zone)
        };
        let lines: Vec<_> = self.ready.nodes.iter().map(line).collect();
        self.console.step("HSMs", &lines);
    }
}

/// A roster that is to get more HSMs numbers them on, behind those that its cluster's relatives
/// have got meanwhile.
async fn reserve(options: &Options, folder: &StateFolder) -> Result<(), Failure> {
    let Some(mut roster) = Roster::read(folder.layout())? else { return Ok(()) };
    let wanted = options.nodes.map_or(0, usize::from);
    let count = u16::try_from(wanted.saturating_sub(roster.nodes.len())).unwrap_or(0);
    if count == 0 {
        return Ok(());
    }
    let (database, id) = (database(options, folder), &roster.cluster_id);
    let first = reserve_nodes(&database, REGION, id, roster.next_node, count).await?;
    roster.next_node = first;
    Ok(roster.write(folder.layout())?)
}

/// HSMs keep the addresses that they were given.
fn fits(wanted: Option<Layout>, roster: &Roster, folder: &StateFolder) -> Result<(), Failure> {
    let is = if roster.front.is_some() { Layout::Addresses } else { Layout::Ports };
    if wanted.is_none_or(|wanted| wanted == is) {
        return Ok(());
    }
    let name = is.to_possible_value().map_or_else(String::new, |it| it.get_name().to_owned());
    Err(Failure::new(format!(
        "{} was begun with --layout {name}: leave --layout out, or choose another folder with \
         --state",
        folder.path().display()
    )))
}

/// The HSMs as ready.json lists them.
pub(super) fn listed(fleet: &Fleet) -> Vec<ReadyNode> {
    let listed = |node: fleet::NodeView| ReadyNode {
        hsm_id: node.hsm_id,
        address: node.address.to_string(),
        zone: node.zone,
        pid: node.pid,
    };
    fleet.nodes().into_iter().map(listed).collect()
}

/// A node is this very program, run as one.
pub(super) fn launch(options: &Options) -> Result<Launch, Failure> {
    let word = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
        value().map_or_else(String::new, |value| value.get_name().to_owned())
    };
    let mut arguments = vec![
        "node".to_owned(),
        format!("--engine={}", word(&|| options.engine.to_possible_value())),
        format!("--limits={}", word(&|| options.limits.to_possible_value())),
        format!("--sync-interval-ms={}", options.sync_interval_ms),
    ];
    if options.allow_kmsuser_2fa {
        arguments.push("--allow-kmsuser-2fa".to_owned());
    }
    Ok(Launch {
        program: std::env::current_exe()?,
        arguments,
        address: options.address,
        base_port: options.base_port,
        restart: !options.no_restart,
    })
}

/// Makes the customer's CA and the operator's certificate where they are missing.
fn make_certificates(folder: &StateFolder) -> Result<(), Failure> {
    let (ca, ca_key) = (folder.layout().customer_ca(), folder.path().join("customerCA.key"));
    if ca.exists() {
        return Ok(());
    }
    let authority = make_ca("customerCA")?;
    let client = make_client_certificate(&authority, "operator")?;
    write_secret(&folder.client_key(), client.key.as_bytes())?;
    write_public(&folder.client_cert(), client.certificate.as_bytes())?;
    write_secret(&ca_key, authority.key().as_bytes())?;
    // Last: where it is, the others are.
    Ok(write_public(&ca, authority.certificate().as_bytes())?)
}

/// Waits for the HSMs of an earlier `up` that was killed: they end by themselves, but one that
/// was frozen has to be woken first.
async fn outlive(folder: &StateFolder, before: Option<&Ready>) -> Result<(), Failure> {
    let seats = Roster::read(folder.layout())?.map_or_else(Vec::new, |roster| roster.nodes);
    for seat in seats {
        let lock = folder.layout().node(&seat.hsm_id).join("lock");
        if !is_locked(&lock) {
            continue;
        }
        let listed = before.and_then(|it| it.nodes.iter().find(|it| it.hsm_id == seat.hsm_id));
        // An `up` that was killed early has not written down which process it is.
        let pid = listed.and_then(|node| node.pid);
        if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
        }
        let gone = async {
            while is_locked(&lock) {
                tokio::time::sleep(TICK).await;
            }
        };
        if tokio::time::timeout(GONE_WITHIN, gone).await.is_err() {
            let process = pid.map_or(String::new(), |pid| format!(" as process {pid}"));
            return Err(Failure::new(format!(
                "{} of an earlier `up` still runs{process}: end that process first",
                seat.hsm_id
            )));
        }
    }
    Ok(())
}

/// Does a node process have its folder?
fn is_locked(lock: &Path) -> bool {
    File::open(lock).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = StateFolder::locate(Some(folder.path().to_owned())).unwrap();
        fleet::make_folder(folder.path()).unwrap();
        make_certificates(&folder).unwrap();
        let ca = fleet::read(&folder.layout().customer_ca()).unwrap();
        make_certificates(&folder).unwrap();
        assert_eq!(fleet::read(&folder.layout().customer_ca()).unwrap(), ca);
        std::fs::remove_dir_all(folder.path()).unwrap();
    }
}
