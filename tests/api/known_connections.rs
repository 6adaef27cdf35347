//! *Connections*: what the storefront saw and what events told, once each, with the link to sign in again.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use subtotal_connect::events::happening::HappeningKind;
use subtotal_connect::store::{Actor, Destination, SecretKind};

use crate::support::app::{ALICE, Answer, BOB, SHOP, TestApp};
use crate::support::event::{self, Sent, connection_event, id_from};
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::happenings::{CONNECTION, happened};
use crate::support::wait::until;
use crate::support::webhook::{self, Hook};

const OTHER: &str = "other.myshopify.com";
const DAY: i64 = 24 * 60 * 60 * 1000;
/// 2026-05-28T20:26:40Z
const THEN: i64 = 1_780_000_000_000;

async fn page(app: &TestApp, query: &str) -> Value {
    let answer = app.staff_get(SHOP, &format!("/connections{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn csv(app: &TestApp, query: &str) -> Answer {
    let path = format!("/connections{query}");
    app.staff_call(Method::GET, SHOP, &path, |request| request.header("accept", "text/csv")).await
}

/// What is shown, as `connection customer status since`, by id.
async fn lines(app: &TestApp, query: &str) -> Vec<String> {
    let page = page(app, query).await;
    let text = |value: &Value| value.as_str().unwrap_or("nobody").to_owned();
    let line = |one: &Value| {
        let parts = ["connectionId", "customerId", "status", "since"].map(|name| text(&one[name]));
        parts.join(" ")
    };
    let mut lines: Vec<String> = page["connections"].as_array().unwrap().iter().map(line).collect();
    lines.sort();
    lines
}

/// A connection as the storefront saw it.
async fn seen(app: &TestApp, id: &str, customer: &str, status: &str, since: i64) {
    let shop = app.shop_id(SHOP).await;
    let sql = format!(
        "INSERT INTO connections (shop_id, connection_id, customer_id, retailer_id, status, since) \
         VALUES ({shop}, '{id}', '{customer}', 'walmart', '{status}', {since})"
    );
    app.database.execute(&sql).await;
}

/// A connection as events told of it.
async fn told(app: &TestApp, id: &str, customer: Option<&str>, status: &str, at: i64) {
    let shop = app.shop_id(SHOP).await;
    let customer = customer.map_or("NULL".to_owned(), |id| format!("'{id}'"));
    let sql = format!(
        "INSERT INTO followed_connections (shop_id, connection_id, customer_id, retailer_id, status, status_at, \
         is_simulated) VALUES ({shop}, '{id}', {customer}, 'walmart', '{status}', {at}, FALSE)"
    );
    app.database.execute(&sql).await;
}

async fn is_shown(app: &TestApp, expected: &[String]) {
    until(Duration::from_secs(60), "the page shows it", async || lines(app, "").await == expected).await;
}

#[actix_web::test]
async fn what_the_storefront_saw_and_what_events_told_is_one_list_and_the_newer_wins() {
    let app = TestApp::start().await;
    seen(&app, "c-seen", ALICE, "active", THEN).await;
    told(&app, "c-told", Some(BOB), "unauthenticated", THEN + 1000).await;
    told(&app, "c-whose", None, "disconnected", THEN).await;
    seen(&app, "c-told-later", ALICE, "active", THEN).await;
    told(&app, "c-told-later", None, "unauthenticated", THEN + 2000).await;
    seen(&app, "c-seen-later", ALICE, "revoked", THEN + 3000).await;
    told(&app, "c-seen-later", Some(ALICE), "unauthenticated", THEN + 2000).await;
    seen(&app, "c-agreed", ALICE, "active", THEN).await;
    told(&app, "c-agreed", Some(ALICE), "active", THEN).await;
    let expected = [
        "c-agreed 7001 active 2026-05-28T20:26:40Z",
        "c-seen 7001 active 2026-05-28T20:26:40Z",
        "c-seen-later 7001 revoked 2026-05-28T20:26:43Z",
        "c-told 7002 unauthenticated 2026-05-28T20:26:41Z",
        "c-told-later 7001 unauthenticated 2026-05-28T20:26:42Z",
        "c-whose nobody disconnected 2026-05-28T20:26:40Z",
    ];
    assert_eq!(lines(&app, "").await, expected);
    assert_eq!(lines(&app, "?order=oldest").await, expected);
    assert_eq!(lines(&app, "?status=unauthenticated").await, expected[3..5]);
    assert_eq!(lines(&app, "?status=initialized").await, Vec::<String>::new());
    let states = json!({ "active": 2, "disconnected": 1, "revoked": 1, "unauthenticated": 2 });
    assert_eq!(page(&app, "?status=active").await["states"], states);
    assert_eq!(app.staff_get(SHOP, "/status").await.json()["connections"]["byStatus"], states, "Home counts the same");
    let newest = page(&app, "?status=unauthenticated").await;
    assert_eq!(newest["connections"][0]["connectionId"], "c-told-later");
    assert_eq!(newest["connections"][0]["retailerName"], "Walmart");
    let oldest = page(&app, "?status=unauthenticated&order=oldest").await;
    assert_eq!(oldest["connections"][0]["connectionId"], "c-told");
}

#[actix_web::test]
async fn a_status_is_followed_through_events_and_visits() {
    let app = event::start().await;
    let connection = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    let lost = Sent::new(&connection_event(&id_from(&app, DAY), "unauthenticated", &connection));
    lost.done(&app).await;
    let since = page(&app, "").await["connections"][0]["since"].as_str().unwrap().to_owned();
    is_shown(&app, &[format!("{connection} 7001 unauthenticated {since}")]).await;
    // The storefront lists it as active, so the login came back, and nobody knows when.
    app.get("/retailers", ALICE).await;
    let status = async |expected: &str| page(&app, "").await["connections"][0]["status"] == expected;
    until(Duration::from_secs(60), "it is active", async || status("active").await).await;
    // That was an hour ago; half an hour later the login is lost again.
    app.database.execute("UPDATE connections SET since = since - 3600000").await;
    Sent::new(&connection_event(&id_from(&app, 1_800_000), "unauthenticated", &connection)).done(&app).await;
    assert!(status("unauthenticated").await);
    let told_at = page(&app, "").await["connections"][0]["since"].clone();
    // Seen as events told it: the status began when they say.
    app.subtotal.set_status(&connection, "unauthenticated");
    app.get("/retailers", ALICE).await;
    let noted = async || app.database.table("connections").await.iter().any(|row| row["status"] == "unauthenticated");
    until(Duration::from_secs(60), "it is noted", noted).await;
    assert_eq!(page(&app, "").await["connections"][0]["since"], told_at);
    assert_eq!(page(&app, "").await["connections"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_visit_that_sees_the_old_status_again_is_newer_than_the_event_between() {
    let app = TestApp::start().await;
    let connection = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    seen(&app, &connection, ALICE, "active", THEN).await;
    told(&app, &connection, Some(ALICE), "unauthenticated", THEN + 1000).await;
    assert_eq!(page(&app, "").await["connections"][0]["status"], "unauthenticated");
    app.get("/retailers", ALICE).await;
    let active = async || page(&app, "").await["connections"][0]["status"] == "active";
    until(Duration::from_secs(60), "it is active again", active).await;
}

#[actix_web::test]
async fn a_connection_that_subtotal_lists_no_more_is_gone_until_an_event_tells_of_it() {
    let app = TestApp::start().await;
    let kept = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    let now = app.clock.unix_ms();
    told(&app, "c-deleted", Some(ALICE), "unauthenticated", now - DAY).await;
    told(&app, "c-bobs", Some(BOB), "unauthenticated", now - DAY).await;
    told(&app, "c-just-made", Some(ALICE), "active", now).await;
    app.get("/retailers", ALICE).await;
    let ids = async || {
        let found = lines(&app, "").await;
        found.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let expected = [kept.clone(), "c-bobs".to_owned(), "c-just-made".to_owned()];
    until(Duration::from_secs(60), "it is gone", async || ids().await == expected).await;
    assert_eq!(page(&app, "").await["states"], json!({ "active": 2, "unauthenticated": 1 }));
    app.database.execute("UPDATE followed_connections SET status_at = gone_at + 1 WHERE gone_at IS NOT NULL").await;
    assert_eq!(ids().await.len(), 4);
}

#[actix_web::test]
async fn pages_give_every_connection_once_though_both_sources_have_the_same_times() {
    let app = TestApp::start().await;
    for nth in 0..20 {
        let status = if nth % 2 == 0 { "active" } else { "unauthenticated" };
        seen(&app, &format!("c-{nth:02}"), ALICE, status, THEN + nth / 5).await;
        told(&app, &format!("C-{nth:02}"), Some(BOB), status, THEN + nth / 5).await;
    }
    for filter in ["", "&order=oldest", "&status=unauthenticated", "&status=active&order=oldest"] {
        let whole = page(&app, &format!("?limit=500{filter}")).await["connections"].as_array().unwrap().clone();
        assert_eq!(whole.len(), if filter.contains("status") { 20 } else { 40 });
        for limit in [1, 3, 7, 20, 39] {
            let (mut read, mut before) = (Vec::new(), String::new());
            loop {
                let page = page(&app, &format!("?limit={limit}&before={before}{filter}")).await;
                let found = page["connections"].as_array().unwrap().clone();
                assert!(!found.is_empty() && found.len() <= limit);
                read.extend(found);
                match page["next"].as_str() {
                    Some(next) => before = next.to_owned(),
                    None => break,
                }
            }
            assert_eq!(read, whole, "{filter} limit {limit}");
        }
    }
}

#[actix_web::test]
async fn the_link_to_sign_in_again_is_the_one_klaviyo_is_told() {
    let app = TestApp::start().await;
    app.turn_on(SHOP, Destination::Klaviyo).await;
    app.deliver(SHOP, &happened("evt_1", HappeningKind::Unauthenticated)).await;
    app.until_state(SHOP, "delivered", 1).await;
    let link_url = app.klaviyo.calls()[0].body["data"]["attributes"]["properties"]["link_url"].clone();
    assert_eq!(link_url, format!("https://link.subtotal.com/zklQOnlG?connection_id={CONNECTION}"));
    told(&app, CONNECTION, Some(ALICE), "unauthenticated", THEN).await;
    seen(&app, "c-linked", ALICE, "active", THEN).await;
    seen(&app, "c-elsewhere", ALICE, "disconnected", THEN).await;
    app.database.execute("UPDATE connections SET retailer_id = 'closed' WHERE connection_id = 'c-elsewhere'").await;
    let page = page(&app, "?order=oldest").await;
    let link = |id: &str| {
        let found = page["connections"].as_array().unwrap().iter().find(|one| one["connectionId"] == id);
        found.unwrap()["relinkUrl"].clone()
    };
    assert_eq!(link(CONNECTION), link_url);
    assert_eq!(link("c-linked"), Value::Null, "who is signed in needs none");
    assert_eq!(link("c-elsewhere"), Value::Null, "the retailer is not on the list");
    assert_eq!(page["relinkProblem"], Value::Null);
    assert_eq!(csv(&app, "?status=unauthenticated").await.body.lines().nth(1).unwrap(), {
        let link = link_url.as_str().unwrap();
        format!("{CONNECTION},7001,walmart,unauthenticated,2026-05-28T20:26:40Z,{link},")
    });
}

#[actix_web::test]
async fn without_subtotal_the_rest_is_shown_and_why_there_are_no_links() {
    let app = TestApp::start().await;
    seen(&app, "c-1", ALICE, "unauthenticated", THEN).await;
    app.subtotal.break_everything(Fault::Status(503));
    let down = page(&app, "").await;
    assert_eq!(
        (&down["relinkProblem"], &down["states"]),
        (&json!("subtotal_unavailable"), &json!({ "unauthenticated": 1 }))
    );
    let expected = json!({
        "connectionId": "c-1", "customerId": ALICE, "retailerId": "walmart", "status": "unauthenticated",
        "since": "2026-05-28T20:26:40Z", "simulated": false,
    });
    assert_eq!(down["connections"], json!([expected]));
    let file = csv(&app, "").await;
    assert_eq!(
        file.body.lines().nth(1).unwrap(),
        "c-1,7001,walmart,unauthenticated,2026-05-28T20:26:40Z,,subtotal_unavailable"
    );
    app.subtotal.mend();
    assert!(page(&app, "").await["connections"][0]["relinkUrl"].is_string());
    // What is on the shelf serves while Subtotal is down.
    app.subtotal.break_everything(Fault::Reset);
    assert!(page(&app, "").await["connections"][0]["relinkUrl"].is_string());
    let shop_id = app.shop_id(SHOP).await;
    app.store.remove_secret(shop_id, SecretKind::SubtotalApiKey, Actor::CommandLine, 0).await.unwrap();
    assert_eq!(page(&app, "").await["relinkProblem"], "shop_not_configured");
}

#[actix_web::test]
async fn an_empty_page_asks_nothing_of_subtotal() {
    let app = TestApp::start().await;
    assert_eq!(page(&app, "").await, json!({ "connections": [], "states": {} }));
    assert_eq!(app.subtotal.count(Call::Retailers), 0);
}

#[actix_web::test]
async fn the_file_has_every_connection_and_no_formula() {
    let app = TestApp::start().await;
    let shop = app.shop_id(SHOP).await;
    let many = |table: &str, id: &str, more: (&str, &str)| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100) \
             INSERT INTO {table} (shop_id, connection_id, customer_id, retailer_id, status, {}) \
             SELECT {shop}, '{id}-' || i, '7001', 'walmart', 'unauthenticated', {} FROM n",
            more.0, more.1
        )
    };
    app.database.execute(&many("connections", "s", ("since", "1000"))).await;
    app.database.execute(&many("followed_connections", "t", ("status_at, is_simulated", "1000, FALSE"))).await;
    seen(&app, "=cmd|'' /C calc''!A0", "@7001", "+1", THEN).await;
    let answer = csv(&app, "").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"connections.csv\"");
    let lines: Vec<&str> = answer.body.lines().collect();
    assert_eq!(lines.len(), 1 + 1 + 2200);
    assert_eq!(lines[0], "connection_id,customer_id,retailer_id,status,since,relink_url,relink_problem");
    assert!(lines[1].starts_with("'=cmd|' /C calc'!A0,'@7001,walmart,'+1,2026-05-28T20:26:40Z,"), "{}", lines[1]);
    let formula = |line: &&str| line.split(',').any(|cell| cell.starts_with(['=', '+', '@', '-']));
    assert_eq!(lines.iter().find(|line| formula(line)), None);
    let ids: std::collections::BTreeSet<&str> = lines.iter().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(ids.len(), lines.len(), "none stands there twice");
    assert_eq!(csv(&app, "?limit=10").await.body.lines().count(), 11);
    assert_eq!(csv(&app, "?status=active").await.body.lines().count(), 1);
}

#[actix_web::test]
async fn a_wrong_question_about_connections_is_named_and_another_shops_place_is_harmless() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    for (query, field) in [
        ("?status=lost", "status"),
        ("?order=sideways", "order"),
        ("?limit=0", "limit"),
        ("?limit=501", "limit"),
        ("?limit=-1", "limit"),
        ("?before=yesterday", "before"),
        ("?before=1:", "before"),
        ("?before=1:%00", "before"),
    ] {
        assert_eq!(app.staff_get(SHOP, &format!("/connections{query}")).await.fields(), [field], "{query}");
        assert_eq!(csv(&app, query).await.fields(), [field], "{query}");
    }
    seen(&app, "c-1", ALICE, "active", THEN).await;
    told(&app, "c-2", Some(ALICE), "active", THEN).await;
    let place = page(&app, "?limit=1").await["next"].as_str().unwrap().to_owned();
    for query in [String::new(), format!("?before={place}"), "?before=9999999999999:c".to_owned()] {
        let read = app.staff_get(OTHER, &format!("/connections{query}")).await.json();
        assert_eq!(read["connections"], json!([]), "{query}");
        assert!(matches!(read.get("states"), None | Some(Value::Object(_))) && read.get("next").is_none(), "{read}");
    }
}

#[actix_web::test]
async fn a_redacted_customers_connections_are_gone_from_both_sources() {
    let app = TestApp::start().await;
    seen(&app, "c-seen", ALICE, "unauthenticated", THEN).await;
    told(&app, "c-told", Some(ALICE), "unauthenticated", THEN).await;
    seen(&app, "c-both", ALICE, "active", THEN).await;
    told(&app, "c-both", None, "unauthenticated", THEN + 1).await;
    seen(&app, "c-bobs", BOB, "active", THEN).await;
    told(&app, "c-bobs-too", Some(BOB), "active", THEN).await;
    assert_eq!(lines(&app, "").await.len(), 5);
    let redact = json!({ "shop_id": 1, "shop_domain": SHOP, "customer": { "id": 7001 }, "orders_to_redact": [] });
    Hook::new("customers/redact", &redact).done(&app).await;
    assert_eq!(webhook::states(&app).await, ["done"]);
    let left = lines(&app, "").await;
    assert!(left.len() == 2 && left.iter().all(|line| line.contains(" 7002 ")), "{left:?}");
    assert_eq!(page(&app, "").await["states"], json!({ "active": 2 }));
    assert!(!csv(&app, "").await.body.contains("7001"));
}

#[actix_web::test]
async fn a_hundred_thousand_connections_are_read_quickly() {
    let app = TestApp::start().await;
    let shop = app.shop_id(SHOP).await;
    // Half are known from one source only, and events know the newest of half of the rest.
    let many = |table: &str, columns: &str, first: i64, values: &str| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {first} + 74999) \
             INSERT INTO {table} (shop_id, connection_id, customer_id, retailer_id, status, {columns}) \
             SELECT {shop}, 'c-' || i, '7001', 'walmart', \
             CASE WHEN i % 3 = 0 THEN 'unauthenticated' ELSE 'active' END, {values} FROM n"
        )
    };
    app.database.execute(&many("connections", "since", 1, "1000000 + i % 1000")).await;
    let values = "1000000 + (i * 7) % 1000, FALSE";
    app.database.execute(&many("followed_connections", "status_at, is_simulated", 25001, values)).await;
    app.database.execute("ANALYZE").await;
    let whole = page(&app, "").await["states"].clone();
    assert_eq!(whole["active"].as_i64().unwrap() + whole["unauthenticated"].as_i64().unwrap(), 100_000);
    for query in ["", "?order=oldest", "?status=unauthenticated", "?status=unauthenticated&order=oldest&limit=500"] {
        for before in ["", "1000500:c-5"] {
            let join = if query.is_empty() { "?" } else { "&" };
            let started = Instant::now();
            let read = page(&app, &format!("{query}{join}before={before}")).await;
            let took = started.elapsed();
            println!("{query} {before}: {took:?}");
            assert!(read["next"].is_string());
            // The first page counts them all; this is built without optimisation, on a machine others use too.
            let limit = Duration::from_millis(if before.is_empty() { 3000 } else { 300 });
            assert!(took < limit, "{query} {before}: {took:?}");
        }
    }
    let started = Instant::now();
    assert_eq!(csv(&app, "").await.body.lines().count(), 100_001);
    println!("the file: {:?}", started.elapsed());
}
