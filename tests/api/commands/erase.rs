//! `export` tells everything that is stored about a shop, and `erase` leaves none of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use subtotal_connect::events::happening::{Happening, HappeningKind};
use subtotal_connect::store::{EventFate, NewEvent};

use crate::support::app::{ALICE, ENCRYPTION_KEYS, SHOP, TestApp};
use crate::support::command::CommandLine;
use crate::support::full_shop::{EMAIL, fill};
use crate::support::happenings::happened;
use crate::support::webhook::Hook;

const OTHER: &str = "other.myshopify.com";
/// Tables that hold nothing of any shop.
const INSTALLATIONS: [&str; 2] = ["service_audit_heads", "service_audit_lines"];

async fn full() -> (TestApp, CommandLine) {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    for shop in [SHOP, OTHER] {
        fill(&app, shop).await;
        app.set_list_of(shop, None, true, &["vip@example.com"]).await;
        app.database.execute("UPDATE integrations SET is_paused = true").await;
        let waits = Happening { email: Some(EMAIL.to_owned()), ..happened("evt_waits", HappeningKind::Connected) };
        app.deliver(shop, &waits).await;
        let shop_id = app.shop_id(shop).await;
        let unreadable = NewEvent {
            shop_id,
            id: "unreadable".to_owned(),
            kind: "unknown".to_owned(),
            connection_id: None,
            customer_id: None,
            retailer_id: None,
            purchase_id: None,
            is_simulated: false,
            body: json!({ "marker": "a body that could not be read" }).to_string().into(),
            sent_at: 1,
            received_at: app.clock.unix_ms(),
            fate: EventFate::Unreadable("not what was expected"),
        };
        app.store.receive_events(&[unreadable]).await.unwrap();
    }
    Hook::new(
        "customers/data_request",
        &json!({ "shop_domain": SHOP, "customer": { "id": 7001 },
        "data_request": { "id": 5 }, "orders_requested": [] }),
    )
    .done(&app)
    .await;
    let line = CommandLine::new([("DATABASE_URL", app.database.url.as_str()), ("ENCRYPTION_KEYS", ENCRYPTION_KEYS)]);
    (app, line)
}

async fn counts(app: &TestApp) -> BTreeMap<String, usize> {
    app.database.rows().await.into_iter().map(|(table, rows)| (table, rows.len())).collect()
}

#[actix_web::test]
async fn an_export_tells_of_every_table_and_of_no_secret() {
    let (app, line) = full().await;
    let text = line.run(&["export", SHOP]).done();
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["shop"], SHOP);
    let stored = app.database.rows().await;
    for (table, rows) in &stored {
        if INSTALLATIONS.contains(&table.as_str()) {
            continue;
        }
        let exported = told["tables"][table].as_array().unwrap_or_else(|| panic!("{table} is not exported")).len();
        assert!(exported > 0, "nothing of {table}");
        assert!(
            exported < rows.len()
                || table == "compliance_receipts"
                || table == "webhook_deliveries"
                || table == "data_requests",
            "{table} of another shop: {exported} of {}",
            rows.len()
        );
    }
    assert_eq!(told["tables"].as_object().unwrap().len(), stored.len() - INSTALLATIONS.len());
    for marker in [EMAIL, "a body that could not be read", "vip@example.com", ALICE, "customer_not_signed_in"] {
        assert!(text.contains(marker), "{marker}");
    }
    assert_eq!(
        told["tables"]["deliveries"].as_array().unwrap().iter().filter(|row| row["content"]["email"] == EMAIL).count(),
        1
    );
    let hints: Vec<_> =
        told["tables"]["shop_secrets"].as_array().unwrap().iter().map(|row| row["hint"].clone()).collect();
    assert!(hints.contains(&json!(app.api_key[app.api_key.len() - 4..])), "{hints:?}");
    for secret in [
        &app.api_key,
        &app.client_secret,
        &format!("shpat_{SHOP}"),
        &format!("shprt_{SHOP}"),
        &format!("a-webhook-secret_{SHOP}"),
        &OTHER.to_owned(),
    ] {
        assert!(!text.contains(secret.as_str()), "{secret}");
    }
    let sealed: Vec<_> = text.match_indices("\"sealed\":\"").collect();
    assert!(sealed.is_empty() && !text.contains("key_id"), "a sealed value is told");

    line.run(&["export", SHOP, "--file", "shop.json"]).done();
    let file = line.folder().join("shop.json");
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap()["tables"], told["tables"]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(line.run(&["export", SHOP, "--file", "shop.json"]).failed(1).contains("already"));
    assert!(line.run(&["export", "nobody.myshopify.com"]).failed(1).contains("nothing is stored"));
}

#[actix_web::test]
async fn after_an_erasure_no_row_of_the_shop_is_left_and_no_row_of_another_is_gone() {
    let (app, line) = full().await;
    let said = line.run_with_input(&["erase", SHOP], b"yes\n");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("nothing is erased"));
    let before = counts(&app).await;
    let told = line.run(&["export", SHOP]).json();
    let told = told["tables"].as_object().unwrap();
    let erased = line.run(&["erase", SHOP, "--yes", "--json"]).json();
    assert_eq!(app.database.rows_with(SHOP).await, Vec::<String>::new());
    let after = counts(&app).await;
    for (table, rows) in &after {
        let own = told.get(table).map_or(0, |rows| rows.as_array().unwrap().len());
        let expected = match table.as_str() {
            "compliance_receipts" => before[table],
            "service_audit_lines" | "service_audit_heads" => before[table] + 1,
            _ => before[table] - own,
        };
        assert_eq!(*rows, expected, "{table}");
        let counted = erased["erased"].get(table).map_or(0, |rows| rows.as_u64().unwrap() as usize);
        assert_eq!(counted, if table == "compliance_receipts" { 0 } else { own }, "{table} as it is told");
    }
    let lines = app.database.table("service_audit_lines").await;
    assert_eq!(lines[0]["action"], "shop.erased");
    assert!(line.run(&["audit", "verify"]).done().contains("service: whole, 1 lines"));
    assert!(line.run(&["erase", SHOP, "--yes"]).failed(1).contains("nothing is stored"));
    assert!(line.run_with_input(&["erase", OTHER], format!("{OTHER}\n").as_bytes()).done().contains("is erased"));
    assert_eq!(app.database.rows_with(OTHER).await, Vec::<String>::new());
    assert_eq!(app.database.table("shops").await.len(), 0);
}
