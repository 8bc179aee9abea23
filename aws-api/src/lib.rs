//! One HTTP endpoint that AWS clients take for AWS KMS. Its custom key stores are real: CONNECTED
//! means that kmsuser is logged in at running HSMs.
mod auth;
mod blob;
mod body;
mod call;
mod clock;
mod cloudhsmv2;
mod clusters;
mod connecting;
mod credentials;
mod database;
mod descriptors;
mod error;
mod guard;
mod http;
mod key_stores;
mod kms;
mod lines;
mod local;
mod model;
mod own_hsm;
mod page;
mod places;
mod program;
mod secrets;
mod sim;
mod trail;

pub use auth::{AccessKeys, Auth};
pub use cloudhsmv2::{Hosting, Timing, reserve_nodes};
pub use database::{DatabaseError, sqlite_url};
pub use local::{Local, StoreView};
pub use program::main;
pub use secrets::SecretsError;

use clock::Clock;
use cloudhsmv2::ControlPlane;
use clusters::Clusters;
use database::Database;
use error::ApiError;
use fleet::FleetError;
use guard::Guard;
use kms::Kms;
use proto::Secret;
use secrets::Secrets;
use serde_json::Value;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use trail::Trail;

/// How an endpoint is to be.
#[derive(Clone)]
pub struct Settings {
    /// Where to listen; port 0: any free one. `None`: it is asked from inside alone.
    pub listen: Option<SocketAddr>,
    /// `sqlite://FILE?mode=rwc` or `postgres://…`: what several endpoints may share.
    pub database: String,
    /// 64 hex digits (0600), made where there is none: seals what the database must not show.
    /// Endpoints that share a database must have the same.
    pub key_file: PathBuf,
    /// Where `cloudtrail.jsonl` is written.
    pub trail_folder: PathBuf,
    /// State folders of `up`: the clusters that key stores can stand on.
    pub clusters: Vec<PathBuf>,
    /// 12 digits.
    pub account: Arc<str>,
    /// Which requests are taken.
    pub auth: Auth,
    /// Names with a dot that others than AWS's clients may know the endpoint by (`Host`).
    pub allow_hosts: Vec<String>,
    /// How long CONNECTING lasts at least.
    pub connecting: Duration,
    /// How HSMs are run; without it, CloudHSM's API can only be read.
    pub hosting: Option<Hosting>,
}

/// An endpoint could not be started, or could not do what it was asked from inside.
#[derive(Debug)]
pub enum EndpointError {
    /// The address is taken or cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The database cannot be used.
    Database(DatabaseError),
    /// The key file cannot be used.
    Secrets(SecretsError),
    /// The log cannot be written.
    Trail(PathBuf, io::Error),
    /// No HSM could be started.
    Hsms(FleetError),
    /// An operation was refused: the error's name and message.
    Refused(String, String),
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(address, error) if error.kind() == io::ErrorKind::AddrInUse => write!(
                f,
                "port {} of the AWS endpoint is taken by another process: end that, or choose \
                 another with --endpoint-port (0: any free one)",
                address.port()
            ),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Database(error) => error.fmt(f),
            Self::Secrets(error) => error.fmt(f),
            Self::Hsms(error) => error.fmt(f),
            Self::Trail(folder, error) => {
                write!(f, "cannot write cloudtrail.jsonl in {}: {error}", folder.display())
            }
            Self::Refused(name, why) if why.is_empty() => f.write_str(name),
            Self::Refused(name, why) => write!(f, "{name}: {why}"),
        }
    }
}

impl std::error::Error for EndpointError {}

impl From<ApiError> for EndpointError {
    fn from(error: ApiError) -> Self {
        Self::Refused(error.kind.name().to_owned(), error.message.unwrap_or_default())
    }
}

/// A running endpoint. Dropped, it ends without a word to the HSMs.
pub struct Endpoint {
    kms: Arc<Kms>,
    address: Option<SocketAddr>,
    /// Until it is served.
    listener: Option<TcpListener>,
    tasks: Vec<JoinHandle<()>>,
}

impl Endpoint {
    /// Starts to listen. One that hosts HSMs answers once those have been started.
    pub async fn start(settings: Settings) -> Result<Self, EndpointError> {
        let listener = match settings.listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let secrets = Secrets::read_or_make(&settings.key_file).map_err(EndpointError::Secrets)?;
        let database = Database::open(&settings.database).await.map_err(EndpointError::Database)?;
        if !secrets.fit(&database).await? {
            let path = settings.key_file.clone();
            return Err(EndpointError::Secrets(SecretsError::NotOfDatabase(path)));
        }
        cloudhsmv2::family::settle(&database).await?;
        let trail = Trail::open(&settings.trail_folder, settings.account.clone())
            .map_err(|e| EndpointError::Trail(settings.trail_folder.clone(), e))?;
        let clock = Arc::new(Clock::default());
        clock.follow(&database).await?;
        let plane = Arc::new(ControlPlane::new(
            database.clone(),
            clock.clone(),
            trail.clone(),
            settings.account.clone(),
            settings.hosting.clone(),
        ));
        let kms = Arc::new(Kms {
            plane: plane.clone(),
            database,
            secrets: Arc::new(secrets),
            clusters: Clusters::new(plane.clone(), settings.clusters.clone()),
            lines: Default::default(),
            own_hsm: Default::default(),
            stores: Default::default(),
            keys: Default::default(),
            changing: Default::default(),
            connecting: Default::default(),
            usage: kms::usage::Usage::since(clock.now_ms()),
            clock,
            trail,
            local: Default::default(),
            guard: Guard::new(&settings),
            settings,
        });
        let (listener, address) = listener.unzip();
        let hosts = kms.settings.hosting.is_some();
        let mut endpoint = Self { kms, address, listener, tasks: Vec::new() };
        if !hosts {
            endpoint.serve();
        }
        Ok(endpoint)
    }

    /// From now on requests are answered, and key stores that are CONNECTED are taken up again:
    /// where HSMs are hosted, not before they have been started. One that listens nowhere is no
    /// KMS.
    fn serve(&mut self) {
        let Some(listener) = self.listener.take() else { return };
        self.tasks.extend([
            tokio::spawn(http::listen(listener, Arc::downgrade(&self.kms))),
            tokio::spawn(connecting::keep(Arc::downgrade(&self.kms))),
            tokio::spawn(kms::delete_due(Arc::downgrade(&self.kms))),
        ]);
    }

    /// What AWS clients take: `http://127.0.0.1:4566`; `None`: it listens nowhere.
    pub fn url(&self) -> Option<String> {
        self.address.map(|address| format!("http://{address}"))
    }

    /// What `/_sim/` asks for (`X-Sim-Token`) where requests are signed, or come from other
    /// machines; another at each start.
    pub fn sim_token(&self) -> Option<&Secret> {
        self.kms.guard.token()
    }

    pub(crate) fn kms(&self) -> &Arc<Kms> {
        &self.kms
    }

    /// Asks an operation from inside, as the account itself: parameters and answer as in the API.
    pub async fn ask(
        &self,
        region: &str,
        operation: &str,
        parameters: Value,
    ) -> Result<Value, EndpointError> {
        Ok(self.kms.ask(region, operation, parameters).await?)
    }

    /// Stops listening, and logs kmsuser out everywhere. The key stores stay CONNECTED: the next
    /// start takes them up again.
    pub async fn stop(&self) {
        for task in &self.tasks {
            task.abort();
        }
        for (id, _) in self.kms.lines.open() {
            self.kms.lines.close(&id).await;
        }
        self.kms.trail.flush().await;
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), EndpointError> {
    let failed = |e| EndpointError::Listen(address, e);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}
