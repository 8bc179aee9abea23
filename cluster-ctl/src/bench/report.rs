//! What a measurement found: a table for people, JSON for programs.
use super::tally::{Count, INTERVAL, Latency, Tally};
use super::{WARM_UP, Watched};
use crate::options::{NAME, QUIET};
use serde_json::{Value, json};

/// A measurement that is over.
pub(super) struct Report {
    /// What was measured: "session AES-256 keys".
    pub(super) title: String,
    /// What is counted: "keys".
    pub(super) unit: &'static str,
    /// What there is to say of it at once: "durable on all 3 HSMs".
    pub(super) remark: String,
    /// The circumstances, parted by middle dots.
    pub(super) setting: String,
    /// Sentences under the table.
    pub(super) notes: Vec<String>,
    /// Members in JSON that only this benchmark has.
    pub(super) own: Value,
    /// What the tally keeps apart: the JSON names of the list and of an entry's name; the names.
    pub(super) parts: (&'static str, &'static str, Vec<String>),
    /// What all of it is called.
    pub(super) whole: &'static str,
    pub(super) watched: Watched,
    pub(super) tally: Tally,
}

/// The percentiles that are told.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// One moment of the series.
pub(super) struct Point {
    /// Seconds from the beginning to the middle of the interval.
    pub(super) at: f64,
    /// So many a second.
    pub(super) rate: f64,
    /// Milliseconds; none where nothing was counted.
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
}

impl Report {
    fn rate_of(&self, count: &Count) -> f64 {
        let seconds = self.watched.elapsed.as_secs_f64();
        if seconds > 0.0 { count.counted as f64 / seconds } else { 0.0 }
    }

    /// So many a second.
    pub(super) fn rate(&self) -> f64 {
        self.rate_of(&self.tally.all)
    }

    /// "131,204 keys/s".
    pub(super) fn headline(&self) -> String {
        format!("{} {}/s", grouped(self.rate()), self.unit)
    }

    /// "session AES-256 keys: 131,204 keys/s, not durable (session keys)".
    pub(super) fn summary(&self) -> String {
        format!("{}: {}, {}", self.title, self.headline(), self.remark)
    }

    /// "engine native · 2 connections to each HSM · 256 keys under way on each · 10.0 s …".
    pub(super) fn setting(&self) -> String {
        format!(
            "{} · {:.1} s after {} s of warm-up{}",
            self.setting,
            self.watched.elapsed.as_secs_f64(),
            WARM_UP.as_secs(),
            if self.watched.interrupted { ", then interrupted" } else { "" },
        )
    }

    /// Prints the table.
    pub(super) fn print(&self) {
        let (_, _, names) = &self.parts;
        let width = names.iter().map(String::len).max().unwrap_or(0).max(self.whole.len());
        anstream::println!("{NAME}{}{NAME:#}, {}", self.title, self.remark);
        let heads = QUANTILES.map(|(name, _)| format!("{name:>11}")).concat();
        let unit = format!("{}/s", self.unit);
        anstream::println!("{QUIET}{:width$}{unit:>12}{heads}{QUIET:#}", "");
        for (name, count) in names.iter().zip(&self.tally.parts) {
            anstream::println!("{name:width$}{}", self.row(count));
        }
        anstream::println!("{NAME}{:width$}{NAME:#}{}", self.whole, self.row(&self.tally.all));
        anstream::println!("{QUIET}{}{QUIET:#}", self.setting());
        for note in &self.notes {
            anstream::println!("{QUIET}{note}{QUIET:#}");
        }
    }

    fn row(&self, count: &Count) -> String {
        let times = QUANTILES.map(|(_, quantile)| match quantile_us(&count.latency, quantile) {
            Some(us) => format!("{:>11}", span(us)),
            None => format!("{:>11}", "-"),
        });
        format!("{:>12}{}", grouped(self.rate_of(count)), times.concat())
    }

    /// Throughput and latency by interval. The last one may have been cut short.
    pub(super) fn points(&self) -> Vec<Point> {
        let interval = INTERVAL.as_secs_f64();
        let point = |(at, count): (usize, &Count)| {
            let begin = at as f64 * interval;
            let long = (self.watched.elapsed.as_secs_f64() - begin).min(interval);
            // A fragment tells nothing.
            (long > interval / 5.0).then(|| Point {
                at: begin + long / 2.0,
                rate: count.counted as f64 / long,
                p50: quantile_us(&count.latency, 0.5).map(|us| us as f64 / 1e3),
                p99: quantile_us(&count.latency, 0.99).map(|us| us as f64 / 1e3),
            })
        };
        self.tally.series.iter().enumerate().filter_map(point).collect()
    }

    /// All of it, with the series.
    pub(super) fn json(&self) -> Value {
        let per_s = format!("{}_per_s", self.unit);
        let count = |count: &Count| {
            json!({
                self.unit: count.counted,
                &per_s: rounded(self.rate_of(count)),
                "latency_us": latency(&count.latency),
            })
        };
        let (parts, name_of, names) = &self.parts;
        let each = names.iter().zip(&self.tally.parts).map(|(name, part)| {
            let mut value = count(part);
            value[name_of] = json!(name);
            value
        });
        let series = self.points().into_iter().map(|point| {
            json!({
                "at_s": rounded(point.at),
                &per_s: rounded(point.rate),
                "p50_ms": point.p50,
                "p99_ms": point.p99,
            })
        });
        let mut value = self.own.clone();
        value["warm_up_s"] = json!(WARM_UP.as_secs());
        value["seconds"] = json!(rounded(self.watched.elapsed.as_secs_f64()));
        value["interrupted"] = json!(self.watched.interrupted);
        value[self.whole] = count(&self.tally.all);
        if !names.is_empty() {
            value[parts] = each.collect();
        }
        value["interval_ms"] = json!(INTERVAL.as_millis() as u64);
        value["series"] = series.collect();
        value
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

pub(super) fn rounded(value: f64) -> f64 {
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
