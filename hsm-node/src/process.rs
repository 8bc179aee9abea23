//! The node as a process: its log, its ready line, the signals that end it, its exit status.
use crate::error::NodeError;
use crate::join::Host;
use crate::node::Node;
use crate::options::{Join, Options};
use crate::store::FjallStore;
use crate::{descriptors, lanes};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{error, info};
use tracing_subscriber::EnvFilter;

/// Threads for the lanes, and two for what the runtime itself does not do in place.
const BLOCKING_THREADS: usize = lanes::THREADS + 2;

/// A thread that does nothing is gone after this time, and its memory with it.
const BLOCKING_KEEP: Duration = Duration::from_secs(1);

/// Runs a node until a signal, the end of its standard input, or a failure. Prints one JSON line
/// when it listens. The log goes to standard error, by RUST_LOG (info by default).
pub fn main(mut options: Options) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    // A program that runs several nodes has its log already.
    let _ = log.with_ansi(io::stderr().is_terminal()).with_writer(io::stderr).try_init();
    options.max_connections = descriptors::room_for(options.max_connections);
    let runtime = Builder::new_multi_thread()
        .worker_threads(options.workers.max(1))
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_keep_alive(BLOCKING_KEEP)
        .enable_all()
        .build();
    let ended = runtime.map_err(NodeError::Machine).and_then(|runtime| {
        let ended = runtime.block_on(run(&options));
        // An RSA key may still be being made, for nobody: do not wait for it.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            error!("{why}");
            ExitCode::from(why.exit_status())
        }
    }
}

async fn run(options: &Options) -> Result<(), NodeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(NodeError::Machine)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(NodeError::Machine)?;
    if let Some(join) = &options.join {
        return run_joined(options, join, terminate, interrupt).await;
    }
    let parent = end_of_input().map_err(NodeError::Machine)?;
    let node = Node::start(options, |path| Ok(Box::new(FjallStore::open(path)?))).await?;
    announce(&node).map_err(NodeError::Machine)?;
    info!(hsm_id = node.hsm_id(), address = %node.address(), "listening");
    let why = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        _ = parent => "the end of its input",
        why = node.failed() => {
            // The connections see it too, and end without their replies.
            let _ = node.stop().await;
            return Err(why);
        }
    };
    info!(hsm_id = node.hsm_id(), "stops after {why}");
    node.stop().await
}

/// Nobody holds the other end of its input: it is on a machine of its own.
async fn run_joined(
    options: &Options,
    join: &Join,
    mut terminate: Signal,
    mut interrupt: Signal,
) -> Result<(), NodeError> {
    let mut host = Host::start(options, join).await?;
    let why = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        never = host.serve() => match never {},
    };
    info!("stops after {why}");
    host.stop().await
}

/// The one line on standard output.
pub(crate) fn announce(node: &Node) -> io::Result<()> {
    let line = serde_json::json!({
        "hsm_id": node.hsm_id(),
        "address": node.address().to_string(),
        "pid": std::process::id(),
    });
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Resolves when standard input ends: whoever started the node holds its other end.
fn end_of_input() -> io::Result<oneshot::Receiver<()>> {
    let (ended, parent) = oneshot::channel();
    // A thread of its own: a read of standard input cannot be given up.
    thread::Builder::new().name("stdin".into()).spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = ended.send(());
    })?;
    Ok(parent)
}
