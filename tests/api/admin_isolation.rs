//! A session of one shop sees and changes nothing of another, whatever it names.

use reqwest::Method;
use serde_json::{Value, json};
use subtotal_connect::http::admin::guarded_routes;
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::{Actor, ListChange, SecretKind, ShopChanges};
use subtotal_connect::visibility::{Entry, Scope};

use crate::support::app::{NOBODY, SHOP, TestApp};
use crate::support::session::{claims, token};
use crate::support::staff::execute;

const VICTIM: &str = "victim.myshopify.com";
/// A word that only what is stored of the victim holds.
const MARK: &str = "victims-own";

/// A second shop with something of everything that is stored.
async fn app_with_a_victim() -> TestApp {
    let app = TestApp::start().await;
    app.install(VICTIM).await;
    app.store_secret(VICTIM, SecretKind::SubtotalWebhook, "webhook-secret-of-the-victim").await;
    let changes = ShopChanges {
        redirect_hosts: Some(vec![format!("{MARK}.example.com")]),
        storefront_hosts: Some(vec![format!("{MARK}-shop.example.com")]),
        ..ShopChanges::default()
    };
    app.change(VICTIM, changes).await;
    let shop_id = app.shop_id(VICTIM).await;
    let entries = Some(vec![Entry::parse(&format!("someone@{MARK}.example.com")).unwrap()]);
    let change = ListChange { is_on: true, entries, expected_version: None };
    let scope = Scope::Retailer(format!("{MARK}-retailer"));
    app.store.set_list(shop_id, &scope, change, Actor::CommandLine, app.clock.unix_ms()).await.unwrap();
    let sql = format!(
        "INSERT INTO webhook_deliveries (delivery_id, topic, shop_domain, work, received_at, state, next_attempt_at) \
         VALUES ('{MARK}-delivery', '{MARK}/topic', '{VICTIM}', '{{}}', {}, 'done', 0)",
        app.clock.unix_ms()
    );
    execute(&app.sql().await, &sql).await;
    // Under the id the walk through the routes asks for.
    let sql = format!(
        "INSERT INTO data_requests (shop_id, id, customer_id, requested_at) VALUES ({shop_id}, '{MARK}-retailer', '7001', 1)"
    );
    execute(&app.sql().await, &sql).await;
    app.call(Method::GET, VICTIM, "/visibility", NOBODY, |request| request).await;
    app
}

/// Everything stored of the victim that the store can tell.
async fn stored_of_the_victim(app: &TestApp) -> String {
    let shop = ShopDomain::parse(VICTIM).unwrap();
    let shop_id = app.shop_id(VICTIM).await;
    let lists = app.store.lists(shop_id).await.unwrap();
    let mut entries = Vec::new();
    for list in &lists {
        entries.extend(app.store.entries(shop_id, list, 0, 100).await.unwrap());
    }
    let summaries = app.store.summaries(Some(&shop)).await.unwrap();
    let activity = app.store.activity(&shop, "", None, 1000).await.unwrap().entries;
    let activity: Vec<_> = activity.iter().filter(|entry| !entry.action.starts_with("refusal.")).collect();
    format!("{summaries:?}\n{lists:?}\n{entries:?}\n{activity:?}")
}

#[actix_web::test]
async fn no_route_shows_or_changes_another_shop() {
    let app = app_with_a_victim().await;
    let before = stored_of_the_victim(&app).await;
    let victims_version = app.staff_get(VICTIM, "/settings").await.json()["version"].clone();
    let body = json!({
        "shop": VICTIM, "shop_id": app.shop_id(VICTIM).await, "shopDomain": VICTIM, "version": victims_version,
        "redirectHosts": ["attacker.example.com"], "on": false, "entries": [], "customerId": "7001",
    });
    let token = app.session_token(SHOP);
    for (method, path) in guarded_routes() {
        // Ids of the victim wherever a path takes one.
        let at: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { format!("{MARK}-retailer") } else { part.to_owned() })
            .collect::<Vec<_>>()
            .join("/");
        let has_id = at != path;
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = app
            .http()
            .request(method.clone(), format!("{}{at}", app.address))
            .query(&[("shop", VICTIM), ("host", VICTIM), ("id_token", &token)])
            .bearer_auth(&token)
            .header("x-shopify-shop-domain", VICTIM)
            .header("x-forwarded-host", VICTIM);
        let request = if method == Method::GET { request } else { request.json(&body) };
        let answer = app.send(request, "").await;
        assert!(!answer.body.contains(MARK) || has_id, "{method} {at} shows the victim's: {}", answer.body);
        assert!(!answer.body.contains(VICTIM), "{method} {at} names the victim: {}", answer.body);
        if has_id {
            assert_eq!(answer.status, 404, "{method} {at}: {}", answer.body);
        }
        assert_eq!(stored_of_the_victim(&app).await, before, "{method} {at}");
    }
}

#[actix_web::test]
async fn a_version_or_a_place_in_the_list_of_another_shop_is_of_no_use() {
    let app = app_with_a_victim().await;
    let victim = app.staff_get(VICTIM, "/settings").await.json();
    let own = app.staff_get(SHOP, "/settings").await.json();
    assert_ne!(victim["version"], own["version"]);
    let body = json!({ "noEmail": "show", "version": victim["version"] });
    assert_eq!(app.staff_put(SHOP, "/settings", &body).await.status, 409);
    let page = app.staff_get(VICTIM, "/activity?limit=1").await.json();
    let next = page["next"].as_str().unwrap();
    let read = app.staff_get(SHOP, &format!("/activity?before={next}&limit=500")).await;
    assert!(!read.body.contains(MARK), "{read:?}");
    let whole: Value = app.staff_get(SHOP, "/activity?limit=500").await.json();
    let entries = whole["entries"].as_array().unwrap();
    assert!(entries.iter().all(|entry| !entry["action"].as_str().unwrap().starts_with("rules.")), "{whole}");
    assert_eq!(app.staff_get(SHOP, "/status").await.json()["refusals"], json!([]));
}

#[actix_web::test]
async fn a_token_that_names_two_shops_opens_neither() {
    let app = app_with_a_victim().await;
    for (claim, value) in [("iss", format!("https://{VICTIM}/admin")), ("dest", format!("https://{VICTIM}"))] {
        let mut claims = claims(SHOP, app.clock.unix_seconds());
        claims[claim] = json!(value);
        let token = token(&app.client_secret, &claims);
        let request = app.http().get(format!("{}/admin/api/settings", app.address)).bearer_auth(token);
        assert_eq!(app.send(request, "").await.status, 401, "{claim}");
    }
}
