//! *Klaviyo and Flow* and *Events*, as their scripts use them: keys are tried, sealed and never shown; every change is in
//! the trail.

use reqwest::Method;
use serde_json::{Value, json};
use subtotal_connect::events::happening::HappeningKind;
use subtotal_connect::store::Destination;

use crate::support::app::{SHOP, TestApp};
use crate::support::fake_klaviyo::KlaviyoFault;
use crate::support::happenings::happened;

const OTHER: &str = "other.myshopify.com";
const KEY: &str = "pk_0123456789abcdef0123456789wxyz";

async fn post(app: &TestApp, path: &str, body: &Value) -> crate::support::app::Answer {
    app.staff_call(Method::POST, SHOP, path, |call| call.json(body)).await
}

async fn actions(app: &TestApp) -> Vec<String> {
    app.trail(SHOP).await.into_iter().map(|line| format!("{} {}", line.action, line.detail)).collect()
}

#[actix_web::test]
async fn klaviyo_is_off_until_a_tried_key_turns_it_on() {
    let app = TestApp::start().await;
    app.never_show(KEY);
    let off = json!({ "enabled": false, "identifier": "email", "allowSimulated": false, "paused": false });
    assert_eq!(app.staff_get(SHOP, "/integrations/klaviyo").await.json(), off);
    let on = json!({ "enabled": true });
    assert_eq!(app.staff_put(SHOP, "/integrations/klaviyo", &on).await.fields(), ["privateKey"]);
    app.klaviyo.set_fault(KlaviyoFault::Status(401));
    let with_key = json!({ "enabled": true, "privateKey": KEY, "identifier": "mobile", "allowSimulated": true });
    let refused = app.staff_put(SHOP, "/integrations/klaviyo", &with_key).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "klaviyo_key_rejected"));
    app.klaviyo.set_fault(KlaviyoFault::Status(500));
    let failed = app.staff_put(SHOP, "/integrations/klaviyo", &with_key).await;
    assert_eq!((failed.status, failed.code().as_str()), (502, "klaviyo_unavailable"));
    assert_eq!(app.staff_get(SHOP, "/integrations/klaviyo").await.json(), off, "nothing is stored");
    app.klaviyo.set_fault(KlaviyoFault::None);
    let stored = app.staff_put(SHOP, "/integrations/klaviyo", &with_key).await;
    let expected = json!({
        "enabled": true, "keyHint": "wxyz", "identifier": "mobile", "allowSimulated": true, "paused": false,
    });
    assert_eq!(stored.json(), expected);
    assert_eq!(app.database.rows_with(KEY).await, Vec::<String>::new(), "it is sealed");
    let calls = app.klaviyo.calls();
    assert!(calls.iter().all(|call| call.path == "/api/accounts" && call.method == "GET"), "{calls:?}");
    let changed = app.staff_put(SHOP, "/integrations/klaviyo", &json!({ "identifier": "customer_id" })).await.json();
    assert_eq!(changed["enabled"], true, "what is not sent stays");
    let trail = actions(&app).await;
    let expected = [
        r#"key.tested {"outcome":"klaviyo_key_rejected","secret":"klaviyo_private_key"}"#,
        r#"key.tested {"outcome":"klaviyo_unavailable","secret":"klaviyo_private_key"}"#,
        r#"key.tested {"outcome":"ok","secret":"klaviyo_private_key"}"#,
        r#"key.stored {"secret":"klaviyo_private_key"}"#,
    ];
    assert_eq!(trail[trail.len() - 6..trail.len() - 2], expected);
    assert!(trail[trail.len() - 2].starts_with("settings.integration_changed"), "{trail:?}");
    let removed = app.staff_call(Method::DELETE, SHOP, "/integrations/klaviyo", |call| call).await;
    assert_eq!(removed.status, 204);
    let gone = app.staff_get(SHOP, "/integrations/klaviyo").await.json();
    assert_eq!((&gone["enabled"], &gone["keyHint"]), (&json!(false), &Value::Null));
}

#[actix_web::test]
async fn a_key_is_tried_without_being_stored_and_one_for_events_alone_will_do() {
    let app = TestApp::start().await;
    app.never_show(KEY);
    assert_eq!(post(&app, "/integrations/klaviyo/test", &json!({})).await.fields(), ["privateKey"]);
    let key = json!({ "privateKey": KEY });
    for (status, ok, problem) in [(200, true, None), (403, true, None), (401, false, Some("klaviyo_key_rejected"))] {
        app.klaviyo.set_fault(KlaviyoFault::Status(status));
        let tried = post(&app, "/integrations/klaviyo/test", &key).await.json();
        assert_eq!((&tried["ok"], tried["problem"].as_str()), (&json!(ok), problem), "{status}");
    }
    assert_eq!(app.staff_get(SHOP, "/integrations/klaviyo").await.json().get("keyHint"), None);
    let spaced = post(&app, "/integrations/klaviyo/test", &json!({ "privateKey": "pk with spaces" })).await;
    assert_eq!(spaced.fields(), ["privateKey"]);
}

#[actix_web::test]
async fn flow_is_turned_on_and_off() {
    let app = TestApp::start().await;
    let off = json!({ "enabled": false, "allowSimulated": false, "paused": false });
    assert_eq!(app.staff_get(SHOP, "/integrations/flow").await.json(), off);
    let on = json!({ "enabled": true, "allowSimulated": true, "paused": false });
    assert_eq!(app.staff_put(SHOP, "/integrations/flow", &on).await.json(), on);
    assert_eq!(app.staff_put(SHOP, "/integrations/flow", &json!({ "enabled": "yes" })).await.fields(), ["enabled"]);
    assert_eq!(app.staff_get(SHOP, "/integrations/flow").await.json(), on);
    let last = actions(&app).await.pop().unwrap();
    let expected = r#"{"allowSimulated":true,"destination":"flow","enabled":true,"paused":false}"#;
    assert_eq!(last, format!("settings.integration_changed {expected}"));
}

#[actix_web::test]
async fn one_shops_staff_neither_see_nor_replay_anothers_deliveries() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    app.turn_on(OTHER, Destination::Klaviyo).await;
    app.klaviyo.set_fault(KlaviyoFault::Status(400));
    app.deliver(OTHER, &happened("evt_1", HappeningKind::Connected)).await;
    app.until_state(OTHER, "dead", 1).await;
    assert_eq!(app.shown_deliveries(SHOP).await, Vec::<Value>::new());
    let id = app.shown_deliveries(OTHER).await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(post(&app, &format!("/deliveries/{id}/replay"), &json!({})).await.status, 404);
    assert_eq!(post(&app, "/deliveries/replay-failed", &json!({})).await.json(), json!({ "queued": 0 }));
    assert_eq!(app.in_state(OTHER, "dead").await, 1);
    for (query, field) in [("state=lost", "state"), ("before=x", "before"), ("limit=0", "limit")] {
        assert_eq!(app.staff_get(SHOP, &format!("/deliveries?{query}")).await.fields(), [field]);
    }
}

#[actix_web::test]
async fn subtotals_webhook_secret_is_entered_rotated_and_removed_and_the_page_shows_the_address() {
    let app = TestApp::start().await;
    let secrets = ["whsec_0123456789-first", "whsec_0123456789-second"];
    let page = app.admin_page(SHOP, "/subtotal").await.body;
    assert!(page.contains(&format!("https://app.example.com/webhooks/subtotal/{SHOP}")), "{page}");
    for secret in secrets {
        app.never_show(secret);
        let stored = app.staff_put(SHOP, "/subtotal-webhook-secret", &json!({ "secret": secret })).await;
        assert_eq!(stored.json(), json!({ "hint": secret[secret.len() - 4..] }));
    }
    assert!(app.admin_page(SHOP, "/subtotal").await.body.contains("<strong data-webhook-hint>cond</strong>"));
    for wrong in [json!({}), json!({ "secret": " " }), json!({ "secret": "two words" })] {
        assert_eq!(app.staff_put(SHOP, "/subtotal-webhook-secret", &wrong).await.fields(), ["secret"]);
    }
    let removed = app.staff_call(Method::DELETE, SHOP, "/subtotal-webhook-secret", |call| call).await;
    assert_eq!(removed.status, 204);
    let last = actions(&app).await.pop().unwrap();
    assert_eq!(last, r#"key.removed {"secret":"subtotal_webhook_secret"}"#);
}
