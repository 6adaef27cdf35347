//! For how long what ended is kept: each shop as its merchant wants it.

use serde_json::{Value, json};
use subtotal_connect::events::happening::HappeningKind;
use subtotal_connect::store::Destination;

use crate::support::app::{SHOP, TestApp};
use crate::support::happenings::happened;

const OTHER: &str = "other.myshopify.com";
const DAY: i64 = 24 * 60 * 60 * 1000;

async fn keep(app: &TestApp, shop: &str, days: i64) {
    let stored = app.staff_put(shop, "/events/retention", &json!({ "days": days })).await;
    assert_eq!((stored.status, stored.json()), (200, json!({ "days": days })));
}

/// An event of Subtotal's that came `days` ago.
async fn told(app: &TestApp, shop: &str, id: &str, state: &str, days: i64) {
    let (shop, at) = (app.shop_id(shop).await, app.clock.unix_ms() - days * DAY);
    let sql = format!(
        "INSERT INTO subtotal_events (shop_id, event_id, event_type, is_simulated, sealed, sent_at, received_at, state, \
         due_at) VALUES ({shop}, '{id}', 'connection.activated', false, NULL, {at}, {at}, '{state}', 9000000000000)"
    );
    app.database.execute(&sql).await;
}

async fn left(app: &TestApp, table: &str, column: &str) -> Vec<String> {
    let rows = app.database.table(table).await;
    let mut left: Vec<String> = rows.iter().map(|row| row[column].as_str().unwrap().to_owned()).collect();
    left.sort();
    left
}

#[actix_web::test]
async fn the_merchant_chooses_from_one_to_365_days() {
    let app = TestApp::start().await;
    assert_eq!(app.staff_get(SHOP, "/events/retention").await.json(), json!({ "days": 30 }));
    for wrong in [json!(0), json!(366), json!(-1), json!(1.5), json!("7"), json!(99_999_999_999_i64), Value::Null] {
        let refused = app.staff_put(SHOP, "/events/retention", &json!({ "days": wrong })).await;
        assert_eq!((refused.status, refused.fields()), (400, vec!["days".to_owned()]), "{wrong}");
    }
    assert_eq!(app.staff_get(SHOP, "/events/retention").await.json(), json!({ "days": 30 }));
    for days in [1, 365] {
        keep(&app, SHOP, days).await;
        assert_eq!(app.staff_get(SHOP, "/events/retention").await.json(), json!({ "days": days }));
    }
    let last = app.trail(SHOP).await.pop().unwrap();
    assert_eq!((last.action.as_str(), last.detail.as_str()), ("settings.retention_changed", r#"{"days":365}"#));
    let page = app.admin_page(SHOP, "/events").await.body;
    assert!(page.contains("365 days") && page.contains("value=\"365\""), "{page}");
}

#[actix_web::test]
async fn each_shop_keeps_what_ended_for_its_own_time() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    for shop in [SHOP, OTHER] {
        app.turn_on(shop, Destination::Klaviyo).await;
        app.deliver(shop, &happened(&format!("evt_{shop}"), HappeningKind::Connected)).await;
        app.until_state(shop, "delivered", 1).await;
        told(&app, shop, &format!("done-{shop}"), "done", 8).await;
        told(&app, shop, &format!("new-{shop}"), "done", 6).await;
        told(&app, shop, &format!("waits-{shop}"), "waiting", 400).await;
    }
    keep(&app, SHOP, 7).await;
    let now = app.clock.unix_ms();
    let of = |prefix: &str, shop: &str| format!("{prefix}-{shop}");
    let events = async || left(&app, "subtotal_events", "event_id").await;
    assert_eq!(app.store.prune_events(now).await.unwrap(), 1);
    let kept = [of("done", OTHER), of("new", OTHER), of("new", SHOP), of("waits", OTHER), of("waits", SHOP)];
    let mut kept = kept.to_vec();
    kept.sort();
    assert_eq!(events().await, kept);
    assert_eq!(app.store.prune_ended(now + 6 * DAY).await.unwrap(), 0);
    assert_eq!(app.store.prune_ended(now + 8 * DAY).await.unwrap(), 1);
    assert_eq!(left(&app, "deliveries", "event_id").await, [format!("evt_{OTHER}")]);
    assert_eq!(app.database.table("delivery_attempts").await.len(), 1, "tries go with their delivery");
    assert_eq!(app.store.prune_ended(now + 31 * DAY).await.unwrap(), 1, "thirty days where nobody chose");
}

#[actix_web::test]
async fn many_go_in_lots_whoever_else_is_at_it_and_what_waits_stays() {
    let app = TestApp::start().await;
    app.stop().await;
    let (shop, old) = (app.shop_id(SHOP).await, app.clock.unix_ms() - 31 * DAY);
    app.database
        .execute(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
             INSERT INTO deliveries (id, shop_id, destination, event_id, kind, connection_id, retailer_id, is_simulated, \
             happened_at, created_at, key_id, state, ended_at) SELECT 'old-' || i, {shop}, 'klaviyo', 'evt', 'connected', \
             'c', 'walmart', false, {old}, {old}, 'k1', 'delivered', {old} FROM n"
        ))
        .await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.deliver(SHOP, &happened("evt_waits", HappeningKind::Connected)).await;
    let now = app.clock.unix_ms();
    let (one, other) = tokio::join!(app.store.prune_ended(now), app.store.prune_ended(now));
    assert_eq!(one.unwrap() + other.unwrap(), 2500, "each is forgotten once");
    assert_eq!(left(&app, "deliveries", "event_id").await, ["evt_waits"]);
}
