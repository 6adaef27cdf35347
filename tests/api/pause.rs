//! A tool that is paused: nothing is sent, nothing is lost, and nobody else notices.

use serde_json::json;
use subtotal_connect::events::happening::HappeningKind;
use subtotal_connect::store::Destination;

use crate::support::app::{SHOP, TestApp};
use crate::support::happenings::{PATIENCE, happened};
use crate::support::process::Process;
use crate::support::wait::until;

const OTHER: &str = "other.myshopify.com";

async fn pause(app: &TestApp, tool: &str, paused: bool) {
    let stored = app.staff_put(SHOP, &format!("/integrations/{tool}"), &json!({ "paused": paused })).await;
    assert_eq!((stored.status, &stored.json()["paused"]), (200, &json!(paused)), "{stored:?}");
    assert_eq!(stored.json()["enabled"], true, "what is not sent stays");
}

#[actix_web::test]
async fn a_paused_tool_is_sent_nothing_while_the_rest_goes_on_and_everything_once_it_is_resumed() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    let key = app.turn_on(SHOP, Destination::Klaviyo).await;
    app.turn_on(SHOP, Destination::Flow).await;
    app.turn_on(OTHER, Destination::Klaviyo).await;
    pause(&app, "klaviyo", true).await;
    for nth in 0..8 {
        app.deliver(SHOP, &happened(&format!("evt_{nth}"), HappeningKind::Connected)).await;
        app.deliver(OTHER, &happened(&format!("evt_other_{nth}"), HappeningKind::Connected)).await;
    }
    app.until_state(OTHER, "delivered", 8).await;
    app.until_state(SHOP, "delivered", 8).await;
    assert_eq!(app.admin.triggers().len(), 8, "Flow is not paused");
    assert_eq!(app.in_state(SHOP, "waiting").await, 8);
    let sent = || app.klaviyo.calls().iter().filter(|call| call.authorization.ends_with(&key)).count();
    assert_eq!(sent(), 0);
    let shop = app.shop_id(SHOP).await;
    assert!(app.store.shops_with_due(Destination::Klaviyo).await.unwrap().is_empty(), "nobody asks for it in vain");
    assert!(app.store.lease_deliveries(shop, Destination::Klaviyo, 9, 1).await.unwrap().is_empty());
    pause(&app, "klaviyo", false).await;
    app.until_state(SHOP, "delivered", 16).await;
    assert_eq!((sent(), app.klaviyo.events().len()), (8, 16), "each once");
    let trail: Vec<String> = app.trail(SHOP).await.into_iter().map(|line| line.detail).collect();
    let on = |paused: bool| json!({ "allowSimulated": false, "destination": "klaviyo", "enabled": true, "identifier": "email", "paused": paused });
    assert_eq!(trail[trail.len() - 2..], [on(true).to_string(), on(false).to_string()]);
}

#[actix_web::test]
async fn what_waited_goes_in_the_order_it_happened_in() {
    let app = TestApp::start().await;
    app.stop().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    let shop = app.shop_id(SHOP).await;
    for nth in 0..20 {
        app.store
            .deliver(shop, &happened(&format!("evt_{nth:02}"), HappeningKind::Connected), 1000 + nth)
            .await
            .unwrap();
    }
    let leased = app.store.lease_deliveries(shop, Destination::Klaviyo, 32, 60_000).await.unwrap();
    let ids: Vec<String> = leased.into_iter().map(|due| due.happening.unwrap().id).collect();
    assert_eq!(ids, (0..20).map(|nth| format!("evt_{nth:02}")).collect::<Vec<_>>());
}

#[actix_web::test]
async fn other_processes_heed_the_pause_too() {
    let app = TestApp::start().await;
    let process = Process::start(&app.settings, &[]).await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.deliver(SHOP, &happened("evt_before", HappeningKind::Connected)).await;
    app.until_state(SHOP, "delivered", 1).await;
    app.stop().await;
    // Only the other process sends from here on.
    let mut paused = app.store.integration(app.shop_id(SHOP).await, Destination::Klaviyo).await.unwrap();
    let mut save = async |is_paused: bool| {
        paused.is_paused = is_paused;
        let (shop, by) = (app.shop_id(SHOP).await, subtotal_connect::store::Actor::CommandLine);
        app.store.save_integration(shop, Destination::Klaviyo, &paused, None, by, 0).await.unwrap();
    };
    save(true).await;
    app.deliver(SHOP, &happened("evt_paused", HappeningKind::Connected)).await;
    app.install(OTHER).await;
    app.turn_on(OTHER, Destination::Klaviyo).await;
    app.deliver(OTHER, &happened("evt_other", HappeningKind::Connected)).await;
    app.until_state(OTHER, "delivered", 1).await;
    assert_eq!(app.in_state(SHOP, "waiting").await, 1);
    save(false).await;
    app.until_state(SHOP, "delivered", 2).await;
    drop(process);
}

#[actix_web::test]
async fn turning_a_paused_tool_off_skips_what_waited() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    pause(&app, "klaviyo", true).await;
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    let off = app.staff_put(SHOP, "/integrations/klaviyo", &json!({ "enabled": false })).await.json();
    assert_eq!((&off["enabled"], &off["paused"]), (&json!(false), &json!(true)));
    app.until_state(SHOP, "skipped", 1).await;
    assert_eq!(app.klaviyo.call_count(), 0);
    assert_eq!(app.staff_put(SHOP, "/integrations/flow", &json!({ "paused": "yes" })).await.fields(), ["paused"]);
    until(PATIENCE, "the page says so", async || {
        app.admin_page(SHOP, "/events").await.body.contains("data-klaviyo=\"off\"")
    })
    .await;
}
