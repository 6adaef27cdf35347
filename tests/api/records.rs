//! For how long what proves something is kept: audit trails, receipts, requests for data, counts of refusals.

use std::time::Duration;

use serde_json::json;
use subtotal_connect::clock::Clock;
use subtotal_connect::store::{Actor, Chain, Deed, KeptDays, Trail};

use crate::support::app::{ENCRYPTION_KEYS, SHOP, TestApp, open_store};
use crate::support::command::CommandLine;
use crate::support::wait::until;

const DAY: i64 = 24 * 60 * 60 * 1000;
const OTHER: &str = "other.myshopify.com";
const KEPT: KeptDays = KeptDays { audit: Some(100), receipts: Some(100) };
const PATIENCE: Duration = Duration::from_secs(60);

async fn add(app: &TestApp, shop: &str, days_ago: i64) {
    let shop_id = app.shop_id(shop).await;
    let deed =
        Deed { actor: Actor::Staff("4242".into()), action: "settings.changed", detail: json!({ "d": days_ago }) };
    app.store.record(shop_id, &deed, app.clock.unix_ms() - days_ago * DAY).await.unwrap();
}

/// A trail that begins with lines of so many days ago, without those that installing left.
async fn trail_of(app: &TestApp, shop: &str, days: &[i64]) {
    let id = app.shop_id(shop).await;
    app.database.execute(&format!("DELETE FROM audit_lines WHERE shop_id = {id}")).await;
    app.database.execute(&format!("DELETE FROM audit_heads WHERE shop_id = {id}")).await;
    for days in days {
        add(app, shop, *days).await;
    }
}

async fn actions(app: &TestApp, shop: &str) -> Vec<(i64, String)> {
    app.trail(shop).await.into_iter().map(|line| (line.seq, line.action)).collect()
}

fn changed(seq: i64) -> (i64, String) {
    (seq, "settings.changed".to_owned())
}

fn pruned(seq: i64) -> (i64, String) {
    (seq, "audit.pruned".to_owned())
}

#[actix_web::test]
async fn the_oldest_lines_go_the_chain_stays_whole_and_the_trail_says_so() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    app.stop().await;
    trail_of(&app, SHOP, &[400, 300, 101, 99, 200, 1]).await;
    trail_of(&app, OTHER, &[129, 101, 5]).await;
    let now = app.clock.unix_ms();
    let store = open_store(&app.settings).await;
    let (one, other) = tokio::join!(app.store.prune_records(KEPT, now), store.prune_records(KEPT, now));
    assert_eq!(one.unwrap() + other.unwrap(), 3, "each goes once");
    // A line that is older than one before it stays behind that one.
    assert_eq!(actions(&app, SHOP).await, [changed(4), changed(5), changed(6), pruned(7)]);
    assert_eq!(actions(&app, OTHER).await, [changed(1), changed(2), changed(3)], "not for lines 29 days too old");
    let last = app.trail(SHOP).await.pop().unwrap();
    assert_eq!(last.actor, "service");
    let detail: serde_json::Value = serde_json::from_str(&last.detail).unwrap();
    assert_eq!((&detail["through"], detail["digest"].as_str().unwrap().len()), (&json!(3), 64));
    let shop_id = app.shop_id(SHOP).await;
    assert_eq!(app.store.verify_audit(shop_id).await.unwrap(), Chain::Whole(7));
    let line = CommandLine::new([("DATABASE_URL", app.database.url.as_str()), ("ENCRYPTION_KEYS", ENCRYPTION_KEYS)]);
    assert!(line.run(&["audit", "verify"]).done().contains(&format!("{SHOP}: whole, 7 lines")));
    // Again, when the line that told of it has become old itself.
    add(&app, SHOP, -500).await;
    app.store.prune_records(KEPT, now + 500 * DAY).await.unwrap();
    assert_eq!(actions(&app, SHOP).await, [changed(8), pruned(9)]);
    assert_eq!(app.store.verify_audit(shop_id).await.unwrap(), Chain::Whole(9));
    assert_eq!(app.store.prune_records(KeptDays { audit: None, receipts: None }, now + 9000 * DAY).await.unwrap(), 0);
}

#[actix_web::test]
async fn lines_that_somebody_removes_as_if_they_were_pruned_are_missed() {
    for (damage, line) in [
        ("DELETE FROM audit_lines WHERE shop_id = {s} AND seq = 4", 4),
        // As a pruning leaves it, but for the line that tells of it.
        (
            "UPDATE audit_heads SET pruned_seq = 4, pruned_digest = (SELECT digest FROM audit_lines \
             WHERE shop_id = {s} AND seq = 4) WHERE shop_id = {s}; DELETE FROM audit_lines WHERE shop_id = {s} AND seq = 4",
            5,
        ),
        ("UPDATE audit_heads SET pruned_seq = 0, pruned_digest = '' WHERE shop_id = {s}", 1),
        ("UPDATE audit_heads SET pruned_digest = 'x' WHERE shop_id = {s}", 4),
        ("DELETE FROM audit_lines WHERE shop_id = {s} AND seq = 6", 6),
        (
            "INSERT INTO audit_lines SELECT shop_id, 3, at, actor, action, detail, digest FROM audit_lines \
             WHERE shop_id = {s} AND seq = 4",
            4,
        ),
    ] {
        let app = TestApp::start().await;
        app.stop().await;
        trail_of(&app, SHOP, &[400, 300, 200, 9, 5]).await;
        assert_eq!(app.store.prune_records(KEPT, app.clock.unix_ms()).await.unwrap(), 3);
        let shop_id = app.shop_id(SHOP).await;
        assert_eq!(app.store.verify_audit(shop_id).await.unwrap(), Chain::Whole(6));
        app.database.execute(&damage.replace("{s}", &shop_id.to_string())).await;
        assert_eq!(app.store.verify_audit(shop_id).await.unwrap(), Chain::BrokenAt(line), "{damage}");
    }
}

#[actix_web::test]
async fn many_lines_go_in_lots_and_the_installations_own_go_too() {
    let app = TestApp::start().await;
    app.stop().await;
    trail_of(&app, SHOP, &[200]).await;
    let (id, at) = (app.shop_id(SHOP).await, app.clock.unix_ms() - 200 * DAY);
    app.database
        .execute(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 7000) INSERT INTO audit_lines \
             SELECT {id}, i, {at}, 'staff:1', 'settings.changed', '{{}}', 'x' FROM n"
        ))
        .await;
    app.database.execute(&format!("UPDATE audit_heads SET seq = 7000 WHERE shop_id = {id}")).await;
    let gone = subtotal_connect::shopify::ShopDomain::parse(OTHER).unwrap();
    app.install(OTHER).await;
    app.store.remove_shop(&gone, Actor::CommandLine, at).await.unwrap();
    assert_eq!(app.store.prune_records(KEPT, app.clock.unix_ms()).await.unwrap(), 7001);
    assert_eq!(actions(&app, SHOP).await, [pruned(7001), pruned(7002)]);
    assert_eq!(app.store.verify_trail(Trail::Service).await.unwrap().0, Chain::Whole(2));
}

#[actix_web::test]
async fn receipts_requests_and_counts_go_when_they_are_old() {
    let app = TestApp::start().await;
    app.stop().await;
    let (id, now) = (app.shop_id(SHOP).await, app.clock.unix_ms());
    for (days, name) in [(200, "old"), (101, "aged"), (99, "young"), (89, "new")] {
        let at = now - days * DAY;
        for sql in [
            format!("INSERT INTO compliance_receipts VALUES ('{name}', 'shop/redact', 's', 'erased', {at})"),
            format!("INSERT INTO data_requests VALUES ({id}, '{name}', '7001', {at})"),
            format!("INSERT INTO refusals VALUES ({id}, '{name}', {}, 1, {at})", at / DAY),
        ] {
            app.database.execute(&sql).await;
        }
    }
    app.store.prune_records(KEPT, now).await.unwrap();
    let left = async |table: &str, column: &str| {
        let rows = app.database.table(table).await;
        let mut left: Vec<String> = rows.iter().map(|row| row[column].as_str().unwrap().to_owned()).collect();
        left.sort();
        left
    };
    assert_eq!(left("compliance_receipts", "id").await, ["new", "young"]);
    assert_eq!(left("data_requests", "id").await, ["new"]);
    assert_eq!(left("refusals", "code").await, ["new"]);
}

#[actix_web::test]
async fn a_process_that_serves_prunes_by_itself_for_as_long_as_it_is_told_to() {
    let app = TestApp::start_with(&[("AUDIT_KEPT_DAYS", "30")], Clock::system()).await;
    trail_of(&app, SHOP, &[61, 29]).await;
    until(PATIENCE, "the old line is gone", async || actions(&app, SHOP).await == [changed(2), pruned(3)]).await;
    assert_eq!(app.store.verify_audit(app.shop_id(SHOP).await).await.unwrap(), Chain::Whole(3));
}
