//! Customers who ask what is stored about them: the merchant finds the request, and the report to answer it with.

use serde_json::{Value, json};
use subtotal_connect::store::{ListedConnection, ListedConnections};

use crate::support::app::{ALICE, BOB, SHOP, TestApp};
use crate::support::fake_klaviyo::KlaviyoFault;
use crate::support::full_shop::{EMAIL, fill};
use crate::support::webhook::Hook;

const OTHER: &str = "other.myshopify.com";

async fn request(app: &TestApp, shop: &str, id: u64, customer: u64) {
    let body = json!({
        "shop_domain": shop, "customer": { "id": customer, "email": EMAIL, "phone": null },
        "data_request": { "id": id }, "orders_requested": [],
    });
    Hook::new("customers/data_request", &body).done(app).await;
}

async fn connect(app: &TestApp, customer: &str) {
    let connection = ListedConnection {
        connection_id: format!("connection-of-{customer}"),
        retailer_id: "walmart".to_owned(),
        status: "active".to_owned(),
    };
    let shop_id = app.shop_id(SHOP).await;
    let listed = ListedConnections { shop_id, customer_id: customer.to_owned(), connections: vec![connection] };
    app.store.note_connections(&[listed], app.clock.unix_ms()).await.unwrap();
}

async fn open(app: &TestApp, shop: &str) -> Vec<(String, String)> {
    let answer = app.staff_get(shop, "/data-requests").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let requests = answer.json()["requests"].as_array().unwrap().clone();
    requests.iter().map(|one| (text(&one["id"]), text(&one["customerId"]))).collect()
}

#[actix_web::test]
async fn the_report_says_what_is_stored_about_that_customer_and_is_a_file() {
    let app = TestApp::start().await;
    assert_eq!(open(&app, SHOP).await, []);
    connect(&app, ALICE).await;
    connect(&app, BOB).await;
    request(&app, SHOP, 42, 7001).await;
    assert_eq!(open(&app, SHOP).await, [("42".to_owned(), ALICE.to_owned())]);

    let answer = app.staff_get(SHOP, "/data-requests/42").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"data-request-42.json\"");
    assert_eq!(answer.header("cache-control"), "private, no-store");
    let report = answer.json();
    assert_eq!((&report["shop"], &report["customerId"]), (&json!(SHOP), &json!(ALICE)));
    assert_eq!(report["requests"][0]["id"], "42");
    let since = report["connections"][0]["since"].as_str().unwrap();
    assert!(since.ends_with('Z'), "{since}");
    let expected = json!([{ "id": "connection-of-7001", "retailerId": "walmart", "status": "active", "since": since }]);
    assert_eq!(report["connections"], expected);
    assert!(!answer.body.contains(BOB), "{answer:?}");
}

/// What is held sealed is the customer's to know of, too.
#[actix_web::test]
async fn the_report_has_what_events_told_and_what_the_merchants_tools_are_told() {
    let app = TestApp::start().await;
    app.klaviyo.set_fault(KlaviyoFault::Status(400));
    fill(&app, SHOP).await;
    request(&app, SHOP, 42, 7001).await;
    // By itself: everywhere else the address may be in no answer.
    let url = format!("{}/admin/api/data-requests/42", app.address);
    let answer = app.http().get(url).bearer_auth(app.session_token(SHOP)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let report: Value = answer.json().await.unwrap();
    let ids = |list: &str| -> Vec<String> {
        let list = report[list].as_array().unwrap_or_else(|| panic!("no {list}"));
        list.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("events"), ["e1-7001", "e2-7001"]);
    assert!(report["events"][0]["receivedAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!(ids("happenings").len(), 1);
    assert_eq!(report["happenings"][0]["kind"], "connected");
    let deliveries = report["deliveries"].as_array().unwrap();
    assert_eq!(deliveries.len(), 3);
    assert_eq!((&deliveries[0]["destination"], &deliveries[0]["state"]), (&json!("klaviyo"), &json!("dead")));
    assert_eq!(deliveries[0]["held"]["email"], EMAIL);
    assert!(!report.to_string().contains(BOB), "{report}");
}

#[actix_web::test]
async fn a_list_is_named_where_shopify_tells_the_address_and_else_the_gap_is_said() {
    let app = TestApp::start().await;
    app.set_contact(ALICE, Some(EMAIL), None);
    app.set_list(None, true, &[EMAIL]).await;
    request(&app, SHOP, 42, 7001).await;
    request(&app, SHOP, 43, 7002).await;
    let report = app.staff_get(SHOP, "/data-requests/42").await.json();
    assert_eq!((&report["emailKnown"], &report["visibilityLists"]), (&json!(true), &json!(["global"])));
    let report = app.staff_get(SHOP, "/data-requests/43").await.json();
    assert_eq!((&report["emailKnown"], &report["visibilityLists"]), (&json!(false), &json!([])));
}

#[actix_web::test]
async fn a_download_leaves_a_line_that_names_nobody() {
    let app = TestApp::start().await;
    request(&app, SHOP, 77_001, 7001).await;
    app.staff_get(SHOP, "/data-requests").await;
    assert!(app.trail(SHOP).await.iter().all(|line| line.action != "compliance.report_downloaded"));
    assert_eq!(app.staff_get(SHOP, "/data-requests/77001").await.status, 200);
    let trail = app.trail(SHOP).await;
    let line = trail.last().unwrap();
    assert_eq!((line.action.as_str(), line.actor.as_str()), ("compliance.report_downloaded", "staff:42"));
    assert_eq!(line.detail, "{}");
}

#[actix_web::test]
async fn a_request_of_another_shop_or_of_nobody_is_not_found_and_leaves_no_line() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    request(&app, SHOP, 42, 7001).await;
    let before = (app.trail(SHOP).await, app.trail(OTHER).await);
    assert_eq!(open(&app, OTHER).await, []);
    for id in ["42", "43", "%2e%2e", "42%00", "%3Cscript%3E"] {
        let answer = app.staff_get(OTHER, &format!("/data-requests/{id}")).await;
        assert!(answer.status == 404 && !answer.body.contains(ALICE), "{id}: {answer:?}");
    }
    assert_eq!((app.trail(SHOP).await, app.trail(OTHER).await), before);
}
