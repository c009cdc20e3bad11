//! What questions cost as the set grows, drawn.

use crate::ask::Cost;
use std::fmt::Write;

const COLOURS: [&str; 5] = ["#2f6f9f", "#c8553d", "#8a6fae", "#5b8c5a", "#b08a2e"];
/// The plot, and what a power of ten is in it.
const LEFT: f64 = 70.0;
const BOTTOM: f64 = 400.0;
const ACROSS: f64 = 150.0;
const UP: f64 = 115.0;
/// The smallest set, and the cheapest question, as powers of ten.
const FIRST: f64 = 4.0;

/// Lines over the size of the set, both axes logarithmic.
pub fn draw(measured: &[(usize, Vec<Cost>)]) -> String {
    let mut svg = String::from(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 940 460" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="12">
  <title>What a question costs as the indicator set grows</title>
  <rect width="940" height="460" fill="#ffffff"/>
  <text x="20" y="26" fill="#1d2a3a" font-weight="bold" font-size="15">Nanoseconds for a question, asked many at once, by the number of indicators (half names)</text>
"##,
    );
    // Writing to a String cannot fail.
    for (power, label) in (0..).zip(["10 k", "100 k", "1 M", "10 M"]) {
        let x = LEFT + ACROSS * f64::from(power);
        drop(writeln!(svg, r##"  <line x1="{x:.0}" y1="{}" x2="{x:.0}" y2="{BOTTOM}" stroke="#e3e8ee"/>"##, BOTTOM - 3.0 * UP));
        drop(writeln!(svg, r##"  <text x="{x:.0}" y="{}" text-anchor="middle" fill="#1d2a3a">{label}</text>"##, BOTTOM + 22.0));
    }
    for (power, label) in (0..).zip(["1 ns", "10", "100", "1000"]) {
        let y = BOTTOM - UP * f64::from(power);
        drop(writeln!(svg, r##"  <line x1="{LEFT}" y1="{y:.0}" x2="{}" y2="{y:.0}" stroke="#e3e8ee"/>"##, LEFT + 3.0 * ACROSS));
        drop(writeln!(svg, r##"  <text x="{}" y="{:.0}" text-anchor="end" fill="#1d2a3a">{label}</text>"##, LEFT - 10.0, y + 4.0));
    }
    let kinds = measured.iter().map(|(_, costs)| costs.len()).min().unwrap_or(0);
    for (kind, colour) in (0..kinds).zip(COLOURS) {
        line(&mut svg, measured, kind, colour);
    }
    svg.push_str("</svg>\n");
    svg
}

fn line(svg: &mut String, measured: &[(usize, Vec<Cost>)], kind: usize, colour: &str) {
    let mut points = String::new();
    let mut last = (0.0, 0.0, "", 0.0);
    for (count, cost) in measured.iter().filter_map(|(count, costs)| Some((*count, costs.get(kind)?))) {
        let x = LEFT + ((count as f64).log10() - FIRST) * ACROSS;
        let y = BOTTOM - cost.median.log10() * UP;
        last = (x, y, cost.title, cost.median);
        drop(write!(points, "{x:.1},{y:.1} "));
        drop(writeln!(svg, r#"  <circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}"/>"#));
    }
    let (x, y, title, median) = last;
    drop(writeln!(svg, r#"  <polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#, points.trim_end()));
    drop(writeln!(svg, r#"  <text x="{:.0}" y="{:.0}" fill="{colour}">{title}: {median:.0} ns</text>"#, x + 12.0, y + 4.0));
}
