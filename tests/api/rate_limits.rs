//! How often a shop, a customer and a member of staff may call, and what a call too many is answered.

use std::time::Duration;

use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use subtotal_connect::clock::Clock;
use subtotal_connect::store::ShopChanges;

use crate::support::app::{ALICE, Answer, BOB, NOBODY, SHOP, TestApp, unix_now};
use crate::support::door::Door;
use crate::support::webhook::Hook;

const OTHER: &str = "other.myshopify.com";

/// On a clock that stands still.
async fn limited(door: Door, shop: &str, customer: &str) -> TestApp {
    let settings = [("RATE_LIMIT_SHOP", shop), ("RATE_LIMIT_CUSTOMER", customer)];
    let app = TestApp::start_at_with(door, &settings, Clock::manual(unix_now() * 1000)).await;
    app.install(OTHER).await;
    app
}

async fn call(app: &TestApp, shop: &str, customer: &str) -> Answer {
    app.call(Method::GET, shop, "/visibility", customer, |request| request).await
}

/// How many of so many calls are answered 200; the others must be refused as they should.
async fn let_in(app: &TestApp, shop: &str, customer: &str, calls: usize) -> usize {
    let mut let_in = 0;
    for _ in 0..calls {
        let answer = call(app, shop, customer).await;
        if answer.status == 200 {
            let_in += 1;
        } else {
            assert_refused(&answer);
        }
    }
    let_in
}

fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code().as_str()), (429, "rate_limited"), "{answer:?}");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "private, no-store");
}

#[rstest]
#[actix_web::test]
async fn a_customer_who_calls_too_often_waits_and_nobody_else(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = limited(door, "off", "1:5").await;
    assert_eq!(let_in(&app, SHOP, ALICE, 9).await, 5);
    assert_eq!(let_in(&app, SHOP, BOB, 9).await, 5);
    assert_eq!(let_in(&app, OTHER, ALICE, 9).await, 5, "the same id in another shop is somebody else");
    let refused = call(&app, SHOP, ALICE).await;
    assert_eq!(refused.header("retry-after"), "1");
    let origin = refused.header("access-control-allow-origin");
    assert_eq!(origin, if door == Door::CustomerAccount { "*" } else { "" });
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(let_in(&app, SHOP, ALICE, 3).await, 1, "as the header said");
}

#[rstest]
#[actix_web::test]
async fn a_shop_has_a_limit_of_all_its_calls(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = limited(door, "1:6", "off").await;
    assert_eq!(let_in(&app, SHOP, ALICE, 4).await, 4);
    assert_eq!(let_in(&app, SHOP, BOB, 4).await, 2);
    assert_refused(&app.get("/configuration", NOBODY).await);
    assert_eq!(let_in(&app, OTHER, ALICE, 9).await, 6);
}

#[actix_web::test]
async fn both_doors_count_together() {
    let mut app = limited(Door::Proxy, "off", "1:5").await;
    assert_eq!(let_in(&app, SHOP, ALICE, 3).await, 3);
    app.door = Door::CustomerAccount;
    assert_eq!(let_in(&app, SHOP, ALICE, 3).await, 2);
}

#[actix_web::test]
async fn who_is_signed_out_counts_for_the_shop_alone() {
    let app = limited(Door::Proxy, "1:8", "1:3").await;
    for _ in 0..7 {
        assert_eq!(app.get("/configuration", NOBODY).await.status, 200);
    }
    assert_eq!(let_in(&app, SHOP, ALICE, 3).await, 1, "the shop's eighth");
}

#[actix_web::test]
async fn what_is_not_verified_is_not_counted() {
    let app = limited(Door::Proxy, "1:5", "1:5").await;
    for _ in 0..20 {
        let query = app.query(ALICE, "").replace("signature=", "signature=0");
        assert_eq!(app.raw(Method::GET, "/apps/subtotal/visibility", &query).await.status, 401);
    }
    assert_eq!(let_in(&app, SHOP, ALICE, 9).await, 5);
}

#[actix_web::test]
async fn a_link_too_many_is_a_page() {
    let app = limited(Door::Proxy, "off", "1:1").await;
    assert_eq!(app.get("/link/zklQOnlG", ALICE).await.status, 302);
    let page = app.get("/link/zklQOnlG", ALICE).await;
    assert_eq!((page.status, page.header("retry-after")), (429, "1"));
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    assert!(page.body.contains("One moment, please"), "{page:?}");
}

/// A shop that is not installed is judged like any other: who signs has a client secret, not a row.
#[rstest]
#[case(SHOP, 200)]
#[case("unknown.myshopify.com", 404)]
#[actix_web::test]
async fn one_too_many_asks_the_database_nothing(#[case] shop: &str, #[case] status: u16) {
    let app = limited(Door::Proxy, "1:3", "off").await;
    for _ in 0..3 {
        assert_eq!(call(&app, shop, ALICE).await.status, status);
    }
    app.database.execute("ALTER TABLE shops RENAME TO shops_away").await;
    assert_refused(&call(&app, shop, ALICE).await);
    let asked = call(&app, OTHER, ALICE).await;
    app.database.execute("ALTER TABLE shops_away RENAME TO shops").await;
    assert!(asked.status >= 500, "a call within its limit does ask: {asked:?}");
}

#[actix_web::test]
async fn staff_have_the_limit_of_a_customer_and_are_not_counted_for_the_shop() {
    let app = limited(Door::Proxy, "1:2", "1:4").await;
    assert_eq!(let_in(&app, SHOP, ALICE, 9).await, 2);
    for _ in 0..4 {
        assert_eq!(app.staff_get(SHOP, "/settings").await.status, 200, "whatever the storefront does");
    }
    assert_refused(&app.staff_get(SHOP, "/settings").await);
    assert_eq!(app.staff_get(OTHER, "/settings").await.status, 200);
}

#[actix_web::test]
async fn webhooks_are_not_counted() {
    let app = limited(Door::Proxy, "1:1", "1:1").await;
    assert_eq!(let_in(&app, SHOP, ALICE, 3).await, 1);
    let hook = Hook::new("app/scopes_update", &json!({ "id": "gid://shopify/App/1", "current": [] }));
    for _ in 0..5 {
        assert_eq!(hook.again().send(&app).await.status, 200);
    }
}

#[actix_web::test]
async fn a_shop_has_limits_of_its_own_where_the_operator_gives_it_some() {
    let app = limited(Door::Proxy, "1:4", "1:3").await;
    let set = async |shop: Option<&str>, customer: Option<&str>| {
        let limit = |text: Option<&str>| Some(text.map(|text| text.parse().unwrap()));
        let (rate_limit_shop, rate_limit_customer) = (limit(shop), limit(customer));
        app.change(SHOP, ShopChanges { rate_limit_shop, rate_limit_customer, ..ShopChanges::default() }).await;
        // The call that loads the shop is judged by what was known before.
        app.clock.advance(Duration::from_secs(10_000));
        assert_eq!(call(&app, SHOP, NOBODY).await.code(), "customer_not_signed_in");
    };
    set(Some("off"), Some("1:6")).await;
    assert_eq!(let_in(&app, SHOP, ALICE, 9).await, 6);
    assert_eq!(let_in(&app, SHOP, BOB, 9).await, 6, "the shop has none");
    assert_eq!(let_in(&app, OTHER, ALICE, 9).await, 3, "others have the installation's");
    set(Some("1:10"), Some("off")).await;
    assert_eq!(let_in(&app, SHOP, ALICE, 20).await, 10);
    set(None, None).await;
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(let_in(&app, SHOP, ALICE, 9).await, 3);
    assert_eq!(let_in(&app, SHOP, BOB, 9).await, 1, "the shop's fourth");
}

/// What `benches/overload.rs` measures, in counts.
#[actix_web::test]
async fn a_noisy_shop_does_not_use_up_anybody_elses_limit() {
    let app = limited(Door::Proxy, "1:5", "off").await;
    let noise = futures_util::future::join_all((0..200).map(|_| call(&app, SHOP, ALICE)));
    let quiet = futures_util::future::join_all((0..5).map(|_| call(&app, OTHER, ALICE)));
    let (noise, quiet) = tokio::join!(noise, quiet);
    assert_eq!(noise.iter().filter(|answer| answer.status == 200).count(), 5);
    noise.iter().filter(|answer| answer.status != 200).for_each(assert_refused);
    assert!(quiet.iter().all(|answer| answer.status == 200), "{quiet:?}");
}
