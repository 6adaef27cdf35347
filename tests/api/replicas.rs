//! Several processes on one database: a change made by one is seen by the others at once where PostgreSQL tells them, and
//! what all of them do they do beside each other.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use subtotal_connect::clock::Clock;
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::shopify::oauth::TokenPair;
use subtotal_connect::store::{
    Accounts, Actor, Delivery, ListedConnection, ListedConnections, NewRefusals, SecretKind, ShopChanges, ShopTold,
};

use crate::support::app::{ALICE, Answer, NOBODY, SHOP, TestApp, open_store};
use crate::support::process::Process;
use crate::support::wait::until;
use crate::support::webhook::Hook;

/// A change is to be seen sooner than it would be without being told.
const AT_ONCE: Duration = Duration::from_secs(2);
/// How long a listener may take to come back.
const RECOVERY: Duration = Duration::from_secs(20);

/// An application that believes what it holds for ten minutes, and another process like it; `None` on SQLite, where nobody
/// is told.
async fn two() -> Option<(TestApp, Process)> {
    let app = TestApp::start_with(&[("SHOP_CACHE_SECONDS", "600")], Clock::system()).await;
    if !app.database.url.starts_with("postgres") {
        return None;
    }
    let other = Process::start(&app.settings, &[]).await;
    until(RECOVERY, "both listen", async || listeners(&app).await == 2 && hears(&other) > 0).await;
    Some((app, other))
}

/// What a listener's connection did last.
const LISTENS: &str = "query = 'LISTEN \"subtotal_connect_' || md5(current_schema()) || '\"'";

async fn listeners(app: &TestApp) -> i64 {
    let db = app.sql().await;
    let sql = format!("SELECT COUNT(*) AS listeners FROM pg_stat_activity WHERE {LISTENS}");
    let row = sea_orm::ConnectionTrait::query_one_raw(
        &db,
        sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql),
    );
    let listeners = row.await.unwrap().unwrap().try_get("", "listeners").unwrap();
    db.close().await.unwrap();
    listeners
}

/// How often a process said that it hears the others.
fn hears(process: &Process) -> usize {
    process.log().matches("changes by other processes are seen at once").count()
}

async fn asked(app: &TestApp, other: &Process, shop: &str, path: &str, customer: &str) -> Answer {
    app.send(other.request_of(app, shop, Method::GET, path, customer), "").await
}

/// Waits until the other process answers so.
async fn seen(app: &TestApp, other: &Process, what: &str, path: &str, as_it_should: impl Fn(&Answer) -> bool) {
    let customer = if path.starts_with("/link") { NOBODY } else { ALICE };
    until(AT_ONCE, what, async || as_it_should(&asked(app, other, SHOP, path, customer).await)).await;
}

async fn change(app: &TestApp, changes: ShopChanges) {
    app.change(SHOP, changes).await;
}

#[actix_web::test]
async fn each_change_of_a_shop_is_seen_by_another_process_at_once() {
    let Some((app, other)) = two().await else { return };
    let (domain, now) = (ShopDomain::parse(SHOP).unwrap(), || app.clock.unix_ms());
    let id = app.shop_id(SHOP).await;
    let status = |status: u16| move |answer: &Answer| answer.status == status;
    let to = |start: &'static str| move |answer: &Answer| answer.header("location").starts_with(start);
    seen(&app, &other, "the shop", "/configuration", status(200)).await;

    assert!(app.store.remove_secret(id, SecretKind::SubtotalApiKey, Actor::CommandLine, now()).await.unwrap());
    seen(&app, &other, "a removed key", "/configuration", status(404)).await;
    app.store_secret(SHOP, SecretKind::SubtotalApiKey, &app.api_key).await;
    seen(&app, &other, "a stored key", "/configuration", status(200)).await;

    let link = "/link/zklQOnlG?redirect_url=https%3A%2F%2Fnew.example.com%2F";
    seen(&app, &other, "a host that is not known", link, status(400)).await;
    change(&app, ShopChanges { redirect_hosts: Some(vec!["new.example.com".to_owned()]), ..Default::default() }).await;
    seen(&app, &other, "a redirect host", link, to("/customer_authentication")).await;
    change(&app, ShopChanges { accounts: Some(Accounts::Classic), ..Default::default() }).await;
    seen(&app, &other, "a setting", link, to("/account/login")).await;
    let settings = app.staff_get(SHOP, "/settings").await.json();
    let mut put = settings.clone();
    put["accounts"] = json!("new");
    assert_eq!(app.staff_put(SHOP, "/settings", &put).await.status, 200);
    seen(&app, &other, "a setting by staff", link, to("/customer_authentication")).await;

    let told_link = "/link/zklQOnlG?redirect_url=https%3A%2F%2Ftold.example.com%2F";
    seen(&app, &other, "a host nobody told of", told_link, status(400)).await;
    let told = ShopTold { hosts: vec!["told.example.com".to_owned()], ..Default::default() };
    assert!(app.store.note_shop(id, &told, now()).await.unwrap());
    seen(&app, &other, "a host Shopify told of", told_link, status(302)).await;

    let visible = |visible: bool| move |answer: &Answer| answer.json()["blockVisible"] == visible;
    seen(&app, &other, "no list", "/visibility", visible(true)).await;
    app.set_list(None, true, &[]).await;
    seen(&app, &other, "a list", "/visibility", visible(false)).await;
    app.set_list(None, false, &[]).await;
    seen(&app, &other, "a list that is off", "/visibility", visible(true)).await;

    assert!(app.store.uninstall(&domain, now(), now()).await.unwrap());
    seen(&app, &other, "an uninstallation", "/configuration", status(404)).await;
    let pair = TokenPair {
        access: "shpat_access_of_the_new_pair".into(),
        refresh: "shprt_refresh_of_the_new_pair".into(),
        access_lives: 3600,
        refresh_lives: 7200,
        scopes: "read_customers".to_owned(),
    };
    app.store.install(&domain, &pair, now() + 10).await.unwrap();
    seen(&app, &other, "an installation", "/configuration", status(200)).await;

    assert!(app.store.remove_shop(&domain, Actor::CommandLine, now()).await.unwrap());
    seen(&app, &other, "a removal", "/configuration", status(404)).await;
    app.store_secret(SHOP, SecretKind::SubtotalApiKey, &app.api_key).await;
    seen(&app, &other, "a new shop", "/configuration", status(200)).await;
    let redaction = Delivery {
        id: "redaction".to_owned(),
        shop_domain: SHOP.to_owned(),
        work: "{}".to_owned(),
        happened_at: now(),
        received_at: now(),
        attempt: 1,
    };
    app.store.redact_shop(&redaction, now()).await.unwrap();
    seen(&app, &other, "a redaction", "/configuration", status(404)).await;
}

#[actix_web::test]
async fn a_customers_new_address_is_asked_for_by_every_process() {
    let Some((app, other)) = two().await else { return };
    app.set_contact(ALICE, Some("alice@before.example"), None);
    app.set_list(None, true, &["alice@before.example"]).await;
    let visible = async || {
        let here = app.get("/visibility", ALICE).await.json()["blockVisible"].clone();
        [here, asked(&app, &other, SHOP, "/visibility", ALICE).await.json()["blockVisible"].clone()]
    };
    until(AT_ONCE, "both know the address", async || visible().await == [json!(true), json!(true)]).await;
    app.set_contact(ALICE, Some("alice@after.example"), None);
    assert_eq!(visible().await, [json!(true), json!(true)], "both hold what they know");
    let hook =
        Hook::new("customers/update", &json!({ "id": 7001, "admin_graphql_api_id": "gid://shopify/Customer/7001" }));
    assert_eq!(hook.send(&app).await.status, 200);
    until(RECOVERY, "both ask again", async || visible().await == [json!(false), json!(false)]).await;
}

#[actix_web::test]
async fn a_listener_that_is_lost_comes_back_and_misses_nothing() {
    let Some((app, other)) = two().await else { return };
    let classic =
        |classic: bool| move |answer: &Answer| answer.header("location").starts_with("/account/login") == classic;
    for round in 0..6 {
        let (is_classic, accounts) = if round % 2 == 0 { (true, Accounts::Classic) } else { (false, Accounts::New) };
        assert!(classic(!is_classic)(&asked(&app, &other, SHOP, "/link/zklQOnlG", NOBODY).await), "round {round}");
        let heard = hears(&other);
        app.database.execute(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENS}")).await;
        // It is away now, for at least a twelfth of a second.
        change(&app, ShopChanges { accounts: Some(accounts), ..Default::default() }).await;
        until(RECOVERY, "it hears again", async || hears(&other) > heard).await;
        seen(&app, &other, "what changed while it was away", "/link/zklQOnlG", classic(is_classic)).await;
    }
    change(&app, ShopChanges { accounts: Some(Accounts::Classic), ..Default::default() }).await;
    seen(&app, &other, "what changes now", "/link/zklQOnlG", classic(true)).await;
}

#[actix_web::test]
async fn without_being_told_a_change_is_seen_when_what_is_held_ends() {
    let app = TestApp::start_with(&[("SHOP_CACHE_SECONDS", "1")], Clock::system()).await;
    assert_eq!(app.get("/configuration", ALICE).await.status, 200);
    // Behind the store's back, so that nobody is told.
    app.database.execute("UPDATE shops SET uninstalled_at = 1").await;
    assert_eq!(app.get("/configuration", ALICE).await.status, 200, "it is held");
    until(Duration::from_secs(3), "it is not held any more", async || {
        app.get("/configuration", ALICE).await.status == 404
    })
    .await;
}

#[actix_web::test]
async fn processes_that_count_and_note_the_same_in_other_orders_wait_for_each_other() {
    let app = TestApp::start().await;
    let stores = [open_store(&app.settings).await, open_store(&app.settings).await];
    let shop = ShopDomain::parse(SHOP).unwrap();
    let codes = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let count = |code| NewRefusals { shop: shop.clone(), code, count: 1, last_at: app.clock.unix_ms() };
    let forwards: Vec<NewRefusals> = codes.iter().map(|code| count(code)).collect();
    let backwards: Vec<NewRefusals> = codes.iter().rev().map(|code| count(code)).collect();
    for _ in 0..20 {
        let (one, other) = tokio::join!(stores[0].add_refusals(&forwards), stores[1].add_refusals(&backwards));
        one.and(other).unwrap();
    }
    let id = app.shop_id(SHOP).await;
    let counted = app.store.refusals(id, 1, app.clock.unix_ms()).await.unwrap();
    assert_eq!(counted.iter().map(|refusal| refusal.count).collect::<Vec<_>>(), [40; 8]);

    let listed = |customer: i32, status: &str| ListedConnections {
        shop_id: id,
        customer_id: customer.to_string(),
        connections: vec![ListedConnection {
            connection_id: format!("c{customer}"),
            retailer_id: "walmart".to_owned(),
            status: status.to_owned(),
        }],
    };
    for round in 0..20 {
        let status = format!("status-{round}");
        let forwards: Vec<_> = (0..8).map(|customer| listed(customer, &status)).collect();
        let backwards: Vec<_> = (0..8).rev().map(|customer| listed(customer, &status)).collect();
        let now = app.clock.unix_ms();
        let (one, other) =
            tokio::join!(stores[0].note_connections(&forwards, now), stores[1].note_connections(&backwards, now));
        one.and(other).unwrap();
    }
    let rows = app.database.table("connections").await;
    assert!(rows.len() == 8 && rows.iter().all(|row| row["status"] == "status-19"), "{rows:?}");
}

#[actix_web::test]
async fn processes_that_forget_old_webhooks_at_once_forget_each_once() {
    let app = TestApp::start().await;
    let now = app.clock.unix_ms();
    let domain = ShopDomain::parse(SHOP).unwrap();
    let month = 31 * 24 * 60 * 60 * 1000;
    for nth in 0..3000 {
        let id = format!("old-{nth}");
        let new = subtotal_connect::store::NewDelivery {
            id: &id,
            topic: "themes/update",
            shop: &domain,
            work: None,
            triggered_at: None,
            strike: None,
        };
        // The application itself forgets what is old now.
        let at = if nth < 2500 { now } else { now + month };
        assert!(app.store.receive(&new, at).await.unwrap());
    }
    let stores = [open_store(&app.settings).await, open_store(&app.settings).await];
    let (one, other) = tokio::join!(stores[0].prune_deliveries(now + month), stores[1].prune_deliveries(now + month));
    assert_eq!(one.unwrap() + other.unwrap(), 2500);
    assert_eq!(app.database.table("webhook_deliveries").await.len(), 500);
}
