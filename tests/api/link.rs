//! `GET /link/{linkId}`: login and back, the way on, unknown links, and odd ones.

use std::time::Duration;

use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use subtotal_connect::clock::Clock;
use subtotal_connect::store::{Accounts, LinkStyle, ShopChanges};
use url::Url;

use crate::support::app::{ALICE, Answer, NOBODY, SHOP, TestApp};
use crate::support::door::Door;
use crate::support::fake_subtotal::{Call, Fault, retailers};
use crate::support::linking::link_of;
use crate::support::raw::exchange;
use crate::support::signer;

const WALMART: &str = "/link/zklQOnlG";

/// The query parameters of a URL, which may be a path on the storefront.
fn params(location: &str) -> Vec<(String, String)> {
    let url = Url::parse("https://shop.example.com/").unwrap().join(location).unwrap();
    url.query_pairs().into_owned().collect()
}

fn param(location: &str, name: &str) -> String {
    params(location).into_iter().find(|(key, _)| key == name).unwrap_or_default().1
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn assert_page(answer: &Answer, status: u16, heading: &str) {
    assert_eq!((answer.status, answer.header("content-type")), (status, "text/html; charset=utf-8"), "{answer:?}");
    assert!(answer.body.contains(&format!("<h1>{heading}</h1>")), "{}", answer.body);
    assert!(answer.body.contains(answer.header("x-request-id")), "{}", answer.body);
    assert!(answer.header("content-security-policy").starts_with("default-src 'none';"), "{answer:?}");
    assert_eq!(answer.header("location"), "");
}

/// A problem of this code: the page with this heading where a person is led, the code where a script asks.
fn assert_told(door: Door, answer: &Answer, status: u16, code: &str, heading: &str) {
    match door {
        Door::Proxy => assert_page(answer, status, heading),
        Door::CustomerAccount => assert!(door.tells(answer, status, code), "{answer:?}"),
    }
}

fn assert_missing(door: Door, answer: &Answer) {
    assert_told(door, answer, 404, "retailer_not_found", "We can&#39;t find that retailer");
}

#[actix_web::test]
async fn a_signed_out_shopper_goes_to_the_login_page_and_comes_back_once() {
    let app = TestApp::start().await;
    let wanted = "https://shop.example.com/account?a=1&b=ü+%2B#orders";
    for (accounts, login, parameter) in [
        (Accounts::New, "/customer_authentication/login", "return_to"),
        (Accounts::Classic, "/account/login", "checkout_url"),
    ] {
        app.change(SHOP, ShopChanges { accounts: Some(accounts), ..ShopChanges::default() }).await;
        for (own, kept) in [
            (String::new(), None),
            (
                format!("?redirect_url={}", encoded(wanted)),
                Some("https://shop.example.com/account?a=1&b=%C3%BC+%2B#orders"),
            ),
        ] {
            let answer = app.get(&format!("{WALMART}{own}"), NOBODY).await;
            let location = answer.header("location");
            assert_eq!((answer.status, answer.body.as_str()), (302, ""));
            assert!(location.starts_with(&format!("{login}?{parameter}=%2Fapps%2Fsubtotal%2Flink%2FzklQOnlG%3F")));
            assert_eq!(params(location).len(), 1, "{location}");
            let back = param(location, parameter);
            assert_eq!(back.split_once('?').unwrap().0, "/apps/subtotal/link/zklQOnlG");
            assert_eq!(
                params(&back).into_iter().find(|(key, _)| key == "redirect_url").map(|(_, url)| url).as_deref(),
                kept
            );

            let path = back.strip_prefix("/apps/subtotal").unwrap();
            assert_page(&app.get(path, NOBODY).await, 400, "Please sign in first");
            assert_eq!(app.subtotal.seen().len(), 0, "nobody signed in, nobody asked");
            let onward = app.get(path, ALICE).await;
            let redirect_url = kept.unwrap_or("https://shop.example.com/");
            assert_eq!((onward.status, param(onward.header("location"), "redirect_url").as_str()), (302, redirect_url));
            app.subtotal.forget_calls();
        }
    }
}

#[actix_web::test]
async fn the_way_back_uses_the_path_the_merchant_gave_the_proxy() {
    let app = TestApp::start().await;
    let now = app.clock.unix_seconds();
    let query = format!("logged_in_customer_id=&path_prefix=%2Ftools%2Flink-accounts&shop={SHOP}&timestamp={now}");
    let query = signer::signed(&app.client_secret, &query);
    let answer = app.raw(Method::GET, "/apps/subtotal/link/zklQOnlG", &query).await;
    assert_eq!(answer.status, 302);
    assert!(param(answer.header("location"), "return_to").starts_with("/tools/link-accounts/link/zklQOnlG?"));
}

#[rstest]
#[actix_web::test]
async fn a_bad_redirect_url_is_refused_before_login_and_without_a_call(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    for (own, code) in [
        ("redirect_url=https%3A%2F%2Fevil.example%2F", "redirect_url_not_allowed"),
        ("redirect_url=", "redirect_url_not_allowed"),
        ("redirect_url", "redirect_url_not_allowed"),
        ("redirect_url=javascript%3Aalert(1)", "redirect_url_not_allowed"),
        ("redirect_url=%2F&redirect_url=%2F", "invalid_request"),
    ] {
        for customer in [NOBODY, ALICE] {
            let answer = app.get(&format!("{WALMART}?{own}"), customer).await;
            let is_nobody = customer == NOBODY && door == Door::CustomerAccount;
            let code = if is_nobody { "customer_not_signed_in" } else { code };
            assert_told(door, &answer, 400, code, "This link is not right");
        }
    }
    assert_eq!((app.subtotal.seen().len(), app.admin.asked().len()), (0, 0));
}

#[rstest]
#[actix_web::test]
async fn the_redirect_url_keeps_query_and_fragment_and_defaults_to_the_storefronts_home(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let wanted = "https://shop.example.com/account?a=1&b=2&c=%2B#orders";
    let home = door.home_url();
    for (own, expected) in [
        (format!("?redirect_url={}", encoded(wanted)), wanted),
        (format!("?redirect_url={}", encoded("/account?x=1#y")), &format!("{home}account?x=1#y")),
        (String::new(), &home),
    ] {
        let answer = app.get(&format!("{WALMART}{own}"), ALICE).await;
        assert_eq!((answer.status, param(&link_of(&answer), "redirect_url").as_str()), (door.leads_on(), expected));
    }
    // No X-Forwarded-Host.
    let answer = app.raw(Method::GET, "/apps/subtotal/link/zklQOnlG", &app.query(ALICE, "")).await;
    assert_eq!(param(answer.header("location"), "redirect_url"), format!("https://{SHOP}/"));
}

#[rstest]
#[actix_web::test]
async fn a_retailer_on_a_host_of_its_own_keeps_host_and_query(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let location = link_of(&app.get("/link/Kq7RvB2x", ALICE).await);
    let id = app.subtotal.connections()[0]["connection_id"].as_str().unwrap().to_owned();
    let expected =
        format!("https://link.brand.example/Kq7RvB2x?src=shop&connection_id={id}&redirect_url={}", door.home());
    assert_eq!(location, expected);
}

#[rstest]
#[actix_web::test]
async fn an_unknown_link_refreshes_the_retailers_once_and_is_then_told(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let clock = Clock::manual(1_800_000_000_000);
    let app = TestApp::start_at_with(door, &[], clock.clone()).await;
    assert_missing(door, &app.get("/link/nosuch", ALICE).await);
    assert_eq!(app.subtotal.count(Call::Retailers), 1, "cold: the list was just fetched");
    assert_missing(door, &app.get("/link/nosuch", ALICE).await);
    assert_eq!(app.subtotal.count(Call::Retailers), 2, "warm: one refresh");
    for id in ["nosuch", "other", "another"] {
        assert_missing(door, &app.get(&format!("/link/{id}"), ALICE).await);
    }
    clock.advance(Duration::from_millis(4_999));
    assert_missing(door, &app.get("/link/nosuch", ALICE).await);
    assert_eq!(app.subtotal.count(Call::Retailers), 2, "at most one in 5 s");
    clock.advance(Duration::from_millis(1));
    assert_missing(door, &app.get("/link/nosuch", ALICE).await);
    assert_eq!(app.subtotal.count(Call::Retailers), 3);
    assert_eq!(app.subtotal.seen().len(), 3, "and nothing else was asked");
}

#[rstest]
#[actix_web::test]
async fn one_shops_unknown_links_leave_another_shops_refresh_alone(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at_with(door, &[], Clock::manual(1_800_000_000_000)).await;
    let other_key = app.install("other.myshopify.com").await;
    for shop in [SHOP, "other.myshopify.com"] {
        for _ in 0..3 {
            assert_missing(door, &app.call(Method::GET, shop, "/link/nosuch", ALICE, |request| request).await);
        }
    }
    for key in [&app.api_key, &other_key] {
        let calls = app.subtotal.seen().into_iter().filter(|seen| seen.headers["x-api-key"] == *key);
        assert_eq!(calls.count(), 2, "cold, and one refresh");
    }
}

#[rstest]
#[actix_web::test]
async fn a_link_id_that_changed_upstream_is_found_by_the_refresh(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    assert_eq!(app.get(WALMART, ALICE).await.status, door.leads_on());
    let mut changed = retailers();
    changed[0]["link_url"] = json!("https://link.subtotal.com/NewOne99");
    app.subtotal.set_retailers(changed);
    let answer = app.get("/link/NewOne99", ALICE).await;
    assert!(link_of(&answer).starts_with("https://link.subtotal.com/NewOne99?connection_id="), "{answer:?}");
    assert_eq!(app.subtotal.count(Call::Retailers), 2);
    assert_missing(door, &app.get(WALMART, ALICE).await);
}

#[rstest]
#[actix_web::test]
async fn errors_are_pages_for_persons_once_verified_and_json_before_and_for_scripts(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let unproven = app.raw(Method::GET, &format!("{}{WALMART}", door.path()), "").await;
    assert_eq!((unproven.status, unproven.code().as_str()), (401, door.unproven()));
    let unknown = app.call(Method::GET, "unknown.myshopify.com", WALMART, ALICE, |request| request).await;
    assert_told(door, &unknown, 404, "shop_not_configured", "Linking is not available yet");
    app.subtotal.break_everything(Fault::Status(500));
    let broken = app.get(WALMART, ALICE).await;
    assert_told(door, &broken, 502, "subtotal_unavailable", "We could not open the link just now");
    assert!(!broken.body.contains("broken on purpose"));
    app.subtotal.break_everything(Fault::StatusRetryAfter(429, 7));
    let busy = app.get(WALMART, ALICE).await;
    assert_told(door, &busy, 503, "subtotal_busy", "We could not open the link just now");
    assert_eq!(busy.header("retry-after"), "7");
}

#[actix_web::test]
async fn html_mode_answers_pages_that_refresh_to_the_same_places() {
    let app = TestApp::start_with(&[("REDIRECT_MODE", "html")], Clock::system()).await;
    let id = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    for (customer, target) in [
        (
            ALICE,
            format!(
                "https://link.subtotal.com/zklQOnlG?connection_id={id}&#38;redirect_url=https%3A%2F%2Fshop.example.com%2F"
            ),
        ),
        (
            NOBODY,
            "/customer_authentication/login?return_to=%2Fapps%2Fsubtotal%2Flink%2FzklQOnlG%3Fafter_login%3D1"
                .to_owned(),
        ),
    ] {
        let answer = app.get(WALMART, customer).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/html; charset=utf-8"));
        assert_eq!(answer.header("location"), "");
        assert!(
            answer.body.contains(&format!(r#"<meta http-equiv="refresh" content="0; url={target}">"#)),
            "{}",
            answer.body
        );
        assert!(answer.body.contains(&format!(r#"<a href="{target}">"#)), "{}", answer.body);
    }
}

#[rstest]
#[actix_web::test]
async fn the_token_style_asks_for_a_link_token_anew_each_time(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    app.change(SHOP, ShopChanges { link_style: Some(LinkStyle::Token), ..ShopChanges::default() }).await;
    let body = json!({ "retailerId": "walmart", "retailerLinkUrl": "https://link.subtotal.com/x", "redirectUrl": "/" });
    let mut links = Vec::new();
    for _ in 0..2 {
        links.push(link_of(&app.get(WALMART, ALICE).await));
        links.push(link_of(&app.post("/connections", ALICE, &body).await));
    }
    let mut tokens: Vec<String> = links.iter().map(|link| param(link, "connection_token")).collect();
    for link in &links {
        let names: Vec<String> = params(link).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["connection_token", "redirect_url"], "{link}");
        assert!(link.starts_with("https://link.subtotal.com/zklQOnlG?connection_token=ey"), "{link}");
    }
    let asked: Vec<_> = app.subtotal.seen().into_iter().filter(|seen| seen.call == Call::Token).collect();
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|seen| seen.body == json!({ "scope": "link" })), "{asked:?}");
    tokens.sort();
    let mut given = app.subtotal.tokens();
    given.sort();
    assert_eq!(tokens, given, "every token is used once; that none is logged is checked as the application ends");
    assert_eq!(app.subtotal.count(Call::Create), 1);
}

#[actix_web::test]
async fn odd_link_ids_lead_to_the_page_and_nowhere_else() {
    let app = TestApp::start().await;
    let long = "x".repeat(4000);
    for id in [
        "%2F",
        "%FF",
        "%00",
        "%C3%A9",
        "..%2Fretailers",
        "%2e%2e%2f",
        "a%2Fb",
        "%20",
        "%25",
        "%0d%0aX-Evil:%201",
        "zklqonlg",
        "zklQOnlG%20",
        "zklQOnlG%00",
        "%3Cscript%3E",
        "'%20OR%201=1",
        "%F0%9F%9B%92",
        &long,
        "%22%3E%3Cb%3E",
    ] {
        let line = |customer| format!("GET /apps/subtotal/link/{id}?{}", app.query(customer, ""));
        let headers = "x-forwarded-host: shop.example.com\r\n";
        let found = exchange(&app.address, &line(ALICE), headers, b"").await;
        assert_eq!((found.status, found.header("x-evil")), (404, ""), "{id}");
        assert!(found.body.contains("find that retailer") && !found.body.contains("<b>"), "{id}: {}", found.body);
        let login = exchange(&app.address, &line(NOBODY), headers, b"").await;
        let back = param(login.header("location"), "return_to");
        assert_eq!((login.status, login.header("x-evil")), (302, ""), "{id}");
        let back = Url::parse("https://shop.example.com/").unwrap().join(&back).unwrap();
        assert_eq!(back.host_str(), Some("shop.example.com"), "{id}");
        assert!(back.path().starts_with("/apps/subtotal/link/"), "{id}: {back}");
        assert_eq!(back.query(), Some("after_login=1"), "{id}: {back}");
    }
    for dots in ["..", "%2e%2e", ".", "../retailers", "//", "a/b"] {
        let line = format!("GET /apps/subtotal/link/{dots}?{}", app.query(ALICE, ""));
        assert_eq!(exchange(&app.address, &line, "", b"").await.status, 404, "{dots}");
    }
    assert_eq!(app.subtotal.count(Call::Create) + app.subtotal.count(Call::Connections), 0);
}

#[actix_web::test]
async fn a_link_id_that_needs_escapes_is_found_and_survives_the_login() {
    let app = TestApp::start().await;
    app.subtotal.set_retailers(json!([
        { "retailer_id": "one", "name": "One", "link_url": "https://link.subtotal.com/caf%C3%A9%20bar+1" },
    ]));
    let path = "/link/caf%C3%A9%20bar+1";
    let link = app.get(path, ALICE).await.header("location").to_owned();
    assert!(link.starts_with("https://link.subtotal.com/caf%C3%A9%20bar+1?connection_id="), "{link}");
    let back = param(app.get(path, NOBODY).await.header("location"), "return_to");
    let back = back.strip_prefix("/apps/subtotal").unwrap();
    assert_eq!(app.get(back, ALICE).await.header("location"), link, "{back}");
}
