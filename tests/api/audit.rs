//! The audit trail: every change leaves a line, no line tells about a person or holds a secret, and `audit verify` finds
//! whatever was done to the lines.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtotal_connect::clock::Clock;
use subtotal_connect::store::{Actor, Chain, Deed, Trail};

use crate::support::app::{ALICE, ENCRYPTION_KEYS, SHOP, TestApp, open_store};
use crate::support::command::CommandLine;
use crate::support::database::TestDatabase;
use crate::support::staff::execute;

const OTHER: &str = "other.myshopify.com";

fn deed(number: usize) -> Deed {
    Deed { actor: Actor::Staff("4242".into()), action: "settings.changed", detail: json!({ "number": number }) }
}

fn command_line(app: &TestApp) -> CommandLine {
    CommandLine::new([("DATABASE_URL", app.database.url.as_str()), ("ENCRYPTION_KEYS", ENCRYPTION_KEYS)])
}

/// Two shops, and eight lines in the trail of the first.
async fn app_with_a_trail() -> TestApp {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    let shop_id = app.shop_id(SHOP).await;
    for number in 0..6 {
        app.store.record(shop_id, &deed(number), app.clock.unix_ms()).await.unwrap();
    }
    app
}

#[actix_web::test]
async fn each_member_of_staff_who_uses_the_key_leaves_a_line_an_hour() {
    let clock = Clock::manual(1_800_000_000_000);
    let app = TestApp::start_with(&[], clock.clone()).await;
    let used = async || {
        let lines = app.database.table("audit_lines").await;
        lines.iter().filter(|line| line["action"] == "key.used").map(|line| line["actor"].clone()).collect::<Vec<_>>()
    };
    app.get("/retailers", ALICE).await;
    assert_eq!(used().await, Vec::<Value>::new(), "a shopper is no member of staff");
    for path in ["/status", "/retailers", "/lists/walmart", "/status"] {
        assert_eq!(app.staff_get(SHOP, path).await.status, 200, "{path}");
    }
    assert_eq!(used().await, ["staff:42"]);
    clock.advance(Duration::from_secs(3601));
    app.staff_get(SHOP, "/retailers").await;
    assert_eq!(used().await.len(), 2);
}

#[actix_web::test]
async fn whatever_is_done_to_the_lines_is_found_and_named() {
    for (damage, line) in [
        ("UPDATE audit_lines SET detail = '{\"number\":9}' WHERE {shop} AND seq = 5", 5),
        ("UPDATE audit_lines SET actor = 'staff:1' WHERE {shop} AND seq = 1", 1),
        ("UPDATE audit_lines SET action = 'key.tested' WHERE {shop} AND seq = 8", 8),
        ("UPDATE audit_lines SET at = at + 1 WHERE {shop} AND seq = 4", 4),
        ("UPDATE audit_lines SET digest = 'x' WHERE {shop} AND seq = 3", 3),
        ("DELETE FROM audit_lines WHERE {shop} AND seq = 1", 1),
        ("DELETE FROM audit_lines WHERE {shop} AND seq = 5", 5),
        ("DELETE FROM audit_lines WHERE {shop} AND seq = 8", 8),
        ("DELETE FROM audit_lines WHERE {shop} AND seq > 2", 3),
        ("DELETE FROM audit_lines WHERE {shop}", 1),
        ("DELETE FROM audit_heads WHERE {shop}", 9),
        ("UPDATE audit_heads SET seq = 7 WHERE {shop}", 9),
        (
            "UPDATE audit_lines SET seq = 99 WHERE {shop} AND seq = 4; \
             UPDATE audit_lines SET seq = 4 WHERE {shop} AND seq = 5; \
             UPDATE audit_lines SET seq = 5 WHERE {shop} AND seq = 99",
            4,
        ),
        (
            "INSERT INTO audit_lines (shop_id, seq, at, actor, action, detail, digest) \
             SELECT shop_id, 9, at, actor, action, detail, digest FROM audit_lines WHERE {shop} AND seq = 8",
            9,
        ),
        (
            "INSERT INTO audit_lines (shop_id, seq, at, actor, action, detail, digest) \
             SELECT shop_id, 0, at, actor, action, detail, digest FROM audit_lines WHERE {shop} AND seq = 8",
            1,
        ),
        // A line of another shop, with its digest, in place of one of this shop's.
        (
            "UPDATE audit_lines SET (at, actor, action, detail, digest) = (SELECT o.at, o.actor, o.action, o.detail, \
             o.digest FROM audit_lines o WHERE o.shop_id = {other} AND o.seq = 2) WHERE {shop} AND seq = 2",
            2,
        ),
    ] {
        let app = app_with_a_trail().await;
        let (shop_id, other) = (app.shop_id(SHOP).await, app.shop_id(OTHER).await);
        assert_eq!(app.store.verify_audit(shop_id).await.unwrap(), Chain::Whole(8));
        let sql = damage.replace("{shop}", &format!("shop_id = {shop_id}")).replace("{other}", &other.to_string());
        execute(&app.sql().await, &sql).await;
        assert_eq!(app.store.verify_audit(shop_id).await.unwrap(), Chain::BrokenAt(line), "{damage}");
        assert_eq!(app.store.verify_audit(other).await.unwrap(), Chain::Whole(2), "{damage}");
    }
}

#[actix_web::test]
async fn a_line_whose_digest_was_made_anew_is_found_at_the_next_one() {
    let app = app_with_a_trail().await;
    let (shop_id, db) = (app.shop_id(SHOP).await, app.sql().await);
    let sql =
        format!("SELECT at, actor, digest FROM audit_lines WHERE shop_id = {shop_id} AND seq IN (4, 5) ORDER BY seq");
    let statement = sea_orm::Statement::from_string(sea_orm::ConnectionTrait::get_database_backend(&db), sql);
    let rows = sea_orm::ConnectionTrait::query_all_raw(&db, statement).await.unwrap();
    let before: String = rows[0].try_get("", "digest").unwrap();
    let (at, actor): (i64, String) = (rows[1].try_get("", "at").unwrap(), rows[1].try_get("", "actor").unwrap());
    let digest = |detail: &str| {
        let text = json!([before, shop_id, 5, at, actor, "settings.changed", detail]).to_string();
        hex::encode(Sha256::digest(text))
    };
    assert_eq!(rows[1].try_get::<String>("", "digest").unwrap(), digest(r#"{"number":2}"#), "as it is written");
    let forged = digest(r#"{"number":9}"#);
    let sql = format!(
        "UPDATE audit_lines SET detail = '{{\"number\":9}}', digest = '{forged}' WHERE shop_id = {shop_id} AND seq = 5"
    );
    assert_eq!(execute(&db, &sql).await, 1);
    assert_eq!(app.store.verify_audit(shop_id).await.unwrap(), Chain::BrokenAt(6));
}

#[actix_web::test]
async fn the_command_says_so_with_its_exit_code() {
    let app = app_with_a_trail().await;
    let line = command_line(&app);
    let said = line.run(&["audit", "verify"]).done();
    assert!(said.contains(&format!("{SHOP}: whole, 8 lines")), "{said}");
    assert!(said.contains(&format!("{OTHER}: whole, 2 lines")) && said.contains("service: whole, 0 lines"), "{said}");
    assert!(!line.run(&["audit", "verify", OTHER]).done().contains(SHOP));
    let told = line.run(&["audit", "verify", "--json"]).json();
    assert_eq!((&told["whole"], told["trails"].as_array().unwrap().len()), (&json!(true), 3));
    assert_eq!(told["trails"][0]["head"].as_str().unwrap().len(), 64);

    let sql = format!("DELETE FROM audit_lines WHERE shop_id = {} AND seq = 5", app.shop_id(SHOP).await);
    execute(&app.sql().await, &sql).await;
    for arguments in [&["audit", "verify"][..], &["audit", "verify", SHOP]] {
        let reason = line.run(arguments).failed(1);
        assert!(reason.contains(&format!("{SHOP}: line 5 ")), "{reason}");
        assert!(!reason.contains(OTHER), "{reason}");
    }
    assert!(line.run(&["audit", "verify", OTHER]).done().contains("whole"));
    let outcome = line.run(&["audit", "verify", "--json"]);
    assert_eq!(outcome.code, 1);
    let told: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&told["whole"], &told["trails"][0]["brokenAt"]), (&json!(false), &json!(5)));
    assert!(line.run(&["audit", "verify", "nobody.myshopify.com"]).failed(1).contains("not known"));
    line.run(&["audit", "verify", "evil.com"]).failed(2);
    line.run(&["audit"]).failed(2);
}

#[actix_web::test]
async fn lines_added_by_many_at_once_keep_the_chain_whole_and_are_no_break_while_they_are() {
    let app = TestApp::start().await;
    let shop_id = app.shop_id(SHOP).await;
    let mut writers = Vec::new();
    for _ in 0..6 {
        // A store of its own is what another process has.
        let store = open_store(&app.settings).await;
        writers.push(tokio::spawn(async move {
            for number in 0..30 {
                store.record(shop_id, &deed(number), 1).await.unwrap();
            }
        }));
    }
    let reader = open_store(&app.settings).await;
    let mut looks = 0;
    while writers.iter().any(|writer| !writer.is_finished()) {
        let chain = reader.verify_audit(shop_id).await.unwrap();
        assert!(matches!(chain, Chain::Whole(_)), "look {looks}: {chain:?}");
        looks += 1;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(looks > 3, "{looks} looks");
    assert_eq!(app.store.verify_audit(shop_id).await.unwrap(), Chain::Whole(2 + 6 * 30));
}

#[actix_web::test]
async fn every_change_by_the_command_line_leaves_a_line_that_tells_no_secret_and_no_entry() {
    let database = TestDatabase::create().await;
    let line = CommandLine::new([("DATABASE_URL", database.url.as_str()), ("ENCRYPTION_KEYS", ENCRYPTION_KEYS)]);
    line.run_with_input(&["shop", "set", SHOP, "--api-key-stdin"], b"subtotal-secret-key-0001").done();
    line.run_with_input(&["shop", "set", SHOP, "--webhook-secret-stdin"], b"webhook-secret-0002").done();
    line.run_with_input(&["shop", "set", SHOP, "--admin-token-stdin"], b"shpat_secret_0003").done();
    line.run(&["shop", "set", SHOP, "--no-email", "show", "--redirect-host", "a.example.com"]).done();
    line.run_with_input(&["rules", "set", SHOP, "--on", "--file", "-"], b"maya@example.org\nexample.net\n").done();
    line.run(&["rules", "set", SHOP, "--off"]).done();
    let settings = [("DATABASE_URL", database.url.as_str()), ("ENCRYPTION_KEYS", ENCRYPTION_KEYS)]
        .map(|(k, v)| (k.into(), v.into()));
    let store = open_store(&settings.into()).await;
    let shop = subtotal_connect::shopify::ShopDomain::parse(SHOP).unwrap();
    let shop_id = store.shop_id(&shop).await.unwrap().unwrap();
    let mut lines = store.audit_lines(shop_id, "", None, 100).await.unwrap();
    lines.reverse();
    let actions: Vec<_> = lines.iter().map(|line| line.action.as_str()).collect();
    let stored = "key.stored";
    assert_eq!(actions, [stored, stored, stored, "settings.changed", "rules.changed", "rules.changed"]);
    assert!(lines.iter().all(|line| line.actor == "command-line" && line.at > 0));
    let text = format!("{lines:?}");
    for secret in ["secret-key", "0001", "0002", "0003", "maya", "example.org", "example.net"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(lines[4].detail.contains("\"total\":2"), "{}", lines[4].detail);

    // A removed shop takes its trail along; the installation's own keeps that it was removed, and not whose shop it was.
    line.run(&["shop", "remove", SHOP]).done();
    let (chain, head) = store.verify_trail(Trail::Service).await.unwrap();
    assert_eq!((chain, head.len()), (Chain::Whole(1), 64));
    assert!(line.run(&["audit", "verify"]).done().contains("service: whole, 1 lines"));
    let db = sea_orm::Database::connect(&database.url).await.unwrap();
    let naming = "DELETE FROM service_audit_lines WHERE detail LIKE '%demo%' OR actor <> 'command-line'";
    assert_eq!(execute(&db, naming).await, 0);
    assert_eq!(execute(&db, "UPDATE service_audit_lines SET actor = 'staff:1'").await, 1);
    assert!(line.run(&["audit", "verify"]).failed(1).contains("service: line 1 "));
    line.run(&["shop", "remove", SHOP]).failed(1);
}

#[actix_web::test]
async fn every_change_in_the_admin_leaves_a_line_that_tells_no_secret() {
    let app = TestApp::start_with(&[], Clock::system()).await;
    let new_key = "subtotal-api-key-99999999-of-a-shop";
    app.subtotal.add_key(new_key);
    app.never_show(new_key);
    let before = app.trail(SHOP).await.len();
    let version = app.staff_get(SHOP, "/settings").await.json()["version"].clone();
    let post = reqwest::Method::POST;
    let key = json!({ "apiKey": new_key });
    app.staff_call(post, SHOP, "/subtotal-key/test", |request| request.json(&key)).await;
    app.staff_put(SHOP, "/settings", &json!({ "noEmail": "show", "version": version })).await;
    assert_eq!(app.staff_put(SHOP, "/subtotal-key", &key).await.status, 200);
    app.staff_call(reqwest::Method::DELETE, SHOP, "/subtotal-key", |request| request).await;
    let lines = app.trail(SHOP).await.split_off(before);
    let actions: Vec<_> = lines.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(actions, ["key.tested", "settings.changed", "key.tested", "key.stored", "key.removed"]);
    assert!(lines.iter().all(|line| line.actor == "staff:42"), "{lines:?}");
    assert!(!format!("{lines:?}").contains("99999999"), "{lines:?}");
    assert!(matches!(app.store.verify_audit(app.shop_id(SHOP).await).await.unwrap(), Chain::Whole(_)));
}
