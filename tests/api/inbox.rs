//! What Subtotal told, as the Events page lists it, and trying again what was given up.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ALICE, Answer, SHOP, TestApp};
use crate::support::event::{EMAIL, Sent, connection_event, id_from, settled, start, tried};
use crate::support::fake_subtotal::Fault;
use crate::support::wait::until;

const OTHER: &str = "other.myshopify.com";

async fn page(app: &TestApp, query: &str) -> Value {
    let answer = app.staff_get(SHOP, &format!("/events{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn post(app: &TestApp, shop: &str, path: &str) -> Answer {
    app.staff_call(Method::POST, shop, path, |request| request).await
}

/// Type, state and problem of every event shown.
async fn shown(app: &TestApp, query: &str) -> Vec<(String, String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let page = page(app, query).await;
    let events = page["events"].as_array().unwrap().iter();
    events
        .map(|event| (text(&event["type"]).unwrap(), text(&event["state"]).unwrap(), text(&event["problem"])))
        .collect()
}

/// Events as they are stored: so many, of which three each came at the same time.
async fn store(app: &TestApp, shop: &str, events: usize) {
    // Older ones would be forgotten.
    let (shop_id, now) = (app.shop_id(shop).await, app.clock.unix_ms());
    let row = |nth: usize| {
        let state = if nth.is_multiple_of(4) { "failed" } else { "done" };
        let at = now + i64::try_from(nth / 3).unwrap();
        format!("({shop_id}, 'evt_{nth:03}', 'purchase.created', FALSE, 0, {at}, '{state}', 1, 0)")
    };
    let rows: Vec<String> = (0..events).map(row).collect();
    let sql = format!(
        "INSERT INTO subtotal_events (shop_id, event_id, event_type, is_simulated, sent_at, received_at, state, \
         attempts, due_at) VALUES {}",
        rows.join(", ")
    );
    app.database.execute(&sql).await;
}

/// An event that waits for a Subtotal that does not answer, and is given up.
async fn given_up(app: &TestApp, id: &str) -> String {
    let connection = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "unauthenticated");
    app.subtotal.break_everything(Fault::Status(503));
    Sent::new(&connection_event(id, "unauthenticated", &connection)).send(app).await;
    tried(app).await;
    app.database.execute("UPDATE subtotal_events SET attempts = 20, due_at = 0 WHERE state = 'waiting'").await;
    until(Duration::from_secs(60), "it is given up", async || page(app, "").await["states"]["failed"] == 1).await;
    connection
}

#[actix_web::test]
async fn every_event_stands_in_the_inbox_with_what_became_of_it() {
    let app = start().await;
    let connection = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    Sent::new(&connection_event(&id_from(&app, 9000), "activated", &connection)).done(&app).await;
    let mut ignored = json!({ "type": "connection.initialized", "id": "evt_ignored", "is_simulated": true });
    ignored["payload"] = json!({ "email": EMAIL });
    Sent::new(&ignored).done(&app).await;
    Sent::new(&json!({ "type": "connection.upgraded", "id": "evt_unreadable", "email": EMAIL })).done(&app).await;
    given_up(&app, "evt_failed").await;
    Sent::new(&connection_event("evt_waits", "disconnected", &connection)).send(&app).await;
    tried(&app).await;
    let states = page(&app, "").await["states"].clone();
    assert_eq!(states, json!({ "done": 1, "failed": 1, "ignored": 1, "unreadable": 1, "waiting": 1 }));
    let mut found = shown(&app, "").await;
    found.reverse();
    let kinds: Vec<_> = found.iter().map(|(kind, state, _)| format!("{kind} {state}")).collect();
    let expected = [
        "connection.activated done",
        "connection.initialized ignored",
        "connection.upgraded unreadable",
        "connection.unauthenticated failed",
        "connection.disconnected waiting",
    ];
    assert_eq!(kinds, expected);
    let problems: Vec<bool> = found.iter().map(|(_, _, problem)| problem.is_some()).collect();
    assert_eq!(problems, [false, false, true, true, true], "{found:?}");
    for (_, state, _) in &found {
        assert_eq!(shown(&app, &format!("?state={state}")).await.len(), 1, "{state}");
    }
    let whole = page(&app, "?state=done").await;
    let done = &whole["events"][0];
    assert_eq!((&done["connectionId"], &done["retailerId"]), (&json!(connection), &json!("walmart")));
    assert_eq!((&done["simulated"], &done["attempts"]), (&json!(false), &json!(1)));
    assert!(done["receivedAt"].as_str().unwrap().ends_with('Z'), "{done}");
    assert_eq!(page(&app, "?state=ignored").await["events"][0]["simulated"], true);
}

#[actix_web::test]
async fn pages_give_every_event_once_even_when_times_are_equal() {
    let app = TestApp::start().await;
    store(&app, SHOP, 100).await;
    let whole = page(&app, "?limit=500").await;
    assert_eq!((whole["events"].as_array().unwrap().len(), &whole["next"]), (100, &Value::Null));
    for (filter, expected) in [("", 100), ("&state=failed", 25)] {
        let whole = page(&app, &format!("?limit=500{filter}")).await["events"].as_array().unwrap().clone();
        assert_eq!(whole.len(), expected);
        for limit in [1, 2, 7, 25, 99, 100] {
            let (mut read, mut before) = (Vec::new(), String::new());
            loop {
                let page = page(&app, &format!("?limit={limit}&before={before}{filter}")).await;
                let found = page["events"].as_array().unwrap().clone();
                assert!(!found.is_empty() && found.len() <= limit);
                read.extend(found);
                match page["next"].as_str() {
                    Some(next) => before = next.to_owned(),
                    None => break,
                }
            }
            assert_eq!(read, whole, "limit {limit}");
        }
    }
}

#[actix_web::test]
async fn an_event_that_was_given_up_is_tried_again_and_no_other() {
    let app = start().await;
    app.install(OTHER).await;
    given_up(&app, "evt_failed/1").await;
    let path = "/events/evt_failed%2F1/retry";
    assert_eq!(post(&app, OTHER, path).await.status, 404, "another shop's");
    for other in ["/events/evt_nobody/retry", "/events/%00/retry"] {
        assert_eq!(post(&app, SHOP, other).await.code(), "not_found", "{other}");
    }
    let before = app.trail(SHOP).await.len();
    app.subtotal.mend();
    let retried = post(&app, SHOP, path).await;
    assert_eq!((retried.status, retried.json()), (202, json!({ "queued": 1 })));
    settled(&app).await;
    assert_eq!(page(&app, "").await["states"], json!({ "done": 1 }));
    assert_eq!(post(&app, SHOP, path).await.status, 404, "it is done");
    let trail = app.trail(SHOP).await;
    assert_eq!(trail.len(), before + 1, "{trail:?}");
    let last = trail.last().unwrap();
    let expected = ("staff:42", "events.retried", r#"{"event":"evt_failed/1","events":1}"#);
    assert_eq!((last.actor.as_str(), last.action.as_str(), last.detail.as_str()), expected);
}

#[actix_web::test]
async fn everything_that_was_given_up_is_tried_again_purchase_histories_too() {
    let app = start().await;
    app.install(OTHER).await;
    let connection = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    app.subtotal.add_purchase(&connection);
    Sent::new(&connection_event(&id_from(&app, 9000), "activated", &connection)).done(&app).await;
    given_up(&app, "evt_failed").await;
    app.database.execute("UPDATE followed_connections SET history = 'failed'").await;
    assert_eq!(page(&app, "").await["failedHistories"], 1);
    assert_eq!(post(&app, OTHER, "/events/retry-failed").await.json(), json!({ "queued": 0 }));
    assert_eq!(page(&app, "").await["states"]["failed"], 1, "another shop's staff changes nothing");
    app.subtotal.mend();
    let retried = post(&app, SHOP, "/events/retry-failed").await;
    assert_eq!((retried.status, retried.json()), (202, json!({ "queued": 2 })));
    settled(&app).await;
    let page = page(&app, "").await;
    assert_eq!((&page["states"], &page["failedHistories"]), (&json!({ "done": 2 }), &json!(0)));
    let last = app.trail(SHOP).await.pop().unwrap();
    assert_eq!((last.action.as_str(), last.detail.as_str()), ("events.retried", r#"{"events":1,"histories":1}"#));
    assert_eq!(post(&app, SHOP, "/events/retry-failed").await.json(), json!({ "queued": 0 }));
    assert_eq!(app.trail(SHOP).await.pop().unwrap(), last, "nothing to do leaves no line");
}

#[actix_web::test]
async fn a_wrong_question_about_events_is_named_and_another_shops_place_is_harmless() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    for (query, field) in [
        ("?state=lost", "state"),
        ("?limit=0", "limit"),
        ("?limit=501", "limit"),
        ("?limit=many", "limit"),
        ("?before=yesterday", "before"),
        ("?before=1:", "before"),
        ("?before=x:evt", "before"),
        ("?before=1:%00", "before"),
    ] {
        assert_eq!(app.staff_get(SHOP, &format!("/events{query}")).await.fields(), [field], "{query}");
    }
    store(&app, OTHER, 9).await;
    let others = app.staff_get(OTHER, "/events?limit=1").await.json();
    assert_eq!(others["events"].as_array().unwrap().len(), 1);
    let read = page(&app, &format!("?before={}", others["next"].as_str().unwrap())).await;
    assert_eq!(read, json!({ "events": [], "states": {}, "failedHistories": 0 }));
}
