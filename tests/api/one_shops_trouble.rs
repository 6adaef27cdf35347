//! One shop's trouble stays its own: a breaker that spares a Subtotal that is down, and a bulkhead that keeps a shop
//! from taking every place.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use subtotal_connect::clock::Clock;

use crate::support::app::{ALICE, Answer, SHOP, TestApp, unix_now};
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::process::{PATIENCE, Process};
use crate::support::wait::until;

const OTHER: &str = "other.myshopify.com";
/// Calls one shop may have in flight.
const PLACES: usize = 256;

/// A request that asks Subtotal once.
async fn ask(app: &TestApp, shop: &str) -> Answer {
    let body = json!({ "connectionId": "not-there" });
    app.call(Method::POST, shop, "/disconnect-connection", ALICE, |request| request.json(&body)).await
}

/// On a still clock, after so many failed calls that nobody is asked any more.
async fn broken_open() -> TestApp {
    let app = TestApp::start_with(&[], Clock::manual(unix_now() * 1000)).await;
    app.install(OTHER).await;
    app.subtotal.break_call(Call::Connections, Fault::Status(500));
    for _ in 0..20 {
        assert_eq!(ask(&app, SHOP).await.code(), "subtotal_unavailable");
    }
    assert_eq!(app.subtotal.count(Call::Connections), 20);
    app
}

async fn is_refused(app: &TestApp) {
    let before = app.subtotal.seen().len();
    for answer in [ask(app, SHOP).await, app.get("/retailers", ALICE).await] {
        assert_eq!((answer.status, answer.code().as_str()), (503, "subtotal_busy"));
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=10).contains(&wait), "{wait}");
    }
    assert_eq!(app.subtotal.seen().len(), before, "Subtotal is left alone");
}

#[actix_web::test]
async fn a_burst_of_failures_opens_the_breaker_of_that_shop_alone() {
    let app = broken_open().await;
    is_refused(&app).await;
    assert_eq!(app.get("/configuration", ALICE).await.status, 200);
    assert_eq!(app.get("/visibility", ALICE).await.status, 200);
    assert_eq!(ask(&app, OTHER).await.code(), "subtotal_unavailable", "asked");
    app.subtotal.mend();
    assert_eq!(ask(&app, OTHER).await.code(), "connection_not_found");
    is_refused(&app).await;
}

#[actix_web::test]
async fn an_open_breaker_lets_one_call_try_within_ten_seconds() {
    let app = broken_open().await;
    app.subtotal.set_latency(Duration::from_millis(300));
    for attempt in 1..=2 {
        app.clock.advance(Duration::from_secs(10));
        let codes: Vec<String> = join_all((0..20).map(|_| ask(&app, SHOP))).await.iter().map(Answer::code).collect();
        assert_eq!(codes.iter().filter(|code| *code == "subtotal_unavailable").count(), 1, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| *code == "subtotal_busy").count(), 19, "{codes:?}");
        assert_eq!(app.subtotal.count(Call::Connections), 20 + attempt);
    }
    is_refused(&app).await;
    app.subtotal.mend();
    app.clock.advance(Duration::from_secs(10));
    for _ in 0..20 {
        assert_eq!(ask(&app, SHOP).await.code(), "connection_not_found", "one success closes it");
    }
}

#[actix_web::test]
async fn refusals_of_ours_and_theirs_do_not_open_the_breaker() {
    for fault in [Fault::Status(429), Fault::Status(422), Fault::Status(401)] {
        let app = TestApp::start_with(&[], Clock::manual(unix_now() * 1000)).await;
        app.subtotal.break_call_times(Call::Connections, fault, 40);
        for _ in 0..40 {
            ask(&app, SHOP).await;
        }
        assert_eq!(app.subtotal.count(Call::Connections), 40);
        assert_eq!(ask(&app, SHOP).await.code(), "connection_not_found", "{fault:?}");
    }
}

#[actix_web::test]
async fn a_shop_that_hangs_takes_only_its_own_places() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    // More than enough places, so that only the bulkhead is met.
    let patient =
        [("MAX_IN_FLIGHT", "2000"), ("UPSTREAM_ATTEMPT_TIMEOUT_MS", "4000"), ("STOREFRONT_DEADLINE_MS", "6000")];
    let server = Process::start(&app.settings, &patient).await;
    let ask = async |shop| {
        let request = server.request_of(&app, shop, Method::POST, "/disconnect-connection", ALICE);
        app.send(request.json(&json!({ "connectionId": "not-there" })), "").await
    };
    app.subtotal.break_call_times(Call::Connections, Fault::Hang, PLACES);
    let crowd = join_all((0..PLACES + 40).map(|_| ask(SHOP)));
    let other = async {
        until(PATIENCE, "every place hangs", async || app.subtotal.count(Call::Connections) == PLACES).await;
        let started = Instant::now();
        assert_eq!(ask(OTHER).await.code(), "connection_not_found");
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        let keys: HashSet<String> =
            app.subtotal.seen().iter().take(PLACES).map(|seen| seen.headers["x-api-key"].clone()).collect();
        assert_eq!(keys, HashSet::from([app.api_key.clone()]));
        assert_eq!(app.subtotal.count(Call::Connections), PLACES + 1, "the rest of the crowd waits here");
    };
    let (crowd, ()) = tokio::join!(crowd, other);
    let count = |code: &str| crowd.iter().filter(|answer| answer.code() == code).count();
    assert_eq!(count("subtotal_timeout"), PLACES);
    assert_eq!(count("subtotal_timeout") + count("subtotal_busy") + count("connection_not_found"), crowd.len());
}
