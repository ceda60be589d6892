//! Metrics in Prometheus's text format (version 0.0.4).

mod gauges;

use std::{
    collections::BTreeMap,
    fmt::{Display, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{clock, domain::Timestamp};
pub(crate) use gauges::Gauges;

/// The upper bounds of the buckets of a request's time, in milliseconds.
const REQUEST_MS: [u64; 9] = [1, 2, 5, 10, 25, 50, 100, 500, 2_500];
/// The upper bounds of the buckets of the time from a revocation to a refusal, in milliseconds.
const REFUSAL_MS: [u64; 7] = [1_000, 5_000, 15_000, 30_000, 45_000, 60_000, 120_000];

/// The upper bounds of the buckets of the wait for a password hash, in milliseconds.
pub(crate) const WAIT_MS: [u64; 7] = [5, 25, 100, 250, 1_000, 2_500, 5_000];

/// A histogram with fixed bounds.
#[derive(Clone, Debug)]
pub(crate) struct Histogram<const BOUNDS: usize> {
    below: [u64; BOUNDS],
    count: u64,
    sum_ms: u64,
}

impl<const BOUNDS: usize> Histogram<BOUNDS> {
    pub(crate) const NEW: Self = Self {
        below: [0; BOUNDS],
        count: 0,
        sum_ms: 0,
    };

    pub(crate) fn observe(&mut self, bounds: &[u64; BOUNDS], took: Duration) {
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        for (below, bound) in self.below.iter_mut().zip(bounds) {
            *below += u64::from(took <= *bound);
        }
        self.count += 1;
        self.sum_ms = self.sum_ms.saturating_add(took);
    }

    fn write(&self, text: &mut String, name: &str, labels: &str, bounds: &[u64; BOUNDS]) {
        let comma = if labels.is_empty() { "" } else { "," };
        for (below, bound) in self.below.iter().zip(bounds) {
            let bound = seconds(*bound);
            line(
                text,
                format_args!("{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {below}"),
            );
        }
        let (count, sum) = (self.count, seconds(self.sum_ms));
        line(
            text,
            format_args!("{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}"),
        );
        line(text, format_args!("{name}_sum{{{labels}}} {sum}"));
        line(text, format_args!("{name}_count{{{labels}}} {count}"));
    }
}

/// The durations that a server measures.
#[derive(Debug)]
pub(crate) struct Timings {
    started_at: Timestamp,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    requests: BTreeMap<(String, u16), Histogram<9>>,
    refusals: Histogram<7>,
}

impl Default for Timings {
    fn default() -> Self {
        let kept = Kept {
            requests: BTreeMap::new(),
            refusals: Histogram::NEW,
        };
        Self {
            started_at: clock::now(),
            kept: Mutex::new(kept),
        }
    }
}

impl Timings {
    /// Returns when the server started.
    pub(crate) const fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Records the duration of a request, by path pattern and status class, which bound the number of series.
    pub(crate) fn answered(&self, path: &str, status: u16, took: Duration) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = kept.requests.entry((path.to_owned(), status / 100));
        requests
            .or_insert(Histogram::NEW)
            .observe(&REQUEST_MS, took);
    }

    /// Records the time from a session's revocation to its refusal.
    pub(crate) fn refused(&self, after: Duration) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.refusals.observe(&REFUSAL_MS, after);
    }
}

/// Writes all metrics.
pub(crate) fn write(
    timings: &Timings,
    events: &BTreeMap<&'static str, u64>,
    security_events: &BTreeMap<(&'static str, &'static str), u64>,
    gauges: &Gauges,
) -> String {
    let kept = timings.kept.lock().unwrap_or_else(PoisonError::into_inner);
    let mut text = String::new();
    head(
        &mut text,
        "nolapse_events_total",
        "counter",
        "What happened, refreshes by reason and outcome among it.",
    );
    for (event, count) in events {
        sample(
            &mut text,
            "nolapse_events_total",
            &[("event", event)],
            count,
        );
    }
    let name = "nolapse_security_events_total";
    head(
        &mut text,
        name,
        "counter",
        "Sign-ins, sign-ups, changes of password and ends of sessions, by result, as the security log has them.",
    );
    for ((event, result), count) in security_events {
        sample(
            &mut text,
            name,
            &[("event", event), ("result", result)],
            count,
        );
    }
    gauges.write(&mut text);
    let name = "nolapse_revocation_to_refusal_seconds";
    head(
        &mut text,
        name,
        "histogram",
        "Time from a revocation to a refused refresh of the session.",
    );
    kept.refusals.write(&mut text, name, "", &REFUSAL_MS);
    let name = "nolapse_request_seconds";
    head(&mut text, name, "histogram", "Time to answer a request.");
    for ((path, class), requests) in &kept.requests {
        let labels = format!("path=\"{path}\",status=\"{class}xx\"");
        requests.write(&mut text, name, &labels, &REQUEST_MS);
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    line(text, format_args!("# HELP {name} {help}"));
    line(text, format_args!("# TYPE {name} {kind}"));
}

fn sample(text: &mut String, name: &str, labels: &[(&str, &str)], value: impl Display) {
    let labels: Vec<String> = labels
        .iter()
        .map(|(label, of)| format!("{label}=\"{of}\""))
        .collect();
    line(text, format_args!("{name}{{{}}} {value}", labels.join(",")));
}

fn line(text: &mut String, written: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{written}");
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}
