//! `sim`: what faults do to HSMs, done on purpose to the processes of a running cluster.
use crate::state::{ReadyNode, cannot};
use crate::{Failure, Ready, StateFolder, endpoint};
use clap::{Args, Subcommand};
use fleet::{hold, release};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::PathBuf;
use std::time::{Duration, Instant};

mod network;

const EXAMPLES: &str = "\
Examples:
  cluster-ctl sim kill 2                        HSM 2 is down until `sim restart 2`
  cluster-ctl sim destroy 2                     its disk is broken: another takes its place
  cluster-ctl sim set-aside                     which HSMs were replaced, why, and where they are
  cluster-ctl sim bring-back hsm-lgavqitns2a    it joins again, beside its successor";

/// What `sim` takes.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    #[command(subcommand)]
    fault: Fault,
}

#[derive(Subcommand)]
enum Fault {
    /// Kill an HSM; it stays down until `sim restart`
    Kill(Target),
    /// Freeze an HSM: it holds its connections and answers nothing
    Stop(Target),
    /// Let a frozen HSM go on
    Continue(Target),
    /// Break an HSM for good: it cannot start again, and the control plane replaces it
    Destroy(Target),
    /// Start a killed HSM again; one that runs is killed first
    Restart(Target),
    /// List the HSMs that were replaced, and are kept whole for 30 days
    SetAside,
    /// Let an HSM that was set aside join its cluster again, with all that it knows
    BringBack(Kept),
    /// Show or change the network that CloudHSM and KMS see
    #[command(subcommand)]
    Network(network::Change),
}

#[derive(Args)]
struct Kept {
    /// The HSM's id, as `sim set-aside` lists it
    #[arg(value_name = "HSM")]
    hsm: String,
}

#[derive(Args)]
struct Target {
    /// The HSM, by id or by its number from 1
    #[arg(value_name = "HSM")]
    hsm: String,
}

/// `up` sees a death at once, and starts a node within this.
const SEEN_WITHIN: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(10);

pub(crate) fn run(state: Option<PathBuf>, options: &Options) -> Result<(), Failure> {
    let (folder, ready) = StateFolder::running(state)?;
    let target = match &options.fault {
        Fault::Network(change) => return crate::block_on(network::run(&ready, change)),
        Fault::SetAside => return crate::block_on(set_aside(&ready)),
        Fault::BringBack(kept) => return crate::block_on(bring_back(&ready, &kept.hsm)),
        Fault::Kill(target)
        | Fault::Stop(target)
        | Fault::Continue(target)
        | Fault::Destroy(target)
        | Fault::Restart(target) => target,
    };
    let node = ready.node(&target.hsm)?;
    let node_folder = folder.layout().node(&node.hsm_id);
    let done = match options.fault {
        Fault::Kill(_) => {
            hold(&node_folder)?;
            die(&folder, node)?;
            "is down; `sim restart` starts it again"
        }
        Fault::Stop(_) => {
            send(node, Signal::SIGSTOP)?;
            "is frozen; `sim continue` lets it go on"
        }
        Fault::Continue(_) => {
            send(node, Signal::SIGCONT)?;
            "goes on"
        }
        Fault::Destroy(_) => {
            // Held while it dies: it must not be started again before it is broken.
            hold(&node_folder)?;
            die(&folder, node)?;
            let path = node_folder.join("master.key");
            std::fs::remove_file(&path).map_err(|e| cannot("remove", &path, &e))?;
            release(&node_folder)?;
            "is broken for good: another takes its place"
        }
        Fault::Restart(_) => {
            // Held while it dies: only then is it certain that `up` has seen the death.
            hold(&node_folder)?;
            die(&folder, node)?;
            release(&node_folder)?;
            wait(&folder, node, |pid| pid.is_some())?;
            "runs again"
        }
        Fault::Network(_) | Fault::SetAside | Fault::BringBack(_) => return Ok(()),
    };
    anstream::println!("{} {done}", node.hsm_id);
    Ok(())
}

async fn set_aside(ready: &Ready) -> Result<(), Failure> {
    let shown = endpoint::of(ready)?.get("/_sim/set-aside").await?;
    anstream::println!("{shown:#}");
    Ok(())
}

async fn bring_back(ready: &Ready, hsm_id: &str) -> Result<(), Failure> {
    let done = endpoint::of(ready)?.post(&format!("/_sim/bring-back?hsm={hsm_id}")).await?;
    let cluster = done["cluster_id"].as_str().unwrap_or_default();
    anstream::println!("{hsm_id} joins {cluster} again: DescribeClusters shows when it is ACTIVE");
    Ok(())
}

/// Kills the process and waits until `up` knows it.
fn die(folder: &StateFolder, node: &ReadyNode) -> Result<(), Failure> {
    if node.pid.is_none() {
        return Ok(());
    }
    send(node, Signal::SIGKILL)?;
    wait(folder, node, |pid| pid.is_none())
}

fn send(node: &ReadyNode, signal: Signal) -> Result<(), Failure> {
    let pid = node.pid.and_then(|pid| i32::try_from(pid).ok()).ok_or_else(|| {
        Failure::new(format!("{} does not run: start it with `sim restart`", node.hsm_id))
    })?;
    kill(Pid::from_raw(pid), signal).map_err(|error| {
        Failure::new(format!("cannot signal {}, process {pid}: {error}", node.hsm_id))
    })
}

fn wait(
    folder: &StateFolder,
    node: &ReadyNode,
    enough: impl Fn(Option<u32>) -> bool,
) -> Result<(), Failure> {
    let since = Instant::now();
    while since.elapsed() < SEEN_WITHIN {
        let (_, ready) = StateFolder::running(Some(folder.path().to_owned()))?;
        if enough(ready.node(&node.hsm_id)?.pid) {
            return Ok(());
        }
        std::thread::sleep(TICK);
    }
    let log = folder.layout().node(&node.hsm_id).join("node.log");
    Err(Failure::new(format!(
        "`up` did not follow within {} s: see its output, and {}",
        SEEN_WITHIN.as_secs(),
        log.display()
    )))
}
