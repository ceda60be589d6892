//! The plot of a fleet.

use std::fmt::Write;

use super::MOST;

/// Draws the rates of refreshes and of streams as an SVG of a thousand columns.
pub(crate) fn plot(rates: &[u32], streams: &[u32], steady: f64) -> String {
    let (rates, streams) = (columns(rates), columns(streams));
    let most = rates.iter().max().copied().map_or(0.0, f64::from);
    let scale = 240.0 / (steady * 2.0).max(most);
    let (path, streams) = (path(&rates, scale), path(&streams, scale));
    let (line, limit) = (260.0 - steady * scale, 260.0 - steady * MOST * scale);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1000 280\" font-family=\"sans-serif\" font-size=\"11\"><title>Refreshes and streams a second over time</title>\
         <rect width=\"1000\" height=\"280\" fill=\"#fff\"/>\
         <path d=\"M0 {line:.1}H1000\" stroke=\"#999\"/><path d=\"M0 {limit:.1}H1000\" stroke=\"#c33\"/>\
         <text x=\"4\" y=\"{:.1}\">steady: {steady:.0} a second</text>\
         <text x=\"4\" y=\"{:.1}\" fill=\"#c33\">{MOST} × steady</text>\
         <path d=\"{streams}\" fill=\"none\" stroke=\"#393\"/>\
         <text x=\"4\" y=\"275\" fill=\"#393\">streams opened a second</text>\
         <path d=\"{path}\" fill=\"none\" stroke=\"#26c\"/></svg>\n",
        line - 4.0,
        limit - 4.0
    )
}

/// The highest rate in each column.
fn columns(rates: &[u32]) -> Vec<u32> {
    let columns = rates.chunks(rates.len().div_ceil(1_000).max(1));
    let highest = columns.map(|column| column.iter().max().copied().unwrap_or(0));
    highest.collect()
}

fn path(rates: &[u32], scale: f64) -> String {
    let mut path = String::new();
    for (x, rate) in rates.iter().enumerate() {
        let begin = if x == 0 { "M" } else { "L" };
        let y = (260.0 - f64::from(*rate) * scale).max(0.0);
        // Writing to a string cannot fail.
        let _ = write!(path, "{begin}{x} {y:.1}");
    }
    path
}
