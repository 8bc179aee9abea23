//! An SVG of a measurement: throughput above, latency below, over one axis of time.
use super::report::{Point, Report, grouped};
use std::fmt::Write;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 620.0;
const LEFT: f64 = 92.0;
const RIGHT: f64 = 930.0;

/// Colours that are told apart also without red and green, and in print.
const RATE: &str = "#1f6feb";
const P50: &str = "#0a7d5a";
const P99: &str = "#c4501b";

const STYLE: &str = "text{font:13px system-ui,'Helvetica Neue',Arial,sans-serif;fill:#3d444d}\
.title{font-size:19px;font-weight:600;fill:#1f2328}.quiet{fill:#6e7781}\
.grid{stroke:#d8dee4;stroke-width:1}.axis{stroke:#8c959f;stroke-width:1}\
.middle{text-anchor:middle}.end{text-anchor:end}.area{fill-opacity:0.1}\
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}";

/// Where a panel is, and what its values are.
struct Panel {
    top: f64,
    bottom: f64,
    /// Seconds at the right edge.
    seconds: f64,
    /// The value at the top edge, and from one line of the grid to the next.
    most: f64,
    step: f64,
}

impl Panel {
    /// A panel from `top` to `bottom` with room for `most`.
    fn new(top: f64, bottom: f64, seconds: f64, most: f64) -> Self {
        let step = step(most, 5.0);
        let most = (most / step).ceil().max(1.0) * step;
        Self { top, bottom, seconds, most, step }
    }

    fn x(&self, at: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * at / self.seconds
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * value / self.most
    }

    fn grid(&self, out: &mut String, name: &str) {
        for n in 0..=(self.most / self.step).round() as u32 {
            let value = f64::from(n) * self.step;
            let (y, class) = (self.y(value), if n == 0 { "axis" } else { "grid" });
            let label = if self.step < 1.0 { decimals(value, self.step) } else { grouped(value) };
            put(
                out,
                format_args!(
                    r#"<line class="{class}" x1="{LEFT}" y1="{y:.1}" x2="{RIGHT}" y2="{y:.1}"/>"#
                ),
            );
            let (x, y) = (LEFT - 8.0, y + 4.5);
            put(out, format_args!(r#"<text x="{x}" y="{y:.1}" class="end">{label}</text>"#));
        }
        let middle = f64::midpoint(self.top, self.bottom);
        let place = format!("translate(22 {middle}) rotate(-90)");
        put(out, format_args!(r#"<text class="middle" transform="{place}">{name}</text>"#));
    }

    fn time(&self, out: &mut String) {
        let step = step(self.seconds, 10.0);
        for n in 0..=(self.seconds / step + 1e-9) as u32 {
            let at = f64::from(n) * step;
            let (x, y, below) = (self.x(at), self.bottom, self.bottom + 5.0);
            put(
                out,
                format_args!(
                    r#"<line class="axis" x1="{x:.1}" y1="{y}" x2="{x:.1}" y2="{below}"/>"#
                ),
            );
            let (y, label) = (y + 20.0, decimals(at, step));
            put(out, format_args!(r#"<text x="{x:.1}" y="{y}" class="middle">{label}</text>"#));
        }
        let (x, y) = (f64::midpoint(LEFT, RIGHT), self.bottom + 40.0);
        put(
            out,
            format_args!(
                r#"<text x="{x}" y="{y}" class="middle">time since the warm-up (s)</text>"#
            ),
        );
    }

    /// A line through the values that are there.
    fn line(&self, out: &mut String, colour: &str, values: impl Iterator<Item = (f64, f64)>) {
        let points = self.points(values);
        put(out, format_args!(r#"<polyline class="line" stroke="{colour}" points="{points}"/>"#));
    }

    fn points(&self, values: impl Iterator<Item = (f64, f64)>) -> String {
        let mut text = String::new();
        for (at, value) in values {
            let _ = write!(text, "{:.1},{:.1} ", self.x(at), self.y(value));
        }
        text.trim_end().to_owned()
    }
}

/// Draws the report.
pub(super) fn svg(report: &Report) -> String {
    let points = report.points();
    let seconds = report.watched.elapsed.as_secs_f64().max(0.1);
    let most = |of: &dyn Fn(&Point) -> Option<f64>| {
        points.iter().filter_map(of).fold(0.0, f64::max).max(f64::MIN_POSITIVE)
    };
    let rates = Panel::new(104.0, 318.0, seconds, most(&|point| Some(point.rate)));
    let times = Panel::new(366.0, 548.0, seconds, most(&|point| point.p99));
    let mut out = String::new();
    put(
        &mut out,
        format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">"#
        ),
    );
    put(&mut out, format_args!("<style>{STYLE}</style>"));
    put(&mut out, format_args!(r##"<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>"##));
    let title = report.summary();
    put(&mut out, format_args!("<title>{title}</title>"));
    put(&mut out, format_args!(r#"<text class="title" x="24" y="38">{title}</text>"#));
    let setting = report.setting();
    put(&mut out, format_args!(r#"<text class="quiet" x="24" y="62">{setting}</text>"#));

    rates.grid(&mut out, &format!("throughput ({}/s)", report.unit));
    let values = || points.iter().map(|point| (point.at, point.rate));
    if let (Some(first), Some(last)) = (points.first(), points.last()) {
        let (line, floor) = (rates.points(values()), rates.bottom);
        let (left, right) = (rates.x(first.at), rates.x(last.at));
        let area = format!("{left:.1},{floor} {line} {right:.1},{floor}");
        put(&mut out, format_args!(r#"<polygon fill="{RATE}" class="area" points="{area}"/>"#));
    }
    rates.line(&mut out, RATE, values());

    times.grid(&mut out, "latency (ms)");
    times.time(&mut out);
    times.line(&mut out, P99, points.iter().filter_map(|point| Some((point.at, point.p99?))));
    times.line(&mut out, P50, points.iter().filter_map(|point| Some((point.at, point.p50?))));
    for (name, colour, x) in [("p50", P50, RIGHT - 110.0), ("p99", P99, RIGHT - 50.0)] {
        let y = times.top - 14.0;
        put(
            &mut out,
            format_args!(
                r#"<line class="line" stroke="{colour}" x1="{x}" y1="{y}" x2="{}" y2="{y}"/>"#,
                x + 18.0
            ),
        );
        put(&mut out, format_args!(r#"<text x="{}" y="{}">{name}</text>"#, x + 23.0, y + 4.5));
    }
    out.push_str("</svg>\n");
    out
}

fn put(out: &mut String, element: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{element}");
}

/// A round step (1, 2 or 5 times a power of ten) that divides `most` into about `parts`.
fn step(most: f64, parts: f64) -> f64 {
    let power = 10f64.powf((most / parts).log10().floor());
    let rest = most / parts / power;
    let round = if rest > 5.0 {
        10.0
    } else if rest > 2.0 {
        5.0
    } else if rest > 1.0 {
        2.0
    } else {
        1.0
    };
    round * power
}

/// A value with as many decimals as its step has.
fn decimals(value: f64, step: f64) -> String {
    let places = (-step.log10().floor()).max(0.0) as usize;
    format!("{value:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (most, parts, expected) in
            [(131_000.0, 5.0, 50_000.0), (10.0, 10.0, 1.0), (0.6, 5.0, 0.2), (24.0, 5.0, 5.0)]
        {
            assert!((step(most, parts) - expected).abs() < 1e-9, "{most}");
        }
        assert_eq!(decimals(0.4, 0.2), "0.4");
        assert_eq!(decimals(20.0, 5.0), "20");
    }

    #[test]
    fn a_panel_has_room_for_its_largest_value() {
        let panel = Panel::new(0.0, 100.0, 10.0, 131_000.0);
        assert_eq!((panel.most, panel.y(0.0), panel.y(panel.most)), (150_000.0, 100.0, 0.0));
        assert_eq!((panel.x(0.0), panel.x(10.0)), (LEFT, RIGHT));
    }
}
