//! Webhook delivery, held against the service's own verifier.

use std::collections::HashSet;

use super::*;
use crate::sandbox::shoppers::MAYA;
use crate::shopify::webhook::{VerifiedWebhook, WebhookRefusal};

fn verified(request: &Request) -> Result<VerifiedWebhook, WebhookRefusal> {
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    crate::shopify::webhook::verify(header, request.body.clone(), &secrets())
}

#[tokio::test]
async fn every_topic_verifies_under_both_header_families() {
    let world = World::new().await;
    let mut count = 0;
    for topic in TOPICS {
        for (headers, name) in [("classic", "x-shopify-topic"), ("newer", "shopify-topic")] {
            world
                .pull(json!({ "action": "deliver", "topic": topic, "headers": headers, "customer_id": MAYA.id }))
                .await;
            count += 1;
            let received = world.received(count).await;
            let delivery = &received[count - 1];
            assert_eq!(delivery.url.path(), "/webhooks/shopify");
            assert_eq!(delivery.headers.get(name).unwrap(), topic);
            let other = if headers == "classic" { "shopify-topic" } else { "x-shopify-topic" };
            assert!(!delivery.headers.contains_key(other));
            let webhook = verified(delivery).unwrap();
            assert_eq!((webhook.topic.as_str(), webhook.shop.as_str()), (topic, "larkmeadow.myshopify.com"));
            assert_eq!(webhook.triggered_at, Some(NOW * 1000));
            let body: Value = serde_json::from_slice(&webhook.body).unwrap();
            if topic.starts_with("customers/") {
                let customer = if body["customer"].is_object() { &body["customer"] } else { &body };
                assert_eq!(customer["id"].to_string(), MAYA.id);
            }
        }
    }
}

#[tokio::test]
async fn a_delivery_can_be_doubled_late_forged_or_misaddressed() {
    let world = World::new().await;
    let deliver = |more: Value| {
        let mut lever = json!({ "action": "deliver", "topic": "shop/redact" });
        lever.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.pull(lever)
    };
    deliver(json!({ "duplicate": true, "hours_ago": 26 })).await;
    let received = world.received(2).await;
    let [first, second] = [&received[0], &received[1]].map(|request| verified(request).unwrap());
    assert_eq!((&first.delivery_id, &first.body), (&second.delivery_id, &second.body));
    assert_eq!(first.triggered_at, Some((NOW - 26 * 3600) * 1000));
    deliver(json!({ "other_shop": true })).await;
    let webhook = verified(&world.received(3).await[2]).unwrap();
    let body: Value = serde_json::from_slice(&webhook.body).unwrap();
    assert_ne!(webhook.shop.as_str(), body["shop_domain"]);
    deliver(json!({ "wrong_hmac": true })).await;
    assert_eq!(verified(&world.received(4).await[3]).unwrap_err(), WebhookRefusal::WrongSignature);
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_eight_times_and_logged() {
    let world = World::with_answer(ResponseTemplate::new(302).insert_header("location", "/elsewhere")).await;
    world.pull(json!({ "action": "deliver", "topic": "shop/update" })).await;
    let received = world.received(9).await;
    let ids: HashSet<_> = received.iter().map(|request| verified(request).unwrap().delivery_id).collect();
    assert_eq!(ids.len(), 1);
    let log = || async {
        let report: Value = world.get("/levers/api/state").send().await.unwrap().json().await.unwrap();
        report["deliveries"].as_array().unwrap().clone()
    };
    while log().await[0]["status"].is_null() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let attempts = log().await;
    assert_eq!((attempts.len(), &attempts[0]["attempt"], &attempts[0]["status"]), (9, &json!(9), &json!(302)));
    assert_eq!(attempts[0]["retry_in_ms"], Value::Null);
    assert_eq!(world.app.received_requests().await.unwrap().len(), 9, "redirects are not followed");
}

#[tokio::test]
async fn facts_that_change_are_told_and_answered_alike() {
    let world = World::new().await;
    world.pull(json!({ "action": "contact", "customer_id": MAYA.id, "email": "maya@new.example" })).await;
    world.pull(json!({ "action": "scopes", "scopes": "read_customers" })).await;
    let bodies: Vec<Value> =
        world.received(2).await.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    let about = |key: &str| bodies.iter().find(|body| !body[key].is_null()).unwrap();
    assert_eq!((&about("email")["email"], &about("email")["phone"]), (&json!("maya@new.example"), &Value::Null));
    assert_eq!(about("current")["current"], json!(["read_customers"]));
    assert_eq!(about("current")["previous"], json!(["read_customers", "write_app_proxy"]));
    let refused = world.post("/levers/api").json(&json!({ "action": "deliver", "topic": "no/such" })).send().await;
    assert_eq!(refused.unwrap().status(), 422);
}
