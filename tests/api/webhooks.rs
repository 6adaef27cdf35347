//! Webhooks from Shopify at their one URL: what is refused, what is kept, and that nothing is done twice.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use subtotal_connect::app::Application;
use subtotal_connect::clock::Clock;
use subtotal_connect::config::Config;
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::shopify::oauth::TokenPair;
use subtotal_connect::store::NewDelivery;

use crate::support::app::{ALICE, NOBODY, SHOP, TestApp};
use crate::support::fake_admin::AdminFault;
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::webhook::{Hook, due_now, hmac_of, settled, states, tried};

const HOUR: i64 = 3_600_000;
const OTHER: &str = "other.myshopify.com";

fn uninstalled(shop: &str) -> Hook {
    Hook::new("app/uninstalled", &json!({ "id": 1, "domain": null, "myshopify_domain": shop })).of(shop)
}

fn scopes(current: &[&str]) -> Hook {
    Hook::new("app/scopes_update", &json!({ "current": current, "previous": [] }))
}

fn pair(access_lives: i64) -> TokenPair {
    TokenPair {
        access: "shpat_first_of_the_shop".to_owned().into(),
        refresh: "shprt_first_of_the_shop".to_owned().into(),
        access_lives,
        refresh_lives: 7_776_000,
        scopes: "read_customers".to_owned(),
    }
}

async fn configured(app: &TestApp) -> u16 {
    app.get("/configuration", NOBODY).await.status
}

/// How often an action stands in the audit trails of all shops.
async fn deeds(app: &TestApp, action: &str) -> usize {
    app.database.table("audit_lines").await.iter().filter(|line| line["action"] == action).count()
}

async fn shop_row(app: &TestApp) -> Value {
    app.database.table("shops").await.into_iter().find(|row| row["domain"] == SHOP).unwrap()
}

#[actix_web::test]
async fn each_header_family_is_received() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    let classic = uninstalled(SHOP);
    let newer = Hook { family: "shopify", ..uninstalled(OTHER) };
    for hook in [classic, newer] {
        let answer = hook.send(&app).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    }
    settled(&app).await;
    assert_eq!(states(&app).await, ["done", "done"]);
    assert_eq!(configured(&app).await, 404);
    assert_eq!(deeds(&app, "app.uninstalled").await, 2);
}

#[actix_web::test]
async fn whatever_is_not_verified_is_a_401_and_leaves_nothing() {
    let app = TestApp::start().await;
    let good = uninstalled(SHOP);
    let mut hooks = vec![
        Hook { hmac: Some(hmac_of("another secret", &good.body)), ..good.clone() },
        Hook { hmac: Some(String::new()), ..good.clone() },
        Hook { hmac: Some("AAAA".to_owned()), ..good.clone() },
        Hook { body: Vec::new(), ..good.clone() },
        Hook { body: vec![b'x'; 1024 * 1024], hmac: Some(String::new()), ..good.clone() },
        Hook { body: vec![b'x'; 1024 * 1024], hmac: Some("AAAA".to_owned()), ..good.clone() },
        Hook { body: vec![b'x'; 3 * 1024 * 1024], hmac: Some("AAAA".to_owned()), ..good.clone() },
        Hook { topic: String::new(), ..good.clone() },
        Hook { id: String::new(), ..good.clone() },
        Hook { shop: "evil.example.com".to_owned(), ..good.clone() },
    ];
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH, Method::POST] {
        for path in ["/webhooks", "/webhooks/", "/webhooks/shopify", "/webhooks/shopify/", "/webhooks/shopify/x/y"] {
            let (method, path) = (method.clone(), path);
            hooks.push(Hook { method: method.clone(), path, hmac: Some("AAAA".to_owned()), ..good.clone() });
            hooks.push(Hook { method, path, body: Vec::new(), hmac: Some(String::new()), ..good.clone() });
        }
    }
    for hook in hooks {
        let answer = hook.send(&app).await;
        let what = format!("{} {} {} bytes", hook.method, hook.path, hook.body.len());
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_signature"), "{what}");
    }
    assert_eq!(states(&app).await, Vec::<String>::new());
    assert_eq!(configured(&app).await, 200);
}

#[actix_web::test]
async fn a_verified_call_elsewhere_is_told_so_and_leaves_nothing() {
    let app = TestApp::start().await;
    let get = Hook { method: Method::GET, ..uninstalled(SHOP) }.send(&app).await;
    assert_eq!((get.status, get.header("allow")), (405, "POST"));
    assert_eq!(Hook { path: "/webhooks/shopify/x", ..uninstalled(SHOP) }.send(&app).await.status, 404);
    assert_eq!(states(&app).await, Vec::<String>::new());
}

#[actix_web::test]
async fn a_destructive_topic_takes_the_shop_from_the_signed_body() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    let redact = json!({ "shop_domain": OTHER, "customer": { "id": 7001 }, "orders_to_redact": [] });
    for hook in [
        uninstalled(OTHER).of(SHOP),
        Hook::new("shop/redact", &json!({ "shop_id": 1, "shop_domain": OTHER })),
        Hook::new("shop/redact", &redact).of(OTHER),
        Hook::new("customers/redact", &redact),
        Hook::new("customers/data_request", &redact),
        Hook::new("app/uninstalled", &json!({})),
        Hook::new("shop/update", &json!({ "myshopify_domain": OTHER, "domain": "evil.example.com" })),
    ] {
        let answer = hook.send(&app).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_signature"), "{hook:?}");
    }
    assert_eq!(states(&app).await, Vec::<String>::new());
}

#[actix_web::test]
async fn a_verified_delivery_that_asks_for_nothing_is_recorded_as_ignored() {
    let app = TestApp::start().await;
    for hook in [
        Hook::new("products/update", &json!({ "id": 5 })),
        Hook::new("customers/update", &json!({ "no": "id" })),
        Hook::new("app/scopes_update", &json!({})),
    ] {
        assert_eq!(hook.send(&app).await.status, 200);
    }
    assert_eq!(states(&app).await, ["ignored"; 3]);
    let listed = app.store.deliveries(&ShopDomain::parse(SHOP).unwrap(), None, 10).await.unwrap();
    assert_eq!(listed.len(), 3);
}

#[actix_web::test]
async fn a_duplicate_is_answered_200_and_done_once() {
    let app = TestApp::start().await;
    app.admin.set_contact(ALICE, Some("alice@example.com"), None);
    app.never_show("alice@example.com");
    app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    app.get("/retailers", ALICE).await;
    noted(&app, 1).await;
    let hook = Hook::new("customers/update", &json!({ "id": 7001, "email": "alice@example.com" }));
    let sends = (0..10).map(|_| hook.send(&app));
    for answer in futures_util::future::join_all(sends).await {
        assert_eq!(answer.status, 200);
    }
    settled(&app).await;
    assert_eq!(hook.send(&app).await.status, 200);
    settled(&app).await;
    assert_eq!(states(&app).await, ["done"]);
    assert_eq!(app.subtotal.count(Call::Patch), 1);
    assert_eq!(deeds(&app, "connections.contact_updated").await, 1);
}

#[actix_web::test]
async fn deliveries_out_of_order_end_in_the_newest_state() {
    let app = TestApp::start().await;
    let now = app.clock.unix_ms();
    scopes(&["read_customers", "write_app_proxy"]).at(now - HOUR).done(&app).await;
    scopes(&["read_customers"]).at(now - 2 * HOUR).done(&app).await;
    assert_eq!(shop_row(&app).await["scopes"], "read_customers,write_app_proxy");
    scopes(&["write_app_proxy"]).at(now - HOUR / 2).done(&app).await;
    assert_eq!(shop_row(&app).await["scopes"], "write_app_proxy");
    assert_eq!(deeds(&app, "app.scopes_changed").await, 2);
}

#[actix_web::test]
async fn an_uninstallation_older_than_the_installation_is_ignored() {
    let app = TestApp::start().await;
    let (shop, now) = (ShopDomain::parse(SHOP).unwrap(), app.clock.unix_ms());
    app.store.install(&shop, &pair(3600), now - 3 * HOUR).await.unwrap();
    uninstalled(SHOP).at(now - 2 * HOUR).done(&app).await;
    assert_eq!(configured(&app).await, 404);
    assert_eq!(app.database.table("shopify_tokens").await.len(), 0);
    let id = app.store.install(&shop, &pair(3600), now - HOUR).await.unwrap();
    // The first one's sibling, late and under another id; then one without a time, which counts as now.
    uninstalled(SHOP).at(now - 2 * HOUR).done(&app).await;
    assert_eq!(configured(&app).await, 200);
    assert!(app.store.tokens(id).await.unwrap().is_some());
    assert_eq!(deeds(&app, "app.uninstalled").await, 1);
    uninstalled(SHOP).done(&app).await;
    assert_eq!(configured(&app).await, 404);
}

#[actix_web::test]
async fn an_uninstalled_shop_is_gone_from_memory_at_once() {
    let app = TestApp::start_with(&[("SHOP_CACHE_SECONDS", "600")], Clock::system()).await;
    assert_eq!(configured(&app).await, 200);
    uninstalled(SHOP).done(&app).await;
    assert_eq!(configured(&app).await, 404);
}

#[actix_web::test]
async fn answers_need_no_admin_api_and_no_token() {
    let app = TestApp::start().await;
    let (shop, now) = (ShopDomain::parse(SHOP).unwrap(), app.clock.unix_ms());
    app.store.install(&shop, &pair(60), now).await.unwrap();
    app.admin.set_fault(AdminFault::Hang);
    let mut slowest = Duration::ZERO;
    for nth in 0..20 {
        for hook in [
            scopes(&["read_customers", &nth.to_string()]),
            Hook::new("customers/delete", &json!({ "id": 7001 })),
            Hook::new("customers/update", &json!({ "id": 7001 })),
            Hook::new("customers/data_request", &json!({ "shop_domain": SHOP, "customer": { "id": 7001 } })),
        ] {
            let started = Instant::now();
            assert_eq!(hook.send(&app).await.status, 200);
            slowest = slowest.max(started.elapsed());
        }
    }
    settled(&app).await;
    assert_eq!(app.admin.asked(), []);
    assert_eq!(app.admin.tokens(|tokens| tokens.grants.clone()), Vec::<String>::new());
    println!("slowest answer: {slowest:?}");
}

#[actix_web::test]
async fn a_customers_update_reaches_each_connection_and_is_retried() {
    let app = TestApp::start().await;
    let long = format!("{}@example.com", "a".repeat(64));
    for status in ["active", "disconnected", "revoked"] {
        app.subtotal.add_connection(&app.api_key, ALICE, "walmart", status);
    }
    app.get("/retailers", ALICE).await;
    noted(&app, 3).await;
    app.set_contact(ALICE, Some(&long), Some("+15550001111"));
    app.subtotal.break_call(Call::Patch, Fault::Status(500));
    let hook = Hook::new("customers/update", &json!({ "id": 7001, "email": "stale@example.com" }));
    assert_eq!(hook.send(&app).await.status, 200);
    tried(&app).await;
    assert_eq!(deeds(&app, "connections.contact_updated").await, 0);
    // What is brought up to date is what Shopify says at the time, not what the webhook said.
    app.set_contact(ALICE, Some("new@example.com"), Some("+155500011112222333"));
    app.subtotal.mend();
    app.subtotal.forget_calls();
    due_now(&app).await;
    settled(&app).await;
    let patches: Vec<Value> =
        app.subtotal.seen().into_iter().filter(|seen| seen.call == Call::Patch).map(|seen| seen.body).collect();
    assert_eq!(patches, [json!({ "email": "new@example.com" }), json!({ "email": "new@example.com" })]);
    assert_eq!(deeds(&app, "connections.contact_updated").await, 1);
    let stored = app.database.rows_with("@example.com").await;
    assert_eq!(stored, Vec::<String>::new());
}

#[actix_web::test]
async fn an_update_or_a_deletion_forgets_the_cached_email() {
    let app = TestApp::start().await;
    app.set_list(None, true, &["new@example.com"]).await;
    app.set_contact(ALICE, Some("old@example.com"), None);
    assert_eq!(app.get("/visibility", ALICE).await.json()["blockVisible"], false);
    app.set_contact(ALICE, Some("new@example.com"), None);
    assert_eq!(app.get("/visibility", ALICE).await.json()["blockVisible"], false, "held for minutes");
    Hook::new("customers/update", &json!({ "id": 7001 })).done(&app).await;
    assert_eq!(app.get("/visibility", ALICE).await.json()["blockVisible"], true);
    app.set_contact(ALICE, None, None);
    Hook::new("customers/delete", &json!({ "id": 7001 })).done(&app).await;
    assert_eq!(app.get("/visibility", ALICE).await.json()["blockVisible"], false);
}

#[actix_web::test]
async fn a_shops_update_brings_its_domains_and_its_accounts() {
    let app = TestApp::start().await;
    let update = |domain: &str| Hook::new("shop/update", &json!({ "myshopify_domain": SHOP, "domain": domain }));
    let login = async |host: &str| app.get(&format!("/link/zklQOnlG?redirect_url=https://{host}/x"), NOBODY).await;
    // The Admin API is down: the domain is known at once, the rest is tried again.
    app.admin.set_fault(AdminFault::Status(503));
    assert_eq!(update("first.example.com").send(&app).await.status, 200);
    tried(&app).await;
    let answer = login("first.example.com").await;
    assert!(answer.header("location").starts_with("/customer_authentication/login"), "{answer:?}");
    assert_eq!(login("second.example.com").await.status, 400);
    app.admin.set_fault(AdminFault::None);
    app.admin.set_shop(json!({
        "primaryDomain": { "host": "second.example.com" },
        "domains": [{ "host": "second.example.com" }, { "host": "Third.example.com" }, { "host": SHOP }],
        "customerAccountsV2": { "customerAccountsVersion": "CLASSIC" },
    }));
    due_now(&app).await;
    settled(&app).await;
    for host in ["second.example.com", "third.example.com"] {
        assert!(login(host).await.header("location").starts_with("/account/login"), "{host}");
    }
    assert_eq!(login("first.example.com").await.status, 400, "the shop gave it up");
    assert_eq!(deeds(&app, "shop.updated").await, 2);
}

#[actix_web::test]
async fn storefront_look_ups_use_the_shops_own_tokens() {
    let app = TestApp::start().await;
    let shop = ShopDomain::parse(SHOP).unwrap();
    uninstalled(SHOP).done(&app).await;
    let (access, refresh) = app.admin.tokens(|tokens| tokens.grant(SHOP));
    let pair = TokenPair { access: access.into(), refresh: refresh.into(), ..pair(60) };
    app.store.install(&shop, &pair, app.clock.unix_ms()).await.unwrap();
    app.set_list(None, true, &["alice@example.com"]).await;
    app.set_contact(ALICE, Some("alice@example.com"), None);
    assert_eq!(app.get("/visibility", ALICE).await.json()["blockVisible"], true);
    assert_eq!(app.admin.tokens(|tokens| tokens.grants.clone()), ["refresh_token"]);
}

#[actix_web::test]
async fn what_a_killed_process_held_is_taken_over_and_it_can_not_end_it() {
    let app = TestApp::start().await;
    let shop = ShopDomain::parse(SHOP).unwrap();
    app.stop().await;
    let work = Some(r#"{"what":"scopes_changed","scopes":["read_customers"]}"#.to_owned());
    let new = NewDelivery { id: "d1", topic: "app/scopes_update", shop: &shop, work, triggered_at: None, strike: None };
    assert!(app.store.receive(&new, app.clock.unix_ms()).await.unwrap());
    assert!(!app.store.receive(&new, app.clock.unix_ms()).await.unwrap());
    let held = app.store.lease_delivery(60_000).await.unwrap().unwrap();
    assert!(app.store.lease_delivery(60_000).await.unwrap().is_none(), "it is held");
    app.database.execute("UPDATE webhook_deliveries SET lease_until = {clock} - 1").await;
    let other = another(&app).await;
    settled(&app).await;
    assert_eq!(shop_row(&app).await["scopes"], "read_customers");
    assert!(!app.store.finish_delivery(&held, Some(1), None, 0).await.unwrap());
    app.store.fail_delivery(&held, "too late", None).await.unwrap();
    assert_eq!(states(&app).await, ["done"]);
    assert_eq!(deeds(&app, "app.scopes_changed").await, 1);
    drop(other);
}

#[actix_web::test]
async fn two_processes_share_the_work_and_do_each_once() {
    let app = TestApp::start().await;
    let second = another(&app).await;
    app.set_contact(ALICE, Some("alice@example.com"), None);
    app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    app.get("/retailers", ALICE).await;
    noted(&app, 1).await;
    app.subtotal.set_latency(Duration::from_millis(10));
    let hook = Hook::new("customers/update", &json!({ "id": 7001 }));
    let hooks: Vec<Hook> = (0..40).map(|_| hook.again()).collect();
    let sends = hooks.iter().enumerate().flat_map(|(nth, hook)| {
        let (one, other) = if nth % 2 == 0 { (&app.address, &second) } else { (&second, &app.address) };
        [app.send(hook.request(&app, one), ""), app.send(hook.request(&app, other), "")]
    });
    for answer in futures_util::future::join_all(sends).await {
        assert_eq!(answer.status, 200);
    }
    settled(&app).await;
    assert_eq!(states(&app).await, ["done"; 40]);
    assert_eq!(app.subtotal.count(Call::Patch), 40);
    assert_eq!(deeds(&app, "connections.contact_updated").await, 40);
}

/// A second process on the same world; answers its address.
async fn another(app: &TestApp) -> String {
    let mut settings = app.settings.clone();
    settings.insert("PORT".to_owned(), "0".to_owned());
    let config = Config::read(&|name| settings.get(name).cloned()).unwrap();
    let application = Application::build(&config, app.clock.clone(), None).await.unwrap();
    let address = format!("http://127.0.0.1:{}", application.port());
    tokio::spawn(application.run());
    address
}

/// Waits until so many connections are noted.
async fn noted(app: &TestApp, connections: usize) {
    for _ in 0..200 {
        if app.database.table("connections").await.len() == connections {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not noted: {:?}", app.database.table("connections").await);
}
