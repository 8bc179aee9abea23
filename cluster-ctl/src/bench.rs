//! `bench`: how fast a cluster makes keys, measured through the door that its clients use.
mod driver;
mod kind;
mod plot;
mod report;
mod tally;
mod target;

use crate::up::Stop;
use crate::{Failure, state::cannot};
use clap::{Args, Subcommand};
use driver::{BATCH, Driver};
use indicatif::{ProgressBar, ProgressStyle};
use kind::{Kind, Make};
use proto::Curve;
use proto::limits::KEYS_HSM2M;
use report::Report;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tally::{Clock, Meter, Slice, Tally};
use target::Target;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Until connections, caches and the processors' clocks are in their stride. Not counted.
const WARM_UP: Duration = Duration::from_secs(1);
/// Token keys that are left alive on a cluster of our own, which is thrown away: as many as the
/// largest HSM type holds. Memory levels off when they are there, within seconds.
const KEPT_ON_OWN: usize = KEYS_HSM2M;
/// How often the progress bar moves.
const TICK: Duration = Duration::from_millis(100);

/// What `bench` takes.
#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Measure how many keys a second are made: on a cluster of its own, or with --state on a
    /// running one (as CLOUDHSM_PIN=user:password, or else example_user)
    Keygen(Keygen),
}

#[derive(Args)]
struct Keygen {
    /// Which keys
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    /// Make token keys: one counts when it is durable on all HSMs
    #[arg(long, conflicts_with = "session")]
    token: bool,
    /// Make session keys, which are not durable [default]
    #[arg(long)]
    session: bool,
    /// Connections to each HSM
    #[arg(long, value_name = "C", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=64))]
    connections: u8,
    /// Keys under way on each connection; token keys: on each set of one to each HSM [default:
    /// 256; 2 for RSA]
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u16).range(1..=1000))]
    depth: Option<u16>,
    /// How long to measure, after 1 s of warm-up that is not counted
    #[arg(long, value_name = "S", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// Write all figures, and those of every 250 ms, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a plot of throughput and latency over time
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Which cryptography the HSMs compute with [default: native]
    #[arg(long, value_enum)]
    engine: Option<hsm_node::Engine>,
}

/// Measures, prints, and writes the files that were asked for.
pub(crate) fn run(state: Option<PathBuf>, options: Options) -> Result<(), Failure> {
    let What::Keygen(options) = options.what;
    // One thread: the load shares the machine with the HSMs that it measures.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(keygen(state, &options));
    runtime.shutdown_background();
    done
}

async fn keygen(state: Option<PathBuf>, options: &Keygen) -> Result<(), Failure> {
    if state.is_some() && options.engine.is_some() {
        return Err(Failure::usage("the HSMs of --state have their engine: leave --engine out"));
    }
    // A file that cannot be written is better known now than after the run.
    let json = create(options.json.as_deref())?;
    let plot = create(options.plot.as_deref())?;
    let mut stop = Stop::new()?;
    // It takes a second, and a signal is heeded after it: HSMs that are starting cannot be stopped.
    let target = Target::prepare(state, options.engine).await?;
    let measured = measure(&target, options, &mut stop).await;
    target.end().await;
    let report = measured?;
    report.print();
    if let Some((path, mut file)) = json {
        let text = serde_json::to_string_pretty(&report.json())? + "\n";
        file.write_all(text.as_bytes()).map_err(|e| cannot("write", path, &e))?;
    }
    if let Some((path, mut file)) = plot {
        file.write_all(plot::svg(&report).as_bytes()).map_err(|e| cannot("write", path, &e))?;
    }
    Ok(())
}

fn create(path: Option<&Path>) -> Result<Option<(&Path, File)>, Failure> {
    let create =
        |path| File::create(path).map(|f| (path, f)).map_err(|e| cannot("write", path, &e));
    path.map(create).transpose()
}

async fn measure(target: &Target, options: &Keygen, stop: &mut Stop) -> Result<Report, Failure> {
    let depth = options.depth.map_or(options.kind.depth(), usize::from);
    let nodes = tokio::select! {
        nodes = target.connect(options.connections.into()) => nodes?,
        () = stop.asked() => return Err(Failure::new("stopped before the measurement began")),
    };
    // By its label a run finds its own token keys again.
    let label = format!("bench-keygen-{:016x}", rand::random::<u64>());
    let clock = Clock::new(WARM_UP, Duration::from_secs(options.seconds.into()));
    let (slices, received) = mpsc::unbounded_channel();
    let meter = |node| Meter::new(node, clock, slices.clone());
    // One driver for each connection; those of token keys have one to each HSM.
    let mut drivers: Vec<Vec<_>> = Vec::new();
    for (node, (_, connections)) in nodes.iter().enumerate() {
        for (at, connection) in connections.iter().enumerate() {
            let lane = (connection.clone(), meter(node));
            match drivers.get_mut(at).filter(|_| options.token) {
                Some(driver) => driver.push(lane),
                None => drivers.push(vec![lane]),
            }
        }
    }
    drop(slices);
    let kept = if options.token && target.is_own() { KEPT_ON_OWN / drivers.len() } else { 0 };
    let mut running = JoinSet::new();
    for lanes in drivers {
        let (run, token) = (&mut running, options.token);
        match options.kind {
            Kind::Aes256 => spawn(run, kind::aes256(token, &label), lanes, depth, kept),
            Kind::EcP256 => spawn(run, kind::ec(Curve::P256, token, &label), lanes, depth, kept),
            Kind::EcP384 => spawn(run, kind::ec(Curve::P384, token, &label), lanes, depth, kept),
            Kind::Rsa2048 => spawn(run, kind::rsa2048(token, &label), lanes, depth, kept),
        }
    }
    let mut tally = Tally::new(nodes.len());
    let cut = watch(&mut running, received, &mut tally, clock, stop).await;
    drop(running);
    let left_over = if options.token { target.clean_up(&nodes, &label).await } else { Ok(0) };
    let (cut, left_over) = (cut?, left_over?);
    let hsms = nodes.into_iter().map(|(hsm_id, _)| hsm_id).collect();
    Ok(Report {
        kind: options.kind,
        token: options.token,
        engine: target.engine(),
        connections: options.connections.into(),
        depth,
        warm_up: WARM_UP,
        elapsed: cut.saturating_duration_since(clock.begin).min(clock.end - clock.begin),
        interrupted: cut < clock.end,
        batch: BATCH,
        left_over,
        hsms,
        tally,
    })
}

fn spawn<M: Make>(
    running: &mut JoinSet<Failure>,
    request: M,
    lanes: Vec<(hsm_client::Connection, Meter)>,
    depth: usize,
    kept: usize,
) {
    running.spawn(Driver::new(request, lanes, depth, kept).run());
}

/// Collects what the drivers report until the time is over, somebody stops it, or a driver fails.
/// Says when it ended.
async fn watch(
    running: &mut JoinSet<Failure>,
    mut received: mpsc::UnboundedReceiver<Slice>,
    tally: &mut Tally,
    clock: Clock,
    stop: &mut Stop,
) -> Result<Instant, Failure> {
    let bar = ProgressBar::new((clock.end - clock.begin).as_millis() as u64);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar:.cyan/dim} {msg}") {
        bar.set_style(style);
    }
    bar.set_message("warming up");
    let mut ticks = tokio::time::interval(TICK);
    let over = tokio::time::sleep_until(clock.end.into());
    tokio::pin!(over);
    let cut = loop {
        tokio::select! {
            Some(slice) = received.recv() => tally.add(&slice),
            Some(ended) = running.join_next() => {
                bar.finish_and_clear();
                return Err(ended.unwrap_or_else(Failure::from));
            }
            _ = ticks.tick() => {
                let gone = Instant::now().saturating_duration_since(clock.begin);
                bar.set_position(gone.as_millis() as u64);
                if let Some(rate) = tally.latest_rate() {
                    bar.set_message(format!("{} keys/s", report::grouped(rate)));
                }
            }
            () = &mut over => break clock.end,
            () = stop.asked() => break Instant::now(),
        }
    };
    bar.finish_and_clear();
    // Drivers hand over what they have when they end.
    running.shutdown().await;
    while let Some(slice) = received.recv().await {
        tally.add(&slice);
    }
    Ok(cut)
}
