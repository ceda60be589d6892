//! Plots: an SVG with a panel for each course, and a line of text.

use std::fmt::Write;

use super::course::{Course, EVENT};
use super::rates::{Kind, Rates};

/// How long before the event a panel begins, and how long after it ends.
const BEFORE: u64 = 120_000;
const AFTER: u64 = 900_000;
const COLUMNS: usize = 200;
const WIDTH: usize = 1_000;
const HEIGHT: f64 = 110.0;
/// The height of a panel with its title.
const PITCH: f64 = 140.0;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What is drawn of a course.
pub(crate) struct Panel<'a> {
    pub(crate) course: &'a Course,
    pub(crate) rates: &'a Rates,
    /// The steady rate of the pages that were played.
    pub(crate) steady: f64,
}

impl Panel<'_> {
    fn span(&self) -> (u64, u64) {
        let (from, to) = self.course.event;
        (
            from.saturating_sub(BEFORE),
            (to.max(EVENT) + AFTER).min(self.course.ends),
        )
    }

    /// The highest rate in each column, in steady rates.
    fn columns(&self, kind: Kind, columns: usize) -> Vec<f64> {
        let (from, to) = self.span();
        let all = u64::try_from(columns).unwrap_or(1);
        let edge = |column: u64| from + (to - from) * column / all;
        let span = |column| (edge(column), edge(column + 1).max(edge(column) + 1_000));
        let most = |column| self.rates.most(kind, span(column), 1) / self.steady;
        (0..all).map(most).collect()
    }

    /// Draws the refreshes as a line of text.
    pub(crate) fn sparkline(&self) -> String {
        let columns = self.columns(Kind::Refresh, 100);
        let most = columns.iter().copied().fold(2.0, f64::max);
        let bar = |rate: f64| {
            let reached = (1_u8..8).filter(|bar| rate / most >= f64::from(*bar) / 8.0);
            BARS[reached.count()]
        };
        columns.into_iter().map(bar).collect()
    }

    /// Draws the panel below `top`.
    fn draw(&self, top: f64) -> String {
        let kinds = [
            (Kind::Failed, "#c33"),
            (Kind::Stream, "#393"),
            (Kind::Refresh, "#26c"),
        ];
        let drawn = kinds.map(|(kind, colour)| (self.columns(kind, COLUMNS), colour));
        let rates = drawn
            .iter()
            .flat_map(|(columns, _)| columns.iter().copied());
        let most = rates.fold(2.0, f64::max);
        let bottom = top + PITCH - 4.0;
        let y = |rate: f64| bottom - rate / most * HEIGHT;
        let (from, to) = self.span();
        let mut panel = format!(
            "<text x=\"4\" y=\"{:.0}\" font-weight=\"bold\">{}</text><text x=\"996\" y=\"{:.0}\" text-anchor=\"end\" fill=\"#666\">most: \
             {most:.1} × steady; {} min</text><path d=\"M0 {:.1}H{WIDTH}\" stroke=\"#999\"/><path d=\"M0 {bottom:.1}H{WIDTH}\" stroke=\"#000\"/>",
            top + 14.0,
            self.course.title,
            top + 14.0,
            (to - from) / 60_000,
            y(1.0)
        );
        for (columns, colour) in drawn {
            if columns.iter().all(|rate| *rate == 0.0) {
                continue;
            }
            let mut path = String::new();
            for (column, rate) in columns.iter().enumerate() {
                let begin = if column == 0 { "M" } else { "L" };
                // Writing to a string cannot fail.
                let _ = write!(path, "{begin}{} {:.0}", column * WIDTH / COLUMNS, y(*rate));
            }
            // Writing to a string cannot fail.
            let _ = write!(
                panel,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\"/>"
            );
        }
        panel
    }
}

/// Draws the panels, one below the other.
pub(crate) fn svg(panels: &[Panel<'_>]) -> String {
    let mut drawn = String::new();
    let mut top = 24.0;
    for panel in panels {
        drawn.push_str(&panel.draw(top));
        drawn.push('\n');
        top += PITCH;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top:.0}\" font-family=\"sans-serif\" font-size=\"12\">\
         <title>Refreshes, streams and failed calls a second, in steady rates of refreshes</title>\
         <rect width=\"{WIDTH}\" height=\"{top:.0}\" fill=\"#fff\"/>\
         <text x=\"4\" y=\"16\" fill=\"#26c\">refreshes a second</text><text x=\"160\" y=\"16\" fill=\"#393\">streams asked for a second</text>\
         <text x=\"370\" y=\"16\" fill=\"#c33\">calls that failed a second</text>\
         <text x=\"580\" y=\"16\" fill=\"#666\">grey: the steady rate of refreshes; a column has the highest second of its span</text>\n{drawn}</svg>\n"
    )
}
