//! How often Subtotal is asked, with what, and what is asked once more.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::Value;
use subtotal_connect::clock::Clock;
use tokio::net::TcpListener;

use crate::support::app::{ALICE, Answer, TestApp};
use crate::support::door::Door;
use crate::support::fake_admin::AdminFault;
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::linking::{linked, linking, linking_again};

/// For calls that never end, so that nobody waits for long.
const SHORT: [(&str, &str); 2] = [("UPSTREAM_ATTEMPT_TIMEOUT_MS", "500"), ("STOREFRONT_DEADLINE_MS", "1500")];

async fn link(app: &TestApp, retailer: &str) -> Answer {
    app.post("/connections", ALICE, &linking(retailer)).await
}

async fn disconnect(app: &TestApp, id: &str) -> Answer {
    app.post("/disconnect-connection", ALICE, &serde_json::json!({ "connectionId": id })).await
}

/// The application with its retailers fetched and the calls so far forgotten.
async fn warm(door: Door) -> TestApp {
    let app = TestApp::start_at(door).await;
    assert_eq!(app.get("/retailers", ALICE).await.status, 200);
    app.subtotal.forget_calls();
    app
}

/// The application, impatient where this fault never ends.
async fn with(fault: Fault) -> TestApp {
    let never_ends = matches!(fault, Fault::Hang | Fault::SlowBody);
    TestApp::start_with(if never_ends { &SHORT } else { &[] }, Clock::system()).await
}

/// The calls since they were last forgotten, in order.
fn calls(app: &TestApp) -> Vec<Call> {
    let calls = app.subtotal.seen().into_iter().map(|seen| seen.call).collect();
    app.subtotal.forget_calls();
    calls
}

/// The body of the one creation so far.
fn created_with(app: &TestApp) -> Value {
    let seen = app.subtotal.seen();
    let mut creations = seen.iter().filter(|seen| seen.call == Call::Create);
    let body = creations.next().unwrap().body.clone();
    assert_eq!(creations.count(), 0);
    body
}

#[rstest]
#[actix_web::test]
async fn configuration_and_visibility_never_ask_subtotal(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    app.set_list(None, true, &["example.com"]).await;
    app.set_list(Some("walmart"), true, &[]).await;
    app.set_contact(ALICE, Some("alice@example.com"), None);
    assert_eq!(app.get("/configuration", ALICE).await.status, 200);
    assert_eq!(app.get("/visibility", ALICE).await.status, 200);
    assert_eq!(calls(&app), []);
}

#[rstest]
#[actix_web::test]
async fn retailers_cost_two_parallel_calls_cold_and_one_warm(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    app.subtotal.set_latency(Duration::from_millis(300));
    app.get("/retailers", ALICE).await;
    let seen = app.subtotal.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].in_flight, 2, "the first one to be answered was not alone");
    let mut cold = calls(&app);
    cold.sort();
    assert_eq!(cold, [Call::Retailers, Call::Connections]);
    app.get("/retailers", ALICE).await;
    assert_eq!(calls(&app), [Call::Connections]);
}

#[rstest]
#[actix_web::test]
async fn linking_costs_two_calls_to_create_and_one_to_reuse(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = warm(door).await;
    link(&app, "walmart").await;
    assert_eq!(calls(&app), [Call::Connections, Call::Create]);
    link(&app, "walmart").await;
    app.get("/link/zklQOnlG", ALICE).await;
    assert_eq!(calls(&app), [Call::Connections, Call::Connections]);
    linked(&app.get("/link/tWGE4TJM", ALICE).await);
    assert_eq!(calls(&app), [Call::Connections, Call::Create]);
}

#[rstest]
#[actix_web::test]
async fn disconnecting_costs_three_calls_and_one_when_it_is_disconnected_already(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let id = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    assert_eq!(disconnect(&app, &id).await.status, 200);
    assert_eq!(app.subtotal.status_of(&id), "disconnected");
    let seen = app.subtotal.seen();
    assert_eq!(calls(&app), [Call::Connections, Call::Token, Call::Patch]);
    assert_eq!(seen[1].body, serde_json::json!({ "scope": "access" }));
    assert_eq!(seen[2].body, serde_json::json!({ "status": "disconnected" }));
    let token = app.subtotal.tokens().remove(0);
    assert_eq!(seen[2].headers["authorization"], format!("Bearer {token}"));
    assert!(seen.iter().all(|seen| seen.headers["x-api-key"] == app.api_key));

    assert_eq!(disconnect(&app, &id).await.json(), serde_json::json!({ "success": true }));
    assert_eq!(calls(&app), [Call::Connections]);
}

#[rstest]
#[actix_web::test]
async fn a_customers_connections_are_asked_for_every_time(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = warm(door).await;
    let id = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "initialized");
    for status in ["initialized", "active", "frozen", "disconnected"] {
        app.subtotal.set_status(&id, status);
        let answer = app.get("/retailers", ALICE).await.json();
        assert_eq!(answer["retailers"][0]["connection"]["status"], status, "unknown ones pass as they are");
    }
    assert_eq!(calls(&app), [Call::Connections; 4]);
}

#[rstest]
#[case::both(Some("alice@example.com"), Some("+15551234567"), Some("alice@example.com"), Some("+15551234567"))]
#[case::longest(Some(longest_email()), Some("+123456789012345"), Some(longest_email()), Some("+123456789012345"))]
#[case::email_too_long(Some(too_long_email()), Some("+15551234567"), None, Some("+15551234567"))]
#[case::mobile_too_long(Some("alice@example.com"), Some("+1234567890123456"), Some("alice@example.com"), None)]
#[case::unknown(None, None, None, None)]
#[actix_web::test]
async fn a_creation_carries_what_is_known_and_fits(
    #[case] email: Option<&str>,
    #[case] mobile: Option<&str>,
    #[case] sent_email: Option<&str>,
    #[case] sent_mobile: Option<&str>,
) {
    let app = TestApp::start().await;
    app.set_contact(ALICE, email, mobile);
    assert_eq!(link(&app, "walmart").await.status, 200);
    let mut expected = serde_json::json!({ "customer_id": ALICE, "retailer_id": "walmart" });
    for (name, sent) in [("email", sent_email), ("mobile", sent_mobile)] {
        if let Some(sent) = sent {
            expected[name] = sent.into();
        }
    }
    assert_eq!(created_with(&app), expected);
}

/// 64 characters, and more bytes.
fn longest_email() -> &'static str {
    "ählice-with-a-very-long-name-01234567890123456789012@example.com"
}

/// 65 characters.
fn too_long_email() -> &'static str {
    "ählice-with-a-very-long-name-012345678901234567890123@example.com"
}

#[actix_web::test]
async fn a_creation_does_without_what_shopify_does_not_say() {
    for fault in [AdminFault::Status(500), AdminFault::AccessDenied, AdminFault::Throttled, AdminFault::Hang] {
        let app = TestApp::start().await;
        app.set_contact(ALICE, Some("alice@example.com"), None);
        app.admin.set_fault(fault);
        assert_eq!(link(&app, "walmart").await.status, 200);
        assert_eq!(created_with(&app), serde_json::json!({ "customer_id": ALICE, "retailer_id": "walmart" }));
    }
}

#[rstest]
#[actix_web::test]
async fn the_customer_id_is_passed_on_unchanged(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    for customer in ["1", "9007199254740993", "99999999999999999999"] {
        app.subtotal.forget_calls();
        assert_eq!(app.post("/connections", customer, &linking("walmart")).await.status, 200);
        assert_eq!(created_with(&app)["customer_id"], customer);
    }
}

#[rstest]
#[case("active", true)]
#[case("unauthenticated", true)]
#[case("initialized", true)]
#[case("disconnected", true)]
#[case("revoked", false)]
#[case("frozen", false)]
#[actix_web::test]
async fn a_connection_is_used_again_unless_it_is_revoked_or_unknown(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
    #[case] status: &str,
    #[case] reused: bool,
) {
    let app = TestApp::start_at(door).await;
    let id = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", status);
    for named in [true, false] {
        let body = if named { linking_again("walmart", &id) } else { linking("walmart") };
        let answer = app.post("/connections", ALICE, &body).await;
        assert_eq!(linked(&answer) == id, reused, "named: {named}");
    }
    assert_eq!(app.subtotal.count(Call::Create), usize::from(!reused));
    assert_eq!(app.subtotal.status_of(&id), status, "nothing changes it");
}

#[rstest]
#[actix_web::test]
async fn a_named_connection_that_is_revoked_counts_as_not_named(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let revoked = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "revoked");
    let active = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    let answer = app.post("/connections", ALICE, &linking_again("walmart", &revoked)).await;
    assert_eq!(linked(&answer), active);
    assert_eq!(app.subtotal.count(Call::Create), 0);
}

#[rstest]
#[case::bad_gateway(Fault::Status(502), 2)]
#[case::unavailable(Fault::Status(503), 2)]
#[case::gateway_timeout(Fault::Status(504), 2)]
#[case::server_error(Fault::Status(500), 1)]
#[case::not_implemented(Fault::Status(501), 1)]
#[case::too_many(Fault::Status(429), 1)]
#[case::too_many_for_a_second(Fault::StatusRetryAfter(429, 1), 1)]
#[case::forbidden(Fault::Status(403), 1)]
#[case::reset(Fault::Reset, 1)]
#[case::hang(Fault::Hang, 1)]
#[case::slow_body(Fault::SlowBody, 1)]
#[case::truncated(Fault::Truncated, 1)]
#[case::html(Fault::Html, 1)]
#[actix_web::test]
async fn a_read_is_tried_once_more_where_that_may_help(#[case] fault: Fault, #[case] attempts: usize) {
    let app = with(fault).await;
    for call in [Call::Retailers, Call::Connections] {
        app.subtotal.forget_calls();
        app.subtotal.break_call_times(call, fault, 1);
        let status = app.get("/retailers", ALICE).await.status;
        assert_eq!(status == 200, attempts == 2, "{call:?}: {status}");
        assert_eq!(app.subtotal.count(call), attempts, "{call:?}");
        app.subtotal.mend();
    }
    app.subtotal.forget_calls();
    app.subtotal.break_call(Call::Connections, fault);
    assert!(app.get("/retailers", ALICE).await.status >= 500);
    assert_eq!(app.subtotal.count(Call::Connections), attempts, "never more than once more");
}

#[actix_web::test]
async fn a_read_that_did_not_connect_is_tried_once_more() {
    // Subtotal by https, but nobody who speaks TLS: every attempt fails while it connects.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let app = TestApp::start_with(&[("SUBTOTAL_API_URL", &url)], Clock::system()).await;
    let attempts = std::cell::Cell::new(0);
    let accept = async {
        loop {
            drop(listener.accept().await.unwrap());
            attempts.set(attempts.get() + 1);
        }
    };
    tokio::select! {
        () = accept => {}
        answer = disconnect(&app, "some-id") => assert_eq!(answer.code(), "subtotal_unavailable"),
    }
    assert_eq!(attempts.get(), 2);
}

#[actix_web::test]
async fn a_retry_waits_as_long_as_subtotal_asks_if_there_is_time() {
    let app = TestApp::start().await;
    app.subtotal.break_call_times(Call::Connections, Fault::StatusRetryAfter(503, 1), 1);
    let started = Instant::now();
    assert_eq!(app.get("/retailers", ALICE).await.status, 200);
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(app.subtotal.count(Call::Connections), 2);

    app.subtotal.forget_calls();
    app.subtotal.break_call_times(Call::Connections, Fault::StatusRetryAfter(503, 5), 1);
    let started = Instant::now();
    assert_eq!(app.get("/retailers", ALICE).await.code(), "subtotal_unavailable");
    assert!(started.elapsed() < Duration::from_secs(1), "nobody waits for what comes too late");
    assert_eq!(app.subtotal.count(Call::Connections), 1);
}

#[rstest]
#[case::bad_gateway(Fault::Status(502))]
#[case::unavailable(Fault::Status(503))]
#[case::unavailable_for_a_second(Fault::StatusRetryAfter(503, 1))]
#[case::gateway_timeout(Fault::Status(504))]
#[case::server_error(Fault::Status(500))]
#[case::too_many(Fault::StatusRetryAfter(429, 1))]
#[case::conflict(Fault::Status(409))]
#[case::reset(Fault::Reset)]
#[case::hang(Fault::Hang)]
#[case::truncated(Fault::Truncated)]
#[case::html(Fault::Html)]
#[actix_web::test]
async fn a_write_is_never_repeated(#[case] fault: Fault) {
    let app = with(fault).await;
    let id = app.subtotal.add_connection(&app.api_key, ALICE, "kroger", "active");
    for call in [Call::Create, Call::Token, Call::Patch] {
        app.subtotal.break_call(call, fault);
    }
    link(&app, "walmart").await;
    disconnect(&app, &id).await;
    assert_eq!((app.subtotal.count(Call::Create), app.subtotal.count(Call::Token)), (1, 1));
    app.subtotal.mend();
    app.subtotal.break_call(Call::Patch, fault);
    disconnect(&app, &id).await;
    assert_eq!(app.subtotal.count(Call::Patch), 1);
}
