//! What `/metrics` shows: the table of metrics, each of them, and nothing else; and that the figures are true.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use subtotal_connect::events::happening::HappeningKind;
use subtotal_connect::store::{Destination, TokenCounts};
use subtotal_connect::telemetry::{Kind, Label, METRICS};

use crate::support::app::{ALICE, SHOP, TestApp};
use crate::support::busy::{Busy, EMAIL, METRICS_ADDR};
use crate::support::event::{self, Sent, connection_event, id_from};
use crate::support::exposition::Exposition;
use crate::support::fake_klaviyo::KlaviyoFault;
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::happenings::happened;
use crate::support::process::Process;

#[actix_web::test]
async fn a_busy_service_shows_the_table_and_nothing_else() {
    let busy = Busy::start().await;
    let shown = busy.shown().await;
    let names: BTreeSet<&str> = shown.samples.iter().map(|sample| shown.base(&sample.name)).collect();
    let table: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(names, table, "{}", shown.text);
    for metric in METRICS {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        assert_eq!((shown.kinds[metric.name].as_str(), shown.helps[metric.name].as_str()), (kind, metric.help));
        let of = shown.samples.iter().filter(|sample| shown.base(&sample.name) == metric.name);
        for sample in of {
            let labels = sample.labels.iter().filter(|(label, _)| *label != "le");
            assert_eq!(labels.clone().count(), metric.labels.len(), "{sample:?}");
            for (label, value) in labels {
                let known = metric.labels.iter().find(|Label(name, _)| name == label);
                let Label(_, values) = known.unwrap_or_else(|| panic!("{sample:?} has a label of its own"));
                assert!(values.is_empty() || values.contains(&value.as_str()), "{sample:?} is not in the table");
            }
        }
    }
    for secret in ["myshopify", ALICE, EMAIL, &busy.app.api_key, &busy.app.client_secret, "private.example"] {
        assert!(!shown.text.contains(secret), "{secret} is shown");
    }
}

#[actix_web::test]
async fn what_a_busy_service_did_is_what_it_shows() {
    let busy = Busy::start().await;
    let shown = busy.shown().await;
    let route = [("route", "/apps/subtotal/retailers")];
    assert_eq!(shown.sum("http_requests_total", &[route[0], ("status", "200")]), 3.0);
    assert_eq!(shown.sum("http_request_duration_seconds_count", &route), 4.0, "the refused one too");
    assert_eq!(shown.sum("http_request_duration_seconds_bucket", &[route[0], ("le", "+Inf")]), 4.0);
    assert_eq!(shown.sum("http_problems_total", &[("code", "invalid_signature")]), 3.0);
    for refused in ["proxy", "webhook", "event", "session"] {
        assert_eq!(shown.sum(&format!("{refused}_refusals_total"), &[]), 1.0, "{refused}");
    }
    for (upstream, operation, at_least) in [
        ("subtotal", "list_retailers", 1.0),
        ("subtotal", "list_connections", 3.0),
        ("subtotal", "create_connection", 1.0),
        ("subtotal", "create_token", 1.0),
        ("subtotal", "update_connection", 1.0),
        ("shopify", "customer_contact", 1.0),
        ("shopify", "flow_trigger", 1.0),
        ("klaviyo", "create_event", 1.0),
    ] {
        let of = [("upstream", upstream), ("operation", operation)];
        let calls = shown.sum("upstream_calls_total", &[of[0], of[1], ("outcome", "ok")]);
        assert!(calls >= at_least, "{operation}: {calls}");
        assert!(shown.sum("upstream_call_duration_seconds_count", &of) >= calls, "{operation}");
    }
    // Three lists of retailers and a link out of one fetch.
    let from = |cache, result| shown.sum("cache_requests_total", &[("cache", cache), ("result", result)]);
    assert_eq!(from("retailers", "miss"), 1.0, "{}", shown.text);
    assert!(from("retailers", "hit") >= 2.0 && from("shops", "hit") >= 2.0 && from("shops", "miss") >= 1.0);
    assert!(from("contacts", "miss") >= 1.0 && shown.sum("cache_entries", &[("cache", "contacts")]) >= 1.0);
    // The newest secret signed what this world sent; the process knows a newer one.
    assert_eq!(shown.sum("client_secret_uses_total", &[("index", "0")]), 0.0);
    assert!(shown.sum("client_secret_uses_total", &[("index", "1")]) >= 6.0);
    assert_eq!(shown.sum("webhook_secret_uses_total", &[("secret", "former")]), 1.0);
    assert_eq!(shown.sum("webhook_secret_uses_total", &[("secret", "newest")]), 1.0);
    assert_eq!(shown.sum("webhooks_total", &[("outcome", "received")]), 1.0);
    assert_eq!(shown.sum("subtotal_events_total", &[("outcome", "received")]), 2.0);
    for tool in ["flow", "klaviyo"] {
        assert!(shown.sum("deliveries_total", &[("destination", tool), ("outcome", "delivered")]) >= 1.0, "{tool}");
    }
    assert_eq!(shown.sum("database_up", &[]), 1.0);
    assert!(shown.sum("database_connections", &[]) >= 1.0);
    assert!(shown.sum("database_connections_max", &[]) >= shown.sum("database_connections", &[]));
    assert!(shown.sum("trace_spans_total", &[("outcome", "sent")]) >= 10.0);
    assert_eq!(shown.sum("build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    let memory = shown.sum("process_resident_memory_bytes", &[]);
    assert!((5e6..1e9).contains(&memory), "{memory} bytes");
    let (open, most) = (shown.sum("process_open_fds", &[]), shown.sum("process_max_fds", &[]));
    assert!(open > 5.0 && open < most, "{open} of {most}");
    let up = busy.app.clock.unix_ms() as f64 / 1000.0 - shown.sum("process_start_time_seconds", &[]);
    assert!((0.0..300.0).contains(&up), "up for {up} s");
}

#[actix_web::test]
async fn counters_are_there_from_the_start_so_that_the_first_rise_is_seen() {
    let app = TestApp::start().await;
    let process = Process::start(&app.settings, &[METRICS_ADDR]).await;
    let shown = Exposition::of(&process).await;
    let zero = |name: &str, labels: &[(&str, &str)]| {
        let has = |label: &(&str, &str)| {
            shown.samples.iter().any(|of| of.labels.get(label.0).is_some_and(|at| at == label.1))
        };
        labels.iter().all(has) && shown.sum(name, labels) == 0.0
    };
    assert!(zero("deliveries_total", &[("destination", "klaviyo"), ("outcome", "dead")]), "{}", shown.text);
    assert!(zero("subtotal_events_worked_total", &[("outcome", "dead")]));
    assert!(shown.text.contains("\nsubtotal_breaker_openings_total 0\n"), "{}", shown.text);
}

#[actix_web::test]
async fn an_open_breaker_is_seen_until_calls_flow_again() {
    let app = TestApp::start().await;
    let process = Process::start(&app.settings, &[METRICS_ADDR]).await;
    app.subtotal.break_call(Call::Connections, Fault::Status(500));
    let body = json!({ "connectionId": "not-there" });
    let ask = async || {
        let request = process.request(&app, Method::POST, "/disconnect-connection", ALICE).json(&body);
        app.send(request, "").await.code()
    };
    for _ in 0..20 {
        assert_eq!(ask().await, "subtotal_unavailable");
    }
    assert_eq!(ask().await, "subtotal_busy");
    let shown = Exposition::of(&process).await;
    assert_eq!(shown.sum("subtotal_breakers_open", &[]), 1.0);
    assert_eq!(shown.sum("subtotal_breaker_openings_total", &[]), 1.0);
    assert_eq!(shown.sum("subtotal_calls_turned_away_total", &[("reason", "breaker_open")]), 1.0);
    app.subtotal.mend();
    Exposition::until(&process, "the breaker lets a trial through", |shown| {
        shown.sum("subtotal_breakers_open", &[]) == 0.0
    })
    .await;
    assert_ne!(ask().await, "subtotal_busy");
}

#[actix_web::test]
async fn queues_are_counted_by_state_with_the_age_of_the_oldest() {
    let app = event::start().await;
    for nth in 0..4 {
        let connection = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
        Sent::new(&connection_event(&id_from(&app, nth), "unauthenticated", &connection)).done(&app).await;
    }
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.klaviyo.set_fault(KlaviyoFault::Status(400));
    app.deliver(SHOP, &happened("evt_dead", HappeningKind::Connected)).await;
    app.until_state(SHOP, "dead", 1).await;
    app.stop().await;
    let now = app.clock.unix_ms();
    // One waits since two minutes and could have been tried a minute ago, one was tried, one was given up.
    let ids: Vec<String> =
        app.database.table("subtotal_events").await.iter().map(|row| row["event_id"].to_string()).collect();
    let set = async |id: &str, set: &str| {
        app.database
            .execute(&format!("UPDATE subtotal_events SET {set} WHERE event_id = '{}'", id.trim_matches('"')))
            .await;
    };
    let (came, due) = (now - 120_000, now - 60_000);
    set(&ids[0], &format!("state = 'waiting', attempts = 0, received_at = {came}, due_at = {due}")).await;
    set(&ids[1], &format!("state = 'waiting', attempts = 3, due_at = {}", now + 600_000)).await;
    set(&ids[2], "state = 'failed'").await;
    let backlogs = app.store.backlogs().await.unwrap();
    let of = |queue: &str| backlogs.iter().find(|backlog| backlog.queue == queue).unwrap();
    let events = of("subtotal_events");
    assert_eq!((events.waiting, events.tried, events.dead), (1, 1, 1), "{events:?}");
    assert!((120_000..150_000).contains(&events.oldest_ms), "{events:?}");
    assert!((60_000..90_000).contains(&events.overdue_ms), "{events:?}");
    let klaviyo = of("klaviyo");
    assert_eq!((klaviyo.waiting, klaviyo.tried, klaviyo.dead, klaviyo.overdue_ms), (0, 0, 1, 0), "{klaviyo:?}");
    for quiet in ["shopify_webhooks", "flow"] {
        let quiet = of(quiet);
        assert_eq!((quiet.waiting, quiet.tried, quiet.dead, quiet.oldest_ms, quiet.overdue_ms), (0, 0, 0, 0, 0));
    }
    assert_eq!(backlogs.len(), 5);

    // What is due of a tool that the merchant paused waits for the merchant, and for nobody else.
    let open = format!("UPDATE deliveries SET state = 'waiting', due_at = {due}, ended_at = NULL");
    app.database.execute(&open).await;
    let overdue = async || {
        let backlogs = app.store.backlogs().await.unwrap();
        let klaviyo = backlogs.into_iter().find(|backlog| backlog.queue == "klaviyo").unwrap();
        (klaviyo.tried, klaviyo.overdue_ms >= 60_000)
    };
    let all = i64::try_from(app.database.table("deliveries").await.len()).unwrap();
    assert_eq!(overdue().await, (all, true));
    app.database.execute("UPDATE integrations SET is_paused = TRUE").await;
    assert_eq!(overdue().await, (all, false));
}

#[actix_web::test]
async fn tokens_near_their_death_are_counted() {
    let app = TestApp::start().await;
    let (day, now) = (86_400_000, app.clock.unix_ms());
    let no_bytes = if app.database.url.starts_with("sqlite") { "x'00'" } else { "'\\x00'::bytea" };
    let rows = [(90, "NULL"), (6, "NULL"), (6, "'dead'"), (-1, "NULL"), (30, "NULL")];
    for (nth, (days, problem)) in rows.iter().enumerate() {
        let shop = format!("shop-{nth}.myshopify.com");
        app.install(&shop).await;
        let id = app.shop_id(&shop).await;
        let ends = now + days * day;
        let values = format!("{id}, {}, 'k1', {now}, {ends}, 1, 0, {problem}", no_bytes);
        app.database
            .execute(&format!(
                "INSERT INTO shopify_tokens (shop_id, sealed, key_id, access_expires_at, refresh_expires_at, version, \
                 refresh_until, problem) VALUES ({values})"
            ))
            .await;
    }
    assert_eq!(app.store.token_counts().await.unwrap(), TokenCounts { good: 2, ending: 1, dead: 2 });
}

/// `/metrics` is asked every few seconds for ever.
#[actix_web::test]
async fn asking_again_and_again_costs_little_and_changes_nothing() {
    let busy = Busy::start().await;
    let before = busy.shown().await;
    let started = std::time::Instant::now();
    for _ in 0..50 {
        Exposition::of(&busy.process).await;
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let after = Exposition::of(&busy.process).await;
    assert_eq!(before.samples.len(), after.samples.len(), "series are born by asking");
    assert_eq!(before.sum("http_requests_total", &[]), after.sum("http_requests_total", &[]));
}
