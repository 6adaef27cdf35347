//! A test event: invented, sent like any other, once, for whom the merchant names.

use reqwest::Method;
use serde_json::{Value, json};
use subtotal_connect::store::{Destination, Identifier};

use crate::support::app::{ALICE, Answer, SHOP, TestApp};
use crate::support::fake_klaviyo::KlaviyoFault;
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::happenings::{EMAIL, MOBILE};

const KINDS: [&str; 5] = ["connected", "reauthenticated", "unauthenticated", "disconnected", "purchased"];

async fn test(app: &TestApp, tool: &str, body: &Value) -> Answer {
    test_of(app, SHOP, tool, body).await
}

async fn test_of(app: &TestApp, shop: &str, tool: &str, body: &Value) -> Answer {
    app.staff_call(Method::POST, shop, &format!("/integrations/{tool}/test-event"), |call| call.json(body)).await
}

/// Sends a test event, waits until it was delivered and answers it.
async fn delivered(app: &TestApp, tool: &str, body: &Value) -> Value {
    let before = app.in_state(SHOP, "delivered").await;
    let answer = test(app, tool, body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    app.until_state(SHOP, "delivered", before + 1).await;
    let id = answer.json()["deliveryId"].as_str().unwrap().to_owned();
    app.staff_get(SHOP, &format!("/deliveries/{id}")).await.json()
}

#[actix_web::test]
async fn klaviyo_gets_each_of_the_five_once_for_the_profile_the_merchant_names() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    for (nth, kind) in KINDS.into_iter().enumerate() {
        let shown = delivered(&app, "klaviyo", &json!({ "event": kind, "email": EMAIL })).await;
        assert_eq!((&shown["test"], &shown["kind"], &shown["simulated"]), (&json!(true), &json!(kind), &json!(false)));
        assert!(shown["eventId"].as_str().unwrap().starts_with("test:"), "{shown}");
        assert_eq!(shown["attempts"].as_array().unwrap().len(), 1);
        let sent = app.klaviyo.calls()[nth].body["data"]["attributes"].clone();
        assert_eq!(sent["unique_id"], shown["id"]);
        assert_eq!(sent["profile"]["data"]["attributes"], json!({ "email": EMAIL }));
        let properties = &sent["properties"];
        assert_eq!(properties["retailer"], "walmart", "a retailer of the shop");
        match kind {
            "purchased" => assert!(properties["total"].as_f64().unwrap() > 0.0, "{properties}"),
            "unauthenticated" | "disconnected" => {
                let way_back = properties["link_url"].as_str().unwrap();
                assert!(way_back.starts_with("https://link.subtotal.com/zklQOnlG?connection_id=01"), "{way_back}");
            }
            _ => assert_eq!(properties.get("link_url"), None),
        }
    }
    assert_eq!((app.klaviyo.call_count(), app.klaviyo.events().len()), (5, 5));
    for table in ["happenings", "followed_connections", "connection_notices", "connections", "subtotal_events"] {
        assert_eq!(app.database.table(table).await, Vec::<Value>::new(), "{table}: nothing happened");
    }
    assert_eq!(app.database.rows_with(EMAIL).await, Vec::<String>::new());
    let last = app.trail(SHOP).await.pop().unwrap();
    let id = app.shown_deliveries(SHOP).await[0]["id"].clone();
    assert_eq!(last.action, "deliveries.test_sent");
    let detail: Value = serde_json::from_str(&last.detail).unwrap();
    assert_eq!(detail, json!({ "delivery": id, "destination": "klaviyo", "kind": "purchased" }));
}

#[actix_web::test]
async fn the_profile_is_named_by_what_the_merchant_chose() {
    let app = TestApp::start().await;
    app.never_show(MOBILE);
    let cases = [
        (Identifier::CustomerId, "customerId", ALICE, json!({ "external_id": ALICE })),
        (Identifier::Mobile, "phone", MOBILE, json!({ "phone_number": MOBILE })),
    ];
    for (nth, (identifier, field, whom, profile)) in cases.into_iter().enumerate() {
        let shop = format!("identifier-{nth}.myshopify.com");
        app.install(&shop).await;
        app.turn_on_with(&shop, Destination::Klaviyo, identifier, false).await;
        let sent = test_of(&app, &shop, "klaviyo", &json!({ "event": "connected", field: whom })).await;
        assert_eq!(sent.status, 202, "{sent:?}");
        app.until_state(&shop, "delivered", 1).await;
        let sent = app.klaviyo.calls().pop().unwrap().body["data"]["attributes"]["profile"].clone();
        assert_eq!(sent["data"]["attributes"], profile);
        let missing = test_of(&app, &shop, "klaviyo", &json!({ "event": "connected", "email": EMAIL })).await;
        assert_eq!((missing.status, missing.fields()), (400, vec![field.to_owned()]));
    }
}

#[actix_web::test]
async fn flow_fires_each_of_its_triggers_for_the_customer() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Flow).await;
    for kind in KINDS.into_iter().chain(["product_purchased"]) {
        let shown = delivered(&app, "flow", &json!({ "trigger": kind, "customerId": ALICE })).await;
        assert_eq!(
            (&shown["kind"], &shown["destination"], &shown["test"]),
            (&json!(kind), &json!("flow"), &json!(true))
        );
    }
    let fired = app.admin.triggers();
    let handles: Vec<&str> = fired.iter().map(|trigger| trigger.handle.as_str()).collect();
    let expected = [
        "subtotal-connection-activated",
        "subtotal-connection-reauthenticated",
        "subtotal-connection-unauthenticated",
        "subtotal-connection-disconnected",
        "subtotal-purchase-created",
        "subtotal-product-purchased",
    ];
    assert_eq!(handles, expected);
    assert!(fired.iter().all(|trigger| trigger.payload["customer_id"] == 7001));
    assert!(fired[5].payload["Product name"].is_string() && fired[4].payload["Total"].is_number(), "{fired:?}");
}

#[actix_web::test]
async fn what_is_wrong_is_named_and_nothing_is_written() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.turn_on(SHOP, Destination::Flow).await;
    let cases = [
        ("klaviyo", json!({}), vec!["event", "email"]),
        ("klaviyo", json!({ "event": "product_purchased", "email": EMAIL }), vec!["event"]),
        ("klaviyo", json!({ "event": "connected", "email": "nobody" }), vec!["email"]),
        ("klaviyo", json!({ "event": "connected", "customerId": ALICE }), vec!["email"]),
        ("flow", json!({}), vec!["trigger", "customerId"]),
        ("flow", json!({ "trigger": "opened", "customerId": ALICE }), vec!["trigger"]),
        ("flow", json!({ "trigger": 5, "customerId": ALICE }), vec!["trigger"]),
        ("flow", json!({ "trigger": "connected", "customerId": "gid://shopify/Customer/1" }), vec!["customerId"]),
        ("flow", json!({ "trigger": "connected", "customerId": "abc" }), vec!["customerId"]),
    ];
    let trail = app.trail(SHOP).await.len();
    for (tool, body, fields) in cases {
        let refused = test(&app, tool, &body).await;
        assert_eq!(
            (refused.status, refused.fields()),
            (400, fields.into_iter().map(str::to_owned).collect()),
            "{body}"
        );
    }
    app.turn_on_with(SHOP, Destination::Klaviyo, Identifier::Mobile, false).await;
    for phone in ["5551234567", "+1", "+0555123456", "+1 555 123 4567"] {
        let refused = test(&app, "klaviyo", &json!({ "event": "connected", "phone": phone })).await;
        assert_eq!(refused.fields(), ["phone"], "{phone}");
    }
    assert_eq!(app.shown_deliveries(SHOP).await, Vec::<Value>::new());
    assert_eq!(app.trail(SHOP).await.len(), trail + 2, "only the key and the choice");
}

#[actix_web::test]
async fn a_tool_that_is_off_or_paused_is_sent_no_test() {
    let app = TestApp::start().await;
    let (klaviyo, flow) =
        (json!({ "event": "connected", "email": EMAIL }), json!({ "trigger": "connected", "customerId": ALICE }));
    let refused = async |tool: &str, body: &Value| {
        let refused = test(&app, tool, body).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "destination_off"), "{tool}");
    };
    refused("klaviyo", &klaviyo).await;
    refused("flow", &flow).await;
    app.turn_on(SHOP, Destination::Flow).await;
    app.staff_put(SHOP, "/integrations/flow", &json!({ "paused": true })).await;
    refused("flow", &flow).await;
    assert_eq!(app.database.table("deliveries").await, Vec::<Value>::new());
    app.staff_put(SHOP, "/integrations/flow", &json!({ "paused": false })).await;
    delivered(&app, "flow", &flow).await;
}

#[actix_web::test]
async fn a_test_needs_subtotal_only_for_the_way_back() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.subtotal.break_call(Call::Retailers, Fault::Status(500));
    delivered(&app, "klaviyo", &json!({ "event": "connected", "email": EMAIL })).await;
    let refused = test(&app, "klaviyo", &json!({ "event": "disconnected", "email": EMAIL })).await;
    assert_eq!((refused.status, refused.code().as_str()), (502, "subtotal_unavailable"));
}

#[actix_web::test]
async fn a_test_that_fails_says_so_and_can_be_sent_again() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.klaviyo.set_fault(KlaviyoFault::Echo(400));
    let answer = test(&app, "klaviyo", &json!({ "event": "purchased", "email": EMAIL })).await;
    app.until_state(SHOP, "dead", 1).await;
    let id = answer.json()["deliveryId"].as_str().unwrap().to_owned();
    let shown = app.staff_get(SHOP, &format!("/deliveries/{id}")).await.json();
    assert_eq!(shown["attempts"][0]["response"]["status"], 400);
    app.klaviyo.set_fault(KlaviyoFault::None);
    let again = app.staff_call(Method::POST, SHOP, &format!("/deliveries/{id}/replay"), |call| call).await;
    assert_eq!(again.status, 202);
    app.until_state(SHOP, "delivered", 1).await;
    assert_eq!(app.klaviyo.events().len(), 1);
}
