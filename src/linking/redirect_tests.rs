//! Redirects: what is allowed, and many ways to ask for what is not.

use super::*;

fn parse(text: &str) -> Option<String> {
    let shop = ShopDomain::parse("demo.myshopify.com").unwrap();
    let storefront = StorefrontHost::from_forwarded(Some("shop.example.com"), &shop);
    let known = ["bücher.example", "club.example.org"].map(|host| parse_host(host).unwrap());
    let hosts = AllowedHosts { shop: &shop, storefront: &storefront, known: &[&known] };
    RedirectUrl::parse(text, hosts).ok().map(|url| url.as_str().to_owned())
}

#[test]
fn the_shops_own_hosts_are_allowed_and_paths_are_completed() {
    for (text, expected) in [
        ("https://shop.example.com/account?a=1&b=2#orders", "https://shop.example.com/account?a=1&b=2#orders"),
        ("https://demo.myshopify.com", "https://demo.myshopify.com/"),
        ("HTTPS://SHOP.example.com:443/x", "https://shop.example.com/x"),
        ("https://club.example.org/", "https://club.example.org/"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("/account", "https://shop.example.com/account"),
        ("/pages/a?next=https://evil.com", "https://shop.example.com/pages/a?next=https://evil.com"),
        ("/", "https://shop.example.com/"),
    ] {
        assert_eq!(parse(text).as_deref(), Some(expected), "{text:?}");
    }
}

#[test]
fn hostile_redirects_never_leave_the_allowed_hosts() {
    let long = format!("https://shop.example.com/{}", "a".repeat(2048));
    for text in [
        "",
        " ",
        "account",
        "./account",
        "../account",
        "?a=1",
        "#a",
        "//evil.com",
        "///evil.com",
        "////evil.com",
        "/\\evil.com",
        "\\/evil.com",
        "\\\\evil.com",
        "/\t/evil.com",
        "/\n/evil.com",
        "\t//evil.com",
        " https://shop.example.com/",
        "https://shop.example.com/ ",
        "https://evil.com",
        "https:evil.com",
        "https:/evil.com",
        "https:///evil.com",
        "https:shop.example.com",
        "http://shop.example.com/",
        "ftp://shop.example.com/",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "javascript://shop.example.com/%0aalert(1)",
        "data:text/html,x",
        "vbscript:x",
        "blob:https://shop.example.com/x",
        "https://shop.example.com@evil.com/",
        "https://shop.example.com:x@evil.com/",
        "https://user@shop.example.com/",
        "https://user:pass@shop.example.com/",
        "https://shop.example.com\\@evil.com/",
        "https://evil.com\\.shop.example.com",
        "https://shop.example.com.evil.com/",
        "https://evilshop.example.com/",
        "https://shop.example.com-evil.com/",
        "https://shop.example.comevil.com/",
        "https://example.com/",
        "https://a.shop.example.com/",
        "https://shop.example.com./",
        "https://shop.example.com:444/",
        "https://shop.example.com:80/",
        "https://shop.example.com%2eevil.com/",
        "https://shop.example.com%00.evil.com/",
        "https://shop.example.com%0d%0a/",
        "https://shop.example.com\r\nLocation: https://evil.com",
        "https://shop\n.example.com/",
        "https://shop\t.example.com/",
        "https://evil.com#@shop.example.com/",
        "https://evil.com?@shop.example.com/",
        "https://evil.com/shop.example.com",
        "https://shоp.example.com/",
        "https://ѕhop.example.com/",
        "https://shop。example。com.evil.com/",
        "https://evil.com%2f@shop.example.com/",
        "https://shop.example.com%2f@evil.com/",
        "https://shop.example.com%5c@evil.com/",
        "https://[::1]/",
        "https://127.0.0.1/",
        "http://localhost/",
        "http://127.0.0.1:3000/",
        "https://0/",
        "https://shop.example.com\u{0}/",
        "https://shop.example.com/\u{7f}",
        "https://shop.example.com/\u{85}",
        "%68ttps://shop.example.com/",
        "https%3A%2F%2Fshop.example.com%2F",
        "//shop.example.com/",
        "https://",
        "https://*.myshopify.com/",
        "https://victim.myshopify.com/",
        "https://demo.myshopify.com.evil.com/",
        &long,
    ] {
        assert_eq!(parse(text), None, "{text:?}");
    }
}

#[test]
fn a_redirect_has_2048_characters_at_most() {
    let of = |characters: usize| format!("/{}", "ü".repeat(characters - 1));
    assert!(parse(&of(2048)).is_some());
    assert_eq!(parse(&of(2049)), None);
}

#[test]
fn what_browsers_read_as_the_same_host_is_answered_in_one_spelling() {
    for text in ["https://shop%2Eexample.com/a", "https://ｓhop.example.com/a", "https://shop。example.com/a"] {
        assert_eq!(parse(text).as_deref(), Some("https://shop.example.com/a"), "{text:?}");
    }
}

#[test]
fn on_loopback_plain_http_and_any_port_are_allowed_for_the_forwarded_host() {
    let shop = ShopDomain::parse("demo.myshopify.com").unwrap();
    let storefront = StorefrontHost::from_forwarded(Some("127.0.0.1:4001"), &shop);
    let hosts = AllowedHosts { shop: &shop, storefront: &storefront, known: &[] };
    let parse = |text| RedirectUrl::parse(text, hosts).ok().map(|url| url.as_str().to_owned());
    assert_eq!(parse("/account").as_deref(), Some("http://127.0.0.1:4001/account"));
    assert_eq!(parse("http://127.0.0.1:4001/a").as_deref(), Some("http://127.0.0.1:4001/a"));
    assert_eq!(parse("http://localhost:4001/a"), None);
    assert_eq!(parse("http://evil.com:4001/a"), None);
}

#[test]
fn an_unreadable_forwarded_host_falls_back_to_the_permanent_domain() {
    let shop = ShopDomain::parse("demo.myshopify.com").unwrap();
    for header in [None, Some(""), Some("a/b"), Some("a@b"), Some("a b"), Some("a\\b"), Some("[")] {
        let home = StorefrontHost::from_forwarded(header, &shop).home();
        assert_eq!(home.as_str(), "https://demo.myshopify.com/", "{header:?}");
    }
    let home = StorefrontHost::from_forwarded(Some("Shop.Example.com:8443, proxy.internal"), &shop).home();
    assert_eq!(home.as_str(), "https://shop.example.com/");
}

#[test]
fn hosts_for_the_shops_lists_have_no_port() {
    assert_eq!(parse_host("Shop.Example.com").as_deref(), Some("shop.example.com"));
    assert_eq!(parse_host("[::1]").as_deref(), Some("[::1]"));
    for bad in [
        "",
        "shop.example.com:443",
        "https://shop.example.com",
        "a b",
        "shop.example.com/",
        "u@shop.example.com",
        "*.example.com",
        "%2A.example.com",
        "bücher.%2a.example",
    ] {
        assert_eq!(parse_host(bad), None, "{bad:?}");
    }
}
