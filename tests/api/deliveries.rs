//! Deliveries: what is written, how often it is tried, who does it, and that nothing is lost or told twice.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use subtotal_connect::clock::Clock;
use subtotal_connect::events::happening::{Happening, HappeningKind};
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::{Actor, DeliveryEnd, Destination, Identifier, Integration, Tried};

use crate::support::app::{SHOP, TestApp};
use crate::support::fake_klaviyo::KlaviyoFault;
use crate::support::happenings::{EMAIL, MOBILE, PATIENCE, happened};
use crate::support::wait::until;

const OTHER: &str = "other.myshopify.com";

async fn set(app: &TestApp, destination: Destination, is_on: bool) {
    let integration = Integration { is_on, ..Integration::default() };
    let id = app.shop_id(SHOP).await;
    app.store.save_integration(id, destination, &integration, None, Actor::CommandLine, 0).await.unwrap();
}

async fn rows(app: &TestApp) -> usize {
    app.database.table("deliveries").await.len()
}

#[actix_web::test]
async fn nothing_is_written_before_a_destination_is_turned_on_or_for_simulated_events() {
    let app = TestApp::start().await;
    let mut simulated = happened("evt_simulated", HappeningKind::Connected);
    simulated.is_simulated = true;
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    assert_eq!(rows(&app).await, 0);
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.turn_on(SHOP, Destination::Flow).await;
    app.deliver(SHOP, &simulated).await;
    assert_eq!(rows(&app).await, 0);
    app.turn_on_with(SHOP, Destination::Klaviyo, Identifier::Email, true).await;
    app.deliver(SHOP, &simulated).await;
    app.until_state(SHOP, "delivered", 1).await;
    assert_eq!((rows(&app).await, app.klaviyo.events().len(), app.admin.triggers().len()), (1, 1, 0));
    assert_eq!(app.shown_deliveries(SHOP).await[0]["simulated"], true, "it keeps its mark");
}

#[actix_web::test]
async fn the_same_event_is_one_delivery_a_destination_and_nobody_stands_in_the_clear() {
    let app = TestApp::start().await;
    app.klaviyo.set_fault(KlaviyoFault::Status(503));
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.turn_on(SHOP, Destination::Flow).await;
    for _ in 0..3 {
        app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    }
    assert_eq!(rows(&app).await, 2);
    for private in [EMAIL, MOBILE] {
        assert_eq!(app.database.rows_with(private).await, Vec::<String>::new());
        assert_eq!(app.database.rows_with(&hex::encode_upper(private)).await, Vec::<String>::new());
    }
    app.klaviyo.set_fault(KlaviyoFault::None);
    app.until_state(SHOP, "delivered", 2).await;
    let held = app.database.table("deliveries").await;
    assert!(held.iter().all(|row| row["content"].is_null()), "what it held is struck out: {held:?}");
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    assert_eq!(rows(&app).await, 2, "nor is it told again later");
}

#[actix_web::test]
async fn what_is_turned_off_or_uninstalled_is_skipped_and_can_be_sent_later() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.klaviyo.set_fault(KlaviyoFault::Status(503));
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    set(&app, Destination::Klaviyo, false).await;
    app.until_state(SHOP, "skipped", 1).await;
    app.klaviyo.set_fault(KlaviyoFault::None);
    set(&app, Destination::Klaviyo, true).await;
    let id = app.shown_deliveries(SHOP).await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/deliveries/{id}/replay");
    assert_eq!(app.staff_call(Method::POST, SHOP, &path, |call| call).await.status, 202);
    app.until_state(SHOP, "delivered", 1).await;
    assert_eq!(app.staff_call(Method::POST, SHOP, &path, |call| call).await.status, 404, "nothing is told twice");
}

#[actix_web::test]
async fn a_failure_is_tried_again_and_a_refusal_stands_in_the_dead_letters_until_it_is_replayed() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.klaviyo.set_fault(KlaviyoFault::Status(500));
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    until(PATIENCE, "three tries", async || app.klaviyo.call_count() >= 3).await;
    app.klaviyo.set_fault(KlaviyoFault::None);
    app.until_state(SHOP, "delivered", 1).await;
    app.klaviyo.set_fault(KlaviyoFault::Status(400));
    for nth in 2..5 {
        app.deliver(SHOP, &happened(&format!("evt_{nth}"), HappeningKind::Connected)).await;
    }
    app.until_state(SHOP, "dead", 3).await;
    let calls = app.klaviyo.call_count();
    let dead = app.staff_get(SHOP, "/deliveries?state=dead&limit=2").await.json();
    assert_eq!(dead["states"], json!({ "dead": 3, "delivered": 1 }));
    assert_eq!(dead["deliveries"][0]["lastProblem"], "Klaviyo refused the event with status 400");
    assert_eq!(dead["deliveries"].as_array().unwrap().len(), 2);
    let rest = app.staff_get(SHOP, &format!("/deliveries?state=dead&before={}", dead["next"].as_str().unwrap())).await;
    assert_eq!(rest.json()["deliveries"].as_array().unwrap().len(), 1);
    app.klaviyo.set_fault(KlaviyoFault::None);
    let replayed = app.staff_call(Method::POST, SHOP, "/deliveries/replay-failed", |call| call).await;
    assert_eq!((replayed.status, replayed.json()), (202, json!({ "queued": 3 })));
    app.until_state(SHOP, "delivered", 4).await;
    assert_eq!((app.klaviyo.call_count(), app.klaviyo.events().len()), (calls + 3, 4));
    let last = app.trail(SHOP).await.pop().unwrap();
    assert_eq!((last.action.as_str(), last.detail.as_str()), ("deliveries.replayed", r#"{"deliveries":3}"#));
    assert_eq!(last.actor, "staff:42");
}

#[actix_web::test]
async fn a_day_of_failures_ends_in_the_dead_letters() {
    let app = TestApp::start_with(&[("DELIVERY_RETRY_BASE_MS", "1")], Clock::system()).await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.klaviyo.set_fault(KlaviyoFault::Status(500));
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    until(PATIENCE, "its tries", async || {
        // The gaps are not waited for.
        app.database.execute("UPDATE deliveries SET due_at = {clock} WHERE state = 'failed'").await;
        app.in_state(SHOP, "dead").await == 1
    })
    .await;
    assert_eq!(app.klaviyo.call_count(), 13);
    let dead = &app.shown_deliveries(SHOP).await[0];
    assert_eq!((&dead["attempts"], &dead["nextAttemptAt"]), (&json!(13), &serde_json::Value::Null));
}

#[actix_web::test]
async fn a_poisonous_delivery_does_not_stop_the_others() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.klaviyo.set_fault(KlaviyoFault::Status(503));
    app.deliver(SHOP, &happened("evt_poison", HappeningKind::Connected)).await;
    app.database.execute("UPDATE deliveries SET content = NULL WHERE event_id = 'evt_poison'").await;
    app.klaviyo.set_fault(KlaviyoFault::None);
    for nth in 0..20 {
        app.deliver(SHOP, &happened(&format!("evt_{nth}"), HappeningKind::Connected)).await;
    }
    app.until_state(SHOP, "delivered", 20).await;
    app.until_state(SHOP, "dead", 1).await;
}

#[actix_web::test]
async fn what_a_killed_process_held_is_taken_over_and_it_can_not_end_it() {
    let app = TestApp::start().await;
    app.stop().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    let shop = app.shop_id(SHOP).await;
    let lease = async || app.store.lease_deliveries(shop, Destination::Klaviyo, 9, 60_000).await.unwrap();
    let held = lease().await;
    assert_eq!(held.len(), 1);
    assert!(lease().await.is_empty(), "it is held");
    assert!(app.store.shops_with_due(Destination::Klaviyo).await.unwrap().is_empty());
    app.database.execute("UPDATE deliveries SET due_at = {clock} - 1").await;
    assert_eq!(app.store.shops_with_due(Destination::Klaviyo).await.unwrap(), [shop]);
    let taken_over = lease().await;
    assert_eq!((taken_over[0].id.as_str(), taken_over[0].attempt), (held[0].id.as_str(), 2));
    let (late, tried) = (DeliveryEnd::Dead("too late".to_owned()), Tried::default());
    assert!(!app.store.end_delivery(&held[0], &late, &tried, 0).await.unwrap());
    assert!(app.store.end_delivery(&taken_over[0], &DeliveryEnd::Delivered, &tried, 0).await.unwrap());
    assert!(!app.store.end_delivery(&taken_over[0], &late, &tried, 0).await.unwrap());
    assert_eq!(app.in_state(SHOP, "delivered").await, 1);
    let attempts = app.store.attempts(shop, &held[0].id).await.unwrap();
    assert_eq!(attempts.len(), 1, "the try that was taken over left none: {attempts:?}");
    assert_eq!(attempts[0].outcome, "delivered");
}

#[actix_web::test]
async fn a_shop_with_a_hundred_thousand_waiting_delays_nobody_else() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    app.klaviyo.set_fault(KlaviyoFault::Slow(Duration::from_millis(50)));
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.turn_on(OTHER, Destination::Klaviyo).await;
    app.turn_on(SHOP, Destination::Flow).await;
    let (busy, quiet) = (app.shop_id(SHOP).await, app.shop_id(OTHER).await);
    let row = |id: &str, due: &str| {
        format!(
            "SELECT {id}, {busy}, 'klaviyo', 'evt', 0, 'connected', 'c', 'walmart', NULL, {no}, 0, 0, NULL, 'k1', \
             'waiting', 0, 0, {{clock}} + {due}, NULL, NULL",
            no = if app.database.url.starts_with("sqlite") { "0" } else { "FALSE" }
        )
    };
    let many = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
         INSERT INTO deliveries (id, shop_id, destination, event_id, part, kind, connection_id, retailer_id, \
         customer_id, is_simulated, happened_at, created_at, content, key_id, state, attempts, fence, due_at, ended_at, \
         problem) {} FROM n",
        row("'many-' || i", "0")
    );
    for nth in 0..200 {
        app.deliver(SHOP, &happened(&format!("evt_busy_{nth}"), HappeningKind::Connected)).await;
    }
    app.database.execute(&many).await;
    let mut slowest = Duration::ZERO;
    for nth in 0..5 {
        let before = app.klaviyo.events().len();
        let id = format!("evt_quiet_{nth}");
        let started = Instant::now();
        app.store.deliver(quiet, &happened(&id, HappeningKind::Connected), app.clock.unix_ms()).await.unwrap();
        app.until_state(OTHER, "delivered", nth + 1).await;
        slowest = slowest.max(started.elapsed());
        assert!(app.klaviyo.events().len() > before);
    }
    let waiting = app.in_state(SHOP, "waiting").await;
    println!("the slowest of 5 took {slowest:?} beside {waiting} waiting ones");
    assert!(waiting > 10_000, "the busy shop is still busy: {waiting}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

#[actix_web::test]
async fn old_deliveries_are_forgotten() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    app.until_state(SHOP, "delivered", 1).await;
    let (now, month) = (app.clock.unix_ms(), 31 * 24 * 60 * 60 * 1000);
    assert_eq!(app.store.prune_ended(now).await.unwrap(), 0);
    assert_eq!(app.store.prune_ended(now + month).await.unwrap(), 1);
    assert!(app.store.shop_id(&ShopDomain::parse(SHOP).unwrap()).await.unwrap().is_some());
}

#[actix_web::test]
async fn a_simulated_event_that_waits_is_not_sent_once_the_merchant_does_not_want_it() {
    let app = TestApp::start().await;
    app.klaviyo.set_fault(KlaviyoFault::Status(500));
    app.turn_on_with(SHOP, Destination::Klaviyo, Identifier::Email, true).await;
    app.deliver(SHOP, &Happening { is_simulated: true, ..happened("evt_1", HappeningKind::Connected) }).await;
    until(PATIENCE, "it was tried", async || app.klaviyo.call_count() > 0).await;
    app.turn_on_with(SHOP, Destination::Klaviyo, Identifier::Email, false).await;
    app.until_state(SHOP, "skipped", 1).await;
    app.klaviyo.set_fault(KlaviyoFault::None);
    assert!(app.klaviyo.events().is_empty());
}
