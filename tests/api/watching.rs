//! The dashboard and the alerts of `deploy/` against what a running service shows: each metric, each label. And each
//! alert against the runbook.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use crate::support::app::TestApp;
use crate::support::busy::Busy;
use crate::support::promql::{Query, Series};

const ALERTS: &str = include_str!("../../deploy/prometheus/alerts.yml");
const ALERTS_TEST: &str = include_str!("../../deploy/prometheus/alerts_test.yml");
const PROMETHEUS: &str = include_str!("../../deploy/prometheus/prometheus.yml");
const DASHBOARD: &str = include_str!("../../deploy/grafana/subtotal-connect.json");
const RUNBOOK: &str = include_str!("../../docs/runbook.md");

/// What Prometheus adds to every series.
const TARGET: [&str; 2] = ["job", "instance"];

struct Alert {
    name: String,
    expr: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

fn yaml(text: &str) -> Yaml {
    YamlLoader::load_from_str(text).unwrap().remove(0)
}

fn texts(of: &Yaml) -> BTreeMap<String, String> {
    let pairs = of.as_hash().unwrap().iter();
    pairs.map(|(key, value)| (key.as_str().unwrap().to_owned(), value.as_str().unwrap().to_owned())).collect()
}

fn alerts() -> Vec<Alert> {
    let groups = yaml(ALERTS);
    let rules = groups["groups"].as_vec().unwrap().iter().flat_map(|group| group["rules"].as_vec().unwrap());
    let alert = |rule: &Yaml| Alert {
        name: rule["alert"].as_str().unwrap().to_owned(),
        expr: rule["expr"].as_str().unwrap().to_owned(),
        labels: texts(&rule["labels"]),
        annotations: texts(&rule["annotations"]),
    };
    rules.map(alert).collect()
}

/// The panels of the dashboard that ask something: title and questions.
fn panels() -> Vec<(String, Vec<String>)> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row");
    let expr = |target: &Value| target["expr"].as_str().unwrap().to_owned();
    panels
        .map(|panel| {
            let questions: Vec<String> = panel["targets"].as_array().unwrap().iter().map(expr).collect();
            (panel["title"].as_str().unwrap().to_owned(), questions)
        })
        .collect()
}

/// What is wrong with a question to a service that shows these labels by name, if anything is.
fn fault(shown: &BTreeMap<String, BTreeSet<String>>, asked: &str) -> Option<String> {
    let query = match Query::read(asked) {
        Ok(query) => query,
        Err(problem) => return Some(problem),
    };
    // `up` is Prometheus' own: whether it could read a target.
    let own = BTreeSet::new();
    let mut all: BTreeSet<&str> = TARGET.into();
    for Series { name, labels } in &query.series {
        let Some(known) = shown.get(name).or((name == "up").then_some(&own)) else {
            return Some(format!("{name} is not shown"));
        };
        all.extend(known.iter().map(String::as_str));
        if let Some(label) = labels.iter().find(|label| !known.contains(*label) && !TARGET.contains(&label.as_str())) {
            return Some(format!("{name} has no label {label}"));
        }
    }
    if query.series.is_empty() {
        return Some("it asks for nothing".to_owned());
    }
    query
        .grouping
        .iter()
        .find(|label| !all.contains(label.as_str()))
        .map(|label| format!("nothing has a label {label}"))
}

#[actix_web::test]
async fn the_dashboard_and_the_alerts_ask_for_what_the_service_shows() {
    let busy = Busy::start().await;
    let shown = busy.shown().await.labels();
    let alerts = alerts().into_iter().map(|alert| (alert.name, vec![alert.expr]));
    let asked: Vec<_> = alerts.chain(panels()).collect();
    assert!(asked.len() > 50, "too few questions are found: {}", asked.len());
    for (what, questions) in &asked {
        assert!(!questions.is_empty(), "{what} asks nothing");
        for question in questions {
            // What Grafana fills in.
            let question = question.replace("$__rate_interval", "1m");
            assert_eq!(fault(&shown, &question), None, "{what}: {question}");
        }
    }
    // The other way round: what is on no panel is watched by nobody.
    let seen: BTreeSet<String> = asked
        .iter()
        .flat_map(|(_, questions)| questions)
        .flat_map(|question| Query::read(&question.replace("$__rate_interval", "1m")).unwrap().series)
        .map(|series| series.name)
        .collect();
    let bases: BTreeSet<&str> = seen.iter().map(|name| name.trim_end_matches("_bucket")).collect();
    for metric in subtotal_connect::telemetry::METRICS {
        assert!(bases.contains(metric.name), "{} is on no panel and in no alert", metric.name);
    }
    for (wrong, says) in [
        ("sum(rate(http_request_total[5m]))", "http_request_total is not shown"),
        ("http_requests_total{shop=\"x\"}", "http_requests_total has no label shop"),
        ("sum by (path) (http_requests_total)", "nothing has a label path"),
        ("vector(1)", "it asks for nothing"),
    ] {
        assert_eq!(fault(&shown, wrong).as_deref(), Some(says));
    }
}

#[test]
fn every_alert_has_its_section_in_the_runbook_and_every_section_its_alert() {
    let section = RUNBOOK.split_once("\n## Alerts\n").expect("the runbook has the section").1;
    let section = section.split("\n## ").next().unwrap();
    let sections: BTreeMap<&str, &str> =
        section.split("\n### ").skip(1).map(|part| part.split_once('\n').unwrap()).collect();
    let alerts = alerts();
    let names: BTreeSet<&str> = alerts.iter().map(|alert| alert.name.as_str()).collect();
    assert_eq!(names.len(), alerts.len(), "a name is there twice");
    assert_eq!(sections.keys().copied().collect::<BTreeSet<_>>(), names);
    for (name, text) in &sections {
        assert!(text.split_whitespace().count() > 40, "{name} says too little");
        for part in ["**Notice:**", "**Look:**", "**Do:**"] {
            assert!(text.contains(part), "{name} has no {part}");
        }
    }
    for alert in &alerts {
        let Alert { name, labels, annotations, .. } = alert;
        assert!(["critical", "warning", "info"].contains(&labels["severity"].as_str()), "{name}");
        let keys: Vec<&str> = annotations.keys().map(String::as_str).collect();
        assert_eq!(keys, ["description", "runbook_url", "summary"], "{name}");
        let heading = annotations["runbook_url"].split_once("docs/runbook.md#").unwrap().1;
        assert_eq!(heading, name.to_lowercase(), "{name} leads elsewhere");
    }
}

/// Somebody will paste them at four in the morning.
#[actix_web::test]
async fn the_runbooks_questions_to_the_database_are_good_sql() {
    let app = TestApp::start().await;
    let on_sqlite = app.database.url.starts_with("sqlite");
    let blocks = RUNBOOK.split("```sql\n").skip(1).map(|block| block.split("```").next().unwrap());
    let mut asked = 0;
    for sql in blocks.flat_map(|block| block.split(';')).filter(|sql| !sql.trim().is_empty()) {
        if !(on_sqlite && sql.contains("pg_stat")) {
            app.database.execute(sql).await;
            asked += 1;
        }
    }
    assert!(asked >= 6, "{asked} questions are found");
}

#[test]
fn every_alert_is_shown_to_fire() {
    let tests = yaml(ALERTS_TEST);
    let tests = tests["tests"].as_vec().unwrap();
    let expected = tests.iter().flat_map(|test| test["promql_expr_test"].as_vec().unwrap());
    let fired: String = expected
        .flat_map(|expected| expected["exp_samples"].as_vec().unwrap().clone())
        .map(|sample| sample["labels"].as_str().unwrap().to_owned())
        .collect();
    for alert in alerts() {
        assert!(fired.contains(&format!("alertname=\"{}\"", alert.name)), "no test lets {} fire", alert.name);
    }
}

#[test]
fn prometheus_example_reads_the_alerts_and_names_the_job_they_look_for() {
    let example = yaml(PROMETHEUS);
    assert_eq!(example["rule_files"][0].as_str(), Some("alerts.yml"));
    let job = example["scrape_configs"][0]["job_name"].as_str().unwrap();
    for alert in alerts() {
        let of = Query::read(&alert.expr).unwrap();
        assert!(alert.expr.matches(&format!("job=\"{job}\"")).count() == of.series.len(), "{}", alert.expr);
    }
}
