//! What questions cost as the set grows, drawn.

use crate::ask::Cost;

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
    let mut svg = vec![
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 940 460" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="12">"#.to_owned(),
        "  <title>What a question costs as the indicator set grows</title>".to_owned(),
        r##"  <rect width="940" height="460" fill="#ffffff"/>"##.to_owned(),
        text(20.0, 26.0, r#"font-weight="bold" font-size="15""#, "Nanoseconds for a question, many asked at once, by the number of indicators"),
    ];
    for (power, label) in (0..).zip(["10 k", "100 k", "1 M", "10 M"]) {
        let x = LEFT + ACROSS * f64::from(power);
        svg.push(rule((x, BOTTOM - 3.0 * UP), (x, BOTTOM)));
        svg.push(text(x, BOTTOM + 22.0, r#"text-anchor="middle""#, label));
    }
    for (power, label) in (0..).zip(["1 ns", "10", "100", "1000"]) {
        let y = BOTTOM - UP * f64::from(power);
        svg.push(rule((LEFT, y), (LEFT + 3.0 * ACROSS, y)));
        svg.push(text(LEFT - 10.0, y + 4.0, r#"text-anchor="end""#, label));
    }
    let kinds = measured.iter().map(|(_, costs)| costs.len()).min().unwrap_or(0);
    let mut labels = Vec::new();
    for (kind, colour) in (0..kinds).zip(COLOURS) {
        labels.extend(line(&mut svg, measured, kind, colour));
    }
    // Apart from one another, from below.
    labels.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let mut lowest = f64::MAX;
    for (y, label) in labels {
        lowest = y.min(lowest - 16.0);
        svg.push(text(LEFT + 3.0 * ACROSS + 12.0, lowest + 4.0, "", &label));
    }
    svg.push("</svg>\n".to_owned());
    svg.join("\n")
}

/// Draws the line of one sort of questions; gives back the height of its end, and what to write there.
fn line(
    svg: &mut Vec<String>,
    measured: &[(usize, Vec<Cost>)],
    kind: usize,
    colour: &str,
) -> Option<(f64, String)> {
    let mut costs = measured.iter().filter_map(|(count, costs)| Some((*count, costs.get(kind)?)));
    let place = |count: usize, cost: &Cost| {
        (LEFT + ((count as f64).log10() - FIRST) * ACROSS, BOTTOM - cost.median.log10() * UP)
    };
    let mut points = Vec::new();
    for (x, y) in costs.clone().map(|(count, cost)| place(count, cost)) {
        points.push(format!("{x:.1},{y:.1}"));
        svg.push(format!(r#"  <circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}"/>"#));
    }
    let points = points.join(" ");
    svg.push(format!(r#"  <polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>"#));
    let (count, cost) = costs.next_back()?;
    Some((place(count, cost).1, format!("{:.0} ns  {}", cost.median, cost.title)))
}

fn rule((x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> String {
    format!(r##"  <line x1="{x1:.0}" y1="{y1:.0}" x2="{x2:.0}" y2="{y2:.0}" stroke="#e3e8ee"/>"##)
}

fn text(x: f64, y: f64, how: &str, text: &str) -> String {
    format!(r##"  <text x="{x:.0}" y="{y:.0}" fill="#1d2a3a" {how}>{text}</text>"##)
}
