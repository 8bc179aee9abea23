//! `bench keygen`: how many keys a second a cluster makes, and how long one takes.
use super::driver::{BATCH, Driver};
use super::kind::{self, Kind, Make};
use super::report::{Report, grouped};
use super::tally::{Clock, Meter, Tally};
use super::target::Target;
use super::{Files, WARM_UP, Watched, watch};
use crate::Failure;
use crate::up::Stop;
use clap::Args;
use proto::Curve;
use proto::limits::KEYS_HSM2M;
use serde_json::json;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Token keys that are left alive on a cluster of our own, which is thrown away: as many as the
/// largest HSM type holds. Memory levels off when they are there, within seconds.
const KEPT_ON_OWN: usize = KEYS_HSM2M;

#[derive(Args)]
pub(super) struct Keygen {
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
    #[command(flatten)]
    files: Files,
    /// Which cryptography the HSMs compute with [default: native]
    #[arg(long, value_enum)]
    engine: Option<hsm_node::Engine>,
}

pub(super) async fn run(state: Option<PathBuf>, options: &Keygen) -> Result<(), Failure> {
    if state.is_some() && options.engine.is_some() {
        return Err(Failure::usage("the HSMs of --state have their engine: leave --engine out"));
    }
    let files = options.files.create()?;
    let mut stop = Stop::new()?;
    // It takes a second, and a signal is heeded after it: HSMs that are starting cannot be stopped.
    let target = Target::prepare(state, options.engine).await?;
    let measured = measure(&target, options, &mut stop).await;
    target.end().await;
    let report = measured?;
    report.print();
    files.write(&report, &report.json())
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
    let watched = watch(&mut running, received, &mut tally, clock, "keys", stop).await;
    drop(running);
    let left_over = if options.token { target.clean_up(&nodes, &label).await } else { Ok(0) };
    let (watched, left_over) = (watched?, left_over?);
    let hsms = nodes.into_iter().map(|(hsm_id, _)| hsm_id).collect();
    Ok(report(options, target.engine(), depth, hsms, tally, watched, left_over))
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

fn report(
    options: &Keygen,
    engine: &'static str,
    depth: usize,
    hsms: Vec<String>,
    tally: Tally,
    watched: Watched,
    left_over: u64,
) -> Report {
    let (token, connections) = (options.token, usize::from(options.connections));
    // Each key of a token run occupies one connection to each HSM.
    let (under_way, place) = match token {
        true => (connections * depth, "at a time"),
        false => (depth, "on each"),
    };
    let durability = match (token, hsms.len()) {
        (false, _) => "not durable (session keys)".to_owned(),
        (true, 1) => "durable on the one HSM".to_owned(),
        (true, hsms) => format!("durable on all {hsms} HSMs"),
    };
    Report {
        title: format!("{} {}", if token { "token" } else { "session" }, options.kind.title()),
        unit: "keys",
        setting: format!(
            "engine {engine} · {connections} connection{} to each HSM · {under_way} keys under way \
             {place}",
            if connections == 1 { "" } else { "s" },
        ),
        notes: vec![destruction(token && hsms.len() > 1, tally.destroyed, left_over)],
        own: json!({
            "benchmark": "keygen",
            "kind": options.kind.name(),
            "token": token,
            "durability": durability,
            "engine": engine,
            "connections_per_hsm": connections,
            "depth": depth,
            "destroyed": {
                "handles_while_counting": tally.destroyed,
                "batch": BATCH,
                "time_is_counted": true,
                "handles_afterwards": left_over,
            },
        }),
        remark: durability,
        parts: ("hsms", "hsm_id", hsms),
        whole: "cluster",
        watched,
        tally,
    }
}

fn destruction(on_all: bool, handles: u64, left_over: u64) -> String {
    let all = if on_all { " on all HSMs" } else { "" };
    let mut text = match handles {
        0 => "no keys were destroyed while the clock ran".to_owned(),
        handles => format!(
            "{} handles were destroyed{all} while the clock ran, {} at a time: that time is \
             counted",
            grouped(handles as f64),
            grouped(BATCH as f64)
        ),
    };
    if left_over > 0 {
        let rest = grouped(left_over as f64);
        let _ = write!(text, "; {rest} handles afterwards: that time is not counted");
    }
    text
}
