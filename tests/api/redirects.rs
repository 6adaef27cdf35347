//! Where a shopper may be sent back to, through both ways to link: many hostile values, and the ones that are allowed.

use reqwest::Method;
use serde_json::json;
use subtotal_connect::store::ShopChanges;
use url::Url;

use crate::support::app::{ALICE, Answer, NOBODY, SHOP, TestApp};

const DOMAIN: &str = "www.brand.example";
const CLUB: &str = "xn--bcher-kva.example";
const FORWARDED: &str = "shop.example.com";

async fn start() -> TestApp {
    let app = TestApp::start().await;
    let hosts = |host: &str| Some(vec![host.to_owned()]);
    let changes =
        ShopChanges { storefront_hosts: hosts(DOMAIN), redirect_hosts: hosts(CLUB), ..ShopChanges::default() };
    app.change(SHOP, changes).await;
    app
}

/// The value through both endpoints, behind this forwarded host.
async fn both(app: &TestApp, redirect: &str, forwarded: Option<&str>) -> [Answer; 2] {
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
    let link = match answer.status {
        200 => answer.json()["link_url"].as_str().unwrap().to_owned(),
        302 => answer.header("location").to_owned(),
        _ => panic!("{answer:?}"),
    };
    let link = Url::parse(&link).unwrap();
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

#[actix_web::test]
async fn hostile_redirects_are_refused_both_ways_without_a_call() {
    let app = start().await;
    assert_eq!(hostile().last().unwrap().len(), 2049);
    for redirect in hostile() {
        let [posted, linked] = both(&app, &redirect, Some(FORWARDED)).await;
        assert_eq!((posted.status, posted.code().as_str()), (400, "redirect_url_not_allowed"), "{redirect:?}");
        assert_eq!((linked.status, linked.header("location")), (400, ""), "{redirect:?}");
        assert!(linked.body.contains("This link is not right"), "{redirect:?}");
        for answer in [&posted, &linked] {
            assert!(!answer.body.contains("evil") && !format!("{:?}", answer.headers).contains("evil"), "{answer:?}");
        }
    }
    assert_eq!((app.subtotal.seen().len(), app.admin.asked().len()), (0, 0));
}

#[actix_web::test]
async fn the_shops_own_hosts_are_allowed_both_ways() {
    let app = start().await;
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
        for answer in both(&app, redirect, Some(FORWARDED)).await {
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
    let app = start().await;
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
        for answer in both(&app, "/x", forwarded).await {
            assert_eq!(leads_to(&answer).as_str(), home, "{forwarded:?}");
        }
        let [posted, linked] = both(&app, "https://shop.example.com/", forwarded).await;
        assert_eq!((posted.status, linked.status), (400, 400), "{forwarded:?}: another shop's host");
    }
}

#[actix_web::test]
async fn any_port_is_allowed_on_loopback_only() {
    let app = start().await;
    for (redirect, forwarded, allowed) in [
        ("http://127.0.0.1:4001/a", "127.0.0.1:4001", true),
        ("http://127.0.0.1:9/a", "127.0.0.1:4001", true),
        ("http://localhost:4001/a", "127.0.0.1:4001", false),
        ("http://brand-new.example:4001/a", "brand-new.example:4001", false),
        ("https://brand-new.example:4001/a", "brand-new.example:4001", false),
    ] {
        for answer in both(&app, redirect, Some(forwarded)).await {
            assert_eq!(answer.status != 400, allowed, "{redirect} {forwarded}");
        }
    }
}

#[actix_web::test]
async fn one_shops_lists_are_not_anothers_and_can_be_emptied() {
    let app = start().await;
    app.install("other.myshopify.com").await;
    for (redirect, shop, status) in [
        ("https://www.brand.example/", SHOP, 302),
        ("https://www.brand.example/", "other.myshopify.com", 400),
        ("https://demo.myshopify.com/", "other.myshopify.com", 400),
        ("https://other.myshopify.com/", "other.myshopify.com", 302),
    ] {
        for customer in [ALICE, NOBODY] {
            let path = format!("/link/zklQOnlG?redirect_url={redirect}");
            let answer = app.call(Method::GET, shop, &path, customer, |request| request).await;
            assert_eq!(answer.status, status, "{redirect} {shop}");
        }
    }
    app.change(
        SHOP,
        ShopChanges { storefront_hosts: Some(vec![]), redirect_hosts: Some(vec![]), ..ShopChanges::default() },
    )
    .await;
    for redirect in ["https://www.brand.example/", "https://bücher.example/"] {
        assert!(both(&app, redirect, Some(FORWARDED)).await.iter().all(|answer| answer.status == 400), "{redirect}");
    }
}
