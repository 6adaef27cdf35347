//! What Shopify Flow is told, and that it is what the extensions declare.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use subtotal_connect::events::flow::trigger;
use subtotal_connect::events::happening::HappeningKind;
use subtotal_connect::store::{Actor, Destination, SecretKind};

use crate::support::app::{SHOP, TestApp};
use crate::support::fake_admin::AdminFault;
use crate::support::happenings::{CONNECTION, PATIENCE, happened};
use crate::support::wait::until;

const LINK_URL: &str = "https://link.subtotal.com/zklQOnlG?connection_id=01KFRSK9J11G807TAY0GCYSW67";
const KINDS: [HappeningKind; 5] = [
    HappeningKind::Connected,
    HappeningKind::Reauthenticated,
    HappeningKind::Unauthenticated,
    HappeningKind::Disconnected,
    HappeningKind::Purchased,
];

#[derive(serde::Deserialize)]
struct Extension {
    extensions: [Head; 1],
    settings: Settings,
}

#[derive(serde::Deserialize)]
struct Head {
    name: String,
    r#type: String,
    handle: String,
    description: String,
}

#[derive(serde::Deserialize)]
struct Settings {
    fields: Vec<Field>,
}

#[derive(serde::Deserialize)]
struct Field {
    r#type: String,
    key: Option<String>,
}

/// The declared triggers: the type of each field by the key it has in a payload.
fn declared() -> BTreeMap<String, BTreeMap<String, String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("extensions");
    let mut declared = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path().join("shopify.extension.toml");
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if !text.contains("\"flow_trigger\"") {
            continue;
        }
        let Extension { extensions: [head], settings } = basic_toml::from_str(&text).unwrap();
        assert_eq!(head.r#type, "flow_trigger");
        assert!(head.name.starts_with("Subtotal ") && !head.description.is_empty(), "{}", head.name);
        let fields = settings.fields.into_iter().map(|field| match field.key {
            Some(key) => {
                assert!(key.chars().all(|c| c.is_ascii_alphabetic() || c == ' '), "Shopify refuses the key {key:?}");
                (key, field.r#type)
            }
            None => (field.r#type.replace("_reference", "_id"), field.r#type),
        });
        declared.insert(head.handle, fields.collect());
    }
    declared
}

#[test]
fn payloads_have_exactly_the_fields_the_extensions_declare() {
    let mut fired = BTreeMap::new();
    for kind in KINDS {
        for part in if kind == HappeningKind::Purchased { 0..2 } else { 0..1 } {
            let trigger = trigger(&happened("evt_1", kind), part, Some(LINK_URL)).unwrap();
            let types = trigger.payload.as_object().unwrap().iter().map(|(key, value)| {
                let r#type = match value {
                    Value::Number(_) if key == "customer_id" => "customer_reference",
                    Value::Number(_) => "number_decimal",
                    Value::String(text) if text.starts_with("https://") => "url",
                    Value::String(_) => "single_line_text_field",
                    other => panic!("{key}: {other}"),
                };
                (key.clone(), r#type.to_owned())
            });
            fired.insert(trigger.handle.to_owned(), types.collect::<BTreeMap<_, _>>());
        }
    }
    assert_eq!(fired.len(), 6);
    assert_eq!(fired, declared());
}

#[test]
fn a_huge_basket_stays_below_what_flow_takes() {
    let mut happening = happened("evt_1", HappeningKind::Purchased);
    let purchase = happening.purchase.as_mut().unwrap();
    purchase.upcs = vec!["040000476528".to_owned(); 20_000];
    purchase.brands = vec!["é".repeat(50); 5_000];
    let trigger = trigger(&happening, 0, None).unwrap();
    assert!(trigger.payload.to_string().len() < 50_000);
}

#[actix_web::test]
async fn a_purchase_fires_its_trigger_and_one_for_each_item() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Flow).await;
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Purchased)).await;
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Purchased)).await;
    app.until_state(SHOP, "delivered", 3).await;
    let mut triggers = app.admin.triggers();
    triggers.sort_by_key(|trigger| trigger.payload.to_string());
    let handles: Vec<&str> = triggers.iter().map(|trigger| trigger.handle.as_str()).collect();
    assert_eq!(
        triggers.iter().filter(|trigger| trigger.handle == "subtotal-product-purchased").count(),
        2,
        "{handles:?}"
    );
    let created = triggers.iter().find(|trigger| trigger.handle == "subtotal-purchase-created").unwrap();
    assert_eq!(created.shop, SHOP);
    assert_eq!(
        created.payload,
        json!({
            "customer_id": 7001, "Connection ID": CONNECTION, "Retailer ID": "walmart",
            "Purchase ID": "01KEVN1ZPM9H19JSHGN5NF0M69", "Purchase date": "2025-05-31T14:48:23Z",
            "Item count": 15, "Subtotal": 43.04, "Tax": 1.6, "Total": 44.64,
            "Brands": "frenchs, heinz, spam, jif, yogi-tea, cheerios, m&ms, goya, coca-cola",
            "UPCs": "040000476528, 016000124790, 041331027878",
        })
    );
    let item = |name: &str| triggers.iter().find(|trigger| trigger.payload["Product name"] == name).unwrap();
    let mustard = &item("Secret Mustard").payload;
    assert_eq!((&mustard["Brand"], &mustard["UPC"]), (&json!("frenchs"), &json!("040000476528")));
    assert_eq!((&mustard["Price"], &mustard["Quantity"]), (&json!(2.5), &json!(2.0)));
    assert_eq!(item("Secret Bananas").payload.get("Brand"), None, "what is not known is left out");
}

#[actix_web::test]
async fn connections_fire_their_triggers_with_the_way_back_where_there_is_one() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Flow).await;
    for (nth, kind) in KINDS[..4].iter().enumerate() {
        app.deliver(SHOP, &happened(&format!("evt_{nth}"), *kind)).await;
    }
    app.until_state(SHOP, "delivered", 4).await;
    let triggers = app.admin.triggers().into_iter();
    let found: BTreeMap<String, Value> = triggers.map(|trigger| (trigger.handle, trigger.payload)).collect();
    let plain = json!({ "customer_id": 7001, "Connection ID": CONNECTION, "Retailer ID": "walmart" });
    let mut linked = plain.clone();
    linked["Link URL"] = LINK_URL.into();
    let expected = [
        ("subtotal-connection-activated", &plain),
        ("subtotal-connection-disconnected", &linked),
        ("subtotal-connection-reauthenticated", &plain),
        ("subtotal-connection-unauthenticated", &linked),
    ];
    assert_eq!(found, expected.map(|(handle, payload)| (handle.to_owned(), payload.clone())).into());
}

#[actix_web::test]
async fn trouble_with_the_token_or_the_rate_only_delays() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Flow).await;
    for (nth, fault) in
        [AdminFault::Status(401), AdminFault::Throttled, AdminFault::Status(503)].into_iter().enumerate()
    {
        app.admin.set_fault(fault);
        app.deliver(SHOP, &happened(&format!("evt_{nth}"), HappeningKind::Connected)).await;
        let asked = app.admin.asked().len();
        until(PATIENCE, "it is tried", async || app.admin.asked().len() > asked).await;
        app.admin.set_fault(AdminFault::None);
        app.until_state(SHOP, "delivered", i64::try_from(nth).unwrap() + 1).await;
    }
}

#[actix_web::test]
async fn a_refusal_is_understood_however_much_it_says() {
    let app = TestApp::start().await;
    let id = app.shop_id(SHOP).await;
    app.turn_on(SHOP, Destination::Flow).await;
    app.admin.set_fault(AdminFault::LongRefusal);
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    let delivery = async || app.store.list_deliveries(id, None, None, 9).await.unwrap().remove(0);
    until(PATIENCE, "it is tried", async || delivery().await.problem.is_some()).await;
    let held = delivery().await;
    assert!(held.problem.as_ref().is_some_and(|problem| problem.contains("rejected the app's access")), "{held:?}");
    assert_eq!(held.attempts, 0, "no try is used up");
    app.admin.set_fault(AdminFault::None);
    app.until_state(SHOP, "delivered", 1).await;
}

#[actix_web::test]
async fn without_access_to_the_shop_everything_waits_and_no_try_is_used_up() {
    let app = TestApp::start().await;
    let (id, by) = (app.shop_id(SHOP).await, Actor::CommandLine);
    app.store.remove_secret(id, SecretKind::ShopifyAdminToken, by, 0).await.unwrap();
    app.turn_on(SHOP, Destination::Flow).await;
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    let mut shown = Value::Null;
    until(PATIENCE, "it is held", async || {
        shown = app.store.list_deliveries(id, None, None, 9).await.unwrap()[0].problem.clone().into();
        shown.is_string()
    })
    .await;
    assert!(shown.as_str().unwrap().contains("open the app"), "{shown}");
    assert_eq!(app.store.list_deliveries(id, None, None, 9).await.unwrap()[0].attempts, 0);
    app.store_secret(SHOP, SecretKind::ShopifyAdminToken, "shpat_another_one").await;
    app.until_state(SHOP, "delivered", 1).await;
}

#[actix_web::test]
async fn a_trigger_that_is_not_deployed_is_given_up_and_can_be_replayed() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Flow).await;
    app.admin.refuse_triggers(true);
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Connected)).await;
    let mut unknown = happened("evt_2", HappeningKind::Connected);
    unknown.customer_id = None;
    app.deliver(SHOP, &unknown).await;
    app.until_state(SHOP, "dead", 1).await;
    app.until_state(SHOP, "skipped", 1).await;
    app.admin.refuse_triggers(false);
    let replayed = app.staff_call(reqwest::Method::POST, SHOP, "/deliveries/replay-failed", |call| call).await;
    assert_eq!((replayed.status, replayed.json()), (202, json!({ "queued": 1 })));
    app.until_state(SHOP, "delivered", 1).await;
    assert_eq!(app.admin.triggers().len(), 1);
}
