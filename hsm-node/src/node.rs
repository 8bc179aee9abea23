//! A node from start to end: opens the folder, listens, serves, and stops without losing anything.
use crate::budget::Budget;
use crate::error::NodeError;
use crate::folder::Folder;
use crate::lanes::Lanes;
use crate::options::{Limits, Options};
use crate::store::Store;
use crate::tls::Gate;
use crate::world::Machine;
use crate::writer::{Progress, Queue};
use crate::{listener, sync, writer};
use hsm_core::{Hsm, OpenError, Record, Settings};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};

/// Connections that the operating system takes ahead of us: as many as customers may have.
const BACKLOG: u32 = 1_024;

/// What all connections of a node share.
pub(crate) struct Shared {
    pub(crate) hsm: Arc<Hsm>,
    pub(crate) hsm_id: String,
    pub(crate) machine: Machine,
    pub(crate) gate: Arc<Gate>,
    /// Where heavy commands run.
    pub(crate) lanes: Lanes,
    /// What all connections together may hold in memory.
    pub(crate) budget: Arc<Budget>,
    pub(crate) idle_timeout: Duration,
}

/// A running node. It stops by [`Node::stop`]; dropping it stops it without waiting.
pub struct Node {
    hsm_id: String,
    address: SocketAddr,
    queue: Arc<Queue>,
    progress: watch::Receiver<Progress>,
    stopping: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    sync: Option<JoinHandle<()>>,
    writer: thread::JoinHandle<()>,
    /// Locked until the node is gone.
    _folder: Folder,
}

impl Node {
    /// Opens the folder and its HSM, which is made at the first start, and listens. `open_store`
    /// opens the store in the folder that it is given.
    pub async fn start(
        options: &Options,
        open_store: impl FnOnce(&Path) -> io::Result<Box<dyn Store>>,
    ) -> Result<Self, NodeError> {
        let folder = Folder::open(&options.dir)?;
        let mut doors = Vec::new();
        for &address in &options.listen {
            let unheard = |cause| NodeError::Listen { address, cause };
            let tcp = listen_at(address).map_err(unheard)?;
            doors.push((tcp.local_addr().map_err(unheard)?, tcp));
        }
        let address = doors.first().map(|(address, _)| *address);
        let address = address.ok_or_else(|| {
            NodeError::Machine(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no address to listen on",
            ))
        })?;
        let place = folder.store();
        let store =
            open_store(&place).map_err(|cause| NodeError::Store { path: place.clone(), cause })?;

        let budget = Arc::new(Budget::default());
        let queue = Arc::new(Queue::new(Arc::clone(&budget)));
        let machine = Machine { queue: Arc::clone(&queue) };
        let hsm = Arc::new(open_hsm(&folder, options, &*store, &machine)?);
        let gate = Gate::new(Arc::clone(&hsm), folder.service_ca()?);
        let tls = gate.config().map_err(|e| NodeError::Certificate(e.to_string()))?;
        let place = place.display().to_string();
        let writer = writer::start(Arc::clone(&queue), Arc::clone(&hsm), store, place)
            .map_err(NodeError::Machine)?;
        let hsm_id = folder.card.hsm_id.clone();
        let idle_timeout = options.idle_timeout();
        let lanes = Lanes::new();
        let shared = Arc::new(Shared {
            hsm,
            hsm_id: hsm_id.clone(),
            machine,
            gate,
            lanes,
            budget,
            idle_timeout,
        });
        let (stopping, stop) = watch::channel(false);
        let sync = match options.sync_interval_ms {
            0 => None,
            ms => {
                let every = Duration::from_millis(ms);
                let sync = sync::run(Arc::clone(&shared), folder.peer_identity()?, every);
                Some(tokio::spawn(sync))
            }
        };
        let hall = Arc::new(listener::Hall::new(shared, Arc::new(tls), options.max_connections));
        let listen = |(_, tcp)| tokio::spawn(listener::listen(tcp, hall.clone(), stop.clone()));
        let listeners = doors.into_iter().map(listen).collect();
        let progress = queue.progress();
        let _folder = folder;
        Ok(Self { hsm_id, address, queue, progress, stopping, listeners, sync, writer, _folder })
    }

    /// The HSM's id.
    pub fn hsm_id(&self) -> &str {
        &self.hsm_id
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when the store has failed: the node must be stopped then.
    pub async fn failed(&self) -> NodeError {
        let mut progress = self.progress.clone();
        let failed = progress.wait_for(|progress| progress.failed.is_some()).await;
        NodeError::StoreFailed(match failed.as_deref() {
            Ok(Progress { failed: Some(why), .. }) => why.to_string(),
            _ => "the writer is gone".to_owned(),
        })
    }

    /// Takes no more connections, finishes what is in flight, and brings it to disk.
    pub async fn stop(self) -> Result<(), NodeError> {
        self.stopping.send_replace(true);
        if let Some(sync) = &self.sync {
            sync.abort();
        }
        let mut served = true;
        for listener in self.listeners {
            served &= listener.await.is_ok();
        }
        self.queue.close();
        let writer = self.writer;
        let written = spawn_blocking(move || writer.join().is_ok()).await.unwrap_or(false);
        let failed = self.progress.borrow().failed.clone();
        match failed {
            Some(why) => Err(NodeError::StoreFailed(why.to_string())),
            None if !written || !served => {
                Err(NodeError::StoreFailed("the node panicked while it stopped".to_owned()))
            }
            None => Ok(()),
        }
    }
}

/// As [`TcpListener::bind`], with a longer line of those whom the system has taken and we have not.
fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The HSM as the store has it; a new one where the store is empty.
fn open_hsm(
    folder: &Folder,
    options: &Options,
    store: &dyn Store,
    machine: &Machine,
) -> Result<Hsm, NodeError> {
    let unread = |cause| NodeError::Store { path: folder.store(), cause };
    let fresh = store.load().next().transpose().map_err(unread)?.is_none();
    let settings = || {
        Ok(Settings {
            hsm_id: folder.card.hsm_id.clone(),
            cluster_id: folder.card.cluster_id.clone(),
            node: folder.card.node,
            zone: folder.card.zone.clone(),
            hsm_type: folder.hsm_type,
            limits: options.limits == Limits::Aws,
            kmsuser_2fa: options.allow_kmsuser_2fa,
            engine: options.engine.into(),
            master_key: folder.master_key(fresh)?,
            backup_key: folder.backup_key()?,
        })
    };
    if fresh && folder.is_used() {
        // A new HSM under its number would give handles a second time.
        let why = "the HSM's records are gone";
        return Err(unread(io::Error::new(io::ErrorKind::NotFound, why)));
    }
    if fresh {
        return Hsm::create(settings()?, folder.manufacture()?, machine).map_err(NodeError::Hsm);
    }
    let mut broken = None;
    let records = store.load().map_while(|record| match record {
        Ok(Record { slot, value }) => Some(Record { slot, value }),
        Err(cause) => {
            broken = Some(cause);
            None
        }
    });
    let opened: Result<Hsm, OpenError> = Hsm::open(settings()?, records, machine);
    let opened = match broken {
        Some(cause) => return Err(unread(cause)),
        None => opened.map_err(NodeError::Hsm)?,
    };
    if let Err(why) = folder.set_used() {
        // Only a guard: a full disk keeps no HSM from starting.
        tracing::warn!("{why}");
    }
    Ok(opened)
}
