//! The table of metrics against the code: what is counted has its row, and every row is counted somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use subtotal_connect::telemetry::{Kind, Label, METRICS};

/// A use of a metric in the code.
#[derive(Debug)]
struct Use {
    file: String,
    kind: &'static str,
    name: String,
    labels: BTreeSet<String>,
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every use of a metric by name; those that announce the table use none.
fn uses() -> Vec<Use> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut uses = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for kind in ["counter", "gauge", "histogram"] {
            for (at, opening) in text.match_indices(&format!("metrics::{kind}!(")) {
                let rest = &text[at + opening.len()..];
                let mut depth = 1;
                let end = rest.find(|character| {
                    depth += i32::from(character == '(') - i32::from(character == ')');
                    depth == 0
                });
                let strings: Vec<&str> = rest[..end.unwrap()].split('"').collect();
                if !strings[0].trim().is_empty() {
                    continue;
                }
                let is_label =
                    |at: &usize| strings.get(at + 1).is_some_and(|after| after.trim_start().starts_with("=>"));
                let labels = (3..strings.len()).step_by(2).filter(is_label);
                uses.push(Use {
                    file: file.display().to_string(),
                    kind,
                    name: strings[1].to_owned(),
                    labels: labels.map(|at| strings[at].to_owned()).collect(),
                });
            }
        }
    }
    uses
}

#[test]
fn what_the_code_counts_has_its_row_and_every_row_is_counted() {
    let uses = uses();
    assert!(uses.len() > 40, "too few uses are found: {}", uses.len());
    let rows: BTreeMap<&str, _> = METRICS.iter().map(|metric| (metric.name, metric)).collect();
    assert_eq!(rows.len(), METRICS.len(), "a name has two rows");
    for Use { file, kind, name, labels } in &uses {
        let metric = rows.get(name.as_str()).unwrap_or_else(|| panic!("{file} counts {name}, which has no row"));
        let of = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        assert_eq!(*kind, of, "{file} takes {name} for another kind");
        let known: BTreeSet<String> = metric.labels.iter().map(|Label(label, _)| (*label).to_owned()).collect();
        assert_eq!(*labels, known, "{file} gives {name} other labels than its row");
    }
    let used: BTreeSet<&str> = uses.iter().map(|of| of.name.as_str()).collect();
    let unused: Vec<_> = rows.keys().filter(|name| !used.contains(*name)).collect();
    assert!(unused.is_empty(), "nothing counts {unused:?}");
}

#[test]
fn names_follow_prometheus_and_no_label_is_about_a_shop_or_a_person() {
    for metric in METRICS {
        let name = metric.name;
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{name}");
        assert_eq!(
            name.ends_with("_total"),
            metric.kind == Kind::Counter,
            "{name}: a counter, and no other, ends in _total"
        );
        assert_eq!(name.contains("_seconds"), metric.unit == metrics::Unit::Seconds, "{name} says its unit");
        assert!(metric.help.len() > 6 && !metric.help.ends_with('.'), "{name}: {}", metric.help);
        for Label(label, _) in metric.labels {
            for refused in
                ["shop", "customer", "email", "path", "url", "request_id", "trace_id", "le", "job", "instance"]
            {
                assert_ne!(*label, refused, "{name}");
            }
        }
        if let Kind::Histogram(buckets) = metric.kind {
            assert!(buckets.windows(2).all(|pair| pair[0] < pair[1]), "{name}");
        }
    }
}
