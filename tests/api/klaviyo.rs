//! What Klaviyo is told: the five events of Subtotal's own Klaviyo integration (seed 003), property by property, for the
//! profile the merchant chooses, at the pace Klaviyo asks for.

use serde_json::{Value, json};
use subtotal_connect::clock::Clock;
use subtotal_connect::events::happening::HappeningKind;
use subtotal_connect::store::{Destination, Identifier};

use crate::support::app::{ALICE, SHOP, TestApp};
use crate::support::fake_klaviyo::KlaviyoFault;
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::happenings::{CONNECTION, EMAIL, MOBILE, PATIENCE, happened};
use crate::support::wait::until;

const OTHER: &str = "other.myshopify.com";
const LINK_URL: &str = "https://link.subtotal.com/zklQOnlG?connection_id=01KFRSK9J11G807TAY0GCYSW67";

/// The one event Klaviyo has, as `data.attributes`.
async fn told(app: &TestApp, kind: HappeningKind) -> Value {
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.deliver(SHOP, &happened("evt_1", kind)).await;
    app.until_state(SHOP, "delivered", 1).await;
    let calls = app.klaviyo.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let call = &calls[0];
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/api/events"));
    assert_eq!(call.authorization, format!("Klaviyo-API-Key pk_{SHOP}_0123456789abcdef"));
    assert_eq!(call.revision, "2026-07-15");
    assert_eq!(call.content_type, "application/vnd.api+json");
    assert_eq!(call.body["data"]["type"], "event");
    assert_eq!(call.body.as_object().unwrap().len(), 1);
    assert_eq!(call.body["data"].as_object().unwrap().len(), 2);
    call.body["data"]["attributes"].clone()
}

/// The whole event that is expected, but for its `unique_id`.
fn event(metric: &str, properties: Value) -> Value {
    json!({
        "properties": properties,
        "time": "2026-05-31T14:48:23Z",
        "metric": { "data": { "type": "metric", "attributes": { "name": metric } } },
        "profile": { "data": { "type": "profile", "attributes": { "email": EMAIL } } },
    })
}

async fn assert_told(kind: HappeningKind, metric: &str, properties: Value) {
    let app = TestApp::start().await;
    let mut told = told(&app, kind).await;
    let id = told.as_object_mut().unwrap().remove("unique_id").unwrap();
    assert_eq!(id, app.shown_deliveries(SHOP).await[0]["id"], "unique_id is the delivery's id");
    assert_eq!(told, event(metric, properties));
}

#[actix_web::test]
async fn a_purchase_is_told_with_every_property_of_the_seed() {
    let properties = json!({
        "purchase_id": "01KEVN1ZPM9H19JSHGN5NF0M69",
        "retailer": "walmart",
        "date": "2025-05-31T14:48:23Z",
        "item_count": 15,
        "subtotal": 43.04,
        "tax": 1.6,
        "total": 44.64,
        "brands": ["frenchs", "heinz", "spam", "jif", "yogi-tea", "cheerios", "m&ms", "goya", "coca-cola"],
        "upcs": ["040000476528", "016000124790", "041331027878"],
    });
    assert_told(HappeningKind::Purchased, "Purchased at Retailer", properties).await;
}

#[actix_web::test]
async fn a_connection_is_told() {
    let properties = json!({ "connection_id": CONNECTION, "retailer": "walmart" });
    assert_told(HappeningKind::Connected, "Connected an Account", properties).await;
}

#[actix_web::test]
async fn a_reauthentication_is_told() {
    let properties = json!({ "connection_id": CONNECTION, "retailer": "walmart" });
    assert_told(HappeningKind::Reauthenticated, "Reauthenticated Connection", properties).await;
}

#[actix_web::test]
async fn a_disconnection_is_told_with_the_way_back() {
    let properties = json!({ "connection_id": CONNECTION, "retailer": "walmart", "link_url": LINK_URL });
    assert_told(HappeningKind::Disconnected, "Disconnected an Account", properties).await;
}

#[actix_web::test]
async fn a_lost_login_is_told_with_the_way_back() {
    let properties = json!({ "connection_id": CONNECTION, "retailer": "walmart", "link_url": LINK_URL });
    assert_told(HappeningKind::Unauthenticated, "Unauthenticated Connection", properties).await;
}

#[actix_web::test]
async fn amounts_that_subtotal_does_not_know_are_left_out() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    let mut happening = happened("evt_1", HappeningKind::Purchased);
    if let Some(purchase) = &mut happening.purchase {
        (purchase.subtotal, purchase.tax, purchase.total) = (None, None, None);
    }
    app.deliver(SHOP, &happening).await;
    app.until_state(SHOP, "delivered", 1).await;
    let properties = app.klaviyo.calls()[0].body["data"]["attributes"]["properties"].clone();
    let names: Vec<&String> = properties.as_object().unwrap().keys().collect();
    assert_eq!(names, ["brands", "date", "item_count", "purchase_id", "retailer", "upcs"]);
}

#[actix_web::test]
async fn the_profile_is_what_the_merchant_chose_and_nobody_is_told_of_anonymously() {
    let app = TestApp::start().await;
    let cases = [
        (Identifier::Email, json!({ "email": EMAIL }), "e-mail address"),
        (Identifier::CustomerId, json!({ "external_id": ALICE }), "customer's id"),
        (Identifier::Mobile, json!({ "phone_number": MOBILE }), "phone number"),
    ];
    for (nth, (identifier, profile, missing)) in cases.into_iter().enumerate() {
        let shop = format!("identifier-{nth}.myshopify.com");
        app.install(&shop).await;
        app.turn_on_with(&shop, Destination::Klaviyo, identifier, false).await;
        let known = happened("evt_known", HappeningKind::Connected);
        let mut unknown = happened("evt_unknown", HappeningKind::Connected);
        match identifier {
            Identifier::Email => unknown.email = Some(" ".to_owned()),
            Identifier::CustomerId => unknown.customer_id = None,
            Identifier::Mobile => unknown.mobile = None,
        }
        app.deliver(&shop, &known).await;
        app.deliver(&shop, &unknown).await;
        app.until_state(&shop, "delivered", 1).await;
        app.until_state(&shop, "skipped", 1).await;
        let calls = app.klaviyo.calls();
        assert_eq!(calls.len(), nth + 1);
        assert_eq!(calls[nth].body["data"]["attributes"]["profile"]["data"]["attributes"], profile);
        let skipped = app.shown_deliveries(&shop).await;
        let skipped = skipped.iter().find(|delivery| delivery["state"] == "skipped").unwrap();
        assert!(skipped["lastProblem"].as_str().unwrap().contains(missing), "{skipped}");
    }
}

#[actix_web::test]
async fn an_account_that_asks_to_slow_down_is_left_alone_and_others_go_on() {
    let app = TestApp::start_with(&[("DELIVERY_RETRY_BASE_MS", "1")], Clock::system()).await;
    app.install(OTHER).await;
    let key = app.turn_on(SHOP, Destination::Klaviyo).await;
    app.turn_on(OTHER, Destination::Klaviyo).await;
    app.klaviyo.set_fault_of(&key, KlaviyoFault::Throttled(600));
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    app.until_state(SHOP, "waiting", 1).await;
    until(PATIENCE, "it was tried", async || app.klaviyo.call_count() == 1).await;
    for nth in 0..5 {
        app.deliver(SHOP, &happened(&format!("evt_more_{nth}"), HappeningKind::Connected)).await;
        app.deliver(OTHER, &happened(&format!("evt_other_{nth}"), HappeningKind::Connected)).await;
    }
    app.until_state(OTHER, "delivered", 5).await;
    let of_slow = app.klaviyo.calls().iter().filter(|call| call.authorization.ends_with(&key)).count();
    assert_eq!(of_slow, 1, "nothing more of that account is sent");
    app.until_state(SHOP, "waiting", 6).await;
    let shown = app.shown_deliveries(SHOP).await;
    let held = shown.iter().find(|delivery| delivery["eventId"] == "evt_1").unwrap();
    assert_eq!(
        (held["attempts"].as_i64(), held["lastProblem"].as_str()),
        (Some(0), Some("Klaviyo asked to slow down"))
    );
}

#[actix_web::test]
async fn subtotal_in_trouble_delays_only_what_needs_its_retailers() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.subtotal.break_call(Call::Retailers, Fault::Status(500));
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Disconnected)).await;
    app.deliver(SHOP, &happened("evt_2", HappeningKind::Connected)).await;
    app.until_state(SHOP, "delivered", 1).await;
    assert_eq!(app.klaviyo.events().len(), 1);
    app.subtotal.mend();
    app.until_state(SHOP, "delivered", 2).await;
}
