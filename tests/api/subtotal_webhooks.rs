//! Events from Subtotal at their URL: what is refused, what is kept, and that nothing is kept twice.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use subtotal_connect::clock::Clock;
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::{Actor, SecretKind, ShopChanges};

use crate::support::app::{ALICE, NOBODY, SHOP, TestApp};
use crate::support::event::{
    EMAIL, SECRET, Sent, connection_event, digest, due_now, id_from, kinds, settled, start, tried,
};
use crate::support::fake_subtotal::Fault;
use crate::support::webhook::Hook;

const OTHER: &str = "other.myshopify.com";

async fn states(app: &TestApp) -> Vec<String> {
    let rows = app.database.table("subtotal_events").await;
    rows.iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect()
}

async fn refused(app: &TestApp, sent: &Sent, what: &str) {
    let answer = sent.send(app).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_signature"), "{what}");
    assert_eq!(app.database.table("subtotal_events").await.len(), 0, "{what}");
}

/// A good event about a connection of Alice's.
fn good(app: &TestApp) -> Sent {
    Sent::new(&connection_event(&id_from(app, 1000), "unauthenticated", "01CONNECTION"))
}

#[actix_web::test]
async fn whatever_is_not_verified_is_a_401_and_leaves_nothing() {
    let app = start().await;
    app.install(OTHER).await;
    let (good, now) = (good(&app), app.clock.unix_seconds());
    let signed = |timestamp: &str, body: &[u8]| hex::encode(digest(SECRET, timestamp, body));
    let (here, right) = (now.to_string(), signed(&now.to_string(), &good.body));
    let with = |signature: String| Sent { timestamp: Some(here.clone()), signature: Some(signature), ..good.clone() };
    let at = |timestamp: String| Sent { timestamp: Some(timestamp), ..good.clone() };
    let mut tampered = good.body.clone();
    tampered.push(b' ');
    let spaced = serde_json::to_vec_pretty(&serde_json::from_slice::<serde_json::Value>(&good.body).unwrap()).unwrap();
    let attempts = [
        ("no signature", with(String::new())),
        ("no timestamp", Sent { signature: Some(right.clone()), ..at(String::new()) }),
        ("neither", Sent { signature: Some(String::new()), ..at(String::new()) }),
        ("a tampered body", Sent { body: tampered, ..with(right.clone()) }),
        ("a body written anew", Sent { body: spaced, ..with(right.clone()) }),
        ("an empty body", Sent { body: Vec::new(), ..good.clone() }),
        ("another secret", Sent { secret: "another secret".to_owned(), ..good.clone() }),
        ("an empty secret", Sent { secret: String::new(), ..good.clone() }),
        ("too old", at((now - 310).to_string())),
        ("too far ahead", at((now + 900).to_string())),
        ("too old in milliseconds", at(((now - 310) * 1000).to_string())),
        ("too far ahead in milliseconds", at(((now + 900) * 1000).to_string())),
        ("a timestamp that was not signed", Sent { signature: Some(right.clone()), ..at((now - 1).to_string()) }),
        ("a timestamp that is no number", at("now".to_owned())),
        ("a timestamp with a sign", at(format!("+{now}"))),
        ("a negative timestamp", at(format!("-{now}"))),
        ("a timestamp with a fraction", at(format!("{now}.0"))),
        ("an ISO timestamp", at("2026-11-21T05:00:00Z".to_owned())),
        ("an endless timestamp", at("9".repeat(40))),
        ("two signatures in one header", with(format!("{right},{right}"))),
        ("a prefix", with(format!("sha256={right}"))),
        ("a cut signature", with(right[..62].to_owned())),
        ("a longer signature", with(format!("{right}00"))),
        ("no hex", with("z".repeat(64))),
        ("no base64", with("!".repeat(44))),
        ("zeroes", with("0".repeat(64))),
        ("the body's HMAC without the timestamp", with(hex::encode(digest(SECRET, "", &good.body)))),
        ("another shop's path", Sent { path: format!("/webhooks/subtotal/{OTHER}"), ..good.clone() }),
        ("an unknown shop", Sent { path: "/webhooks/subtotal/nobody.myshopify.com".to_owned(), ..good.clone() }),
        ("no shop domain", Sent { path: "/webhooks/subtotal/evil.example.com".to_owned(), ..good.clone() }),
        ("no shop", Sent { path: "/webhooks/subtotal/".to_owned(), ..good.clone() }),
        ("a deeper path", Sent { path: format!("/webhooks/subtotal/{SHOP}/x"), ..good.clone() }),
        ("a long body", Sent { body: vec![b'x'; 1024 * 1024], ..with(right.clone()) }),
        ("a body beyond the limit", Sent { body: vec![b'x'; 3 * 1024 * 1024], ..good.clone() }),
    ];
    assert!(attempts.len() >= 25);
    for (what, sent) in &attempts {
        refused(&app, sent, what).await;
    }
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::POST] {
        refused(&app, &Sent { method: method.clone(), ..with("AAAA".to_owned()) }, method.as_str()).await;
        let nothing = Sent { method: method.clone(), body: Vec::new(), ..with(String::new()) };
        refused(&app, &nothing, method.as_str()).await;
    }
    let get = Sent { method: Method::GET, ..good.clone() }.send(&app).await;
    assert_eq!((get.status, get.header("allow")), (405, "POST"));
    assert_eq!(app.database.table("subtotal_events").await.len(), 0);
    good.done(&app).await;
    assert_eq!(states(&app).await, ["done"]);
}

#[actix_web::test]
async fn a_header_that_is_there_twice_is_refused() {
    let app = start().await;
    let good = good(&app);
    for (name, value) in [("X-Subtotal-Signature", "0".repeat(64)), ("X-Subtotal-Timestamp", "1".to_owned())] {
        refused(&app, &Sent { headers: vec![(name, value)], ..good.clone() }, name).await;
    }
    let now = app.clock.unix_seconds().to_string();
    let again = vec![("X-Subtotal-Signature", hex::encode(digest(SECRET, &now, &good.body)))];
    refused(&app, &Sent { headers: again, timestamp: Some(now), ..good }, "the same signature twice").await;
}

#[actix_web::test]
async fn hex_and_base64_and_seconds_and_milliseconds_are_taken() {
    let app = start().await;
    let now = app.clock.unix_seconds();
    for in_base64 in [false, true] {
        for timestamp in [now - 290, now + 290, (now - 290) * 1000, (now + 290) * 1000] {
            let sent = Sent { in_base64, timestamp: Some(timestamp.to_string()), ..good(&app) };
            let answer = sent.send(&app).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "{}"), "{in_base64} {timestamp}");
        }
    }
    settled(&app).await;
    assert_eq!(states(&app).await, ["done"; 8]);
    assert_eq!(kinds(&app).await, ["unauthenticated"], "they all say the same");
}

#[actix_web::test]
async fn a_shop_without_a_secret_or_with_an_empty_one_takes_nothing() {
    let app = TestApp::start().await;
    let forged = Sent { secret: String::new(), ..good(&app) };
    refused(&app, &forged, "no secret").await;
    refused(&app, &good(&app), "no secret").await;
    let empty =
        ShopChanges { secret: Some((SecretKind::SubtotalWebhook, String::new().into())), ..ShopChanges::default() };
    app.change(SHOP, empty).await;
    refused(&app, &forged, "an empty secret").await;
}

#[actix_web::test]
async fn the_secret_before_stays_valid_for_a_day() {
    const NEWER: &str = "whsec-of-the-demo-shop-00000002";
    const NEWEST: &str = "whsec-of-the-demo-shop-00000003";
    let app = TestApp::start_with(&[], Clock::manual(1_795_237_200_000)).await;
    let taken = async |secret: &str| {
        let sent = Sent { secret: secret.to_owned(), ..good(&app) };
        sent.send(&app).await.status
    };
    app.store_secret(SHOP, SecretKind::SubtotalWebhook, SECRET).await;
    app.store_secret(SHOP, SecretKind::SubtotalWebhook, NEWER).await;
    // The same secret once more is no change.
    app.clock.advance(Duration::from_hours(1));
    app.store_secret(SHOP, SecretKind::SubtotalWebhook, NEWER).await;
    assert_eq!((taken(SECRET).await, taken(NEWER).await), (200, 200));
    app.clock.advance(Duration::from_hours(24));
    assert_eq!((taken(SECRET).await, taken(NEWER).await), (401, 200));
    app.store_secret(SHOP, SecretKind::SubtotalWebhook, NEWEST).await;
    assert_eq!((taken(SECRET).await, taken(NEWER).await, taken(NEWEST).await), (401, 200, 200));
    let shop = ShopDomain::parse(SHOP).unwrap();
    let shop_id = app.store.shop_id(&shop).await.unwrap().unwrap();
    app.store.remove_secret(shop_id, SecretKind::SubtotalWebhook, Actor::CommandLine, 0).await.unwrap();
    assert_eq!((taken(NEWER).await, taken(NEWEST).await), (401, 401));
    settled(&app).await;
}

#[actix_web::test]
async fn an_event_that_comes_again_is_answered_200_and_kept_once() {
    let app = start().await;
    let sent = good(&app);
    let sends = (0..20).map(|_| sent.send(&app));
    for answer in futures_util::future::join_all(sends).await {
        assert_eq!(answer.status, 200);
    }
    settled(&app).await;
    sent.done(&app).await;
    assert_eq!(states(&app).await, ["done"]);
    assert_eq!(kinds(&app).await, ["unauthenticated"]);
}

#[actix_web::test]
async fn the_same_id_at_two_shops_is_two_events() {
    let app = start().await;
    app.install(OTHER).await;
    app.store_secret(OTHER, SecretKind::SubtotalWebhook, "whsec-of-another-shop-000001").await;
    let sent = good(&app);
    sent.done(&app).await;
    let secret = "whsec-of-another-shop-000001".to_owned();
    Sent { secret, path: format!("/webhooks/subtotal/{OTHER}"), ..sent }.done(&app).await;
    assert_eq!(states(&app).await, ["done"; 2]);
    assert_eq!(kinds(&app).await, ["unauthenticated"; 2]);
}

#[actix_web::test]
async fn a_verified_event_that_can_not_be_read_is_kept_as_such() {
    let app = start().await;
    let bodies: [&[u8]; 6] = [
        b"not json",
        b"\xff\xfe",
        b"[]",
        br#"{"type":"connection.activated"}"#,
        br#"{"type":"connection.upgraded","id":"e1"}"#,
        br#"{"type":"purchase.created","id":"e2","payload":{"connection":{"connection_id":"01C"}}}"#,
    ];
    for body in bodies {
        for _ in 0..2 {
            let answer = Sent { body: body.to_vec(), ..good(&app) }.send(&app).await;
            assert_eq!(answer.status, 200, "{body:?}");
        }
    }
    assert_eq!(states(&app).await, ["unreadable"; 6]);
    for known in ["connection.initialized", "connection.deleted", "connection.profile.created"] {
        let body = json!({ "type": known, "id": known, "payload": { "first_name": "Alice", "email": EMAIL } });
        Sent::new(&body).done(&app).await;
    }
    let rows = app.database.table("subtotal_events").await;
    let ignored: Vec<_> = rows.iter().filter(|row| row["state"] == "ignored").collect();
    assert_eq!(ignored.len(), 3);
    assert!(ignored.iter().all(|row| row["sealed"].is_null()), "nothing follows from them");
    let shop = ShopDomain::parse(SHOP).unwrap();
    let shop_id = app.store.shop_id(&shop).await.unwrap().unwrap();
    let shown = app.store.events(shop_id, Some("unreadable"), None, 10).await.unwrap();
    assert_eq!(shown.len(), 6);
    assert!(shown.iter().all(|line| line.problem.is_some()));
}

#[actix_web::test]
async fn what_waits_is_sealed_and_the_body_goes_when_it_is_done() {
    let app = start().await;
    let connection = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "unauthenticated");
    // Reading the connection back fails, so the event waits.
    app.subtotal.break_everything(Fault::Status(503));
    let undated = Sent::new(&connection_event("evt_undated", "unauthenticated", &connection));
    assert_eq!(undated.send(&app).await.status, 200);
    tried(&app).await;
    let rows = app.database.table("subtotal_events").await;
    assert!(rows[0]["sealed"].as_str().is_some_and(|sealed| sealed.len() > 100), "{rows:?}");
    assert_eq!((&rows[0]["state"], &rows[0]["connection_id"]), (&json!("waiting"), &json!(connection)));
    assert_eq!(app.database.rows_with(EMAIL).await, Vec::<String>::new());
    app.subtotal.mend();
    due_now(&app).await;
    settled(&app).await;
    assert_eq!(app.database.table("subtotal_events").await[0]["sealed"], json!(null));
    assert_eq!(kinds(&app).await, ["unauthenticated"]);
}

#[actix_web::test]
async fn an_uninstalled_shop_is_an_unknown_one() {
    let app = start().await;
    app.subtotal.break_everything(Fault::Status(503));
    let waits = Sent::new(&connection_event("evt_undated", "unauthenticated", "01CONNECTION"));
    assert_eq!(waits.send(&app).await.status, 200);
    tried(&app).await;
    Hook::new("app/uninstalled", &json!({ "id": 1, "myshopify_domain": SHOP })).done(&app).await;
    assert_eq!(app.get("/configuration", NOBODY).await.status, 404);
    let answer = good(&app).send(&app).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_signature"));
    due_now(&app).await;
    settled(&app).await;
    assert_eq!(states(&app).await, ["ignored"]);
    assert_eq!(kinds(&app).await, Vec::<String>::new());
}
