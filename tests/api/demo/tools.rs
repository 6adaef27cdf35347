//! The demo's Klaviyo and Shopify Flow: what happened is seen there, and in the merchant's list.

use std::collections::HashMap;

use serde_json::{Value, json};
use subtotal_connect::events::happening::{Happening, HappeningKind};
use subtotal_connect::shopify::ShopDomain;

use super::world::{Demo, MAYA, until};
use crate::support::app::open_store;
use crate::support::happenings::happened;

const SHOP: &str = "larkmeadow.myshopify.com";

async fn klaviyo(demo: &Demo) -> Value {
    demo.browser("").get(&demo.klaviyo("levers/state")).await.json()
}

async fn set_mode(demo: &Demo, mode: &str) {
    let page = demo.browser("").submit(&demo.klaviyo("levers"), &[("mode", mode)]).await;
    assert_eq!((page.status, page.header("location")), (303, "/"));
    assert_eq!(klaviyo(demo).await["mode"], mode);
}

#[actix_web::test]
async fn what_happened_is_seen_at_klaviyo_and_at_flow() {
    let demo = Demo::start();
    let url = demo.database_url();
    let settings = [("DATABASE_URL", url), ("ENCRYPTION_KEYS", "demo:ZGVtby1rZXktdGhhdC1wcm90ZWN0cy1ub3RoaW5nISE=")];
    let settings: HashMap<String, String> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let store = open_store(&settings).await;
    let shop = store.shop_id(&ShopDomain::parse(SHOP).unwrap()).await.unwrap().unwrap();
    set_mode(&demo, "down").await;
    let happening = Happening { customer_id: Some(MAYA.to_owned()), ..happened("evt_demo", HappeningKind::Purchased) };
    store.deliver(shop, &happening, 0).await.unwrap();
    until("three triggers arrived at Flow", || async {
        demo.browser("").get(&demo.admin("flow/triggers")).await.json().as_array().unwrap().len() == 3
    })
    .await;
    let page = demo.browser("").get(&demo.admin("flow")).await;
    assert!(page.status == 200 && page.body.contains("subtotal-product-purchased"), "{page:?}");
    until("Klaviyo was asked in vain", || async { klaviyo(&demo).await["calls"].as_u64() > Some(1) }).await;
    assert_eq!(klaviyo(&demo).await["events"], json!([]));
    set_mode(&demo, "normal").await;
    until("the event arrived at Klaviyo", || async { klaviyo(&demo).await["events"][0]["times"] == 1 }).await;
    let event = &klaviyo(&demo).await["events"][0];
    assert_eq!((&event["metric"], &event["properties"]["total"]), (&json!("Purchased at Retailer"), &json!(44.64)));
    let page = demo.browser("").get(&demo.klaviyo("")).await;
    assert!(page.status == 200 && page.body.contains("Purchased at Retailer"), "{page:?}");
}
