//! How often others are asked, whatever they answer: reads of Subtotal's twice, writes once, all of it within the deadline,
//! and a delivery thirteen times.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use reqwest::Method;
use serde_json::json;
use subtotal_connect::clock::Clock;
use subtotal_connect::events::happening::HappeningKind;
use subtotal_connect::store::Destination;

use crate::support::app::{ALICE, Answer, SHOP, TestApp};
use crate::support::fake_klaviyo::KlaviyoFault;
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::happenings::happened;
use crate::support::linking::linking;
use crate::support::random::cases;
use crate::support::wait::until;

/// A tenth of what the service has by default, so that calls that hang cost little.
const SHORT: [(&str, &str); 2] = [("UPSTREAM_ATTEMPT_TIMEOUT_MS", "200"), ("STOREFRONT_DEADLINE_MS", "400")];
const DEADLINE: Duration = Duration::from_millis(400);
/// What a busy machine may add.
const SPARE: Duration = Duration::from_millis(1500);
/// Tries of one delivery.
const TRIES: usize = 13;

#[derive(Debug, Clone, Copy)]
enum Asked {
    Retailers,
    Link,
    LinkPage,
    Disconnect,
}

type Turns = Vec<Option<Fault>>;

/// Every way a call can end.
fn outcome() -> impl Strategy<Value = Option<Fault>> {
    let statuses = prop_oneof![Just(502), Just(503), Just(504), Just(500), Just(401), Just(404), Just(422), Just(429)];
    prop_oneof![
        3 => Just(None),
        6 => statuses.clone().prop_map(|status| Some(Fault::Status(status))),
        2 => (statuses, 0..3_u64).prop_map(|(status, wait)| Some(Fault::StatusRetryAfter(status, wait))),
        1 => Just(Some(Fault::Reset)),
        1 => Just(Some(Fault::Hang)),
        1 => Just(Some(Fault::SlowBody)),
        1 => Just(Some(Fault::Truncated)),
        1 => Just(Some(Fault::Html)),
        1 => Just(Some(Fault::WorkThenReset)),
        1 => Just(Some(Fault::WorkThenHang)),
    ]
}

/// What is asked, and what becomes of the calls it makes.
fn case() -> impl Strategy<Value = (Asked, BTreeMap<Call, Turns>)> {
    let asked = prop_oneof![Just(Asked::Retailers), Just(Asked::Link), Just(Asked::LinkPage), Just(Asked::Disconnect)];
    let calls = [Call::Retailers, Call::Connections, Call::Create, Call::Token, Call::Patch];
    let turns = calls.map(|call| proptest::collection::vec(outcome(), 4).prop_map(move |turns| (call, turns)));
    (asked, Vec::from(turns)).prop_map(|(asked, turns)| (asked, turns.into_iter().collect()))
}

fn is_read(call: Call) -> bool {
    matches!(call, Call::Retailers | Call::Connections)
}

/// Whether a read that ended so may be made again.
fn may_be_repeated(end: Option<Fault>) -> bool {
    matches!(end, Some(Fault::Status(502..=504) | Fault::StatusRetryAfter(502..=504, _)))
}

async fn ask(app: &TestApp, shop: &str, asked: Asked, connection: &str) -> Answer {
    let (method, path, body) = match asked {
        Asked::Retailers => (Method::GET, "/retailers", None),
        Asked::Link => (Method::POST, "/connections", Some(linking("walmart"))),
        Asked::LinkPage => (Method::GET, "/link/zklQOnlG", None),
        Asked::Disconnect => (Method::POST, "/disconnect-connection", Some(json!({ "connectionId": connection }))),
    };
    app.call(method, shop, path, ALICE, |request| match &body {
        Some(body) => request.json(body),
        None => request,
    })
    .await
}

#[actix_web::test]
async fn reads_are_made_twice_at_most_and_writes_once_whatever_subtotal_answers() {
    let app = TestApp::start_with(&SHORT, Clock::system()).await;
    let mut shops = Vec::new();
    let mut repeated = 0;
    for (nth, (asked, turns)) in cases(&case(), 120).into_iter().enumerate() {
        // A shop of its own has no list near, no breaker that knows anything, and a key that tells its calls.
        let shop = format!("shop-{nth}.myshopify.com");
        let key = app.install(&shop).await;
        let connection = app.subtotal.add_connection(&key, ALICE, "kroger", "active");
        turns.iter().for_each(|(call, turns)| app.subtotal.break_call_in_turn(*call, turns.clone()));
        let started = Instant::now();
        let answer = ask(&app, &shop, asked, &connection).await;
        let took = started.elapsed();
        app.subtotal.mend();
        assert!(matches!(answer.status, 200 | 302 | 404 | 502..=504), "{asked:?} {turns:?} {answer:?}");
        assert!(took < DEADLINE + SPARE, "{asked:?} took {took:?}: {turns:?}");
        shops.push((key, asked, turns));
    }
    // Looked at once everything is over, so that a call behind an answer counts too.
    let seen = app.subtotal.seen();
    for (key, asked, turns) in &shops {
        let mut calls = BTreeMap::<Call, usize>::new();
        for call in seen.iter().filter(|seen| seen.headers["x-api-key"] == *key) {
            *calls.entry(call.call).or_default() += 1;
        }
        for (call, count) in calls {
            let most = if is_read(call) && may_be_repeated(turns[&call][0]) { 2 } else { 1 };
            assert!(count <= most, "{asked:?} made {call:?} {count} times: {turns:?}");
            repeated += usize::from(count == 2);
        }
    }
    assert!(repeated > 10, "only {repeated} reads were repeated");
}

#[actix_web::test]
async fn a_request_has_four_seconds_for_all_of_its_calls_by_default() {
    let app = TestApp::start().await;
    app.subtotal.break_call(Call::Create, Fault::Hang);
    app.subtotal.break_call_in_turn(Call::Retailers, [Some(Fault::StatusRetryAfter(503, 1)), None]);
    app.subtotal.break_call_in_turn(Call::Connections, [Some(Fault::StatusRetryAfter(503, 1)), None]);
    let started = Instant::now();
    let answer = app.post("/connections", ALICE, &linking("walmart")).await;
    let took = started.elapsed();
    assert_eq!((answer.status, answer.code().as_str()), (504, "subtotal_timeout"));
    assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(4) + SPARE, "{took:?}");
    let counts = [Call::Retailers, Call::Connections, Call::Create].map(|call| app.subtotal.count(call));
    assert_eq!(counts, [2, 2, 1], "both waits of a second and the creation have to share");
}

#[actix_web::test]
async fn a_delivery_is_tried_thirteen_times_at_most_whatever_klaviyo_answers() {
    let quick = [("DELIVERY_RETRY_BASE_MS", "1"), ("DELIVERY_ATTEMPT_TIMEOUT_MS", "500")];
    let app = TestApp::start_with(&quick, Clock::system()).await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.klaviyo.set_fault(KlaviyoFault::Status(503));
    let deliver = async |nth: std::ops::Range<u32>| {
        for nth in nth {
            app.deliver(SHOP, &happened(&format!("evt_{nth}"), HappeningKind::Connected)).await;
        }
    };
    // The gaps are not waited for.
    let next = async |mood: KlaviyoFault| {
        app.klaviyo.set_fault(mood);
        app.database.execute("UPDATE deliveries SET due_at = {clock} WHERE state IN ('failed', 'waiting')").await;
    };
    let refusals =
        || prop_oneof![Just(500_u16), Just(503), Just(408), Just(401), Just(302)].prop_map(KlaviyoFault::Status);
    let anything =
        prop_oneof![4 => refusals(), 1 => Just(KlaviyoFault::Throttled(0)), 1 => Just(KlaviyoFault::Unreliable)];
    deliver(0..30).await;
    for mood in cases(&anything, 6) {
        next(mood).await;
    }
    // What does not count as a try, or ends one, is over: the last ten use up their tries.
    app.klaviyo.set_fault(KlaviyoFault::Status(503));
    deliver(30..40).await;
    let mut moods = cases(&refusals(), 1000).into_iter();
    until(Duration::from_secs(90), "every delivery ends", async || {
        next(moods.next().unwrap_or(KlaviyoFault::Status(500))).await;
        app.in_state(SHOP, "dead").await + app.in_state(SHOP, "delivered").await == 40
    })
    .await;
    let mut calls = BTreeMap::<String, usize>::new();
    for call in app.klaviyo.calls() {
        if let Some(id) = call.body["data"]["attributes"]["unique_id"].as_str() {
            *calls.entry(id.to_owned()).or_default() += 1;
        }
    }
    assert_eq!(calls.len(), 40);
    let shop = app.shop_id(SHOP).await;
    let mut used_up = 0;
    for (id, calls) in calls {
        let attempts = app.store.attempts(shop, &id).await.unwrap();
        let held = attempts.iter().filter(|attempt| attempt.outcome == "held").count();
        assert!(calls <= TRIES + held, "{id}: {calls} calls, {held} of which do not count");
        assert!(attempts.len() <= calls.min(20), "{id}: {} tries of {calls} calls", attempts.len());
        used_up += usize::from(calls == TRIES + held);
    }
    println!("{used_up} of 40 used up their tries");
    assert!(used_up >= 10, "only {used_up} used up their tries");
}
