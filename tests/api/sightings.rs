//! What shoppers' requests leave behind them: the last known status of each connection, and that the storefront or
//! customer accounts are used.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use subtotal_connect::shopify::ShopDomain;

use crate::support::app::{ALICE, BOB, NOBODY, SHOP, TestApp};
use crate::support::door::Door;

/// Waits until the noted connections are these, as `customer retailer status`.
async fn noted(app: &TestApp, expected: &[&str]) {
    let mut lines = Vec::new();
    for _ in 0..200 {
        let rows = app.database.table("connections").await;
        let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
        let line = |row| format!("{} {} {}", text(row, "customer_id"), text(row, "retailer_id"), text(row, "status"));
        lines = rows.iter().map(line).collect::<Vec<_>>();
        lines.sort();
        if lines == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{lines:?} is not {expected:?}");
}

#[rstest]
#[actix_web::test]
async fn each_endpoint_notes_the_connections_it_saw(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    let id = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    app.get("/retailers", ALICE).await;
    noted(&app, &["7001 walmart active"]).await;
    app.post("/disconnect-connection", ALICE, &json!({ "connectionId": id })).await;
    noted(&app, &["7001 walmart disconnected"]).await;
    app.subtotal.add_connection(&app.api_key, BOB, "kroger", "active");
    let body = json!({ "retailerId": "amazon", "retailerLinkUrl": "https://link.subtotal.com/x", "redirectUrl": "/" });
    assert_eq!(app.post("/connections", BOB, &body).await.status, 200);
    noted(&app, &["7001 walmart disconnected", "7002 amazon initialized", "7002 kroger active"]).await;
    app.subtotal.set_status(&id, "revoked");
    app.get("/retailers", ALICE).await;
    noted(&app, &["7001 walmart revoked", "7002 amazon initialized", "7002 kroger active"]).await;
    let shop_id = app.store.shop_id(&ShopDomain::parse(SHOP).unwrap()).await.unwrap().unwrap();
    let counts = app.store.connection_counts(shop_id).await.unwrap();
    let counts: Vec<_> = counts.iter().map(|count| (count.retailer_id.as_str(), count.connections)).collect();
    assert_eq!(counts, [("amazon", 1), ("kroger", 1), ("walmart", 1)]);
}

#[actix_web::test]
async fn an_unchanged_list_is_not_written_again() {
    let app = TestApp::start().await;
    app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    app.get("/retailers", ALICE).await;
    noted(&app, &["7001 walmart active"]).await;
    // Whoever asked the database again would put back what is taken away here.
    app.database.execute("DELETE FROM connections").await;
    for _ in 0..5 {
        app.get("/retailers", ALICE).await;
    }
    app.get("/retailers", BOB).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    noted(&app, &[]).await;
}

#[rstest]
#[actix_web::test]
async fn the_storefront_or_the_accounts_in_use_are_noted_once_a_minute(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let shop_id = app.store.shop_id(&ShopDomain::parse(SHOP).unwrap()).await.unwrap().unwrap();
    assert_eq!(app.store.storefront_seen_at(shop_id).await.unwrap(), None);
    let started = app.clock.unix_ms();
    app.get("/configuration", NOBODY).await;
    let seen = async || {
        for _ in 0..200 {
            if let Some(at) = app.store.storefront_seen_at(shop_id).await.unwrap() {
                return at;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never noted");
    };
    let first = seen().await;
    assert!(first >= started);
    app.store.note_storefront(shop_id, first + 59_000).await.unwrap();
    assert_eq!(seen().await, first);
    app.store.note_storefront(shop_id, first + 60_000).await.unwrap();
    assert_eq!(seen().await, first + 60_000);
}
