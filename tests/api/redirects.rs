//! Where a shopper may be sent back to, through both ways to link and both doors: many hostile values, and the ones that are allowed.

use reqwest::Method;
use rstest::rstest;
use serde_json::json;
use subtotal_connect::store::ShopChanges;
use url::Url;

use crate::support::app::{ALICE, Answer, NOBODY, SHOP, TestApp};
use crate::support::door::Door;
use crate::support::linking::link_of;

const DOMAIN: &str = "www.brand.example";
const CLUB: &str = "xn--bcher-kva.example";
const FORWARDED: &str = "shop.example.com";

/// At either door the storefront is [`FORWARDED`]: the proxy names it, and the other door knows it as one of the shop's.
async fn start(door: Door) -> TestApp {
    let app = TestApp::start_at(door).await;
    let own = if door == Door::Proxy { vec![DOMAIN] } else { vec![DOMAIN, FORWARDED] };
    let changes = ShopChanges {
        storefront_hosts: Some(own.into_iter().map(str::to_owned).collect()),
        redirect_hosts: Some(vec![CLUB.to_owned()]),
        ..ShopChanges::default()
    };
    app.change(SHOP, changes).await;
    app
}

/// The value through both endpoints.
async fn both(app: &TestApp, redirect: &str) -> [Answer; 2] {
    let body = json!({ "retailerId": "walmart", "retailerLinkUrl": "https://x.example/", "redirectUrl": redirect });
    let value: String = url::form_urlencoded::byte_serialize(redirect.as_bytes()).collect();
    let posted = app.post("/connections", ALICE, &body).await;
    [posted, app.get(&format!("/link/zklQOnlG?redirect_url={value}"), ALICE).await]
}

/// The same through the proxy, which says that the browser is on this host.
async fn both_on(app: &TestApp, redirect: &str, forwarded: Option<&str>) -> [Answer; 2] {
    let body = json!({ "retailerId": "walmart", "retailerLinkUrl": "https://x.example/", "redirectUrl": redirect });
    let value: String = url::form_urlencoded::byte_serialize(redirect.as_bytes()).collect();
    let mut answers = Vec::new();
    for (method, path, own) in [
        (Method::POST, "/connections", String::new()),
        (Method::GET, "/link/zklQOnlG", format!("redirect_url={value}")),
    ] {
        let query = app.query(ALICE, &own);
        let mut request =
            app.http().request(method, format!("{}/apps/subtotal{path}?{query}", app.address)).json(&body);
        if let Some(host) = forwarded {
            request = request.header("X-Forwarded-Host", host);
        }
        answers.push(app.send(request, &query).await);
    }
    answers.try_into().unwrap()
}

/// The `redirect_url` of the Link URL in either answer.
fn leads_to(answer: &Answer) -> Url {
    let link = Url::parse(&link_of(answer)).unwrap();
    assert_eq!(link.host_str(), Some("link.subtotal.com"));
    let redirects: Vec<_> = link.query_pairs().filter(|(name, _)| name == "redirect_url").collect();
    let [(_, redirect)] = redirects.as_slice() else { panic!("{link}") };
    Url::parse(redirect).unwrap()
}

fn hostile() -> Vec<String> {
    let mut values: Vec<String> = [
        "https://evil.example",
        "https://evil.example/shop.example.com",
        "http://shop.example.com/",
        "ftp://shop.example.com/",
        "//evil.example",
        "///evil.example",
        "////evil.example/%2f..",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " https://shop.example.com/",
        "https://shop.example.com/ ",
        "\u{a0}https://shop.example.com/",
        "account",
        "./account",
        "?x=1",
        "#x",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "https:\\\\evil.example",
        "https://",
        "://shop.example.com",
        "javascript:alert(1)",
        "javascript://shop.example.com/%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        "blob:https://shop.example.com/1",
        "file:///etc/passwd",
        "intent://shop.example.com/#Intent;end",
        "https://shop.example.com@evil.example/",
        "https://user@shop.example.com/",
        "https://user:password@shop.example.com/",
        "https://:@shop.example.com:1/",
        "https://shop.example.com\\@evil.example/",
        "https://shop.example.com%2f@evil.example/",
        "https://shop.example.com.evil.example/",
        "https://evilshop.example.com/",
        "https://sub.shop.example.com/",
        "https://example.com/",
        "https://shop.example.com./",
        "https://shop.example.com:444/",
        "https://shop.example.com:80/",
        "https://shop.example.com%00.evil.example/",
        "https://shop.example.com\r\nX-Evil: 1",
        "https://shop.example.com/\r\nX-Evil: 1",
        "https://shop.example.com/\u{0}",
        "https://shop.example.com/\u{7f}",
        "https://evil.example#@shop.example.com/",
        "https://evil.example?@shop.example.com/",
        "https://sh\u{43e}p.example.com/",
        "https://*.myshopify.com/",
        "https://victim.myshopify.com/",
        "https://demo.myshopify.com.evil.example/",
        "https://myshopify.com/",
        "https://sub.www.brand.example/",
        "https://brand.example/",
        "https://b\u{fc}cher.example.evil.example/",
        "https://link.subtotal.com/",
        "https://app.example.com/",
        "http://localhost/",
        "https://127.0.0.1/",
        "http://127.0.0.1:3000/",
        "http://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://0x7f000001/",
        "%68ttps://shop.example.com/",
        "https%3A%2F%2Fshop.example.com%2F",
        "https://shop.example.com,evil.example/",
        "https://[shop.example.com]/",
    ]
    .map(str::to_owned)
    .into();
    values.push(format!("https://shop.example.com/{}", "a".repeat(2048 - 24)));
    values
}

#[rstest]
#[actix_web::test]
async fn hostile_redirects_are_refused_both_ways_without_a_call(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = start(door).await;
    assert_eq!(hostile().last().unwrap().len(), 2049);
    for redirect in hostile() {
        let [posted, linked] = both(&app, &redirect).await;
        assert_eq!((posted.status, posted.code().as_str()), (400, "redirect_url_not_allowed"), "{redirect:?}");
        assert!(door.tells(&linked, 400, "redirect_url_not_allowed"), "{redirect:?}: {linked:?}");
        assert_eq!(linked.header("location"), "", "{redirect:?}");
        assert_eq!(linked.body.contains("This link is not right"), door == Door::Proxy, "{redirect:?}");
        for answer in [&posted, &linked] {
            assert!(!answer.body.contains("evil") && !format!("{:?}", answer.headers).contains("evil"), "{answer:?}");
        }
    }
    assert_eq!((app.subtotal.seen().len(), app.admin.asked().len()), (0, 0));
}

#[rstest]
#[actix_web::test]
async fn the_shops_own_hosts_are_allowed_both_ways(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = start(door).await;
    let longest = format!("https://shop.example.com/{}", "a".repeat(2047 - 24));
    for (redirect, expected) in [
        ("https://shop.example.com/account?a=1&b=2#orders", "https://shop.example.com/account?a=1&b=2#orders"),
        ("https://demo.myshopify.com", "https://demo.myshopify.com/"),
        ("https://www.brand.example/a", "https://www.brand.example/a"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("HTTPS://WWW.Brand.Example:443/", "https://www.brand.example/"),
        ("https://ｓhop。example.com/", "https://shop.example.com/"),
        ("/account", "https://shop.example.com/account"),
        ("/", "https://shop.example.com/"),
        (
            "/a?next=https://evil.example#@evil.example",
            "https://shop.example.com/a?next=https://evil.example#@evil.example",
        ),
        ("/@evil.example", "https://shop.example.com/@evil.example"),
        ("/.//evil.example", "https://shop.example.com//evil.example"),
        ("/%2F/evil.example", "https://shop.example.com/%2F/evil.example"),
        ("/a/../../..//evil.example", "https://shop.example.com//evil.example"),
        ("https://shop.example.com//evil.example", "https://shop.example.com//evil.example"),
        (&longest, &longest),
    ] {
        // A path is completed with the host the proxy names; without one, with the permanent domain.
        let is_path = redirect.starts_with('/') && door == Door::CustomerAccount;
        let expected = if is_path { expected.replacen(FORWARDED, SHOP, 1) } else { expected.to_owned() };
        for answer in both(&app, redirect).await {
            let url = leads_to(&answer);
            assert_eq!(url.as_str(), expected, "{redirect:?}");
            assert_eq!(url.scheme(), "https");
            assert!(["demo.myshopify.com", DOMAIN, CLUB, FORWARDED].contains(&url.host_str().unwrap()), "{redirect:?}");
            assert!(url.username().is_empty() && url.password().is_none() && url.port().is_none());
        }
    }
}

#[actix_web::test]
async fn the_forwarded_host_is_the_storefront_and_else_the_permanent_domain() {
    let app = start(Door::Proxy).await;
    for (forwarded, home) in [
        (Some("brand-new.example"), "https://brand-new.example/x"),
        (Some("Brand-New.example:8443"), "https://brand-new.example/x"),
        (Some("brand-new.example, proxy.internal"), "https://brand-new.example/x"),
        (Some("127.0.0.1:4001"), "http://127.0.0.1:4001/x"),
        (Some("localhost:4001"), "http://localhost:4001/x"),
        (None, "https://demo.myshopify.com/x"),
        (Some(""), "https://demo.myshopify.com/x"),
        (Some("a/b"), "https://demo.myshopify.com/x"),
        (Some("user@evil.example"), "https://demo.myshopify.com/x"),
        (Some("evil.example?"), "https://demo.myshopify.com/x"),
        (Some("evil example"), "https://demo.myshopify.com/x"),
    ] {
        for answer in both_on(&app, "/x", forwarded).await {
            assert_eq!(leads_to(&answer).as_str(), home, "{forwarded:?}");
        }
        let [posted, linked] = both_on(&app, "https://shop.example.com/", forwarded).await;
        assert_eq!((posted.status, linked.status), (400, 400), "{forwarded:?}: another shop's host");
    }
}

#[actix_web::test]
async fn any_port_is_allowed_on_loopback_only() {
    let app = start(Door::Proxy).await;
    for (redirect, forwarded, allowed) in [
        ("http://127.0.0.1:4001/a", "127.0.0.1:4001", true),
        ("http://127.0.0.1:9/a", "127.0.0.1:4001", true),
        ("http://localhost:4001/a", "127.0.0.1:4001", false),
        ("http://brand-new.example:4001/a", "brand-new.example:4001", false),
        ("https://brand-new.example:4001/a", "brand-new.example:4001", false),
    ] {
        for answer in both_on(&app, redirect, Some(forwarded)).await {
            assert_eq!(answer.status != 400, allowed, "{redirect} {forwarded}");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn one_shops_lists_are_not_anothers_and_can_be_emptied(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = start(door).await;
    app.install("other.myshopify.com").await;
    for (redirect, shop, is_allowed) in [
        ("https://www.brand.example/", SHOP, true),
        ("https://www.brand.example/", "other.myshopify.com", false),
        ("https://demo.myshopify.com/", "other.myshopify.com", false),
        ("https://other.myshopify.com/", "other.myshopify.com", true),
    ] {
        for customer in [ALICE, NOBODY] {
            // Who is signed out can be led to the login through the proxy only.
            let can_go_on = customer == ALICE || door == Door::Proxy;
            let good = if can_go_on { door.leads_on() } else { 400 };
            let path = format!("/link/zklQOnlG?redirect_url={redirect}");
            let answer = app.call(Method::GET, shop, &path, customer, |request| request).await;
            assert_eq!(answer.status, if is_allowed { good } else { 400 }, "{redirect} {shop}");
        }
    }
    app.change(
        SHOP,
        ShopChanges { storefront_hosts: Some(vec![]), redirect_hosts: Some(vec![]), ..ShopChanges::default() },
    )
    .await;
    for redirect in ["https://www.brand.example/", "https://bücher.example/"] {
        assert!(both(&app, redirect).await.iter().all(|answer| answer.status == 400), "{redirect}");
    }
}
