//! The demo as a person meets it: one command, then a shop, Link pages and levers over real HTTP.

mod events;
mod levers;
mod scenarios;
mod tools;
mod walk;
mod world;

use serde_json::{Value, json};

use crate::support::app::{ALICE, TestApp};
use world::{DANA, Demo, JONAS, MAYA, SOL, THEO};

#[actix_web::test]
async fn it_starts_with_every_reading_of_a_connection() {
    let demo = Demo::start();
    let maya = demo.browser(MAYA);
    assert_eq!(
        maya.statuses().await,
        json!({
            "walmart": "active", "target": "unauthenticated", "amazon": "disconnected", "kroger": "initialized",
            "costco": null, "walgreens": "revoked", "instacart": null, "publix": null, "petco": null,
        })
    );
    let linked = |statuses: Value| statuses.as_object().unwrap().values().filter(|status| !status.is_null()).count();
    for (shopper, count) in [(JONAS, 1), (DANA, 1), (SOL, 0), (THEO, 0)] {
        assert_eq!(linked(demo.browser(shopper).statuses().await), count, "{shopper}");
    }
}

#[actix_web::test]
async fn it_starts_the_same_each_time() {
    let (first, second) = (Demo::start(), Demo::start());
    let (one, other) = (first.state().await, second.state().await);
    assert_eq!(one["connections"], other["connections"]);
    assert_eq!(one["connections"].as_array().unwrap().len(), 7);
    assert_eq!(one["levers"], other["levers"]);
    let listed = |state: &Value| -> Vec<_> {
        let last = |retailer: &Value| retailer["link_url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let retailers = state["retailers"].as_array().unwrap();
        retailers.iter().map(|retailer| (retailer["retailer_id"].clone(), last(retailer))).collect()
    };
    assert_eq!(listed(&one), listed(&other));
    assert_eq!(listed(&one).len(), 9);
}

#[actix_web::test]
async fn only_shoppers_at_the_merchants_domain_see_the_restricted_retailer() {
    let demo = Demo::start();
    for (shopper, hidden) in
        [(DANA, json!([])), (MAYA, json!(["petco"])), (JONAS, json!(["petco"])), (SOL, json!(["petco"]))]
    {
        let answer = demo.browser(shopper).api("/visibility").await;
        assert_eq!(answer.json(), json!({ "blockVisible": true, "restrictedRetailerIds": hidden }), "{shopper}");
    }
}

#[actix_web::test]
async fn its_pages_and_their_files_are_all_there() {
    let demo = Demo::start();
    let (maya, nobody) = (demo.browser(MAYA), demo.browser(""));
    let pages =
        [("/", &nobody), ("/", &maya), ("/account", &maya), ("/pages/snippet", &nobody), ("/at/walmart", &maya)];
    let login = ("/customer_authentication/login?return_to=%2F", &nobody);
    for (path, browser) in pages.into_iter().chain([login, ("/account/login?checkout_url=%2F", &nobody)]) {
        let page = browser.get(&demo.shop(path)).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-security-policy").contains("default-src 'none'"), "{path}");
        for file in world::attributes(&page.body, "src=\"/").chain(world::attributes(&page.body, "href=\"/assets/")) {
            let prefix = if page.body.contains(&format!("href=\"/assets/{file}")) { "/assets/" } else { "/" };
            let answer = nobody.get(&demo.shop(&format!("{prefix}{file}"))).await;
            assert_eq!(answer.status, 200, "{prefix}{file} of {path}");
        }
    }
    let listed = maya.api("/retailers").await.json();
    for retailer in listed["retailers"].as_array().unwrap() {
        for picture in
            retailer["images"].as_object().unwrap().values().flat_map(|tones| tones.as_object().unwrap().values())
        {
            let answer = nobody.get(picture.as_str().unwrap()).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, "image/svg+xml"), "{picture}");
        }
    }
}

#[actix_web::test]
async fn it_says_what_to_open_and_leaves_nothing_behind() {
    let mut line = Demo::command_line();
    line.set("RUST_LOG", None);
    let demo = line.start(&["demo", "--port", "0"]);
    demo.line(|line| line.contains("Ctrl-C stops it").then_some(()));
    let said = demo.output();
    for words in
        ["Storefront     http://127.0.0.1:", "Levers         http://127.0.0.1:", "password password, code 123456"]
    {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(line.files().len(), 1, "{:?}", line.files());
    assert_eq!(demo.terminate(), Some(0));
    assert!(line.files().is_empty(), "{:?}", line.files());
}

#[actix_web::test]
async fn the_command_line_reaches_the_demos_world() {
    let demo = Demo::start();
    let line = demo.its_command_line();
    let shop = line.run(&["shop", "show", "larkmeadow.myshopify.com", "--json"]).json();
    assert_eq!((&shop["configured"], &shop["accounts"]), (&json!(true), &json!("new")));
    let lists = line.run(&["rules", "show", "larkmeadow.myshopify.com"]).done();
    assert_eq!(lists, "global: off, 1 entries\n  @larkmeadow.example\npetco: on, 1 entries\n  @larkmeadow.example\n");
    line.run(&["rules", "set", "larkmeadow.myshopify.com", "--on"]).done();
    // Rules are read with each request, a shop's own row is remembered for some seconds.
    let hidden = || async { demo.browser(MAYA).api("/visibility").await.json()["blockVisible"] == false };
    world::until("Maya is hidden", hidden).await;
    assert_eq!(demo.browser(DANA).api("/visibility").await.json()["blockVisible"], true);
}

#[actix_web::test]
async fn nothing_of_the_sandbox_is_reachable_in_production() {
    let app = TestApp::start().await;
    let sandbox = [
        "/levers",
        "/levers/api",
        "/levers/api/state",
        "/sandbox/admin-api",
        "/admin/api/2026-10/graphql.json",
        "/customer_authentication/login",
        "/account",
        "/account/login",
        "/account/logout",
        "/at/walmart",
        "/",
        "/assets/storefront.css",
        "/assets/subtotal-connect.js",
        "/pages/snippet",
        "/assets/levers.js",
        "/assets/icon.svg",
        "/logos/walmart-logo-light.svg",
        "/retailers",
        "/connections",
        "/connections/01K/token",
        "/zklQOnlG",
        "/apps/subtotal",
    ];
    for path in sandbox {
        for method in [reqwest::Method::GET, reqwest::Method::POST, reqwest::Method::PUT] {
            let answer = app.raw(method, path, "x=1").await;
            assert!(matches!(answer.status, 404 | 401), "{path}: {answer:?}");
        }
        let answer = app.get(path, ALICE).await;
        assert!(answer.status == 404 || path == "/retailers" || path == "/connections", "{path}: {answer:?}");
    }
}
