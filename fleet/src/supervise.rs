//! Runs a node process for each seat of the roster, and starts again those that crash.
use crate::process::Process;
use crate::{FleetError, Layout, Roster, Seat, appliance, release};
use hsm_client::{Connection, Endpoint, Trouble};
use proto::command::cluster::{Member, SetMembers};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

/// Events that wait for the reader; what nodes say is dropped when there is no room.
const EVENTS_MAX: usize = 256;
/// A node that ran this long has not failed at its start: it is started again at once.
const STEADY: Duration = Duration::from_secs(2);
/// How nodes are run.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program, usually our own.
    pub program: PathBuf,
    /// What comes before `--dir` and `--listen`.
    pub arguments: Vec<String>,
    /// The address of all HSMs that have none of their own.
    pub address: IpAddr,
    /// The port of the first node; the others follow. 0: any port for each.
    pub base_port: u16,
    /// Start crashed nodes again. Otherwise they are held until somebody releases them.
    pub restart: bool,
}

/// Something that happened to a node.
#[derive(Debug)]
pub enum Event {
    /// The process ended without being told to.
    Died {
        /// Which HSM.
        hsm_id: String,
        /// Exit status or signal.
        how: String,
        /// It stays down until it is released.
        held: bool,
    },
    /// It runs again.
    Restarted {
        /// Which HSM.
        hsm_id: String,
        /// The new process.
        pid: u32,
    },
    /// It runs on another machine, and is not to be reached.
    Silent {
        /// Which HSM.
        hsm_id: String,
    },
    /// It is reached again.
    Heard {
        /// Which HSM.
        hsm_id: String,
    },
    /// Another program has its port: it listens on another one from now on.
    Moved {
        /// Which HSM.
        hsm_id: String,
        /// Where it listens.
        address: SocketAddr,
    },
    /// It could not be started again, which is tried again soon, or be told its cluster's members,
    /// which is done at its next start.
    Trouble {
        /// Which HSM.
        hsm_id: String,
        /// Why.
        why: String,
    },
    /// A warning or an error of its log.
    Said {
        /// Which HSM.
        hsm_id: String,
        /// The text without time and level.
        text: String,
    },
}

/// A node as it is now.
#[derive(Clone, Debug)]
pub struct NodeView {
    /// The id of the HSM.
    pub hsm_id: String,
    /// Its number, from 1.
    pub node: u16,
    /// Its availability zone.
    pub zone: String,
    /// Where it listens; stays the same when it is started again, unless another program listens
    /// there meanwhile.
    pub address: SocketAddr,
    /// Its process, while it runs on this machine.
    pub pid: Option<u32>,
    /// It runs, as far as can be seen from here.
    pub runs: bool,
}

/// Running nodes. Dropping it kills them; [`Fleet::stop`] ends them in order.
pub struct Fleet {
    pub(crate) shared: Arc<Shared>,
    watchers: Mutex<HashMap<String, Watcher>>,
}

/// Who watches one node.
pub(crate) struct Watcher {
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) task: JoinHandle<()>,
}

pub(crate) struct Shared {
    pub(crate) layout: Layout,
    pub(crate) launch: Launch,
    pub(crate) events: mpsc::Sender<Event>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) nodes: Vec<NodeView>,
    /// The ids of the HSMs that are members of the cluster, as they were told last.
    members: Vec<String>,
    /// Why HSMs that should run here could not be started last.
    pub(crate) troubles: HashMap<String, Trouble>,
}

impl Fleet {
    /// Starts all nodes of the roster at once and waits until they listen. Where only some do, the
    /// others are down, and are tried again.
    pub async fn start(
        layout: &Layout,
        roster: &Roster,
        launch: Launch,
    ) -> Result<(Self, mpsc::Receiver<Event>), FleetError> {
        let ports = match roster.front {
            Some(_) => vec![0; roster.nodes.len()],
            None => free_ports(launch.address, launch.base_port, roster.nodes.len())?,
        };
        let (fleet, receiver) = Self::empty(layout, launch);
        let mut starting = JoinSet::new();
        for (seat, port) in roster.nodes.iter().cloned().zip(ports) {
            let shared = fleet.shared.clone();
            starting.spawn(async move {
                let started = shared.start(seat.clone(), port).await;
                (seat, port, started)
            });
        }
        let mut failure = None;
        for (seat, port, started) in starting.join_all().await {
            match started {
                Ok((seat, process)) => fleet.watch(seat, process),
                Err(error) => {
                    fleet.watch_down(seat, port, error.to_string());
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error) if fleet.nodes().iter().all(|node| !node.runs) => Err(error),
            _ => Ok((fleet, receiver)),
        }
    }

    /// No nodes yet.
    pub fn empty(layout: &Layout, launch: Launch) -> (Self, mpsc::Receiver<Event>) {
        let (events, receiver) = mpsc::channel(EVENTS_MAX);
        let state = Mutex::default();
        let shared = Arc::new(Shared { layout: layout.clone(), launch, events, state });
        (Self { shared, watchers: Mutex::default() }, receiver)
    }

    /// Starts one more node and waits until it listens: on its own address, or on `port` (0: any)
    /// of the one for all.
    pub async fn add(&self, seat: &Seat, port: u16) -> Result<NodeView, FleetError> {
        let (seat, process) = self.shared.clone().start(seat.clone(), port).await?;
        let view = view(&seat, &process);
        self.watch(seat, process);
        Ok(view)
    }

    /// Ends a node for good; its folder stays. One on another machine is no longer watched.
    pub async fn remove(&self, hsm_id: &str) {
        let watcher = self.watchers().remove(hsm_id);
        if let Some(watcher) = watcher {
            watcher.end().await;
        }
        let mut state = self.shared.state();
        state.nodes.retain(|node| node.hsm_id != hsm_id);
        state.members.retain(|member| member != hsm_id);
        state.troubles.remove(hsm_id);
    }

    /// Why an HSM of this machine could not be started; `None`: it runs, or nobody has tried.
    pub fn trouble(&self, hsm_id: &str) -> Option<Trouble> {
        self.shared.state().troubles.get(hsm_id).cloned()
    }

    pub(crate) fn watchers(&self) -> MutexGuard<'_, HashMap<String, Watcher>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, seat: Seat, process: Process) {
        let (stop, stopping) = self.list(view(&seat, &process));
        let hsm_id = seat.hsm_id.clone();
        let task = tokio::spawn(self.shared.clone().watch(seat, process, stopping));
        self.watchers().insert(hsm_id, Watcher { stop, task });
    }

    /// A node that could not be started is tried again.
    fn watch_down(&self, seat: Seat, port: u16, why: String) {
        let own = seat.address.map(IpAddr::V4);
        let address = SocketAddr::new(own.unwrap_or(self.shared.launch.address), port);
        let (stop, mut stopping) = self.list(down(&seat, address));
        let (shared, hsm_id) = (self.shared.clone(), seat.hsm_id.clone());
        let task = tokio::spawn(async move {
            let process = tokio::select! {
                process = shared.revive(&seat, why, false) => process,
                () = told_to_stop(&mut stopping) => return,
            };
            shared.watch(seat, process, stopping).await;
        });
        self.watchers().insert(hsm_id, Watcher { stop, task });
    }

    pub(crate) fn list(&self, node: NodeView) -> (watch::Sender<bool>, watch::Receiver<bool>) {
        let mut state = self.shared.state();
        state.nodes.push(node);
        state.nodes.sort_by_key(|node| node.node);
        watch::channel(false)
    }

    /// The nodes as they are now, in the order of their numbers.
    pub fn nodes(&self) -> Vec<NodeView> {
        self.shared.state().nodes.clone()
    }

    /// A connection to a node with the service certificate.
    pub async fn connect(&self, node: &NodeView) -> Result<Connection, FleetError> {
        appliance::connect(&self.shared.layout, node).await
    }

    /// Tells the HSMs with these ids that they are the cluster. They keep it; one that is down, or
    /// cannot be told now, which is the error, is told when it starts again.
    pub async fn set_members(&self, hsm_ids: Vec<String>) -> Result<(), FleetError> {
        self.shared.state().members = hsm_ids;
        self.shared.tell_all().await
    }

    /// Ends all nodes, within 1.2 seconds or by force.
    pub async fn stop(&self) {
        let watchers: Vec<_> = self.watchers().drain().map(|(_, watcher)| watcher).collect();
        for watcher in &watchers {
            watcher.stop.send_replace(true);
        }
        for watcher in watchers {
            watcher.end().await;
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for watcher in self.watchers().values() {
            watcher.task.abort();
        }
    }
}

impl Watcher {
    async fn end(self) {
        self.stop.send_replace(true);
        let _ = self.task.await;
    }
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements, so a panic elsewhere has not torn it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn start(self: Arc<Self>, seat: Seat, port: u16) -> Result<(Seat, Process), FleetError> {
        let folder = self.layout.node(&seat.hsm_id);
        release(&folder)?;
        let started = Process::start(&self.launch, &seat, &folder, port, &self.events).await;
        match started {
            Ok(process) => {
                self.state().troubles.remove(&seat.hsm_id);
                Ok((seat, process))
            }
            Err(error) => {
                self.is_news(&seat, &error);
                Err(error)
            }
        }
    }

    pub(crate) fn set(&self, hsm_id: &str, change: impl FnOnce(&mut NodeView)) {
        let mut state = self.state();
        if let Some(node) = state.nodes.iter_mut().find(|node| node.hsm_id == hsm_id) {
            change(node);
        }
    }

    pub(crate) async fn say(&self, event: Event) {
        // Nobody listens any more once the fleet is being stopped.
        let _ = self.events.send(event).await;
    }

    /// Tells all HSMs that run who the members are.
    pub(crate) async fn tell_all(self: &Arc<Self>) -> Result<(), FleetError> {
        let mut telling = JoinSet::new();
        let nodes = self.state().nodes.clone();
        for node in nodes.into_iter().filter(|node| node.runs) {
            let shared = self.clone();
            telling.spawn(async move { shared.tell(&node).await });
        }
        let mut all_told = Ok(());
        while let Some(joined) = telling.join_next().await {
            // One that is down keeps nobody else from being told.
            all_told = all_told.and(joined.unwrap_or(Ok(())));
        }
        all_told
    }

    pub(crate) async fn tell(&self, node: &NodeView) -> Result<(), FleetError> {
        let members: Vec<Member> = {
            let state = self.state();
            if !state.members.contains(&node.hsm_id) {
                return Ok(());
            }
            let joined = state.nodes.iter().filter(|n| state.members.contains(&n.hsm_id));
            joined.map(member).collect()
        };
        let connection = appliance::connect(&self.layout, node).await?;
        let told = connection.call(&SetMembers { members }).await;
        told.map(drop).map_err(appliance::refused(node, "learn its cluster's members"))
    }

    /// The life of one node, over all its processes.
    async fn watch(
        self: Arc<Self>,
        seat: Seat,
        mut process: Process,
        mut stopping: watch::Receiver<bool>,
    ) {
        loop {
            let since = Instant::now();
            let how = tokio::select! {
                how = process.ended() => how,
                () = told_to_stop(&mut stopping) => return process.stop().await,
            };
            let again = tokio::select! {
                again = self.revive(&seat, how, since.elapsed() >= STEADY) => again,
                () = told_to_stop(&mut stopping) => return,
            };
            process = again;
        }
    }
}

pub(crate) async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    // An error means that the fleet was dropped, which is to stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

pub(crate) fn view(seat: &Seat, process: &Process) -> NodeView {
    NodeView { pid: Some(process.pid), ..NodeView::at(seat, process.address) }
}

pub(crate) fn down(seat: &Seat, address: SocketAddr) -> NodeView {
    NodeView { runs: false, ..NodeView::at(seat, address) }
}

fn member(node: &NodeView) -> Member {
    Member {
        hsm_id: node.hsm_id.clone(),
        hostname: node.address.ip().to_string(),
        port: node.address.port(),
        zone: node.zone.clone(),
    }
}

impl NodeView {
    /// The node of this seat, which somebody else runs there.
    pub fn at(seat: &Seat, address: SocketAddr) -> Self {
        let Seat { hsm_id, node, zone, .. } = seat.clone();
        Self { hsm_id, node, zone, address, pid: None, runs: true }
    }

    /// Where clients connect.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint { host: self.address.ip().to_string(), port: self.address.port() }
    }
}

/// The ports of `count` nodes, none of which anybody listens on.
fn free_ports(address: IpAddr, base: u16, count: usize) -> Result<Vec<u16>, FleetError> {
    if base == 0 {
        return Ok(vec![0; count]);
    }
    let ports: Vec<u16> = (base..=u16::MAX).take(count).collect();
    if ports.len() < count {
        return Err(FleetError::NoPort { base_port: base });
    }
    for port in &ports {
        // Other reasons than a taken port are told better by the node itself.
        if let Err(error) = std::net::TcpListener::bind((address, *port))
            && error.kind() == std::io::ErrorKind::AddrInUse
        {
            return Err(FleetError::PortTaken { address, port: *port });
        }
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_taken_port_is_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = free_ports(HERE, port, 1).unwrap_err().to_string();
        assert!(error.contains(&format!("port {port} of 127.0.0.1 is taken")), "{error}");
        assert!(matches!(
            free_ports(HERE, 65_535, 2),
            Err(FleetError::NoPort { base_port: 65_535 })
        ));
        assert_eq!(free_ports(HERE, 0, 2).unwrap(), [0, 0]);
    }
}
