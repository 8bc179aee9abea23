//! What a measurement found: a table for people, JSON for programs.
use super::kind::Kind;
use super::tally::{Count, INTERVAL, Latency, Tally};
use crate::options::{NAME, QUIET};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

/// A measurement that is over.
pub(super) struct Report {
    pub(super) kind: Kind,
    pub(super) token: bool,
    pub(super) engine: &'static str,
    /// To each HSM.
    pub(super) connections: usize,
    pub(super) depth: usize,
    pub(super) warm_up: Duration,
    /// What was measured, which is less than what was asked for after an interruption.
    pub(super) elapsed: Duration,
    pub(super) interrupted: bool,
    /// Handles that one request destroyed.
    pub(super) batch: usize,
    /// Handles that were destroyed after the measurement.
    pub(super) left_over: u64,
    pub(super) hsms: Vec<String>,
    pub(super) tally: Tally,
}

/// The percentiles that are told.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// One moment of the series.
pub(super) struct Point {
    /// Seconds from the beginning to the middle of the interval.
    pub(super) at: f64,
    /// Keys a second.
    pub(super) rate: f64,
    /// Milliseconds; none where no key was made.
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
}

impl Report {
    fn rate(&self, count: &Count) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { count.keys as f64 / seconds } else { 0.0 }
    }

    /// "session AES-256 keys".
    pub(super) fn title(&self) -> String {
        format!("{} {}", if self.token { "token" } else { "session" }, self.kind.title())
    }

    /// Whether a key that was counted would survive a loss of power.
    pub(super) fn durability(&self) -> String {
        match (self.token, self.hsms.len()) {
            (false, _) => "not durable (session keys)".to_owned(),
            (true, 1) => "durable on the one HSM".to_owned(),
            (true, hsms) => format!("durable on all {hsms} HSMs"),
        }
    }

    /// "131,204 keys/s".
    pub(super) fn headline(&self) -> String {
        format!("{} keys/s", grouped(self.rate(&self.tally.all)))
    }

    /// "engine native · 2 connections to each HSM · 256 keys under way on each · 10.0 s …".
    pub(super) fn setting(&self) -> String {
        // Each key of a token run occupies one connection to each HSM.
        let (keys, place) = match self.token {
            true => (self.connections * self.depth, "at a time"),
            false => (self.depth, "on each"),
        };
        format!(
            "engine {} · {} connection{} to each HSM · {keys} keys under way {place} · {:.1} s \
             after {} s of warm-up{}",
            self.engine,
            self.connections,
            if self.connections == 1 { "" } else { "s" },
            self.elapsed.as_secs_f64(),
            self.warm_up.as_secs(),
            if self.interrupted { ", then interrupted" } else { "" },
        )
    }

    fn destruction(&self) -> String {
        let all = if self.token && self.hsms.len() > 1 { " on all HSMs" } else { "" };
        let mut text = match self.tally.destroyed {
            0 => "no keys were destroyed while the clock ran".to_owned(),
            handles => format!(
                "{} handles were destroyed{all} while the clock ran, {} at a time: \
                 that time is counted",
                grouped(handles as f64),
                grouped(self.batch as f64)
            ),
        };
        if self.left_over > 0 {
            let rest = grouped(self.left_over as f64);
            let _ = write!(text, "; {rest} handles afterwards: that time is not counted");
        }
        text
    }

    /// Prints the table.
    pub(super) fn print(&self) {
        let width = self.hsms.iter().map(String::len).max().unwrap_or(0).max("cluster".len());
        let title = self.title();
        anstream::println!("{NAME}{title}{NAME:#}, {}", self.durability());
        let heads = QUANTILES.map(|(name, _)| format!("{name:>11}")).concat();
        anstream::println!("{QUIET}{:width$}{:>12}{heads}{QUIET:#}", "", "keys/s");
        for (hsm_id, count) in self.hsms.iter().zip(&self.tally.nodes) {
            anstream::println!("{hsm_id:width$}{}", self.row(count));
        }
        anstream::println!("{NAME}{:width$}{NAME:#}{}", "cluster", self.row(&self.tally.all));
        anstream::println!("{QUIET}{}{QUIET:#}", self.setting());
        anstream::println!("{QUIET}{}{QUIET:#}", self.destruction());
    }

    fn row(&self, count: &Count) -> String {
        let times = QUANTILES.map(|(_, quantile)| match quantile_us(&count.latency, quantile) {
            Some(us) => format!("{:>11}", span(us)),
            None => format!("{:>11}", "-"),
        });
        format!("{:>12}{}", grouped(self.rate(count)), times.concat())
    }

    /// Keys a second and latency by interval. The last one may have been cut short.
    pub(super) fn points(&self) -> Vec<Point> {
        let interval = INTERVAL.as_secs_f64();
        let point = |(at, count): (usize, &Count)| {
            let begin = at as f64 * interval;
            let long = (self.elapsed.as_secs_f64() - begin).min(interval);
            // A fragment tells nothing.
            (long > interval / 5.0).then(|| Point {
                at: begin + long / 2.0,
                rate: count.keys as f64 / long,
                p50: quantile_us(&count.latency, 0.5).map(|us| us as f64 / 1e3),
                p99: quantile_us(&count.latency, 0.99).map(|us| us as f64 / 1e3),
            })
        };
        self.tally.series.iter().enumerate().filter_map(point).collect()
    }

    /// All of it, with the series.
    pub(super) fn json(&self) -> Value {
        let count = |count: &Count| {
            json!({
                "keys": count.keys,
                "keys_per_s": rounded(self.rate(count)),
                "latency_us": latency(&count.latency),
            })
        };
        let nodes = self.hsms.iter().zip(&self.tally.nodes).map(|(hsm_id, node)| {
            let mut value = count(node);
            value["hsm_id"] = json!(hsm_id);
            value
        });
        let series = self.points().into_iter().map(|point| {
            json!({
                "at_s": rounded(point.at),
                "keys_per_s": rounded(point.rate),
                "p50_ms": point.p50,
                "p99_ms": point.p99,
            })
        });
        json!({
            "benchmark": "keygen",
            "kind": self.kind.name(),
            "token": self.token,
            "durability": self.durability(),
            "engine": self.engine,
            "connections_per_hsm": self.connections,
            "depth": self.depth,
            "warm_up_s": self.warm_up.as_secs(),
            "seconds": rounded(self.elapsed.as_secs_f64()),
            "interrupted": self.interrupted,
            "cluster": count(&self.tally.all),
            "hsms": nodes.collect::<Vec<_>>(),
            "destroyed": {
                "handles_while_counting": self.tally.destroyed,
                "batch": self.batch,
                "time_is_counted": true,
                "handles_afterwards": self.left_over,
            },
            "interval_ms": INTERVAL.as_millis() as u64,
            "series": series.collect::<Vec<_>>(),
        })
    }
}

fn latency(of: &Latency) -> Value {
    let mut value: serde_json::Map<_, _> = QUANTILES
        .map(|(name, quantile)| (name.to_owned(), json!(quantile_us(of, quantile))))
        .into_iter()
        .collect();
    let max = (!of.is_empty()).then(|| of.max());
    value.insert("max".to_owned(), json!(max));
    value.into()
}

fn quantile_us(latency: &Latency, quantile: f64) -> Option<u64> {
    (!latency.is_empty()).then(|| latency.value_at_quantile(quantile))
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// A whole number with commas: "131,204".
pub(super) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time with three digits that count: "5.12 ms".
fn span(us: u64) -> String {
    let (value, unit) = match us {
        0..1_000 => return format!("{us} µs"),
        1_000..1_000_000 => (us as f64 / 1e3, "ms"),
        _ => (us as f64 / 1e6, "s"),
    };
    let decimals = match value {
        v if v < 10.0 => 2,
        v if v < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        for (value, text) in
            [(0.0, "0"), (999.4, "999"), (1000.0, "1,000"), (1_234_567.0, "1,234,567")]
        {
            assert_eq!(grouped(value), text);
        }
        for (us, text) in [
            (7, "7 µs"),
            (5_123, "5.12 ms"),
            (51_230, "51.2 ms"),
            (512_300, "512 ms"),
            (1_500_000, "1.50 s"),
        ] {
            assert_eq!(span(us), text);
        }
    }
}
