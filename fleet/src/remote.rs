//! Nodes that somebody else runs, on other machines: watched, and told who their cluster is.
use crate::supervise::{Event, Shared, Watcher, down, told_to_stop};
use crate::{Fleet, NodeView, Seat, appliance};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is tried whether a node answers.
const PROBE_EVERY: Duration = Duration::from_secs(1);

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

    /// Whether a node on another machine is to be reached; one that comes back may have missed
    /// who its cluster's members are.
    async fn watch_remote(
        self: Arc<Self>,
        mut node: NodeView,
        mut stopping: watch::Receiver<bool>,
    ) {
        loop {
            let answers = async {
                tokio::time::sleep(PROBE_EVERY).await;
                self.answers(&node).await
            };
            let answers = tokio::select! {
                answers = answers => answers,
                () = told_to_stop(&mut stopping) => return,
            };
            if answers == node.runs {
                continue;
            }
            node.runs = answers;
            self.set(&node.hsm_id, |node| node.runs = answers);
            let hsm_id = node.hsm_id.clone();
            if !answers {
                self.say(Event::Silent { hsm_id }).await;
                continue;
            }
            self.say(Event::Heard { hsm_id: hsm_id.clone() }).await;
            if let Err(error) = self.tell(&node).await {
                self.say(Event::Trouble { hsm_id, why: error.to_string() }).await;
            }
        }
    }
}
