//! The one table of metrics. What is counted or measured anywhere in this crate has its row here, and `tests/api/metrics.rs`
//! holds the code, a running service, the dashboard and the alerts to it.
//!
//! A new metric is a new row. Names follow Prometheus: base units, `_total` on counters. No label may hold a shop, a
//! person or anything a stranger chooses: each combination is a series for as long as the process lives.

use metrics::Unit;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// How a metric moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only up, from 0 when the process starts.
    Counter,
    /// Up and down.
    Gauge,
    /// Counted by the upper ends of these buckets.
    Histogram(&'static [f64]),
}

/// A label, and the values it may have; none are listed where the settings or the table of routes say which there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label(pub &'static str, pub &'static [&'static str]);

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// As it is exported.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// What it is measured in.
    pub unit: Unit,
    /// What it says.
    pub help: &'static str,
    /// What tells its series apart.
    pub labels: &'static [Label],
}

/// Seconds; a storefront request ends after 4.
const OF_REQUESTS: Kind =
    Kind::Histogram(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0]);
/// Seconds; a call ends after 2 to 10.
const OF_CALLS: Kind = Kind::Histogram(&[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0, 20.0]);

const QUEUES: Label = Label("queue", &["shopify_webhooks", "subtotal_events", "purchase_histories", "klaviyo", "flow"]);
const ROUTE: Label = Label("route", &[]);
const REASON: Label = Label("reason", &[]);
const UPSTREAM: Label = Label("upstream", &["subtotal", "shopify", "klaviyo"]);
const OPERATION: Label = Label("operation", &[]);
const POOL: Label = Label("pool", &["main", "durable"]);
const CACHE: Label = Label("cache", &["shops", "retailers", "contacts"]);
const RECEIVED: Label = Label("outcome", &["received", "duplicate", "ignored", "unreadable"]);

/// Every metric, by subject.
pub const METRICS: &[Metric] = &[
    counter("http_requests_total", "Requests answered", &[ROUTE, Label("status", &[])]),
    seconds("http_request_duration_seconds", OF_REQUESTS, "From a request's arrival to its answer", &[ROUTE]),
    counter("http_problems_total", "Requests answered with a problem, by its code", &[Label("code", &[])]),
    counter("proxy_refusals_total", "App-proxy requests refused, by the check they failed", &[REASON]),
    counter("webhook_refusals_total", "Shopify's webhooks refused, by the check they failed", &[REASON]),
    counter("event_refusals_total", "Subtotal's events refused, by the check they failed", &[REASON]),
    counter("session_refusals_total", "Session tokens refused, by the check they failed", &[REASON]),
    counter(
        "rate_limited_total",
        "Calls answered 429, by whose limit they were over",
        &[Label("scope", &["shop", "customer", "staff"])],
    ),
    counter(
        "requests_shed_total",
        "Requests answered 503 because the process, or their shop, had no place left, or the processor lagged behind",
        &[Label("scope", &["process", "shop", "lag"])],
    ),
    gauge("requests_in_flight", Unit::Count, "Requests worked on now, but for /healthz and /readyz", &[]),
    counter(
        "upstream_calls_total",
        "Calls made to others, repeats of a call not counted; abandoned ones lost whoever waited for them",
        &[UPSTREAM, OPERATION, Label("outcome", &[])],
    ),
    seconds(
        "upstream_call_duration_seconds",
        OF_CALLS,
        "From the start of a call to its outcome, its repeat included",
        &[UPSTREAM, OPERATION],
    ),
    counter(
        "subtotal_calls_turned_away_total",
        "Calls to Subtotal that were not made: the shop's breaker was open, or too many ran",
        &[Label("reason", &["breaker_open", "too_many"])],
    ),
    counter("subtotal_breaker_openings_total", "Times a shop's breaker opened, or stayed open after a trial", &[]),
    gauge("subtotal_breakers_open", Unit::Count, "Shops whose breaker refuses calls now", &[]),
    counter(
        "cache_requests_total",
        "Questions to what is held in memory",
        &[CACHE, Label("result", &["hit", "stale", "miss"])],
    ),
    gauge("cache_entries", Unit::Count, "What is held in memory", &[CACHE]),
    counter("webhooks_total", "Shopify's webhooks, verified", &[RECEIVED]),
    counter("subtotal_events_total", "Subtotal's events, verified", &[RECEIVED]),
    counter(
        "webhook_work_total",
        "Tries at what Shopify's webhooks ask for",
        &[Label("outcome", &["done", "failed", "dead"])],
    ),
    counter(
        "subtotal_events_worked_total",
        "Tries at Subtotal's events",
        &[Label("outcome", &["done", "failed", "dead"])],
    ),
    counter(
        "deliveries_total",
        "Tries to tell a merchant's tool",
        &[
            Label("destination", &["klaviyo", "flow"]),
            Label("outcome", &["delivered", "failed", "held", "skipped", "dead"]),
        ],
    ),
    gauge(
        "queue_jobs",
        Unit::Count,
        "Jobs that wait to be tried, that were tried or are just now, and that were given up; by all processes",
        &[QUEUES, Label("state", &["waiting", "tried", "dead"])],
    ),
    gauge(
        "queue_oldest_job_seconds",
        Unit::Seconds,
        "Age of the oldest job that is not done; 0 without one",
        &[QUEUES],
    ),
    gauge(
        "queue_overdue_seconds",
        Unit::Seconds,
        "For how long the job that is most overdue could have been tried; 0 without one, paused ones left out",
        &[QUEUES],
    ),
    gauge(
        "shopify_tokens",
        Unit::Count,
        "Shops by their Admin API tokens: ending ones can not be renewed a week from now, dead ones can not any more",
        &[Label("state", &["good", "ending", "dead"])],
    ),
    counter("shopify_token_refreshes_total", "Tries to renew a shop's tokens", &[Label("outcome", &["ok", "failed"])]),
    counter(
        "client_secret_uses_total",
        "What was verified, by the place of the secret it was signed with in SHOPIFY_API_SECRET; 0 is the newest",
        &[Label("index", &["0", "1", "2", "more"])],
    ),
    counter(
        "webhook_secret_uses_total",
        "Subtotal's events verified, by which of the shop's secrets they were signed with",
        &[Label("secret", &["newest", "former"])],
    ),
    gauge(
        "sealed_values",
        Unit::Count,
        "Sealed values stored, by table and encryption key",
        &[Label("table", &[]), Label("key", &[])],
    ),
    gauge("database_up", Unit::Count, "1 when the database answered when it was last asked, every 15 s; else 0", &[]),
    gauge("database_connections", Unit::Count, "Open connections", &[POOL, Label("state", &["idle", "in_use"])]),
    gauge("database_connections_max", Unit::Count, "Connections that may be open", &[POOL]),
    gauge(
        "announcements_heard",
        Unit::Count,
        "1 while PostgreSQL tells of changes by other processes; else 0, as on SQLite",
        &[],
    ),
    counter(
        "trace_spans_total",
        "Spans for the collector; dropped ones found no room",
        &[Label("outcome", &["sent", "failed", "dropped"])],
    ),
    gauge(
        "build_info",
        Unit::Count,
        "1, for the version and commit this is",
        &[Label("version", &[]), Label("commit", &[])],
    ),
    gauge("process_start_time_seconds", Unit::Seconds, "When the process started, Unix time", &[]),
    Metric {
        unit: Unit::Seconds,
        ..counter("process_cpu_seconds_total", "Processor time used, in whole seconds", &[])
    },
    gauge("process_resident_memory_bytes", Unit::Bytes, "Memory in use", &[]),
    gauge("process_open_fds", Unit::Count, "Open file handles", &[]),
    gauge("process_max_fds", Unit::Count, "File handles that may be open", &[]),
    gauge("process_threads", Unit::Count, "Threads", &[]),
];

const fn counter(name: &'static str, help: &'static str, labels: &'static [Label]) -> Metric {
    Metric { name, kind: Kind::Counter, unit: Unit::Count, help, labels }
}

const fn gauge(name: &'static str, unit: Unit, help: &'static str, labels: &'static [Label]) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, help, labels }
}

const fn seconds(name: &'static str, kind: Kind, help: &'static str, labels: &'static [Label]) -> Metric {
    Metric { name, kind, unit: Unit::Seconds, help, labels }
}

/// Collects the process's metrics; the handle renders them.
///
/// # Errors
/// When metrics are collected already.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS {
        if let Kind::Histogram(buckets) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
        }
    }
    let handle = builder.install_recorder()?;
    METRICS.iter().for_each(Metric::announce);
    metrics::gauge!(
        "build_info",
        "version" => env!("CARGO_PKG_VERSION"),
        "commit" => option_env!("SUBTOTAL_CONNECT_COMMIT").unwrap_or("unknown")
    )
    .set(1.0);
    Ok(handle)
}

impl Metric {
    /// Describes it. A counter whose series are known starts each at 0: the first time something goes wrong is a rise
    /// then, and not the birth of a series, which no alert sees.
    fn announce(&self) {
        match self.kind {
            Kind::Counter => {
                metrics::describe_counter!(self.name, self.unit, self.help);
                for labels in self.known_series() {
                    metrics::counter!(self.name, &labels).increment(0);
                }
            }
            Kind::Gauge => metrics::describe_gauge!(self.name, self.unit, self.help),
            Kind::Histogram(_) => metrics::describe_histogram!(self.name, self.unit, self.help),
        }
    }

    /// Every combination of labels, where the table knows them all.
    fn known_series(&self) -> Vec<Vec<(&'static str, &'static str)>> {
        self.labels.iter().fold(vec![Vec::new()], |series, Label(name, values)| {
            let with = |labels: &Vec<_>, value| [labels.clone(), vec![(*name, value)]].concat();
            series.iter().flat_map(|labels| values.iter().map(move |value| with(labels, *value))).collect()
        })
    }
}
