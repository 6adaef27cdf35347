//! What happened, as the Activity page and its download tell it; and what was refused.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use subtotal_connect::clock::Clock;
use subtotal_connect::store::{Actor, Deed};

use crate::support::app::{ALICE, Answer, NOBODY, SHOP, TestApp, unix_now};
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::staff::execute;

const ACTIVITY: &str = "/activity";

async fn entries(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = app.staff_get(SHOP, &format!("{ACTIVITY}{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["entries"].as_array().unwrap().clone()
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

async fn record(app: &TestApp, action: &'static str, detail: Value) {
    let deed = Deed { actor: Actor::Staff("4242".into()), action, detail };
    app.store.record(app.shop_id(SHOP).await, &deed, app.clock.unix_ms()).await.unwrap();
}

async fn csv(app: &TestApp, query: &str) -> Answer {
    let path = format!("{ACTIVITY}{query}");
    app.staff_call(Method::GET, SHOP, &path, |request| request.header("accept", "text/csv")).await
}

/// A webhook receipt as it is stored.
async fn webhook(app: &TestApp, id: &str, topic: &str, at: i64) {
    let sql = format!(
        "INSERT INTO webhook_deliveries (delivery_id, topic, shop_domain, work, received_at, state, next_attempt_at) \
         VALUES ('{id}', '{topic}', '{SHOP}', '{{}}', {at}, 'done', 0)"
    );
    execute(&app.sql().await, &sql).await;
}

#[actix_web::test]
async fn trail_webhooks_and_refusals_are_one_list_by_time() {
    let clock = Clock::manual(unix_now() * 1000);
    let app = TestApp::start_with(&[], clock.clone()).await;
    clock.advance(Duration::from_secs(60));
    record(&app, "settings.changed", json!({ "noEmail": "show" })).await;
    clock.advance(Duration::from_secs(60));
    webhook(&app, "d-1", "shop/update", clock.unix_ms()).await;
    clock.advance(Duration::from_secs(60));
    for _ in 0..3 {
        assert_eq!(app.get("/visibility", NOBODY).await.code(), "customer_not_signed_in");
    }
    let found = entries(&app, "").await;
    assert_eq!(
        actions(&found),
        ["refusal.customer_not_signed_in", "webhook.shop/update", "settings.changed", "key.stored", "key.stored"]
    );
    assert_eq!(found[0]["detail"], json!({ "count": 3 }));
    assert_eq!((&found[1]["actor"], &found[1]["detail"]["outcome"]), (&json!("shopify"), &json!("done")));
    assert_eq!((&found[2]["actor"], &found[2]["detail"]), (&json!("staff:4242"), &json!({ "noEmail": "show" })));
    for entry in &found {
        let at = entry["at"].as_str().unwrap();
        assert!(at.ends_with('Z') && at.as_bytes()[10] == b'T', "{at}");
    }
    for (kind, expected) in [
        ("settings.", vec!["settings.changed"]),
        ("webhook.", vec!["webhook.shop/update"]),
        ("refusal.", vec!["refusal.customer_not_signed_in"]),
        ("key.", vec!["key.stored", "key.stored"]),
        ("nothing", vec![]),
        ("%25", vec![]),
    ] {
        assert_eq!(actions(&entries(&app, &format!("?kind={kind}")).await), expected, "{kind}");
    }
}

#[actix_web::test]
async fn pages_give_every_entry_once_even_when_times_are_equal() {
    let app = TestApp::start_with(&[], Clock::manual(unix_now() * 1000)).await;
    for number in 0..20 {
        record(&app, "settings.changed", json!({ "number": number })).await;
        webhook(&app, &format!("d-{number:02}"), "shop/update", app.clock.unix_ms()).await;
    }
    app.get("/visibility", NOBODY).await;
    let whole = entries(&app, "?limit=500").await;
    assert_eq!(whole.len(), 20 + 20 + 1 + 2);
    for limit in [1, 7, 20, 42, 43] {
        let (mut read, mut before) = (Vec::new(), String::new());
        loop {
            let page = app.staff_get(SHOP, &format!("{ACTIVITY}?limit={limit}&before={before}")).await.json();
            let found = page["entries"].as_array().unwrap().clone();
            assert!(found.len() <= limit);
            read.extend(found);
            match page["next"].as_str() {
                Some(next) => before = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(read, whole, "limit {limit}");
    }
}

#[actix_web::test]
async fn a_wrong_question_is_named() {
    let app = TestApp::start().await;
    let long = format!("?kind={}", "k".repeat(65));
    for (query, field) in [
        ("?limit=0", "limit"),
        ("?limit=501", "limit"),
        ("?limit=-1", "limit"),
        ("?limit=many", "limit"),
        ("?before=yesterday", "before"),
        ("?before=1-2", "before"),
        (&long, "kind"),
    ] {
        assert_eq!(app.staff_get(SHOP, &format!("{ACTIVITY}{query}")).await.fields(), [field], "{query}");
    }
}

#[actix_web::test]
async fn the_download_has_every_line_and_no_formula() {
    let app = TestApp::start().await;
    for number in 0..1205 {
        record(&app, "settings.changed", json!({ "number": number })).await;
    }
    let db = app.sql().await;
    let shop_id = app.shop_id(SHOP).await;
    // Nothing writes such an actor today; a spreadsheet must not run it should something ever do.
    execute(
        &db,
        &format!("UPDATE audit_lines SET actor = '=cmd|'' /C calc''!A0' WHERE shop_id = {shop_id} AND seq = 3"),
    )
    .await;
    let answer = csv(&app, "").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert!(answer.header("content-disposition").starts_with("attachment"));
    let lines: Vec<&str> = answer.body.lines().collect();
    assert_eq!(lines.len(), 1 + 1205 + 2);
    assert_eq!(lines[0], "at,actor,action,detail");
    assert!(lines[1].ends_with(r#",staff:4242,settings.changed,"{""number"":1204}""#), "{}", lines[1]);
    assert!(answer.body.contains(",'=cmd|' /C calc'!A0,"));
    let formula =
        |line: &&str| line.split(',').any(|cell| cell.trim_start_matches('"').starts_with(['=', '+', '@', '-']));
    assert_eq!(lines.iter().find(|line| formula(line)), None);
    assert_eq!(csv(&app, "?limit=10").await.body.lines().count(), 11);
    assert_eq!(csv(&app, "?kind=key.").await.body.lines().count(), 3);
}

#[actix_web::test]
async fn refusals_are_counted_by_shop_and_code_and_only_when_they_are_verified() {
    let clock = Clock::manual(unix_now() * 1000);
    let app = TestApp::start_with(&[], clock.clone()).await;
    app.install("other.myshopify.com").await;
    app.get("/visibility", NOBODY).await;
    app.get("/visibility", NOBODY).await;
    app.subtotal.break_call(Call::Retailers, Fault::Status(500));
    assert_eq!(app.get("/retailers", ALICE).await.code(), "subtotal_unavailable");
    app.subtotal.mend();
    clock.advance(Duration::from_secs(1));
    app.get("/link/x?redirect_url=https://evil.example/", ALICE).await;
    // None of these is a shopper's verified request of this shop.
    app.raw(Method::GET, "/apps/subtotal/visibility", "shop=demo.myshopify.com&signature=no-digest-at-all").await;
    app.plain("/admin/api/status").await;
    app.staff_get(SHOP, "/unknown").await;
    let other = app.call(Method::GET, "other.myshopify.com", "/visibility", NOBODY, |request| request).await;
    assert_eq!(other.status, 400);
    app.call(Method::GET, "nobody.myshopify.com", "/visibility", ALICE, |request| request).await;

    let status = app.staff_get(SHOP, "/status").await.json();
    let refusals = status["refusals"].as_array().unwrap();
    let counts: Vec<_> =
        refusals.iter().map(|refusal| (refusal["code"].as_str().unwrap(), &refusal["count"])).collect();
    assert_eq!(
        counts,
        [
            ("redirect_url_not_allowed", &json!(1)),
            ("customer_not_signed_in", &json!(2)),
            ("subtotal_unavailable", &json!(1))
        ]
    );
    assert!(refusals[0]["lastAt"].as_str() > refusals[1]["lastAt"].as_str(), "{status}");
    let other = app.staff_get("other.myshopify.com", "/status").await.json();
    assert_eq!(other["refusals"].as_array().unwrap().len(), 1);

    // A week later they are history: still in the activity, not in the status.
    clock.advance(Duration::from_secs(8 * 24 * 3600));
    assert_eq!(app.staff_get(SHOP, "/status").await.json()["refusals"], json!([]));
    assert_eq!(entries(&app, "?kind=refusal.").await.len(), 3);
}

#[actix_web::test]
async fn what_was_counted_is_stored_when_the_process_stops() {
    let app = TestApp::start().await;
    app.get("/visibility", NOBODY).await;
    app.stop().await;
    let shop_id = app.shop_id(SHOP).await;
    for _ in 0..200 {
        if app.store.refusals(shop_id, 7, app.clock.unix_ms()).await.unwrap().len() == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the refusal is lost");
}

#[actix_web::test]
async fn the_activity_page_loads() {
    let app = TestApp::start().await;
    let page = app.admin_page(SHOP, "/activity").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains("data-activity-rows") && page.body.contains("Download CSV"));
    assert!(page.body.len() < 60 * 1024);
    for asset in ["activity.js", "admin.css"] {
        assert_eq!(app.plain(&format!("/admin/assets/{asset}")).await.status, 200);
    }
}
