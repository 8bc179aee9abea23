//! The foreground: one line for each event, and the steps that a person does by hand.
use super::{Session, Until};
use crate::Failure;
use crate::initialize::adopt_trust_anchor;
use crate::state::ReadyNode;
use fleet::Event;
use proto::NodeState;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How often a cluster that waits for a person is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Complaints of HSMs that are shown in a second; all are in their logs.
const SHOWN_MAX: u32 = 5;

impl Session {
    /// Shows what happens, for ever.
    pub(super) async fn follow(
        &mut self,
        mut events: mpsc::Receiver<Event>,
    ) -> Result<(), Failure> {
        let mut flood = Flood::new();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.show(event, &mut flood).await?,
                    None => return Err(Failure::new("nobody watches the HSMs any more")),
                },
                _ = look.tick() => {
                    if self.waits() {
                        self.look().await?;
                    }
                    self.see_changes().await?;
                }
            }
        }
    }

    async fn show(&mut self, event: Event, flood: &mut Flood) -> Result<(), Failure> {
        let text = match event {
            Event::Died { hsm_id, how, held: false } => {
                format!("{hsm_id} died ({how}) and is started again")
            }
            Event::Died { hsm_id, how, held: true } => {
                format!("{hsm_id} died ({how}) and stays down until `sim restart {hsm_id}`")
            }
            Event::Restarted { hsm_id, pid } => format!("{hsm_id} runs again as process {pid}"),
            Event::Silent { hsm_id } => format!("{hsm_id}, on another machine, does not answer"),
            Event::Heard { hsm_id } => format!("{hsm_id}, on another machine, answers again"),
            Event::Moved { hsm_id, address } => {
                format!("{hsm_id} listens on {address} now: another program has its port")
            }
            Event::Trouble { hsm_id, why } => format!("{hsm_id}: {why}"),
            Event::Said { hsm_id, text } => match flood.admit(Instant::now()) {
                None => return Ok(()),
                Some(0) => format!("{hsm_id}: {text}"),
                Some(more) => format!("{hsm_id}: {text} ({more} more are in the HSMs' logs)"),
            },
        };
        self.console.event(&text);
        // What was said changes nothing.
        self.see_changes().await
    }

    /// Is a person to do the next step of the cluster?
    fn waits(&self) -> bool {
        matches!(self.options.until, Some(Until::Nodes | Until::Initialized))
            && self.ready.state != NodeState::Active.name()
    }

    /// HSMs come and go by the control plane, too, and one may have to leave its port.
    async fn see_changes(&mut self) -> Result<(), Failure> {
        let nodes = super::nodes::listed(&self.fleet);
        if nodes == self.ready.nodes && !self.unsaved {
            return Ok(());
        }
        let known = |node: &ReadyNode| {
            let mut before = self.ready.nodes.iter();
            before.any(|it| (&it.hsm_id, &it.address) == (&node.hsm_id, &node.address))
        };
        let same = nodes.len() == self.ready.nodes.len() && nodes.iter().all(known);
        if (!same || self.unsaved) && self.ready.state == NodeState::Active.name() {
            let ids: Vec<_> = nodes.iter().map(|node| node.hsm_id.clone()).collect();
            if !same {
                self.console.event(&format!("the cluster's HSMs are {}", ids.join(", ")));
            }
            let written = self.write_config(&ids).and_then(|()| self.save());
            self.ready.nodes = nodes;
            self.is_saved(written);
            return Ok(());
        }
        self.save_when_possible();
        Ok(())
    }

    /// Sees whether the person has done it.
    async fn look(&mut self) -> Result<(), Failure> {
        let Some(first) = self.fleet.nodes().into_iter().next() else { return Ok(()) };
        adopt_trust_anchor(self.folder.layout(), &first).await?;
        // An HSM that is down, or being initialized this very moment, is looked at later.
        let Ok(connection) = self.fleet.connect(&first).await else { return Ok(()) };
        let state = connection.welcome().state;
        if state.name() != self.ready.state {
            self.settle().await?;
            self.console.event(&format!("{} is {}", self.ready.cluster_id, self.ready.state));
        }
        Ok(())
    }
}

/// Lets through a few lines a second, and counts the others.
struct Flood {
    since: Instant,
    shown: u32,
    dropped: u32,
}

impl Flood {
    fn new() -> Self {
        Self { since: Instant::now(), shown: 0, dropped: 0 }
    }

    /// Whether to show a line, and how many were dropped before it.
    fn admit(&mut self, now: Instant) -> Option<u32> {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.shown) = (now, 0);
        }
        if self.shown >= SHOWN_MAX {
            self.dropped += 1;
            return None;
        }
        self.shown += 1;
        Some(std::mem::take(&mut self.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_shown() {
        let mut flood = Flood::new();
        let now = Instant::now();
        let shown = (0..100).filter(|_| flood.admit(now).is_some()).count();
        assert_eq!(shown, SHOWN_MAX as usize);
        assert_eq!(flood.admit(now + Duration::from_secs(1)), Some(95));
        assert_eq!(flood.admit(now + Duration::from_secs(1)), Some(0));
    }
}
