//! Nodes that somebody else runs, on other machines: watched, and told who their cluster is.
use crate::supervise::{Event, Shared, Watcher, down, told_to_stop};
use crate::{Fleet, NodeView, Seat, appliance};
use hsm_client::{CallError, Connection};
use proto::command::cluster::GetMembers;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is tried whether a node answers.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// On a line that is open already.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

impl Fleet {
    /// Watches a node that somebody else runs, on another machine.
    pub async fn add_remote(&self, seat: &Seat, address: SocketAddr) -> NodeView {
        let mut node = down(seat, address);
        let (stop, stopping) = self.list(node.clone());
        let hsm_id = seat.hsm_id.clone();
        let task = tokio::spawn(self.shared.clone().watch_remote(node.clone(), stopping));
        self.watchers().insert(hsm_id, Watcher { stop, task });
        node.runs = self.shared.answers(&node).await;
        self.shared.set(&node.hsm_id, |listed| listed.runs = node.runs);
        node
    }
}

impl Shared {
    async fn answers(&self, node: &NodeView) -> bool {
        appliance::connect(&self.layout, node).await.is_ok()
    }

    /// Whether the node answers on the line that is kept to it: strangers who fill its port take
    /// nothing from that. Where there is no such line, a new one is opened; true: it is new.
    async fn look(&self, node: &NodeView, line: &mut Option<Connection>) -> (bool, bool) {
        if let Some(open) = line.as_ref().filter(|line| line.is_open()) {
            let asked = tokio::time::timeout(ANSWER_WITHIN, open.call(&GetMembers {})).await;
            // A refusal is an answer.
            if matches!(asked, Ok(Ok(_) | Err(CallError::Refused(_)))) {
                return (true, false);
            }
        }
        *line = appliance::connect(&self.layout, node).await.ok();
        (line.is_some(), line.is_some())
    }

    /// Whether a node on another machine is to be reached; one that comes back may have missed
    /// who its cluster's members are.
    async fn watch_remote(
        self: Arc<Self>,
        mut node: NodeView,
        mut stopping: watch::Receiver<bool>,
    ) {
        let mut line = None;
        loop {
            let look = async {
                tokio::time::sleep(PROBE_EVERY).await;
                self.look(&node, &mut line).await
            };
            let (answers, is_new) = tokio::select! {
                looked = look => looked,
                () = told_to_stop(&mut stopping) => return,
            };
            let hsm_id = node.hsm_id.clone();
            if answers != node.runs {
                node.runs = answers;
                self.set(&hsm_id, |node| node.runs = answers);
                let hsm_id = hsm_id.clone();
                let event =
                    if answers { Event::Heard { hsm_id } } else { Event::Silent { hsm_id } };
                self.say(event).await;
            }
            if !is_new {
                continue;
            }
            if let Err(error) = self.tell(&node).await {
                self.say(Event::Trouble { hsm_id, why: error.to_string() }).await;
            }
        }
    }
}
