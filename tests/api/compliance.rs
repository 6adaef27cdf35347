//! The three compliance topics: everything of a customer, or of a whole shop, is gone from every table, and a receipt
//! that names nobody stays.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use subtotal_connect::shopify::oauth::TokenPair;
use subtotal_connect::store::{Actor, SecretKind};
use subtotal_connect::visibility::ShopperEmail;

use crate::support::app::{ALICE, BOB, NOBODY, SHOP, TestApp};
use crate::support::fake_klaviyo::KlaviyoFault;
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::full_shop::{EMAIL, HOUR, domain, fill};
use crate::support::webhook::{Hook, due_now, settled, states, tried};

const OTHER: &str = "other.myshopify.com";
const PHONE: &str = "+15550001111";

fn shop_redact() -> Hook {
    Hook::new("shop/redact", &json!({ "shop_id": 1, "shop_domain": SHOP }))
}

fn uninstalled() -> Hook {
    Hook::new("app/uninstalled", &json!({ "id": 1, "myshopify_domain": SHOP }))
}

fn customer_redact(customer: &Value) -> Hook {
    Hook::new("customers/redact", &json!({ "shop_domain": SHOP, "customer": customer, "orders_to_redact": [1] }))
}

fn alice() -> Value {
    json!({ "id": 7001, "email": EMAIL, "phone": PHONE })
}

fn data_request(request: u64) -> Hook {
    let body =
        json!({ "shop_domain": SHOP, "customer": alice(), "data_request": { "id": request }, "orders_requested": [] });
    Hook::new("customers/data_request", &body)
}

/// How many rows each table has.
async fn counts(app: &TestApp) -> BTreeMap<String, usize> {
    app.database.rows().await.into_iter().map(|(table, rows)| (table, rows.len())).collect()
}

async fn receipts(app: &TestApp) -> Vec<(String, String)> {
    let receipts = app.store.compliance_receipts(&domain(SHOP)).await.unwrap();
    let mut receipts: Vec<_> = receipts.into_iter().map(|receipt| (receipt.kind, receipt.outcome)).collect();
    receipts.sort();
    receipts
}

fn receipt(kind: &str, outcome: &str) -> (String, String) {
    (kind.to_owned(), outcome.to_owned())
}

#[actix_web::test]
async fn after_a_shops_redaction_no_row_of_it_is_left_in_any_table() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    fill(&app, OTHER).await;
    app.set_list_of(OTHER, None, true, &["a@example.com"]).await;
    let others = counts(&app).await;
    fill(&app, SHOP).await;
    app.set_list(None, true, &[EMAIL, "example.com"]).await;
    app.set_list(Some("walmart"), true, &["x@example.com"]).await;
    Hook::new("products/update", &json!({ "id": 1 })).done(&app).await;
    uninstalled().done(&app).await;
    let before = counts(&app).await;
    for (table, rows) in &before {
        let expected = !["compliance_receipts", "shopify_tokens"].contains(&table.as_str()) && !is_installations(table);
        assert!(!expected || *rows > 0, "the test fills every table: {table}");
    }
    shop_redact().done(&app).await;
    let rows_with = app.database.rows_with(SHOP).await;
    assert_eq!(rows_with, Vec::<String>::new(), "the shop's domain");
    let mut left = counts(&app).await;
    assert_eq!(left.remove("compliance_receipts"), Some(1));
    // What is left is what the other shop had, and not one row more, in every table.
    let shops = app.database.table("shops").await;
    assert_eq!(shops.len(), 1);
    assert_eq!(left.remove("service_audit_lines"), Some(1), "a line that names the shop by a digest");
    for (table, rows) in others.iter().filter(|(table, _)| left.contains_key(*table) && !is_installations(table)) {
        let own = if table.starts_with("shop") || table.starts_with("audit") { demo_rows(table) } else { 0 };
        assert_eq!(left[table], rows - own, "{table}");
    }
    assert_eq!(receipts(&app).await, [receipt("shop/redact", "erased")]);
    for row in app.database.table("compliance_receipts").await {
        let text = row.to_string();
        for private in [SHOP, EMAIL, ALICE, PHONE] {
            assert!(!text.contains(private), "{text}");
        }
    }
}

/// Whether a table holds the installation's own trail, which names no shop.
fn is_installations(table: &str) -> bool {
    table.starts_with("service_audit_")
}

/// What `TestApp::start` itself stored of the demo shop before the others were counted.
fn demo_rows(table: &str) -> usize {
    match table {
        "shops" | "audit_heads" => 1,
        "shop_secrets" | "audit_lines" => 2,
        _ => 0,
    }
}

#[actix_web::test]
async fn a_redaction_of_a_shop_that_is_installed_again_deletes_nothing() {
    let app = TestApp::start().await;
    fill(&app, SHOP).await;
    let now = app.clock.unix_ms();
    uninstalled().at(now - 60 * HOUR).done(&app).await;
    let pair = TokenPair {
        access: "shpat_second".to_owned().into(),
        refresh: "shprt_second".to_owned().into(),
        access_lives: 3600,
        refresh_lives: 7_776_000,
        scopes: String::new(),
    };
    app.store.install(&domain(SHOP), &pair, now - 59 * HOUR).await.unwrap();
    app.store_secret(SHOP, SecretKind::SubtotalApiKey, &app.api_key).await;
    let before = counts(&app).await;
    // 48 hours after the uninstallation is an hour ago for the first; the second comes eleven hours late.
    for triggered_at in [now - 12 * HOUR, now] {
        shop_redact().at(triggered_at).done(&app).await;
    }
    let after = counts(&app).await;
    for (table, rows) in before {
        let grown = ["audit_lines", "webhook_deliveries", "compliance_receipts"].contains(&table.as_str());
        assert_eq!(after[&table], if grown { rows + 2 } else { rows }, "{table}");
    }
    assert_eq!(app.get("/configuration", NOBODY).await.status, 200);
    assert_eq!(receipts(&app).await, vec![receipt("shop/redact", "reinstalled"); 2]);
}

#[actix_web::test]
async fn a_redaction_comes_true_though_the_uninstallation_was_lost() {
    let app = TestApp::start().await;
    fill(&app, SHOP).await;
    shop_redact().done(&app).await;
    assert_eq!(app.database.rows_with(SHOP).await, Vec::<String>::new());
}

#[actix_web::test]
async fn redactions_for_an_unknown_shop_or_twice_leave_a_receipt_each_and_nothing_else() {
    let app = TestApp::start().await;
    app.store.remove_shop(&domain(SHOP), Actor::CommandLine, 0).await.unwrap();
    let hooks = [shop_redact(), customer_redact(&alice()), data_request(5)];
    for hook in &hooks {
        hook.done(&app).await;
    }
    let expected = [
        receipt("customers/data_request", "nothing_stored"),
        receipt("customers/redact", "nothing_stored"),
        receipt("shop/redact", "nothing_stored"),
    ];
    assert_eq!(receipts(&app).await, expected);
    for hook in &hooks {
        hook.done(&app).await;
    }
    assert_eq!(receipts(&app).await, expected);
    uninstalled().done(&app).await;
    let left: usize =
        counts(&app).await.into_iter().filter(|(table, _)| !is_installations(table)).map(|(_, rows)| rows).sum();
    assert_eq!(left, 3, "{:?}", app.database.rows().await);
}

#[actix_web::test]
async fn after_a_customers_redaction_nothing_of_the_customer_is_left_here_and_nothing_connected_upstream() {
    let app = TestApp::start().await;
    app.never_show(EMAIL);
    app.never_show(PHONE);
    // Hers stand in the dead letters.
    app.klaviyo.set_fault(KlaviyoFault::Status(400));
    fill(&app, SHOP).await;
    app.until_state(SHOP, "dead", 6).await;
    // A test names an address alone, which may be hers.
    let test = json!({ "event": "connected", "email": EMAIL });
    let sent = app.staff_call(Method::POST, SHOP, "/integrations/klaviyo/test-event", |call| call.json(&test)).await;
    assert_eq!(sent.status, 202);
    app.until_state(SHOP, "dead", 7).await;
    app.set_list(None, true, &[EMAIL, "bob@private.example"]).await;
    app.set_list(Some("walmart"), true, &["private.example", "Alice@Private.Example"]).await;
    let active = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    let gone = app.subtotal.add_connection(&app.api_key, ALICE, "amazon", "disconnected");
    let bobs = app.subtotal.add_connection(&app.api_key, BOB, "walmart", "active");
    data_request(77_001).done(&app).await;
    app.subtotal.break_call(Call::Connections, Fault::Status(503));
    // An update of hers still waits when the redaction comes.
    Hook::new("customers/update", &json!({ "id": 7001, "email": EMAIL })).send(&app).await;
    let redact = customer_redact(&alice());
    redact.send(&app).await;
    tried(&app).await;
    assert_eq!(receipts(&app).await.len(), 1, "not done before Subtotal knows");
    assert_eq!(redact.send(&app).await.status, 200);
    app.subtotal.mend();
    due_now(&app).await;
    settled(&app).await;
    assert_eq!(app.subtotal.status_of(&active), "disconnected");
    assert_eq!(app.subtotal.status_of(&gone), "disconnected");
    assert_eq!(app.subtotal.status_of(&bobs), "active");
    assert_eq!(app.subtotal.count(Call::Patch), 1);
    for private in ["\"7001\"", EMAIL, PHONE, "connection-7001", "told-7001", "77001", "e1-7001", "e2-7001"] {
        assert_eq!(app.database.rows_with(private).await, Vec::<String>::new(), "{private}");
    }
    let bobs = app.database.rows_with("\"7002\"").await;
    assert_eq!(bobs.len(), 7, "{bobs:?}");
    assert_eq!(app.database.rows_with("e2-7002").await.len(), 1, "and what waits of his");
    assert_eq!(app.in_state(SHOP, "dead").await, 3, "Bob's");
    assert_eq!(app.database.table("delivery_attempts").await.len(), 3, "and the tries of his");
    assert_eq!(app.database.rows_with("@private.example").await.len(), 2, "Bob's address, and the whole domain");
    let expected = [receipt("customers/data_request", "recorded"), receipt("customers/redact", "erased")];
    assert_eq!(receipts(&app).await, expected);
    let shop_id = app.store.shop_id(&domain(SHOP)).await.unwrap().unwrap();
    let lists = app.store.lists(shop_id).await.unwrap();
    assert_eq!(lists.iter().map(|list| list.total).collect::<Vec<_>>(), [1, 1]);
    let chain = app.store.verify_audit(shop_id).await.unwrap();
    assert!(matches!(chain, subtotal_connect::store::Chain::Whole(_)), "{chain:?}");
}

#[actix_web::test]
async fn a_shop_that_left_still_has_its_customers_disconnected_upstream() {
    let app = TestApp::start().await;
    let active = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    uninstalled().done(&app).await;
    customer_redact(&alice()).done(&app).await;
    assert_eq!(app.subtotal.status_of(&active), "disconnected");
}

#[actix_web::test]
async fn a_redaction_that_names_only_an_email_strikes_it_from_the_lists() {
    let app = TestApp::start().await;
    app.never_show(EMAIL);
    app.set_list(None, true, &[EMAIL]).await;
    customer_redact(&json!({ "id": null, "email": EMAIL.to_uppercase() })).done(&app).await;
    assert_eq!(app.database.rows_with("private.example").await, Vec::<String>::new());
    assert_eq!(receipts(&app).await, [receipt("customers/redact", "erased")]);
}

#[actix_web::test]
async fn a_redaction_without_a_key_says_that_only_this_side_was_erased() {
    let app = TestApp::start().await;
    fill(&app, SHOP).await;
    let shop_id = app.store.shop_id(&domain(SHOP)).await.unwrap().unwrap();
    let by = subtotal_connect::store::Actor::CommandLine;
    app.store.remove_secret(shop_id, SecretKind::SubtotalApiKey, by, 0).await.unwrap();
    customer_redact(&alice()).done(&app).await;
    assert_eq!(receipts(&app).await, [receipt("customers/redact", "erased_here_only")]);
    assert_eq!(states(&app).await, ["done"]);
}

#[actix_web::test]
async fn a_data_request_is_recorded_once_and_reported_from_what_is_stored() {
    let app = TestApp::start().await;
    app.klaviyo.set_fault(KlaviyoFault::Status(400));
    fill(&app, SHOP).await;
    app.database.execute("DELETE FROM data_requests").await;
    app.set_list(None, true, &[EMAIL]).await;
    let request = data_request(42);
    request.done(&app).await;
    request.done(&app).await;
    request.again().done(&app).await;
    let shop_id = app.store.shop_id(&domain(SHOP)).await.unwrap().unwrap();
    let open = app.store.data_requests(shop_id).await.unwrap();
    assert_eq!(open.iter().map(|one| (one.id.as_str(), one.customer_id.as_str())).collect::<Vec<_>>(), [("42", ALICE)]);
    let report = app.store.data_report(shop_id, ALICE, ShopperEmail::parse(EMAIL).as_ref()).await.unwrap();
    let report = serde_json::to_value(report).unwrap();
    assert_eq!(report["connections"][0]["connectionId"], format!("connection-7001-{SHOP}"));
    assert_eq!(report["creations"][0], json!({ "retailerId": "walmart", "state": "created", "connectionId": null }));
    assert_eq!(report["dataRequests"][0]["id"], "42");
    let events = report["events"].as_array().unwrap();
    assert_eq!(events.iter().map(|event| event["id"].as_str().unwrap()).collect::<Vec<_>>(), ["e1-7001", "e2-7001"]);
    assert_eq!(report["happenings"][0]["kind"], "connected");
    assert_eq!(report["happenings"].as_array().unwrap().len(), 1);
    assert_eq!(report["visibilityLists"], json!(["global"]));
    assert_eq!(report["deliveries"].as_array().unwrap().len(), 3);
    let delivery = &report["deliveries"][0];
    assert_eq!((&delivery["kind"], &delivery["held"]["email"]), (&json!("connected"), &json!(EMAIL)));
}

#[actix_web::test]
async fn what_subtotal_tells_of_a_redacted_customer_is_taken_in_no_more() {
    use crate::support::event::{self, Sent, connection_event, id_from};
    let app = event::start().await;
    let connection = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    let unheard_of = app.subtotal.add_connection(&app.api_key, ALICE, "amazon", "active");
    Sent::new(&connection_event(&id_from(&app, 9000), "activated", &connection)).done(&app).await;
    let unreadable = json!({ "type": "connection.upgraded", "id": "u", "email": event::EMAIL });
    Sent::new(&unreadable).done(&app).await;
    assert_eq!(event::kinds(&app).await, ["connected"]);
    customer_redact(&alice()).done(&app).await;
    for connection in [&connection, &unheard_of] {
        assert_eq!(app.subtotal.status_of(connection), "disconnected");
        // So Subtotal tells.
        Sent::new(&connection_event(&id_from(&app, 0), "disconnected", connection)).done(&app).await;
    }
    assert_eq!(event::told(&app).await, []);
    for private in ["\"7001\"", event::EMAIL, &connection, &unheard_of] {
        assert_eq!(app.database.rows_with(private).await, Vec::<String>::new(), "{private}");
    }
    let left = app.database.table("subtotal_events").await;
    assert_eq!((left.len(), &left[0]["sealed"]), (1, &Value::Null), "the one that could be about anybody");
    let again = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    Sent::new(&connection_event(&id_from(&app, 0), "activated", &again)).done(&app).await;
    assert_eq!(event::kinds(&app).await, ["connected"], "a connection made since is another one");
}
