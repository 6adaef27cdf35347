//! The retailer list, kept near: fresh for a while, then served while one refresh runs, served stale while Subtotal is
//! down, and never after Subtotal rejected the key.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use subtotal_connect::clock::Clock;

use crate::support::app::{ALICE, Answer, SHOP, TestApp, unix_now};
use crate::support::fake_subtotal::{Call, Fault, retailers};
use crate::support::linking::linking;
use crate::support::process::PATIENCE;
use crate::support::wait::until;

const OTHER: &str = "other.myshopify.com";
const DAY: Duration = Duration::from_hours(24);
const SECOND: Duration = Duration::from_secs(1);

/// On a clock that only the test moves.
async fn still() -> TestApp {
    TestApp::start_with(&[], Clock::manual(unix_now() * 1000)).await
}

/// The same with the list fetched, which then changes at Subtotal.
async fn warm() -> TestApp {
    let app = still().await;
    assert_eq!(names(&app.get("/retailers", ALICE).await), OLD);
    app.subtotal.set_retailers(new_list());
    app.subtotal.forget_calls();
    app
}

const OLD: [&str; 3] = ["walmart", "amazon", "kroger"];
const NEW: [&str; 1] = ["kroger"];

fn new_list() -> Value {
    json!([retailers()[2]])
}

fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let retailers = answer.json()["retailers"].as_array().unwrap().clone();
    retailers.iter().map(|retailer| retailer["retailer_id"].as_str().unwrap().to_owned()).collect()
}

async fn at(app: &TestApp, shop: &str) -> Answer {
    app.call(Method::GET, shop, "/retailers", ALICE, |request| request).await
}

async fn fifty(app: &TestApp) -> Vec<Answer> {
    join_all((0..50).map(|_| app.get("/retailers", ALICE))).await
}

#[actix_web::test]
async fn a_list_is_fresh_for_a_minute() {
    let app = warm().await;
    app.clock.advance(59 * SECOND);
    assert_eq!(names(&app.get("/retailers", ALICE).await), OLD);
    assert_eq!(app.subtotal.count(Call::Retailers), 0);
    app.clock.advance(SECOND);
    assert_eq!(names(&app.get("/retailers", ALICE).await), OLD, "served at once");
    until(PATIENCE, "the list is refreshed", async || names(&app.get("/retailers", ALICE).await) == NEW).await;
    assert_eq!(app.subtotal.count(Call::Retailers), 1);
}

#[actix_web::test]
async fn how_long_a_list_is_fresh_is_a_setting() {
    let clock = Clock::manual(unix_now() * 1000);
    let app = TestApp::start_with(&[("RETAILERS_FRESH_SECONDS", "600")], clock).await;
    app.get("/retailers", ALICE).await;
    app.subtotal.forget_calls();
    app.clock.advance(599 * SECOND);
    app.get("/retailers", ALICE).await;
    assert_eq!(app.subtotal.count(Call::Retailers), 0);
    app.clock.advance(SECOND);
    app.get("/retailers", ALICE).await;
    until(PATIENCE, "the list is refreshed", async || app.subtotal.count(Call::Retailers) == 1).await;
}

#[actix_web::test]
async fn fifty_requests_for_a_stale_list_are_served_at_once_by_one_refresh() {
    let app = warm().await;
    app.clock.advance(61 * SECOND);
    // Hanging, so that whoever waited for the refresh would be late.
    app.subtotal.break_call(Call::Retailers, Fault::Hang);
    let answers = fifty(&app).await;
    assert!(answers.iter().all(|answer| names(answer) == OLD));
    until(PATIENCE, "a refresh starts", async || app.subtotal.count(Call::Retailers) == 1).await;
    fifty(&app).await;
    assert_eq!(app.subtotal.count(Call::Retailers), 1);
}

#[actix_web::test]
async fn fifty_requests_for_a_stale_list_make_one_refresh_that_fails() {
    let app = warm().await;
    app.clock.advance(61 * SECOND);
    app.subtotal.break_call(Call::Retailers, Fault::Status(500));
    app.subtotal.set_latency(Duration::from_millis(300));
    let answers = fifty(&app).await;
    assert!(answers.iter().all(|answer| names(answer) == OLD));
    assert_eq!(app.subtotal.count(Call::Retailers), 1);
}

#[actix_web::test]
async fn refreshes_that_fail_do_not_wear_out_the_breaker_for_calls_that_succeed() {
    let app = warm().await;
    app.clock.advance(61 * SECOND);
    app.subtotal.break_call(Call::Retailers, Fault::Status(500));
    for _ in 0..60 {
        assert_eq!(names(&app.get("/retailers", ALICE).await), OLD);
    }
    assert!(app.subtotal.count(Call::Retailers) < 10, "{}", app.subtotal.count(Call::Retailers));
    app.subtotal.mend();
    app.clock.advance(10 * SECOND);
    until(PATIENCE, "it is tried again", async || names(&app.get("/retailers", ALICE).await) == NEW).await;
}

#[actix_web::test]
async fn a_stale_list_is_served_for_a_day_while_subtotal_is_down() {
    let app = warm().await;
    app.subtotal.break_call(Call::Retailers, Fault::Status(500));
    for ahead in [DAY / 2, DAY / 2 - SECOND] {
        app.clock.advance(ahead);
        assert_eq!(names(&app.get("/retailers", ALICE).await), OLD);
    }
    app.clock.advance(SECOND);
    assert_eq!(app.get("/retailers", ALICE).await.code(), "subtotal_unavailable");
    app.subtotal.mend();
    assert_eq!(names(&app.get("/retailers", ALICE).await), NEW);
}

/// Every call by which Subtotal can say that it does not accept the key, and the request that makes it.
#[rstest::rstest]
#[case::refresh(Call::Retailers)]
#[case::connections(Call::Connections)]
#[case::creation(Call::Create)]
#[case::token(Call::Token)]
#[case::disconnection(Call::Patch)]
#[actix_web::test]
async fn no_list_is_served_once_the_key_was_rejected(#[case] call: Call, #[values(401, 403)] status: u16) {
    let app = warm().await;
    let id = app.subtotal.add_connection(&app.api_key, ALICE, "kroger", "active");
    app.subtotal.break_call_times(call, Fault::Status(status), 1);
    match call {
        Call::Retailers => {
            app.clock.advance(61 * SECOND);
            assert_eq!(names(&app.get("/retailers", ALICE).await), OLD);
            until(PATIENCE, "the refresh", async || app.subtotal.count(Call::Retailers) == 1).await;
        }
        Call::Connections => rejected(&app.get("/retailers", ALICE).await),
        Call::Create => rejected(&app.post("/connections", ALICE, &linking("walmart")).await),
        Call::Token | Call::Patch => {
            rejected(&app.post("/disconnect-connection", ALICE, &json!({ "connectionId": id })).await);
        }
        Call::Connection | Call::Purchases | Call::Purchase => unreachable!("no page makes it"),
    }
    app.subtotal.break_call(Call::Retailers, Fault::Status(status));
    let next = async || app.get("/retailers", ALICE).await;
    if call == Call::Retailers {
        // The refresh ends behind the answer.
        until(PATIENCE, "the list is gone", async || next().await.status != 200).await;
    }
    rejected(&next().await);
    app.subtotal.mend();
    assert_eq!(names(&next().await), NEW, "as soon as the key is accepted");
}

#[actix_web::test]
async fn a_revoked_key_is_rejected_at_once_though_the_list_is_fresh() {
    let app = warm().await;
    app.subtotal.revoke_key(&app.api_key);
    for _ in 0..2 {
        rejected(&app.get("/retailers", ALICE).await);
        rejected(&app.post("/connections", ALICE, &linking("walmart")).await);
    }
    assert_eq!(app.get("/configuration", ALICE).await.status, 200, "a key is stored");
    app.subtotal.add_key(&app.api_key);
    assert_eq!(names(&app.get("/retailers", ALICE).await), NEW);
}

fn rejected(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (502, "subtotal_api_key_rejected"));
}

#[actix_web::test]
async fn fifty_requests_without_a_list_make_one_fetch() {
    let app = still().await;
    app.subtotal.set_latency(Duration::from_millis(300));
    let answers = fifty(&app).await;
    assert!(answers.iter().all(|answer| names(answer) == OLD));
    assert_eq!(app.subtotal.count(Call::Retailers), 1);
}

#[rstest::rstest]
#[case::server_error(Fault::Status(500), "subtotal_unavailable")]
#[case::too_many(Fault::StatusRetryAfter(429, 7), "subtotal_busy")]
#[case::rejected(Fault::Status(401), "subtotal_api_key_rejected")]
#[case::html(Fault::Html, "subtotal_unavailable")]
#[actix_web::test]
async fn fifty_requests_without_a_list_share_one_failure(#[case] fault: Fault, #[case] code: &str) {
    // Long enough that all fifty are there before it fails, on a busy machine too.
    let unhurried = [("UPSTREAM_ATTEMPT_TIMEOUT_MS", "8000"), ("STOREFRONT_DEADLINE_MS", "12000")];
    let app = TestApp::start_with(&unhurried, Clock::manual(unix_now() * 1000)).await;
    app.subtotal.break_call(Call::Retailers, fault);
    app.subtotal.set_latency(Duration::from_millis(1500));
    let answers = fifty(&app).await;
    let codes: HashSet<String> = answers.iter().map(Answer::code).collect();
    assert_eq!(codes, HashSet::from([code.to_owned()]));
    assert_eq!(app.subtotal.count(Call::Retailers), 1);
    app.subtotal.mend();
    assert_eq!(names(&app.get("/retailers", ALICE).await), OLD, "a failure is not kept");
}

#[actix_web::test]
async fn a_replaced_key_does_not_see_the_old_keys_list() {
    let app = warm().await;
    let new_key = app.install(SHOP).await;
    assert_eq!(names(&app.get("/retailers", ALICE).await), NEW);
    let seen = app.subtotal.seen();
    assert!(seen.iter().all(|seen| seen.headers["x-api-key"] == new_key));
}

#[actix_web::test]
async fn two_shops_never_share_a_list() {
    let app = warm().await;
    let other_key = app.install(OTHER).await;
    assert_eq!(names(&at(&app, OTHER).await), NEW);
    assert_eq!(names(&at(&app, SHOP).await), OLD);
    let seen = app.subtotal.seen();
    let fetches: Vec<_> = seen.iter().filter(|seen| seen.call == Call::Retailers).collect();
    assert_eq!(fetches.len(), 1);
    assert_eq!(fetches[0].headers["x-api-key"], other_key);
}

#[actix_web::test]
async fn unknown_ids_force_one_refresh_in_five_seconds() {
    let app = warm().await;
    let unknown = || join_all((0..20).map(|nth| app.get(["/link/Unknown1", "/link/Unknown2"][nth % 2], ALICE)));
    for expected in 1..=3 {
        let answers = unknown().await;
        assert!(answers.iter().all(|answer| answer.status == 404), "{answers:?}");
        assert_eq!(app.subtotal.count(Call::Retailers), expected);
        app.clock.advance(4 * SECOND);
        unknown().await;
        assert_eq!(app.subtotal.count(Call::Retailers), expected, "too soon");
        app.clock.advance(SECOND);
    }
    assert_eq!(names(&app.get("/retailers", ALICE).await), NEW);
}
