//! From the death of a node's process to its next one. What keeps it from starting is remembered:
//! only a broken disk is a death for good, and a taken port is left for another one.
use crate::process::Process;
use crate::supervise::{Event, Shared, view};
use crate::{Cause, FleetError, Seat, hold, is_held};
use hsm_client::Trouble;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a held node's mark is looked at.
const HELD_TICK: Duration = Duration::from_millis(50);
/// First and longest pause before a node that fails at its start is tried again.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long a node waits for its own port, which a process that is ending may have, before it
/// takes another.
const PORT_WAIT: Duration = Duration::from_secs(3);
/// Ports that are tried for it.
const PORTS_MAX: u16 = 512;

impl Shared {
    /// Starts a node that has died, again and again, until it runs. A `steady` one has not failed
    /// at its start.
    pub(crate) async fn revive(
        self: &Arc<Self>,
        seat: &Seat,
        how: String,
        steady: bool,
    ) -> Process {
        let folder = self.layout.node(&seat.hsm_id);
        self.hold_unless_restarted(seat).await;
        self.set(&seat.hsm_id, |node| (node.pid, node.runs) = (None, false));
        let hsm_id = seat.hsm_id.clone();
        self.say(Event::Died { hsm_id, how, held: is_held(&folder) }).await;
        let mut pause = if steady { Duration::ZERO } else { PAUSE_MIN };
        let mut taken: Option<Instant> = None;
        loop {
            tokio::time::sleep(pause).await;
            while is_held(&folder) {
                tokio::time::sleep(HELD_TICK).await;
            }
            let port = self.port(seat, taken.is_some_and(|since| since.elapsed() >= PORT_WAIT));
            match Process::start(&self.launch, seat, &folder, port, &self.events).await {
                Ok(process) => {
                    self.revived(seat, &process).await;
                    return process;
                }
                Err(error) => {
                    if error.cause() == Cause::Port {
                        taken.get_or_insert_with(Instant::now);
                    }
                    if self.is_news(seat, &error) {
                        let (hsm_id, why) = (seat.hsm_id.clone(), error.to_string());
                        self.say(Event::Trouble { hsm_id, why }).await;
                    }
                    self.hold_unless_restarted(seat).await;
                }
            }
            pause = (pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        }
    }

    /// Remembers why a node could not be started; whether that is another reason than before.
    pub(crate) fn is_news(&self, seat: &Seat, error: &FleetError) -> bool {
        let trouble = Trouble { why: error.to_string(), disk: error.cause() == Cause::Disk };
        let before = self.state().troubles.insert(seat.hsm_id.clone(), trouble.clone());
        before != Some(trouble)
    }

    async fn revived(self: &Arc<Self>, seat: &Seat, process: &Process) {
        let address = process.address;
        let before = self.address(seat);
        self.state().troubles.remove(&seat.hsm_id);
        self.set(&seat.hsm_id, |node| {
            (node.pid, node.runs, node.address) = (Some(process.pid), true, address);
        });
        let hsm_id = || seat.hsm_id.clone();
        self.say(Event::Restarted { hsm_id: hsm_id(), pid: process.pid }).await;
        let told = if before == Some(address) {
            self.tell(&view(seat, process)).await
        } else {
            // The others have to know where it is now.
            self.say(Event::Moved { hsm_id: hsm_id(), address }).await;
            self.tell_all().await
        };
        if let Err(error) = told {
            self.say(Event::Trouble { hsm_id: hsm_id(), why: error.to_string() }).await;
        }
    }

    fn address(&self, seat: &Seat) -> Option<SocketAddr> {
        let state = self.state();
        let node = state.nodes.iter().find(|node| node.hsm_id == seat.hsm_id);
        node.map(|node| node.address)
    }

    /// The port that the node has, or another one, where it has no address for itself.
    fn port(&self, seat: &Seat, another: bool) -> u16 {
        let own = self.address(seat).map_or(0, |address| address.port());
        if !another || seat.address.is_some() {
            return own;
        }
        let base = self.launch.base_port;
        let here = self.launch.address;
        let ports: Vec<_> = self.state().nodes.iter().map(|node| node.address.port()).collect();
        let is_free =
            |port: &u16| !ports.contains(port) && TcpListener::bind((here, *port)).is_ok();
        let mut all = base..base.saturating_add(PORTS_MAX);
        // 0: any.
        if base == 0 { 0 } else { all.find(is_free).unwrap_or(0) }
    }

    /// Where crashed nodes are not to be restarted, a dead one is a held one.
    async fn hold_unless_restarted(&self, seat: &Seat) {
        if self.launch.restart {
            return;
        }
        if let Err(error) = hold(&self.layout.node(&seat.hsm_id)) {
            let hsm_id = seat.hsm_id.clone();
            self.say(Event::Trouble { hsm_id, why: error.to_string() }).await;
        }
    }
}
