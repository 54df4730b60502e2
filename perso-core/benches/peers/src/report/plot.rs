//! The picture: decisions a second of each engine, and the time of a decision by the number of rules. Both scales are
//! logarithmic, and an engine has the same colour in both.

use super::figures;
use crate::limits::COUNTS;
use crate::results::{Results, Row};
use std::fmt::Write;

const COLOURS: [&str; 10] =
    ["#d1242f", "#24292f", "#8c959f", "#0969da", "#54aeff", "#1a7f37", "#6fdd8b", "#8250df", "#bc4c00", "#f5a524"];
const SIZE: (f64, f64) = (1030.0, 420.0);
const TOP: f64 = 50.0;
const BOTTOM: f64 = 350.0;

/// Where a value stands between two ends, on a logarithmic scale of whole decades.
struct Scale {
    decades: (i32, i32),
    ends: (f64, f64),
}

impl Scale {
    fn new(values: impl Iterator<Item = f64> + Clone, ends: (f64, f64)) -> Self {
        let least = values.clone().fold(f64::MAX, f64::min).log10().floor();
        let most = values.fold(0.0, f64::max).log10().ceil();
        Self { decades: (least as i32, most as i32), ends }
    }

    fn at(&self, value: f64) -> f64 {
        let (first, last) = (f64::from(self.decades.0), f64::from(self.decades.1));
        self.ends.0 + (value.log10() - first) / (last - first) * (self.ends.1 - self.ends.0)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.decades.0..=self.decades.1).map(|decade| 10_f64.powi(decade))
    }
}

pub fn plot(results: &Results) -> String {
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" font-family="sans-serif" font-size="12" fill="#24292f">
<rect width="100%" height="100%" fill="white"/>
"##,
        SIZE.0, SIZE.1
    );
    decisions(&mut svg, &results.rows);
    by_rules(&mut svg, &results.rows);
    svg + "</svg>\n"
}

fn text(svg: &mut String, (x, y): (f64, f64), attributes: &str, text: &str) {
    writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" {attributes}>{text}</text>"#).expect("a string takes all");
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    writeln!(svg, r##"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="#d0d7de"/>"##)
        .expect("a string takes all");
}

/// A bar for each engine.
fn decisions(svg: &mut String, rows: &[Row]) {
    let (left, right) = (190.0, 470.0);
    let scale = Scale::new(rows.iter().map(|row| 1e9 / row.from_json), (left, right));
    text(svg, (left, 28.0), r#"font-size="15" font-weight="bold""#, "Decisions a second, from JSON text");
    for tick in scale.ticks() {
        line(svg, (scale.at(tick), TOP), (scale.at(tick), BOTTOM));
        text(svg, (scale.at(tick), BOTTOM + 18.0), r#"text-anchor="middle""#, &short(tick));
    }
    text(
        svg,
        ((left + right) / 2.0, BOTTOM + 40.0),
        r#"text-anchor="middle""#,
        "decisions a second, one core (log scale)",
    );
    let height = (BOTTOM - TOP) / rows.len() as f64;
    for ((n, row), colour) in rows.iter().enumerate().zip(COLOURS) {
        let y = TOP + height * n as f64;
        let end = scale.at(1e9 / row.from_json);
        let width = end - left;
        let bar = height - 10.0;
        writeln!(svg, r#"<rect x="{left}" y="{:.1}" width="{width:.1}" height="{bar:.1}" fill="{colour}"/>"#, y + 5.0)
            .expect("a string takes all");
        let middle = y + height / 2.0 + 4.0;
        text(svg, (left - 8.0, middle), r#"text-anchor="end""#, &row.title);
        text(svg, (end + 5.0, middle), "", &figures::a_second(row.from_json));
    }
}

/// A line for each engine.
fn by_rules(svg: &mut String, rows: &[Row]) {
    let (left, right) = (590.0, 800.0);
    let across = Scale::new(COUNTS.iter().map(|count| *count as f64), (left, right));
    let times = rows.iter().flat_map(|row| row.by_rules.iter().map(|by_rules| by_rules.from_json));
    let up = Scale::new(times, (BOTTOM, TOP));
    text(svg, (left, 28.0), r#"font-size="15" font-weight="bold""#, "Time of a decision, by rules");
    for tick in up.ticks() {
        line(svg, (left, up.at(tick)), (right, up.at(tick)));
        text(svg, (left - 8.0, up.at(tick) + 4.0), r#"text-anchor="end""#, &unit(tick));
    }
    for count in COUNTS {
        let x = across.at(count as f64);
        line(svg, (x, TOP), (x, BOTTOM));
        text(svg, (x, BOTTOM + 18.0), r#"text-anchor="middle""#, &figures::count(count));
    }
    text(svg, ((left + right) / 2.0, BOTTOM + 40.0), r#"text-anchor="middle""#, "rules in the policy (log scale)");
    let side = format!(r#"text-anchor="middle" transform="rotate(-90 532 {:.1})""#, (TOP + BOTTOM) / 2.0);
    text(svg, (532.0, (TOP + BOTTOM) / 2.0), &side, "time of a decision (log scale)");
    // perso last, so that no other line hides it.
    for (row, colour) in rows.iter().zip(COLOURS).rev() {
        let points =
            COUNTS.iter().zip(&row.by_rules).map(|(count, by)| (across.at(*count as f64), up.at(by.from_json)));
        let path: Vec<String> = points.clone().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        writeln!(svg, r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#, path.join(" "))
            .expect("a string takes all");
        for (x, y) in points {
            writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#).expect("a string takes all");
        }
    }
    let legend = rows.iter().zip(COLOURS).filter(|(row, _)| !row.by_rules.is_empty());
    for (n, (row, colour)) in legend.enumerate() {
        let y = TOP + 10.0 + 22.0 * n as f64;
        writeln!(svg, r#"<rect x="820" y="{:.1}" width="14" height="10" fill="{colour}"/>"#, y - 9.0)
            .expect("a string takes all");
        text(svg, (840.0, y), "", &row.title);
    }
}

/// A power of ten.
fn short(number: f64) -> String {
    match number {
        n if n < 1e3 => format!("{n:.0}"),
        n if n < 1e6 => format!("{:.0} k", n / 1e3),
        n => format!("{:.0} M", n / 1e6),
    }
}

/// A power of ten of nanoseconds.
fn unit(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 1e3 => format!("{n:.0} ns"),
        n if n < 1e6 => format!("{:.0} µs", n / 1e3),
        n => format!("{:.0} ms", n / 1e6),
    }
}
