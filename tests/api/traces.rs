//! Traces, as a collector gets them; that nothing of a person or a secret is in them; and that a collector that is down
//! is nobody's business.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::app::{ALICE, Answer, NOBODY, SHOP, TestApp};
use crate::support::busy::{Busy, EMAIL, METRICS_ADDR};
use crate::support::collector::{Collector, SentSpan};
use crate::support::exposition::Exposition;
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::linking::linking;
use crate::support::process::{PATIENCE, Process};
use crate::support::wait::until;

const PHONE: &str = "+12125550199";
/// A process has 10 s to stop, flush and all.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);

/// A process that tells `endpoint`, in a world whose shopper has an e-mail address and a list to be on.
async fn traced(endpoint: &str, more: &[(&str, &str)]) -> (TestApp, Process) {
    let app = TestApp::start().await;
    app.set_contact(ALICE, Some(EMAIL), Some(PHONE));
    app.set_list(None, true, &[EMAIL]).await;
    let settings = [&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), METRICS_ADDR], more].concat();
    let process = Process::start(&app.settings, &settings).await;
    (app, process)
}

async fn get(app: &TestApp, process: &Process, path: &str, customer: &str) -> Answer {
    app.send(process.request(app, Method::GET, path, customer), "").await
}

async fn span_of(collector: &Collector, answer: &Answer) -> SentSpan {
    let id = answer.header("x-request-id");
    until(PATIENCE, "the request's span is sent", async || collector.request(id).is_some()).await;
    collector.request(id).unwrap()
}

/// The line of the log about a request.
fn line_of(process: &Process, answer: &Answer) -> Option<Value> {
    let id = answer.header("x-request-id");
    let log = process.log();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.into_iter().find(|line| line["request_id"] == id && line["message"] == "request")
}

fn names(spans: &[SentSpan]) -> BTreeSet<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

#[actix_web::test]
async fn a_request_and_the_calls_it_makes_are_one_trace() {
    let collector = Collector::start().await;
    let (app, process) = traced(&collector.url, &[("OTEL_SERVICE_NAME", "connect-eu")]).await;
    let request = process.request(&app, Method::POST, "/connections", ALICE).json(&linking("walmart"));
    let answer = app.send(request, "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let root = span_of(&collector, &answer).await;
    assert_eq!((root.name.as_str(), root.kind, root.status), ("POST /apps/subtotal/connections", 2, 0));
    assert_eq!((root.parent.len(), root.events, root.service.as_str()), (0, 0, "connect-eu"));
    let expected = [
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("http.route", "/apps/subtotal/connections"),
        ("request_id", answer.header("x-request-id")),
        ("shop", SHOP),
    ];
    assert_eq!(root.attributes, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());

    let calls = collector.below(&root);
    assert!(
        names(&calls)
            .is_superset(&["list_retailers", "list_connections", "create_connection", "customer_contact"].into())
    );
    assert_eq!(calls.len(), app.subtotal.seen().len() + app.admin.asked().len(), "a call, a span: {calls:?}");
    for call in &calls {
        let upstream = if call.name == "customer_contact" { "shopify" } else { "subtotal" };
        let expected = [("outcome", "ok"), ("peer.service", upstream)];
        assert_eq!(
            call.attributes,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            "{call:?}"
        );
        assert_eq!((call.kind, call.status, call.events), (3, 0, 0), "{call:?}");
        assert!(call.nanoseconds <= root.nanoseconds, "{call:?}");
    }
    until(PATIENCE, "the line is logged", async || line_of(&process, &answer).is_some()).await;
    assert_eq!(line_of(&process, &answer).unwrap()["trace_id"], root.trace, "the log leads to the trace");
    let other = get(&app, &process, "/retailers", ALICE).await;
    assert_ne!(span_of(&collector, &other).await.trace, root.trace);
}

#[actix_web::test]
async fn no_span_holds_a_secret_or_who_a_customer_is() {
    let busy = Busy::start().await;
    busy.app.subtotal.break_everything(Fault::Status(500));
    let failed = get(&busy.app, &busy.process, "/link/tWGE4TJM?redirect_url=%2Faccount", ALICE).await;
    assert_eq!(failed.status, 502, "{failed:?}");
    assert_eq!(span_of(&busy.collector, &failed).await.status, 2, "an error is marked");
    let spans = busy.collector.spans();
    assert!(spans.len() > 20, "too little was sent: {spans:?}");
    // Ids are bytes, in which any four digits may stand; all else is text.
    let said = spans.iter().map(|span| format!("{}\n{:?}\n", span.name, span.attributes)).collect::<String>();
    let sent = String::from_utf8_lossy(&busy.collector.bytes()).into_owned();
    let tokens = busy.app.subtotal.tokens();
    let secrets = [EMAIL, "wonderland", "private.example", PHONE, &busy.app.api_key, &busy.app.client_secret, "shpat_"];
    for secret in secrets.into_iter().chain(tokens.iter().map(String::as_str)) {
        assert!(!sent.contains(secret), "{secret} is sent");
    }
    for part in ["signature", "logged_in_customer_id", "redirect", "pk_", "whsec", "tWGE4TJM", "authorization"] {
        assert!(!sent.to_lowercase().contains(&part.to_lowercase()), "{part} is sent");
    }
    assert!(!said.contains(ALICE), "a customer is named: {said}");
    assert!(said.contains("GET /apps/subtotal/link/{"), "a route is named by its template: {said}");
}

#[actix_web::test]
async fn a_strangers_traceparent_decides_nothing() {
    const THEIRS: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let collector = Collector::start().await;
    let (app, process) = traced(&collector.url, &[]).await;
    let with_theirs = async |process: &Process| {
        let request = process.request(&app, Method::GET, "/configuration", NOBODY);
        app.send(request.header("traceparent", format!("00-{THEIRS}-00f067aa0ba902b7-01")), "").await
    };
    let root = span_of(&collector, &with_theirs(&process).await).await;
    assert_eq!(root.parent.len(), 0);
    assert_ne!(root.trace, THEIRS);

    // Nor does it make a trace out of what is not to be traced; what is left is sent before a process ends.
    let quiet = Collector::start().await;
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", quiet.url.as_str()), ("OTEL_TRACES_SAMPLER_ARG", "0")];
    let mut unsampled = Process::start(&app.settings, &settings).await;
    let answer = with_theirs(&unsampled).await;
    assert_eq!(answer.status, 200);
    unsampled.terminate();
    assert_eq!(unsampled.ended().await.code(), Some(0));
    assert!(quiet.spans().is_empty(), "{:?}", quiet.spans());
    assert_eq!(line_of(&unsampled, &answer).unwrap()["trace_id"], Value::Null);
}

#[actix_web::test]
async fn jobs_are_traces_of_their_own_and_probes_are_none() {
    let busy = Busy::start().await;
    assert_eq!(busy.process.plain(&busy.app, "/healthz").await.status, 200);
    assert_eq!(busy.process.plain(&busy.app, "/readyz").await.status, 200);
    let roots = ["shopify_webhooks", "subtotal_events", "purchase_histories", "klaviyo", "flow"];
    // A delivery whose first try finds the machine too busy is tried again later, and later yet.
    until(PATIENCE * 2, "jobs are sent", async || names(&busy.collector.spans()).is_superset(&roots.into())).await;
    let spans = busy.collector.spans();
    let below = |job: &str| {
        let jobs: Vec<_> = spans.iter().filter(|span| span.name == job).collect();
        for job in &jobs {
            assert_eq!((job.parent.len(), job.kind), (0, 5), "{job:?}");
            assert_eq!(job.attributes["shop"], SHOP);
            assert_eq!(job.attributes["queue"], job.name);
        }
        jobs.iter().flat_map(|job| busy.collector.below(job)).map(|span| span.name).collect::<BTreeSet<String>>()
    };
    assert!(below("klaviyo").contains("create_event"));
    assert!(below("flow").contains("flow_trigger"));
    assert!(below("purchase_histories").contains("list_purchases"), "{:?}", below("purchase_histories"));
    let traces = spans.iter().filter(|span| span.parent.is_empty()).count();
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.trace.as_str()).collect();
    assert_eq!(traces, ids.len(), "each trace has one beginning");
    assert!(!names(&spans).iter().any(|name| name.contains("healthz") || name.contains("readyz")));
}

#[actix_web::test]
async fn a_creation_that_outlives_its_request_stays_in_its_trace() {
    let collector = Collector::start().await;
    let (app, process) = traced(&collector.url, &[]).await;
    app.subtotal.break_call(Call::Create, Fault::WorkThenWait(300));
    let request = process.request(&app, Method::POST, "/connections", ALICE).json(&linking("walmart"));
    let gone = request.timeout(Duration::from_millis(200)).send().await;
    assert!(gone.is_err());
    let creation = || collector.spans().into_iter().find(|span| span.name == "create_connection");
    until(PATIENCE, "the creation is sent", async || creation().is_some()).await;
    let creation = creation().unwrap();
    assert!(!creation.parent.is_empty() && creation.attributes["outcome"] == "ok", "{creation:?}");
}

#[actix_web::test]
async fn what_is_left_is_sent_when_the_process_stops() {
    let collector = Collector::start().await;
    let (app, mut process) = traced(&collector.url, &[]).await;
    let answer = get(&app, &process, "/retailers", ALICE).await;
    process.terminate();
    assert_eq!(process.ended().await.code(), Some(0), "{}", process.log());
    let root = collector.request(answer.header("x-request-id")).expect("it was sent before the end");
    assert!(names(&collector.below(&root)).contains("list_retailers"));
}

/// Serves well, says so once, and stops in time, whatever the collector at `endpoint` does.
async fn assert_served_without(endpoint: &str) {
    let (app, mut process) = traced(endpoint, &[]).await;
    for _ in 0..30 {
        let started = Instant::now();
        assert_eq!(get(&app, &process, "/retailers", ALICE).await.status, 200);
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }
    let shown = Exposition::until(&process, "it is counted", |shown| {
        shown.sum("trace_spans_total", &[("outcome", "failed")]) > 0.0
    })
    .await;
    assert_eq!(shown.sum("trace_spans_total", &[("outcome", "sent")]), 0.0);
    assert_eq!(get(&app, &process, "/retailers", ALICE).await.status, 200);
    process.terminate();
    let asked_at = Instant::now();
    assert_eq!(process.ended().await.code(), Some(0), "{}", process.log());
    assert!(asked_at.elapsed() < STOPPED_WITHIN, "{:?}", asked_at.elapsed());
    assert_eq!(process.log().matches("took no traces").count(), 1, "{}", process.log());
}

#[actix_web::test]
async fn a_collector_that_is_down_is_nobodys_business() {
    // Taken and let go again, so nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_served_without(&format!("http://{port}")).await;
}

#[actix_web::test]
async fn a_collector_that_never_answers_is_nobodys_business() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hanging = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    });
    assert_served_without(&format!("http://{address}")).await;
    hanging.abort();
}

#[actix_web::test]
async fn a_line_of_the_json_log_says_all_there_is_to_a_request() {
    let app = TestApp::start().await;
    let process = Process::start(&app.settings, &[]).await;
    let answer = get(&app, &process, "/retailers", ALICE).await;
    until(PATIENCE, "the line is logged", async || line_of(&process, &answer).is_some()).await;
    let line = line_of(&process, &answer).unwrap();
    for (field, value) in [
        ("level", json!("INFO")),
        ("method", json!("GET")),
        ("route", json!("/apps/subtotal/retailers")),
        ("status", json!(200)),
        ("shop", json!(SHOP)),
        ("request_id", json!(answer.header("x-request-id"))),
    ] {
        assert_eq!(line[field], value, "{field}: {line}");
    }
    let milliseconds = line["duration_ms"].as_f64().unwrap();
    assert!((0.1..5000.0).contains(&milliseconds), "{line}");
    assert!(line["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{line}");
    let keys: BTreeSet<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    let all =
        ["timestamp", "level", "target", "message", "method", "route", "status", "shop", "request_id", "duration_ms"];
    assert_eq!(keys, all.into(), "and no more: no spans, and no trace where there are none");
}
