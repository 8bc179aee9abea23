//! `bench`: how fast keys are made and used, measured through the doors that clients use.
mod driver;
mod keygen;
mod kind;
mod kms;
mod plot;
mod report;
mod tally;
mod target;

use crate::up::Stop;
use crate::{Failure, state::cannot};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use report::Report;
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tally::{Clock, Slice, Tally};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Until connections, caches and the processors' clocks are in their stride. Not counted.
const WARM_UP: Duration = Duration::from_secs(1);
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
    Keygen(keygen::Keygen),
    /// Measure a KMS endpoint over HTTP: of a cluster of its own, of a running `up` (--state), or
    /// any other
    Kms(kms::Options),
}

/// Where to write what was found.
#[derive(Args)]
struct Files {
    /// Write all figures, and those of every 250 ms, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a plot of throughput and latency over time
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// The files, open for writing.
struct Created<'f> {
    json: Option<(&'f Path, File)>,
    plot: Option<(&'f Path, File)>,
}

impl Files {
    /// A file that cannot be written is better known before the run than after it.
    fn create(&self) -> Result<Created<'_>, Failure> {
        Ok(Created { json: create(self.json.as_deref())?, plot: create(self.plot.as_deref())? })
    }
}

impl Created<'_> {
    fn write(self, plotted: &Report, found: &Value) -> Result<(), Failure> {
        if let Some((path, mut file)) = self.json {
            let text = serde_json::to_string_pretty(found)? + "\n";
            file.write_all(text.as_bytes()).map_err(|e| cannot("write", path, &e))?;
        }
        if let Some((path, mut file)) = self.plot {
            let text = plot::svg(plotted);
            file.write_all(text.as_bytes()).map_err(|e| cannot("write", path, &e))?;
        }
        Ok(())
    }
}

fn create(path: Option<&Path>) -> Result<Option<(&Path, File)>, Failure> {
    let create =
        |path| File::create(path).map(|f| (path, f)).map_err(|e| cannot("write", path, &e));
    path.map(create).transpose()
}

/// Measures, prints, and writes the files that were asked for.
pub(crate) fn run(state: Option<PathBuf>, options: Options) -> Result<(), Failure> {
    // One thread: the load shares the machine with the HSMs that it measures.
    let load = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = match options.what {
        What::Keygen(options) => load.block_on(keygen::run(state, &options)),
        What::Kms(options) => kms::run(&load, state, &options),
    };
    load.shutdown_background();
    done
}

/// How a measurement went by.
#[derive(Clone, Copy, Default)]
struct Watched {
    /// What was measured, which is less than what was asked for after an interruption.
    elapsed: Duration,
    interrupted: bool,
}

/// Collects what the drivers report until the time is over, somebody stops it, or a driver fails.
async fn watch(
    running: &mut JoinSet<Failure>,
    mut received: mpsc::UnboundedReceiver<Slice>,
    tally: &mut Tally,
    clock: Clock,
    unit: &str,
    stop: &mut Stop,
) -> Result<Watched, Failure> {
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
                    bar.set_message(format!("{} {unit}/s", report::grouped(rate)));
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
    Ok(Watched {
        elapsed: cut.saturating_duration_since(clock.begin).min(clock.end - clock.begin),
        interrupted: cut < clock.end,
    })
}
