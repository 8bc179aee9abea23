//! `up`: from an empty folder to a cluster that a KMS key store is connected to, and on from there.
mod console;
mod follow;
mod key_store;
mod nodes;
mod steps;
mod throw_away;

pub(crate) use throw_away::ThrowAway;

use crate::state::Lock;
use crate::{Failure, Ready, StateFolder};
use aws_api::Endpoint;
use clap::{Args, ValueEnum};
use console::Console;
use fleet::{Event, Fleet};
use proto::Secret;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

const EXAMPLES: &str = "\
Examples:
  cluster-ctl up                               three HSMs, a CU for you, a key store for KMS
  cluster-ctl up --ephemeral --nodes 2         two HSMs that are gone afterwards
  cluster-ctl up --until nodes                 fresh HSMs: initialize them by hand
  cluster-ctl up --until kmsuser               the user kmsuser with kmsPswd, nobody logged in
  cluster-ctl up --ephemeral --base-port 0 --endpoint-port 0 --json --ready-file ready.json";

/// What `up` takes.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Use a temporary state folder, and remove it at the end
    #[arg(long)]
    ephemeral: bool,
    /// HSMs of the cluster [default: 3, or what the folder has]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=28))]
    nodes: Option<u8>,
    /// Port of the first HSM; the others follow. 0: any free ports
    #[arg(long, value_name = "PORT", default_value_t = 2223)]
    base_port: u16,
    /// The address of this machine that the HSMs and the AWS endpoint listen on
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// Where HSMs listen [default: ports, or as the folder has it]
    #[arg(long, value_enum, value_name = "LAYOUT")]
    layout: Option<Layout>,
    /// Stop after this step, so that the rest can be done by hand
    #[arg(long, value_enum, value_name = "STEP")]
    until: Option<Until>,
    /// Also write what ready.json says here, once it is true
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Print one JSON object a line instead of text
    #[arg(long)]
    json: bool,
    /// Leave crashed HSMs down until `sim restart`
    #[arg(long)]
    no_restart: bool,
    /// Tell KMS kmsuser's password, after an admin has changed it
    #[arg(
        long,
        env = "CLOUDHSM_KMSUSER_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    #[arg(value_parser = |text: &str| Ok::<_, std::convert::Infallible>(Secret::new(text)))]
    kmsuser_password: Option<Secret>,
    /// Port of the AWS endpoint; 0: any free one
    #[arg(long, value_name = "PORT", default_value_t = 4566)]
    endpoint_port: u16,
    /// Start no AWS endpoint, and so no key store
    #[arg(long, conflicts_with = "endpoint_port")]
    no_endpoint: bool,
    /// Where the AWS endpoint keeps what it knows: a postgres:// URL that several endpoints share
    /// [default: kms.sqlite in the state folder]
    #[arg(long, env = "CLOUDHSM_SIM_DATABASE", hide_env_values = true, value_name = "URL")]
    database: Option<String>,
    /// Which requests the AWS endpoint takes
    #[arg(long, value_enum, default_value_t, requires_if("strict", "access_keys"))]
    auth: Auth,
    /// For `--auth strict`: a JSON list of objects with access_key_id and secret_access_key
    #[arg(long, value_name = "FILE")]
    access_keys: Option<PathBuf>,
    /// A name with a dot that the AWS endpoint may be called by (Host); more than one can be given
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    allow_host: Vec<String>,
    /// Which subnet ids CreateCluster takes
    #[arg(long, value_enum, default_value_t)]
    network: Network,
    /// With `--network open`: the zones of subnets that nobody has added, in turn
    #[arg(long, value_name = "LETTERS", default_value = "a,b,c", value_delimiter = ',')]
    #[arg(value_parser = zone_letter)]
    network_zones: Vec<char>,
    /// Let the transitions of clusters and HSMs last as long as at AWS
    #[arg(long)]
    aws_timing: bool,
    /// An HSM whose disk is broken, or whose machine is gone, is replaced after so long
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    replace_after: u64,
    /// How long a key store is CONNECTING at least
    #[arg(long, value_name = "MS", default_value_t = 0)]
    connecting_ms: u64,
    /// Which cryptography the HSMs compute with
    #[arg(long, value_enum, default_value_t)]
    engine: hsm_node::Engine,
    /// Whether the HSM type's limits on users and keys hold
    #[arg(long, value_enum, default_value_t)]
    limits: hsm_node::Limits,
    /// For rehearsals: let kmsuser have a second factor (`mgmt --allow-kmsuser-2fa` gives it one),
    /// with which AWS KMS cannot log in
    #[arg(long)]
    allow_kmsuser_2fa: bool,
    /// How often HSMs compare keys with each other; 0: never
    #[arg(long, value_name = "MS", default_value_t = 1_000)]
    sync_interval_ms: u64,
}

/// Where HSMs listen.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// All on one address, from the base port upward
    Ports,
    /// Each on an address of its own, 127.x, with ports 2223 to 2225: its ENI's (Linux)
    Addresses,
}

/// Which requests the AWS endpoint takes.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Auth {
    /// All, with any credentials or none
    #[default]
    Open,
    /// Those that are signed with one of the access keys, now
    Strict,
}

/// Which subnet ids CreateCluster takes.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Network {
    /// Those of `sim network list`, where `sim network add-subnet` adds more
    #[default]
    Own,
    /// All that are well-formed: another emulator of EC2 has made them
    Open,
}

fn host_name(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let is_name = !text.is_empty() && text.len() <= 253 && text.bytes().all(fits);
    is_name.then(|| text.to_owned()).ok_or_else(|| {
        format!("{text:?} is no host name: give it as kms.test.example, without a port")
    })
}

fn zone_letter(text: &str) -> Result<char, String> {
    let letter = text.parse::<char>().ok().filter(char::is_ascii_lowercase);
    letter.ok_or_else(|| format!("{text:?} is no zone's letter: a, b and c are"))
}

impl Options {
    /// The zones of subnets that nobody has added, where they are taken.
    fn adopted_zones(&self) -> Option<Vec<char>> {
        (self.network == Network::Open).then(|| self.network_zones.clone())
    }
}

/// A step after which `up` goes no further.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Until {
    /// The HSMs run, fresh from the factory
    Nodes,
    /// The first HSM has a certificate of customerCA
    Initialized,
    /// The admin password is set, and the other HSMs have joined
    Activated,
    /// The user kmsuser is there, with the password kmsPswd
    Kmsuser,
}

/// Saying goodbye to the HSMs may take this long; they end by themselves where it fails.
const LOGOUT_WITHIN: Duration = Duration::from_millis(500);

/// A running `up`.
struct Session {
    options: Options,
    folder: StateFolder,
    console: Console,
    fleet: Arc<Fleet>,
    ready: Ready,
    /// The step that was asked for is reached: the file for scripts may be written.
    reached: bool,
    /// What could not be written is to be written as soon as it can be.
    unsaved: bool,
    endpoint: Endpoint,
}

pub(crate) async fn run(state: Option<PathBuf>, options: Options) -> Result<(), Failure> {
    if options.ephemeral && state.is_some() {
        return Err(Failure::usage("--ephemeral makes its own folder: leave --state out"));
    }
    if options.address.is_unspecified() {
        return Err(Failure::usage("--address is one that others reach HSMs at, not a wildcard"));
    }
    let mut stop = Stop::new()?;
    let (folder, _place) = Place::take(state, options.ephemeral)?;
    let console = Console::new(options.json);
    let (mut session, events) = tokio::select! {
        started = Session::start(options, folder, console) => started?,
        () = stop.asked() => return Ok(()),
    };
    let lived = tokio::select! {
        lived = session.live(events) => lived,
        () = stop.asked() => Ok(()),
    };
    let stopped = session.stop().await;
    lived.and(stopped)
}

impl Session {
    /// Goes through the steps, then follows what happens until an error ends it.
    async fn live(&mut self, events: mpsc::Receiver<Event>) -> Result<(), Failure> {
        self.bring_up().await?;
        self.reached = true;
        self.save_when_possible();
        self.console.ready(&self.folder, &self.ready);
        self.follow(events).await
    }

    async fn bring_up(&mut self) -> Result<(), Failure> {
        let until = self.options.until;
        self.show_nodes();
        self.show_endpoint();
        if !self.settle().await? {
            return Ok(());
        }
        if until == Some(Until::Nodes) {
            return self.hand_out_certificates().await;
        }
        self.initialize().await?;
        if until == Some(Until::Initialized) {
            return Ok(());
        }
        self.activate().await?;
        if until == Some(Until::Activated) || !self.create_users().await? {
            return Ok(());
        }
        if until == Some(Until::Kmsuser) {
            self.warn_of_kms().await;
            return Ok(());
        }
        self.connect_key_store().await
    }

    /// Writes ready.json as things are now.
    fn save(&mut self) -> Result<(), Failure> {
        self.ready.nodes = nodes::listed(&self.fleet);
        self.folder.write_ready(&self.ready)?;
        match &self.options.ready_file {
            Some(path) if self.reached => self.ready.write(path),
            _ => Ok(()),
        }
    }

    /// Like [`Self::save`]; a disk that takes nothing is no reason to end: it is tried again.
    fn save_when_possible(&mut self) {
        let saved = self.save();
        self.is_saved(saved);
    }

    /// Tells once that something could not be written, and once that it was.
    fn is_saved(&mut self, saved: Result<(), Failure>) {
        let before = std::mem::replace(&mut self.unsaved, saved.is_err());
        match saved {
            Ok(()) if before => self.console.event("ready.json is written again"),
            Err(why) if !before => {
                let text = format!("{why}: it is tried again until there is room");
                self.console.problem("state folder", &text);
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// Ends the endpoint, which logs kmsuser out, and the nodes.
    async fn stop(mut self) -> Result<(), Failure> {
        self.console.event("stopping");
        // A node that does not answer forgets the login when the connection ends.
        let _ = tokio::time::timeout(LOGOUT_WITHIN, self.endpoint.stop()).await;
        self.endpoint.stop_hsms().await;
        let ready_file = self.options.ready_file.take().filter(|_| self.reached);
        let Self { folder, mut ready, console, .. } = self;
        for node in &mut ready.nodes {
            node.pid = None;
        }
        (ready.endpoint, ready.sim_token) = (None, None);
        let written = folder.write_ready(&ready).and_then(|()| match &ready_file {
            Some(path) => ready.write(path),
            None => Ok(()),
        });
        if let Err(why) = written {
            console.problem("state folder", &why.to_string());
        }
        console.event("stopped");
        Ok(())
    }
}

/// Holds the folder for as long as `up` runs; a temporary one is removed in the end.
struct Place {
    _lock: Lock,
    _temporary: Option<TempDir>,
}

impl Place {
    fn take(state: Option<PathBuf>, ephemeral: bool) -> Result<(StateFolder, Self), Failure> {
        let temporary = ephemeral.then(|| TempDir::with_prefix("cloudhsm-sim-")).transpose()?;
        let named = temporary.as_ref().map(|folder| folder.path().to_owned()).or(state);
        let folder = StateFolder::locate(named)?;
        fleet::make_folder(folder.path())?;
        let lock = folder.lock()?;
        Ok((folder, Self { _lock: lock, _temporary: temporary }))
    }
}

/// The signals that end a command in order.
pub(crate) struct Stop([Signal; 3]);

impl Stop {
    pub(crate) fn new() -> Result<Self, Failure> {
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self([interrupt?, terminate?, hangup?]))
    }

    pub(crate) async fn asked(&mut self) {
        let Self([interrupt, terminate, hangup]) = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
