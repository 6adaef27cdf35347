//! The shop's choices and the Redirects page.

use serde_json::{Value, json};
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::ShopChanges;

use crate::support::app::{ALICE, SHOP, TestApp};
use crate::support::staff::STAFF;

const SETTINGS: &str = "/settings";

async fn settings(app: &TestApp) -> Value {
    let answer = app.staff_get(SHOP, SETTINGS).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[actix_web::test]
async fn the_choices_are_read_and_replaced_with_their_version() {
    let app = TestApp::start().await;
    let before = settings(&app).await;
    let version = before["version"].as_i64().unwrap();
    assert_eq!(
        before,
        json!({
            "enforceVisibility": false, "noEmail": "hide", "linkStyle": "connection", "accounts": "new",
            "redirectHosts": [], "version": version,
        })
    );
    let wanted = json!({
        "enforceVisibility": true, "noEmail": "show", "linkStyle": "token", "accounts": "classic",
        "redirectHosts": ["Shop.Example.ORG", "bücher.example", "shop.example.org"], "version": version,
    });
    let answer = app.staff_put(SHOP, SETTINGS, &wanted).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let after = answer.json();
    assert_eq!(after["redirectHosts"], json!(["shop.example.org", "xn--bcher-kva.example"]));
    assert_eq!((&after["enforceVisibility"], &after["noEmail"]), (&json!(true), &json!("show")));
    assert_eq!((&after["linkStyle"], &after["accounts"]), (&json!("token"), &json!("classic")));
    assert!(after["version"].as_i64().unwrap() > version);
    assert_eq!(settings(&app).await, after);
    let line = app.trail(SHOP).await.pop().unwrap();
    assert_eq!((line.actor, line.action.as_str()), (format!("staff:{STAFF}"), "settings.changed"));
    assert!(line.detail.contains("shop.example.org"), "{}", line.detail);
}

#[actix_web::test]
async fn a_field_that_is_not_sent_stays_as_it_is() {
    let app = TestApp::start().await;
    let version = settings(&app).await["version"].clone();
    let hosts = json!({ "redirectHosts": ["a.example.com"], "version": version });
    let version = app.staff_put(SHOP, SETTINGS, &hosts).await.json()["version"].clone();
    let after = app.staff_put(SHOP, SETTINGS, &json!({ "noEmail": "show", "version": version })).await.json();
    assert_eq!((&after["redirectHosts"], &after["noEmail"]), (&json!(["a.example.com"]), &json!("show")));
}

#[actix_web::test]
async fn an_allowed_host_is_one_a_shopper_may_be_sent_back_to() {
    let app = TestApp::start().await;
    let body = json!({
        "retailerId": "target", "retailerLinkUrl": "https://link.example.com/x",
        "redirectUrl": "https://headless.example.net/done",
    });
    let refused = app.post("/connections", ALICE, &body).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "redirect_url_not_allowed"));
    let version = settings(&app).await["version"].clone();
    app.staff_put(SHOP, SETTINGS, &json!({ "redirectHosts": ["headless.example.net"], "version": version })).await;
    let allowed = app.post("/connections", ALICE, &body).await;
    assert_ne!(allowed.json()["code"], "redirect_url_not_allowed", "{allowed:?}");
}

#[actix_web::test]
async fn the_second_of_two_staff_who_save_at_once_is_told() {
    let app = TestApp::start().await;
    let version = settings(&app).await["version"].clone();
    let first = app.staff_put(SHOP, SETTINGS, &json!({ "noEmail": "show", "version": version })).await;
    assert_eq!(first.status, 200);
    let trail = app.trail(SHOP).await;
    let second = app.staff_put(SHOP, SETTINGS, &json!({ "noEmail": "hide", "version": version })).await;
    assert_eq!((second.status, second.code().as_str()), (409, "version_conflict"));
    assert_eq!(settings(&app).await, first.json());
    assert_eq!(app.trail(SHOP).await, trail);
}

#[actix_web::test]
async fn everything_wrong_is_named_and_nothing_is_changed() {
    let app = TestApp::start().await;
    let before = settings(&app).await;
    let version = before["version"].clone();
    let trail = app.trail(SHOP).await;
    let bad_hosts = json!([
        "good.example.com",
        "https://bad.example.com",
        "bad.example.com/path",
        "bad.example.com:8443",
        "*.example.com",
        "user@bad.example.com",
        "",
        "two words.example.com",
        "bad.example.com?x",
        "[::1",
    ]);
    let many: Vec<String> = (0..101).map(|number| format!("h{number}.example.com")).collect();
    for (body, fields) in [
        (json!({ "noEmail": "show" }), vec!["version"]),
        (json!({ "noEmail": "show", "version": null }), vec!["version"]),
        (json!({ "noEmail": "show", "version": "1" }), vec!["version"]),
        (json!({ "noEmail": "show", "version": 1.5 }), vec!["version"]),
        (
            json!({
                "enforceVisibility": "yes", "noEmail": "closed", "linkStyle": "jwt", "accounts": 1,
                "redirectHosts": "a.example.com", "version": version,
            }),
            vec!["enforceVisibility", "noEmail", "linkStyle", "accounts", "redirectHosts"],
        ),
        (json!({ "noEmail": "show", "redirectHosts": bad_hosts, "version": version }), vec!["redirectHosts"; 9]),
        (json!({ "redirectHosts": [1], "version": version }), vec!["redirectHosts"]),
        (json!({ "redirectHosts": many, "version": version }), vec!["redirectHosts"]),
        (json!([]), vec!["body"]),
    ] {
        let answer = app.staff_put(SHOP, SETTINGS, &body).await;
        assert_eq!(answer.fields(), fields, "{body}");
        let messages = answer.json()["errors"].clone();
        if fields.len() == 9 {
            assert!(messages[0]["message"].as_str().unwrap().contains("https://bad.example.com"), "{messages}");
        }
    }
    let twice = format!(r#"{{"noEmail":"show","version":{version},"version":{version}}}"#);
    let answer = app
        .staff_call(reqwest::Method::PUT, SHOP, SETTINGS, |request| {
            request.header("content-type", "application/json").body(twice)
        })
        .await;
    assert_eq!(answer.fields(), ["version"]);
    let form = app.staff_call(reqwest::Method::PUT, SHOP, SETTINGS, |request| request.body("noEmail=show")).await;
    assert_eq!(form.status, 415);
    assert_eq!(settings(&app).await, before);
    assert_eq!(app.trail(SHOP).await, trail);
}

#[actix_web::test]
async fn a_page_left_open_does_not_bring_an_uninstalled_or_removed_shop_back() {
    let app = TestApp::start_with(&[("SHOP_CACHE_SECONDS", "3600")], subtotal_connect::clock::Clock::system()).await;
    let shop = ShopDomain::parse(SHOP).unwrap();
    let version = settings(&app).await["version"].clone();
    // The service still holds the shop in memory, as if the webhook had gone to another process and nobody were told.
    assert_eq!(app.database.execute("UPDATE shops SET uninstalled_at = 1").await, 1);
    let body = json!({ "noEmail": "show", "version": version });
    assert_eq!(app.staff_put(SHOP, SETTINGS, &body).await.status, 409);
    assert!(app.store.load_shop(&shop).await.unwrap().is_none(), "uninstalled");
    assert_eq!(app.database.execute("DELETE FROM shops").await, 1);
    assert_eq!(app.staff_put(SHOP, SETTINGS, &body).await.status, 409);
    assert_eq!(app.store.shop_id(&shop).await.unwrap(), None, "removed");
}

#[actix_web::test]
async fn the_redirects_page_shows_domains_and_hosts() {
    let app = TestApp::start().await;
    let hosts = |hosts: &[&str]| Some(hosts.iter().map(|host| (*host).to_owned()).collect());
    let changes = ShopChanges {
        storefront_hosts: hosts(&["shop.example.com"]),
        redirect_hosts: hosts(&["headless.example.net"]),
        ..ShopChanges::default()
    };
    app.change(SHOP, changes).await;
    let page = app.admin_page(SHOP, "/redirects").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let version = settings(&app).await["version"].clone();
    for text in
        [SHOP, "shop.example.com", "headless.example.net", "data-save-bar", &format!("data-version=\"{version}\"")]
    {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(page.body.len() < 60 * 1024);
    let policy = page.header("content-security-policy");
    assert!(policy.ends_with(&format!("frame-ancestors https://{SHOP} https://admin.shopify.com")), "{policy}");
}
