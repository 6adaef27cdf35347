//! What `/metrics` says, read.

use std::collections::{BTreeMap, BTreeSet};

use super::process::{PATIENCE, Process};
use super::wait::until;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct Exposition {
    pub(crate) text: String,
    /// `counter`, `gauge`, `histogram` or `summary`, by name.
    pub(crate) kinds: BTreeMap<String, String>,
    pub(crate) helps: BTreeMap<String, String>,
    pub(crate) samples: Vec<Sample>,
}

impl Exposition {
    /// From where the process says that it shows metrics.
    pub(crate) async fn of(process: &Process) -> Self {
        let log = process.log();
        let url = log.split_once("metrics on ").expect("METRICS_ADDR is set").1.split('"').next().unwrap().to_owned();
        Self::read(&reqwest::get(url).await.unwrap().text().await.unwrap())
    }

    /// Waits until it shows what is looked for.
    pub(crate) async fn until(process: &Process, what: &str, is_there: impl Fn(&Self) -> bool) -> Self {
        let mut shown = Self::of(process).await;
        until(PATIENCE, what, async || {
            shown = Self::of(process).await;
            is_there(&shown)
        })
        .await;
        shown
    }

    pub(crate) fn read(text: &str) -> Self {
        let mut shown =
            Self { text: text.to_owned(), kinds: BTreeMap::new(), helps: BTreeMap::new(), samples: Vec::new() };
        for line in text.lines().filter(|line| !line.is_empty()) {
            let described = |what: &str| line.strip_prefix(what)?.split_once(' ');
            if let Some((name, kind)) = described("# TYPE ") {
                shown.kinds.insert(name.to_owned(), kind.to_owned());
            } else if let Some((name, help)) = described("# HELP ") {
                shown.helps.insert(name.to_owned(), help.to_owned());
            } else {
                shown.samples.push(sample(line));
            }
        }
        shown
    }

    /// The sum of all series of this name that have these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &&Sample| {
            sample.name == name
                && labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|of| of == value))
        };
        self.samples.iter().filter(has).map(|sample| sample.value).sum()
    }

    /// The name in the table that a sample stands under: of a histogram there are several.
    pub(crate) fn base<'a>(&self, name: &'a str) -> &'a str {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        base.filter(|base| self.kinds.get(*base).is_some_and(|kind| kind == "histogram")).unwrap_or(name)
    }

    /// The labels of each name that is shown, as it is shown.
    pub(crate) fn labels(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut labels = BTreeMap::<String, BTreeSet<String>>::new();
        for sample in &self.samples {
            labels.entry(sample.name.clone()).or_default().extend(sample.labels.keys().cloned());
        }
        labels
    }
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').unwrap();
    let pairs = labels.split("\",").filter(|pair| !pair.is_empty()).map(|pair| {
        let (label, value) = pair.split_once("=\"").unwrap();
        (label.to_owned(), value.trim_end_matches('"').to_owned())
    });
    Sample { name: name.to_owned(), labels: pairs.collect(), value: value.parse().unwrap() }
}
