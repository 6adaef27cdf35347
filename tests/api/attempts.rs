//! The tries of a delivery, as the merchant sees them: how each went, what was asked and answered, and nothing of whom it
//! was about, what was bought, or a secret.

use serde_json::{Value, json};
use subtotal_connect::events::happening::HappeningKind;
use subtotal_connect::store::{DeliveryEnd, Destination, Identifier, Tried};

use crate::support::app::{ALICE, SHOP, TestApp};
use crate::support::fake_admin::AdminFault;
use crate::support::fake_klaviyo::KlaviyoFault;
use crate::support::happenings::{CONNECTION, EMAIL, MOBILE, PATIENCE, happened};
use crate::support::wait::until;

const OTHER: &str = "other.myshopify.com";
const MARK: &str = "•••";
const NUMBER: &str = "••• (number)";

/// The shop's only delivery with its tries.
async fn tries(app: &TestApp) -> Value {
    let id = app.shown_deliveries(SHOP).await[0]["id"].as_str().unwrap().to_owned();
    app.staff_get(SHOP, &format!("/deliveries/{id}")).await.json()
}

/// Nothing of a person, a purchase or a secret stands in the tries.
async fn assert_nobody_is_told_of(app: &TestApp, key: &str) {
    let rows = app.database.table("delivery_attempts").await;
    assert!(!rows.is_empty());
    let told = [EMAIL, "private.example", MOBILE, "5550001111", key, &key[..8], "connection_id="];
    let bought = ["Mustard", "Bananas", "44.64", "43.04", "frenchs", "coca-cola", "040000476528", "01KEVN1ZPM9H"];
    for row in rows {
        for column in ["problem", "request", "response"] {
            let text = row[column].as_str().unwrap_or_default();
            for private in told.into_iter().chain(bought).chain([ALICE, "shpat_"]) {
                assert!(!text.contains(private), "{private} in {column}: {text}");
            }
        }
    }
}

#[actix_web::test]
async fn a_delivery_shows_its_tries_with_what_was_asked_and_answered() {
    let app = TestApp::start().await;
    let key = app.turn_on(SHOP, Destination::Klaviyo).await;
    app.klaviyo.set_fault(KlaviyoFault::Echo(500));
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Purchased)).await;
    until(PATIENCE, "two tries", async || app.klaviyo.call_count() >= 2).await;
    app.klaviyo.set_fault(KlaviyoFault::None);
    app.until_state(SHOP, "delivered", 1).await;
    let shown = tries(&app).await;
    assert_eq!(
        (&shown["state"], &shown["kind"], &shown["test"]),
        (&json!("delivered"), &json!("purchased"), &json!(false))
    );
    let tries = shown["attempts"].as_array().unwrap();
    assert_eq!(tries.len(), app.klaviyo.call_count());
    let (first, last) = (&tries[0], tries.last().unwrap());
    assert_eq!(
        (&first["outcome"], &first["problem"]),
        (&json!("failed"), &json!("Klaviyo is unavailable: status 500"))
    );
    assert!(first["at"].as_str().unwrap().starts_with("20") && first["durationMs"].as_i64().unwrap() >= 0, "{first}");
    let response = json!({ "status": 500, "body": { "errors": [
        { "code": "invalid", "title": "Invalid input.", "detail": MARK, "source": { "pointer": "/data/attributes/profile" } },
        { "code": MARK, "title": MARK, "source": { "pointer": MARK } },
    ] } });
    assert_eq!(first["response"], response);
    let request = &first["request"];
    assert_eq!(
        (&request["method"], &request["path"], &request["revision"]),
        (&json!("POST"), &json!("/api/events"), &json!("2026-07-15"))
    );
    let attributes = &request["body"]["data"]["attributes"];
    assert_eq!(attributes["unique_id"], shown["id"]);
    assert_eq!(attributes["profile"]["data"]["attributes"], json!({ "email": MARK }));
    let properties = &attributes["properties"];
    assert_eq!((&properties["retailer"], &properties["total"]), (&json!("walmart"), &json!(NUMBER)));
    assert_eq!(properties["brands"].as_array().unwrap().len(), 9, "the length of a list is kept");
    assert_eq!(last["response"], json!({ "status": 202 }));
    assert_eq!((&last["outcome"], last.get("problem")), (&json!("delivered"), None));
    assert_nobody_is_told_of(&app, &key).await;
}

#[actix_web::test]
async fn no_try_tells_of_anybody_whatever_klaviyo_repeats() {
    let app = TestApp::start().await;
    let kinds = [HappeningKind::Connected, HappeningKind::Disconnected, HappeningKind::Purchased];
    let (mut dead, mut delivered) = (0, 0);
    for identifier in [Identifier::Email, Identifier::CustomerId, Identifier::Mobile] {
        for (nth, fault) in
            [KlaviyoFault::Echo(400), KlaviyoFault::Echo(422), KlaviyoFault::None].into_iter().enumerate()
        {
            let key = app.turn_on_with(SHOP, Destination::Klaviyo, identifier, false).await;
            app.klaviyo.set_fault(fault);
            for kind in kinds {
                app.deliver(SHOP, &happened(&format!("evt_{identifier:?}_{nth}_{kind:?}"), kind)).await;
            }
            let (state, count) = match fault {
                KlaviyoFault::None => ("delivered", &mut delivered),
                _ => ("dead", &mut dead),
            };
            *count += 3;
            app.until_state(SHOP, state, *count).await;
            assert_nobody_is_told_of(&app, &key).await;
        }
    }
    assert!(app.database.table("delivery_attempts").await.len() >= 27);
}

#[actix_web::test]
async fn tries_of_flow_name_the_trigger_and_the_fields_alone() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Flow).await;
    app.admin.refuse_triggers(true);
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Disconnected)).await;
    app.until_state(SHOP, "dead", 1).await;
    let refused = tries(&app).await["attempts"][0].clone();
    let payload = json!({
        "customer_id": NUMBER, "Connection ID": CONNECTION, "Retailer ID": "walmart",
        "Link URL": format!("https://link.subtotal.com/zklQOnlG?{MARK}"),
    });
    assert_eq!(refused["request"], json!({ "trigger": "subtotal-connection-disconnected", "payload": payload }));
    let answered = json!({ "status": 200, "body": { "userErrors": [{ "field": ["handle", MARK], "message": MARK }] } });
    assert_eq!(refused["response"], answered);
    app.deliver(SHOP, &happened("evt_2", HappeningKind::Purchased)).await;
    app.until_state(SHOP, "dead", 4).await;
    app.admin.refuse_triggers(false);
    app.admin.set_fault(AdminFault::Status(503));
    app.deliver(SHOP, &happened("evt_3", HappeningKind::Purchased)).await;
    until(PATIENCE, "they fail", async || app.database.rows_with("is unavailable").await.len() >= 3).await;
    app.admin.set_fault(AdminFault::None);
    app.until_state(SHOP, "delivered", 3).await;
    assert_nobody_is_told_of(&app, "shpat_a_token_of_the_admin").await;
}

#[actix_web::test]
async fn what_was_not_sent_says_why_and_shows_no_request() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    let mut nobody = happened("evt_1", HappeningKind::Connected);
    nobody.email = None;
    app.deliver(SHOP, &nobody).await;
    app.until_state(SHOP, "skipped", 1).await;
    let skipped = tries(&app).await["attempts"][0].clone();
    assert_eq!(skipped["outcome"], "skipped");
    assert!(skipped["problem"].as_str().unwrap().contains("e-mail address"), "{skipped}");
    assert_eq!((skipped.get("request"), skipped.get("response")), (None, None));
}

#[actix_web::test]
async fn the_last_twenty_tries_are_kept_and_go_with_their_delivery() {
    let app = TestApp::start().await;
    app.stop().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    let shop = app.shop_id(SHOP).await;
    let mut id = String::new();
    for nth in 1..=23 {
        app.database.execute("UPDATE deliveries SET due_at = {clock} - 1").await;
        let due = app.store.lease_deliveries(shop, Destination::Klaviyo, 9, 60_000).await.unwrap().remove(0);
        let end = DeliveryEnd::Failed(format!("failure {nth}"), PATIENCE);
        assert!(app.store.end_delivery(&due, &end, &Tried { at: nth, ..Tried::default() }, 0).await.unwrap());
        id.clone_from(&due.id);
    }
    let kept = app.store.attempts(shop, &id).await.unwrap();
    let times: Vec<i64> = kept.iter().map(|attempt| attempt.tried.at).collect();
    assert_eq!(times, (4..=23).collect::<Vec<i64>>());
    app.database.execute("UPDATE deliveries SET state = 'dead', due_at = NULL, ended_at = 1").await;
    assert_eq!(app.store.prune_ended(app.clock.unix_ms()).await.unwrap(), 1);
    assert_eq!(app.database.table("delivery_attempts").await, Vec::<Value>::new());
}

#[actix_web::test]
async fn another_shops_delivery_and_an_unknown_one_are_not_found() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    app.until_state(SHOP, "delivered", 1).await;
    let id = app.shown_deliveries(SHOP).await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(app.staff_get(SHOP, &format!("/deliveries/{id}")).await.status, 200);
    assert_eq!(app.staff_get(OTHER, &format!("/deliveries/{id}")).await.status, 404);
    for unknown in ["0".repeat(32), "x".repeat(65), "%00".to_owned()] {
        assert_eq!(app.staff_get(SHOP, &format!("/deliveries/{unknown}")).await.status, 404, "{unknown}");
    }
    let other = app.shop_id(OTHER).await;
    assert!(app.store.attempts(other, &id).await.unwrap().is_empty());
}
