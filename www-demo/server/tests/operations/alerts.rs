//! `deploy/alerts.yml`: well-formed, and about metrics that a server has.

use std::collections::{BTreeMap, BTreeSet};

use yaml_rust2::{Yaml, YamlLoader};

use crate::{client::send, instances::Instance};

const RULES: &str = include_str!("../../deploy/alerts.yml");
const DOCUMENT: &str = include_str!("../../../../docs/operations.md");
/// What Prometheus makes itself.
const OF_PROMETHEUS: [&str; 1] = ["up"];

/// The names of metrics that a server has, without the endings of histograms, with the values of their labels.
type Metrics = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

fn metrics() -> Metrics {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("METRICS_PORT", "0"), ("SECURITY_LOG", "off")];
    let server = Instance::start(folder.path(), &settings);
    let request = "POST /auth/refresh HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    send(&server.auth, request);
    let request = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let text = send(&server.metrics, request).body;
    let mut metrics = Metrics::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let known = metrics.entry(without_ending(name).to_owned()).or_default();
        let labels = labels
            .trim_end_matches('}')
            .split(',')
            .filter(|label| !label.is_empty());
        for label in labels {
            let (label, value) = label.split_once('=').unwrap();
            let values = known.entry(label.to_owned()).or_default();
            values.insert(value.trim_matches('"').to_owned());
        }
    }
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        metrics.entry(name.to_owned()).or_default();
    }
    metrics
}

fn without_ending(name: &str) -> &str {
    let endings = ["_bucket", "_sum", "_count"];
    let base = endings.iter().find_map(|ending| name.strip_suffix(ending));
    base.unwrap_or(name)
}

fn rules() -> Vec<Yaml> {
    let documents = YamlLoader::load_from_str(RULES).unwrap();
    assert_eq!(documents.len(), 1);
    let groups = documents[0]["groups"].as_vec().unwrap().clone();
    let rules = groups.into_iter().flat_map(|group| {
        assert!(group["name"].as_str().is_some());
        group["rules"].as_vec().unwrap().clone()
    });
    rules.collect()
}

/// The metrics that an expression selects, with its matchers.
fn selected(expression: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_') {
        let word = rest.get(start..).unwrap();
        let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, after) = word.split_at(end.unwrap_or(word.len()));
        rest = after;
        let is_metric = ["nolapse_", "process_"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        if !is_metric && !OF_PROMETHEUS.contains(&name) {
            continue;
        }
        let mut matchers = Vec::new();
        if let Some((inner, after)) = after
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
        {
            rest = after;
            for matcher in inner.split(',') {
                let (label, value) = matcher.split_once('=').unwrap();
                matchers.push((label.to_owned(), value.trim_matches('"').to_owned()));
            }
        }
        found.push((name.to_owned(), matchers));
    }
    found
}

#[test]
fn every_alert_is_whole_and_selects_series_that_a_server_has() {
    let metrics = metrics();
    let rules = rules();
    let mut names = BTreeSet::new();

    for rule in &rules {
        let name = rule["alert"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        let severity = rule["labels"]["severity"].as_str();
        assert!(
            severity.is_some_and(|one| ["page", "ticket"].contains(&one)),
            "{name}"
        );
        for text in ["summary", "description"] {
            assert!(
                rule["annotations"][text].as_str().is_some(),
                "{name}: {text}"
            );
        }
        let expression = rule["expr"].as_str().unwrap();
        let open = expression.matches('(').count();
        assert_eq!(open, expression.matches(')').count(), "{name}");
        let selected = selected(expression);
        assert!(!selected.is_empty(), "{name} selects nothing");
        for (metric, matchers) in selected {
            if OF_PROMETHEUS.contains(&&*metric) {
                continue;
            }
            let labels = metrics.get(without_ending(&metric));
            let labels = labels.unwrap_or_else(|| panic!("{name}: there is no {metric}"));
            for (label, value) in matchers {
                let values = labels
                    .get(&label)
                    .unwrap_or_else(|| panic!("{name}: no {label}"));
                // A class of status is there once such a response was given.
                let is_status = label == "status" && ["2xx", "4xx", "5xx"].contains(&&*value);
                assert!(
                    is_status || values.contains(&value),
                    "{name}: {label}={value}"
                );
            }
        }
    }
    assert!(rules.len() > 10);
}

#[test]
fn every_metric_is_documented_and_no_other() {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented: BTreeSet<String> = rows
        .filter_map(|row| row.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.starts_with("nolapse_") || name.starts_with("process_"))
        .collect();

    assert_eq!(documented, metrics().into_keys().collect());
}
