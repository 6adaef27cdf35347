//! The admin's JSON calls for visibility lists.

use std::fmt::Write;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use subtotal_connect::clock::Clock;
use subtotal_connect::shopify::ShopDomain;

use crate::support::app::{ALICE, Answer, BOB, SHOP, TestApp};
use crate::support::fake_subtotal::retailers;

const OTHER: &str = "other.myshopify.com";

impl TestApp {
    async fn list(&self, shop: &str, scope: &str) -> Value {
        let answer = self.staff_call(Method::GET, shop, &format!("/lists/{scope}"), |request| request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    async fn put_list(&self, shop: &str, scope: &str, body: &Value) -> Answer {
        self.staff_call(Method::PUT, shop, &format!("/lists/{scope}"), |request| request.json(body)).await
    }

    async fn put_csv(&self, scope_and_query: &str, text: impl Into<reqwest::Body>) -> Answer {
        let finish = |request: reqwest::RequestBuilder| request.header("Content-Type", "text/csv").body(text);
        self.staff_call(Method::PUT, SHOP, &format!("/lists/{scope_and_query}"), finish).await
    }

    async fn download(&self, scope: &str) -> Answer {
        let path = format!("/lists/{scope}");
        self.staff_call(Method::GET, SHOP, &path, |request| request.header("Accept", "text/csv")).await
    }
}

#[actix_web::test]
async fn a_list_is_saved_and_read_back() {
    let app = TestApp::start().await;
    let empty = json!({ "on": false, "entries": [], "total": 0, "found": 0, "version": 1 });
    assert_eq!(app.list(SHOP, "global").await, empty);
    assert_eq!(app.list(SHOP, "walmart").await, empty);

    let body = json!({ "on": true, "entries": ["B@Example.com", "a@x.com", "x.com", "a@x.com"], "version": 1 });
    let saved = app.put_list(SHOP, "walmart", &body).await;
    assert_eq!((saved.status, saved.json()), (200, json!({ "on": true, "total": 3, "version": 2 })));
    let list = app.list(SHOP, "walmart").await;
    assert_eq!(list["entries"], json!(["@x.com", "a@x.com", "b@example.com"]));
    assert_eq!((&list["total"], &list["version"]), (&json!(3), &json!(2)));

    let off = app.put_list(SHOP, "walmart", &json!({ "on": false, "version": 2 })).await;
    assert_eq!(off.json(), json!({ "on": false, "total": 3, "version": 3 }), "its entries stay");
    assert_eq!(app.list(SHOP, "global").await, empty);
}

#[actix_web::test]
async fn a_list_is_paged_and_searched() {
    let app = TestApp::start().await;
    let entries: Vec<String> = (0..25).map(|number| format!("user_{number:02}@x.com")).collect();
    app.put_list(SHOP, "global", &json!({ "on": true, "entries": entries, "version": 1 })).await;

    let page = app.list(SHOP, "global?offset=10&limit=2").await;
    assert_eq!(page["entries"], json!(["user_10@x.com", "user_11@x.com"]));
    assert_eq!((&page["total"], &page["found"]), (&json!(25), &json!(25)));
    let found = app.list(SHOP, "global?q=USER_1&limit=3").await;
    assert_eq!(found["entries"], json!(["user_10@x.com", "user_11@x.com", "user_12@x.com"]));
    assert_eq!((&found["total"], &found["found"]), (&json!(25), &json!(10)));
    assert_eq!(app.list(SHOP, "global?q=r%251").await["found"], 0, "a wildcard means itself");
    let wrong = app.staff_call(Method::GET, SHOP, "/lists/global?offset=x&limit=-1", |request| request).await;
    assert_eq!(wrong.fields(), ["offset", "limit"]);
}

#[actix_web::test]
async fn entries_are_added_and_removed_without_sending_the_rest() {
    let app = TestApp::start().await;
    app.put_list(SHOP, "global", &json!({ "on": true, "entries": ["a@x.com", "b@x.com"], "version": 1 })).await;
    let amended = json!({ "on": true, "add": ["c@x.com", "b@x.com"], "remove": ["A@x.com"], "version": 2 });
    assert_eq!(app.put_list(SHOP, "global", &amended).await.json()["total"], 2);
    assert_eq!(app.list(SHOP, "global").await["entries"], json!(["b@x.com", "c@x.com"]));
    let both = json!({ "on": true, "entries": [], "add": ["d@x.com"], "version": 3 });
    assert_eq!(app.put_list(SHOP, "global", &both).await.fields(), ["entries"]);
}

#[actix_web::test]
async fn what_somebody_else_saved_is_never_overwritten() {
    let app = TestApp::start().await;
    let body = |entry: &str, version: i64| json!({ "on": true, "entries": [entry], "version": version });
    assert_eq!(app.put_list(SHOP, "global", &body("first@x.com", 1)).await.status, 200);
    for stale in [1, 3, 0, -1] {
        let conflict = app.put_list(SHOP, "global", &body("second@x.com", stale)).await;
        assert_eq!((conflict.status, conflict.code().as_str()), (409, "version_conflict"), "{stale}");
    }
    let csv = app.put_csv("global?on=false&version=1", "second@x.com").await;
    assert_eq!(csv.code(), "version_conflict");
    let list = app.list(SHOP, "global").await;
    assert_eq!((&list["entries"], &list["version"], &list["on"]), (&json!(["first@x.com"]), &json!(2), &json!(true)));

    let (one, two) = (body("one@x.com", 2), body("two@x.com", 2));
    let race = futures_util::future::join_all(
        (0..8).map(|number| app.put_list(SHOP, "global", if number % 2 == 0 { &one } else { &two })),
    );
    let mut statuses: Vec<u16> = race.await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(app.list(SHOP, "global").await["version"], 3);
}

#[actix_web::test]
async fn a_change_must_say_the_version_it_was_made_on() {
    let app = TestApp::start().await;
    let without = app.put_list(SHOP, "global", &json!({ "on": true, "entries": [] })).await;
    assert_eq!(without.fields(), ["version"]);
    assert_eq!(app.put_csv("global?on=true", "a@x.com").await.fields(), ["version"]);
    assert_eq!(app.put_csv("global?version=1&on=yes", "a@x.com").await.fields(), ["on"]);
    assert_eq!(app.put_csv("global?version=1&version=1&on=true", "a@x.com").await.fields(), ["version"]);
    let wrong = app.put_list(SHOP, "global", &json!({ "on": "on", "entries": [1], "version": "1" })).await;
    assert_eq!(wrong.fields(), ["version", "on", "entries"]);
    let list = app.put_list(SHOP, "global", &json!([])).await;
    assert_eq!(list.fields(), ["body"]);
    assert_eq!(app.list(SHOP, "global").await["version"], 1);
}

#[actix_web::test]
async fn every_bad_line_is_named_and_nothing_changes() {
    let app = TestApp::start().await;
    app.put_list(SHOP, "global", &json!({ "on": true, "entries": ["a@x.com"], "version": 1 })).await;
    let before = app.list(SHOP, "global").await;

    let text = "entry\r\nb@x.com\r\n\r\nnot an entry\r\nc@x.com\r\nd@x.com,e@x.com\r\n\"f@x.com\r\n";
    let csv = app.put_csv("global?on=false&version=2", text).await;
    assert_eq!((csv.status, csv.code().as_str()), (400, "invalid_request"));
    let errors = csv.json()["errors"].clone();
    assert_eq!(errors[0]["line"], 4);
    assert_eq!(errors[0]["entry"], "not an entry");
    assert!(errors[0]["message"].as_str().unwrap().contains("name@example.com"));
    let lines: Vec<_> = errors.as_array().unwrap().iter().map(|error| error["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [4, 6, 7]);

    let body = json!({ "on": false, "entries": ["b@x.com", "", "bad"], "version": 2 });
    let answer = app.put_list(SHOP, "global", &body).await.json();
    let lines: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|error| error["line"].clone()).collect();
    assert_eq!(lines, [json!(2), json!(3)]);
    assert_eq!(app.list(SHOP, "global").await, before);
}

#[actix_web::test]
async fn a_file_may_be_as_spreadsheets_write_it() {
    let app = TestApp::start().await;
    let file = "\u{feff}Entry;\r\n\"A@X.com\";\r\nexample.com\r\n\r\n@bücher.example\r\n";
    assert_eq!(app.put_csv("kroger?on=true&version=1", file).await.json()["total"], 3);
    let list = app.list(SHOP, "kroger").await;
    assert_eq!(list["entries"], json!(["@example.com", "@xn--bcher-kva.example", "a@x.com"]));
    let latin = app.put_csv("kroger?on=true&version=2", b"k\xe4ufer@x.com".to_vec()).await;
    assert_eq!(latin.fields(), ["body"]);
    assert_eq!(app.put_csv("kroger?on=true&version=2", "").await.json()["total"], 0, "an empty file empties the list");
}

#[actix_web::test]
async fn a_hundred_thousand_entries_are_saved_in_one_go() {
    let app = TestApp::start().await;
    let mut file = String::from("entry\r\n");
    for number in 0..100_000 {
        let _ = write!(file, "shopper.{number}@mail-{}.example.com\r\n", number % 977);
    }
    let bytes = file.len();
    let started = Instant::now();
    let saved = app.put_csv("global?on=true&version=1", file).await;
    let took = started.elapsed();
    println!("100,000 entries ({bytes} bytes) saved in {took:?}");
    assert_eq!(saved.json(), json!({ "on": true, "total": 100_000, "version": 2 }), "{saved:?}");

    let started = Instant::now();
    let again = app.put_list(SHOP, "global", &json!({ "on": true, "add": ["one@more.com"], "version": 2 })).await;
    println!("one entry added to 100,000 in {:?}", started.elapsed());
    assert_eq!(again.json()["total"], 100_001);
    let started = Instant::now();
    let downloaded = app.download("global").await;
    println!("100,001 entries downloaded in {:?}", started.elapsed());
    assert_eq!(downloaded.body.lines().count(), 100_002);
    let started = Instant::now();
    assert_eq!(app.list(SHOP, "global?q=977@&limit=50").await["found"], 100);
    println!("searched in {:?}", started.elapsed());
    // Built without optimisation, on a machine that others use too.
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[actix_web::test]
async fn a_downloaded_file_runs_nothing_in_a_spreadsheet_and_can_be_uploaded() {
    let app = TestApp::start().await;
    let entries = json!(["=cmd|'/c'!a0@x.com", "+1@x.com", "-2@x.com", "example.com", "o'neil@x.com", "'=q@x.com"]);
    app.put_list(SHOP, "global", &json!({ "on": true, "entries": entries, "version": 1 })).await;
    let before = app.list(SHOP, "global").await;

    let file = app.download("global").await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"visibility-global.csv\"");
    let mut lines: Vec<&str> = file.body.lines().collect();
    assert!(lines.iter().all(|line| !line.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{lines:?}");
    assert_eq!(lines.remove(0), "entry");
    lines.sort_unstable();
    assert_eq!(lines, ["''=q@x.com", "'+1@x.com", "'-2@x.com", "'=cmd|'/c'!a0@x.com", "example.com", "o'neil@x.com"]);

    assert_eq!(app.put_csv("global?on=true&version=2", file.body).await.json()["total"], 6);
    assert_eq!(app.list(SHOP, "global").await["entries"], before["entries"]);
    assert_eq!(app.download("walmart").await.body, "entry\r\n", "a list that was never set");
}

#[actix_web::test]
async fn a_shop_can_not_reach_another_shops_lists() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    let theirs = json!([{ "retailer_id": "only-theirs", "name": "Theirs", "link_url": "https://link.subtotal.com/x" }]);
    app.subtotal.set_retailers(theirs);
    let body = json!({ "on": true, "entries": ["a@x.com"], "version": 1 });
    assert_eq!(app.put_list(OTHER, "only-theirs", &body).await.status, 200);
    app.subtotal.set_retailers(retailers());
    let (before, trail) = (app.list(OTHER, "only-theirs").await, audit(&app, OTHER).await);

    let change = json!({ "on": false, "entries": [], "version": 2 });
    let draft = json!({ "lists": { "only-theirs": { "on": false } } });
    for answer in [
        app.staff_call(Method::GET, SHOP, "/lists/only-theirs", |request| request).await,
        app.download("only-theirs").await,
        app.put_list(SHOP, "only-theirs", &change).await,
        app.put_csv("only-theirs?on=false&version=2", "").await,
        app.staff_call(Method::POST, SHOP, "/preview", |request| request.json(&draft)).await,
    ] {
        assert_eq!((answer.status, answer.code().as_str()), (404, "retailer_not_found"), "{answer:?}");
    }
    assert_eq!(app.list(OTHER, "only-theirs").await, before);
    assert_eq!(audit(&app, OTHER).await, trail);

    // The same scope in both shops is two lists.
    assert_eq!(app.put_list(SHOP, "walmart", &body).await.status, 200);
    assert_eq!(app.list(OTHER, "walmart").await["total"], 0);
    let mine = app.staff_call(Method::GET, OTHER, "/retailers", |request| request).await.json();
    assert!(mine["retailers"].as_array().unwrap().iter().all(|retailer| retailer["rule"]["on"] == false), "{mine}");
}

#[actix_web::test]
async fn a_list_needs_a_retailer_of_the_shop() {
    let app = TestApp::start().await;
    for path in ["/lists/nobody", "/lists/GLOBAL", "/lists/%20"] {
        let answer = app.staff_call(Method::GET, SHOP, path, |request| request).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "retailer_not_found"), "{path}");
    }
    app.put_list(SHOP, "walmart", &json!({ "on": true, "version": 1 })).await;
    app.subtotal.set_retailers(json!([]));
    assert_eq!(app.list(SHOP, "walmart").await["on"], true, "a list stays within reach when its retailer is gone");
}

#[actix_web::test]
async fn bodies_of_other_kinds_and_sizes_are_refused() {
    let app = TestApp::start().await;
    let plain = app.staff_call(Method::PUT, SHOP, "/lists/global", |request| request.body("a@x.com")).await;
    assert_eq!((plain.status, plain.code().as_str()), (415, "unsupported_media_type"));
    let large = app.put_csv("global?on=true&version=1", "a@x.com\n".repeat(1024 * 1024 + 1)).await;
    assert_eq!((large.status, large.code().as_str()), (413, "payload_too_large"));
    assert!(large.body.contains("8 MiB"), "{large:?}");
    assert_eq!(app.list(SHOP, "global").await["version"], 1);
}

#[actix_web::test]
async fn the_storefront_follows_a_change_at_once() {
    let app = TestApp::start_with(&[("SHOP_CACHE_SECONDS", "300")], Clock::system()).await;
    let hidden = json!({ "blockVisible": true, "restrictedRetailerIds": [] });
    assert_eq!(app.get("/visibility", ALICE).await.json(), hidden);
    app.put_list(SHOP, "walmart", &json!({ "on": true, "entries": [], "version": 1 })).await;
    assert_eq!(app.get("/visibility", ALICE).await.json()["restrictedRetailerIds"], json!(["walmart"]));
}

#[actix_web::test]
async fn a_decision_is_held_for_its_shopper_until_the_shop_changes() {
    let app = TestApp::start_with(&[("SHOP_CACHE_SECONDS", "300")], Clock::system()).await;
    app.set_contact(ALICE, Some("alice@x.com"), None);
    app.set_contact(BOB, Some("bob@x.com"), None);
    let put = async |entries: &[&str], version: i64| {
        let answer = app.put_list(SHOP, "global", &json!({ "on": true, "entries": entries, "version": version })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let sees = async |customer| app.get("/visibility", customer).await.json()["blockVisible"] == true;
    put(&["alice@x.com", "bob@x.com"], 1).await;
    assert!(sees(ALICE).await);
    // Behind the store's back, so that nobody is told.
    app.database.execute("DELETE FROM visibility_entries").await;
    assert!(sees(ALICE).await, "her decision is held");
    assert!(!sees(BOB).await, "his is made now");
    put(&["bob@x.com"], 2).await;
    assert_eq!((sees(ALICE).await, sees(BOB).await), (false, true), "a change is seen at once");
}

#[actix_web::test]
async fn the_trail_says_who_changed_a_list_but_not_whose_addresses_are_in_it() {
    let app = TestApp::start().await;
    app.put_list(SHOP, "walmart", &json!({ "on": true, "entries": ["alice@x.com"], "version": 1 })).await;
    let trail = audit(&app, SHOP).await;
    assert!(trail[0].starts_with("staff:42 rules.changed") && trail[0].contains("walmart"), "{trail:?}");
    assert!(!trail.concat().contains("alice"), "{trail:?}");
}

/// The shop's audit trail, newest first, a line each.
async fn audit(app: &TestApp, shop: &str) -> Vec<String> {
    let shop_id = app.store.shop_id(&ShopDomain::parse(shop).unwrap()).await.unwrap().unwrap();
    let lines = app.store.audit_lines(shop_id, "", None, 100).await.unwrap();
    lines.iter().map(|line| format!("{} {} {}", line.actor, line.action, line.detail)).collect()
}
