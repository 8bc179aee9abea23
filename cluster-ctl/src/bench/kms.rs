//! `bench kms`: calls a second of a KMS endpoint, over HTTP as AWS's clients make them.
mod http;
mod work;

use super::report::{Report, grouped, rounded};
use super::tally::{Clock, Meter, Tally};
use super::{Files, WARM_UP, Watched, watch};
use crate::up::{Stop, ThrowAway};
use crate::{Failure, StateFolder};
use clap::Args;
use http::Url;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use work::{Operation, Work};

/// As many HSMs as AWS's guides recommend, and `up` starts.
const HSMS: u8 = 3;
/// What the endpoint's runtime has in `up`.
const SERVER_THREADS: usize = 2;
/// Two endpoints are measured in turn, so long each time: what else the machine does hits both.
const TURN_S: u16 = 2;

const EXAMPLES: &str = "\
Examples:
  cluster-ctl bench kms                                 Encrypt, on a cluster of its own
  cluster-ctl bench kms --operation create-key          keys that are durable on all HSMs
  cluster-ctl --state DIR bench kms --seconds 5         the endpoint of a running `up`
  cluster-ctl bench kms --beside http://127.0.0.1:5000  and another in the same run: their ratio";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// Which operation
    #[arg(long, value_enum, default_value_t)]
    operation: Operation,
    /// HTTP connections; on each, a request waits for the answer to the one before
    #[arg(long, value_name = "C", default_value_t = 64)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
    connections: u16,
    /// How long to measure, after 1 s of warm-up that is not counted
    #[arg(long, value_name = "S", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// Bytes to encrypt, up to 4096, or bytes of a data key, up to 1024 [default: 32]
    #[arg(long, value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=4096))]
    size: Option<u16>,
    #[command(flatten)]
    files: Files,
    /// A running endpoint that has a CONNECTED key store
    #[arg(long, value_name = "URL")]
    endpoint: Option<Url>,
    /// Another KMS endpoint to measure in turn with the first, with keys that it makes by itself:
    /// symmetric ones, and for create-key ECC_NIST_P256
    #[arg(long, value_name = "URL")]
    beside: Option<Url>,
}

/// The endpoint that is measured, and the cluster behind it if that is our own.
struct Target {
    url: Url,
    own: Option<(ThrowAway, Runtime)>,
}

impl Target {
    fn prepare(state: Option<PathBuf>, endpoint: Option<&Url>) -> Result<Self, Failure> {
        if let Some(url) = endpoint {
            return Ok(Self { url: url.clone(), own: None });
        }
        let at = |ready: crate::Ready| {
            let url = ready.endpoint.ok_or_else(|| {
                Failure::new("the cluster has no endpoint: start it without --no-endpoint")
            })?;
            url.parse::<Url>().map_err(Failure::new)
        };
        if state.is_some() {
            let (_, ready) = StateFolder::running(state)?;
            return Ok(Self { url: at(ready)?, own: None });
        }
        // Threads of its own, as in `up`: the load has the others.
        let servers = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(SERVER_THREADS)
            .enable_all()
            .build()?;
        let cluster = servers.block_on(ThrowAway::with_key_store(HSMS))?;
        match at(cluster.ready()) {
            Ok(url) => Ok(Self { url, own: Some((cluster, servers)) }),
            Err(failure) => {
                servers.block_on(cluster.stop());
                Err(failure)
            }
        }
    }

    fn end(self) {
        if let Some((cluster, servers)) = self.own {
            servers.block_on(cluster.stop());
            servers.shutdown_background();
        }
    }
}

pub(super) fn run(
    load: &Runtime,
    state: Option<PathBuf>,
    options: &Options,
) -> Result<(), Failure> {
    let size = options.operation.size(options.size)?;
    if state.is_some() && options.endpoint.is_some() {
        return Err(Failure::usage("--state and --endpoint name two endpoints: leave one out"));
    }
    let files = options.files.create()?;
    let target = Target::prepare(state, options.endpoint.as_ref())?;
    let measured = load.block_on(measure(&target, options, size));
    target.end();
    let (found, beside) = measured?;
    found.print();
    let mut json = found.json();
    if let Some(beside) = beside {
        beside.print();
        let ratio = found.rate() / beside.rate();
        anstream::println!("ratio: {}", shown(ratio));
        json["beside"] = beside.json();
        json["ratio"] = json!(rounded(ratio));
    }
    files.write(&found, &json)
}

/// "52.1", "1,204".
fn shown(ratio: f64) -> String {
    if ratio < 100.0 { format!("{ratio:.1}") } else { grouped(ratio) }
}

/// One endpoint under load.
struct Run {
    url: Url,
    work: Work,
    tally: Tally,
    watched: Watched,
}

async fn measure(
    target: &Target,
    options: &Options,
    size: Option<u16>,
) -> Result<(Report, Option<Report>), Failure> {
    let mut stop = Stop::new()?;
    let (operation, thrown_away) = (options.operation, target.own.is_some());
    let work = Work::in_key_store(&target.url, operation, size, thrown_away);
    let mut runs = vec![Run::new(&target.url, work.await?)];
    if let Some(url) = &options.beside {
        runs.push(Run::new(url, Work::beside(url, operation, size).await?));
    }
    let outcome = take_turns(&mut runs, options, &mut stop).await;
    let mut reports = Vec::new();
    for run in runs {
        let left_over = run.work.clean_up(&run.url).await?;
        reports.push(report(run, options, size, left_over, reports.is_empty()));
    }
    outcome?;
    let mut reports = reports.into_iter();
    let first = reports.next().ok_or_else(|| Failure::new("nothing was measured"))?;
    Ok((first, reports.next()))
}

async fn take_turns(runs: &mut [Run], options: &Options, stop: &mut Stop) -> Result<(), Failure> {
    let turn = if runs.len() > 1 { TURN_S } else { options.seconds };
    let mut left = options.seconds;
    while left > 0 {
        let seconds = left.min(turn);
        left -= seconds;
        for run in &mut *runs {
            run.turn(options.connections, Duration::from_secs(seconds.into()), stop).await?;
            if run.watched.interrupted {
                return Ok(());
            }
        }
    }
    Ok(())
}

impl Run {
    fn new(url: &Url, work: Work) -> Self {
        let (tally, watched) = (Tally::new(0), Watched::default());
        Self { url: url.clone(), work, tally, watched }
    }

    /// Measures so long, on new connections.
    async fn turn(
        &mut self,
        connections: u16,
        seconds: Duration,
        stop: &mut Stop,
    ) -> Result<(), Failure> {
        let clock = Clock::new(WARM_UP, seconds);
        let (slices, received) = mpsc::unbounded_channel();
        let mut running = JoinSet::new();
        for _ in 0..connections {
            let connection = http::Connection::open(&self.url).await?;
            let meter = Meter::new(0, clock, slices.clone());
            running.spawn(self.work.load(connection, meter));
        }
        drop(slices);
        let mut tally = Tally::new(0);
        let watched = watch(&mut running, received, &mut tally, clock, "calls", stop).await?;
        self.tally.append(tally, self.watched.elapsed);
        self.watched.elapsed += watched.elapsed;
        self.watched.interrupted = watched.interrupted;
        Ok(())
    }
}

fn report(run: Run, options: &Options, size: Option<u16>, left_over: u64, first: bool) -> Report {
    let operation = options.operation;
    let of = size.map_or(String::new(), |size| format!(" of {size} bytes"));
    let connections = options.connections;
    let mut setting = format!(
        "{} · {connections} connection{}, one request under way on each",
        run.url,
        if connections == 1 { "" } else { "s" }
    );
    if options.beside.is_some() {
        setting += &format!(" · in turns of {TURN_S} s");
    }
    let keys = if left_over == 1 { "key" } else { "keys" };
    let scheduled =
        format!("{} {keys} that this made: deletion is scheduled", grouped(left_over as f64));
    Report {
        title: format!("{}{of}", operation.title()),
        unit: "calls",
        remark: operation.remark(first).to_owned(),
        setting,
        notes: if left_over > 0 { vec![scheduled] } else { Vec::new() },
        own: json!({
            "benchmark": "kms",
            "operation": operation.title(),
            "size": size.map_or(Value::Null, Value::from),
            "url": run.url.to_string(),
            "connections": connections,
            "keys_left_for_deletion": left_over,
        }),
        parts: ("", "", Vec::new()),
        whole: if first { "endpoint" } else { "beside" },
        watched: run.watched,
        tally: run.tally,
    }
}
