//! `sign` and `explain-proxy`: what one signs the other and the service accept, and why anything else is refused.

use super::with_database;
use crate::support::app::{ALICE, NOBODY, SHOP, TestApp, unix_now};
use crate::support::command::{CommandLine, client};
use crate::support::signer;

const SECRET: &str = "the-newest-client-secret";
const OLDER: &str = "the-client-secret-before";
const URL: &str = "http://127.0.0.1:3000/apps/subtotal/retailers";

fn line() -> CommandLine {
    CommandLine::new([("SHOPIFY_API_SECRET", format!("{SECRET},{OLDER}"))])
}

fn parameters(shop: &str, customer: &str, prefix: &str, timestamp: &str) -> String {
    format!("shop={shop}&logged_in_customer_id={customer}&path_prefix={prefix}&timestamp={timestamp}")
}

/// What Shopify adds now.
fn now() -> String {
    parameters(SHOP, "7001", "%2Fapps%2Fsubtotal", &unix_now().to_string())
}

fn without(name: &str) -> String {
    let kept: Vec<_> = now().split('&').filter(|pair| !pair.starts_with(name)).map(str::to_owned).collect();
    kept.join("&")
}

/// Queries that are refused with a right digest, with the name of the check that must refuse them.
fn refused_for_content() -> Vec<(&'static str, String)> {
    let time = unix_now();
    let at = |timestamp: &str| parameters(SHOP, "7001", "%2Fapps%2Fsubtotal", timestamp);
    let shop = |shop: &str| parameters(shop, "7001", "%2Fapps%2Fsubtotal", &time.to_string());
    let customer = |customer: &str| parameters(SHOP, customer, "%2Fapps%2Fsubtotal", &time.to_string());
    let prefix = |prefix: &str| parameters(SHOP, "7001", prefix, &time.to_string());
    let mut refused = vec![
        ("hmac_parameter", format!("hmac=00&{}", now())),
        ("key_holds_equals", format!("a%3Db=1&{}", now())),
        ("hidden_path_prefix", format!("x=path_prefix%3D%2Fapps%2Fevil&{}", now())),
        ("too_many_parameters", format!("{}{}", "a=1&".repeat(64), now())),
        ("query_too_long", format!("a={}&{}", "x".repeat(8 * 1024), now())),
        ("stale_timestamp", at(&(time - 3600).to_string())),
        ("stale_timestamp", at(&(time + 3600).to_string())),
        ("malformed_timestamp", at("1e9")),
        ("malformed_timestamp", at(&format!("%2B{time}"))),
        ("invalid_shop", shop("shop.example.com")),
        ("invalid_shop", shop("demo.myshopify.com.evil.example")),
        ("invalid_customer", customer("0123")),
        ("invalid_customer", customer("maya")),
        ("invalid_path_prefix", prefix("%2Fshop%2Fsubtotal")),
        ("invalid_path_prefix", prefix("apps")),
    ];
    for name in ["shop", "logged_in_customer_id", "path_prefix", "timestamp"] {
        refused.push(("missing_parameter", without(name)));
        let pair = now().split('&').find(|pair| pair.starts_with(name)).unwrap().to_owned();
        refused.push(("repeated_parameter", format!("{pair}&{}", now())));
    }
    refused
}

#[test]
fn what_is_signed_is_accepted() {
    let line = line();
    for (arguments, said) in [
        (&[][..], "customer nobody, path prefix /apps/subtotal"),
        (&["--customer", "7001"], "customer 7001, path prefix /apps/subtotal"),
        (&["--customer", "7001", "--path-prefix", "/tools/linking"], "customer 7001, path prefix /tools/linking"),
    ] {
        for url in [URL.to_owned(), format!("{URL}?x=1&x=2&y=a%20b+c"), format!("{URL}?")] {
            let signed = line.run(&[&["sign", &*url, "--shop", SHOP], arguments].concat()).done();
            let signed = signed.trim();
            assert!(signed.starts_with(&url), "{signed}");
            let query = signed.split_once('?').unwrap().1;
            let (unsigned, signature) = query.split_once("&signature=").unwrap();
            assert_eq!(signature, signer::signature(SECRET, unsigned));
            for asked in [signed, query] {
                let accepted = line.run(&["explain-proxy", asked]).done();
                assert!(accepted.starts_with(&format!("accepted: shop {SHOP}, {said}\n")), "{accepted}");
                assert!(accepted.contains("client secret 1 of 2") && !accepted.contains(SECRET), "{accepted}");
            }
        }
    }
}

#[actix_web::test]
async fn what_is_signed_is_answered_by_the_running_service() {
    let app = TestApp::start().await;
    let line = CommandLine::new(app.settings.clone());
    for (path, customer, status) in
        [("/configuration", NOBODY, 200), ("/retailers", NOBODY, 400), ("/retailers?x=a%20b", ALICE, 200)]
    {
        let url = format!("{}/apps/subtotal{path}", app.address);
        let mut arguments = vec!["sign", &url, "--shop", SHOP];
        if !customer.is_empty() {
            arguments.extend(["--customer", customer]);
        }
        let signed = line.run(&arguments).done();
        let answer = client().get(signed.trim()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path} for {customer}");
    }
}

#[test]
fn an_older_secret_is_still_accepted_and_named_by_its_place() {
    let said = line().run(&["explain-proxy", &signer::signed(OLDER, &now())]).done();
    assert!(said.contains("client secret 2 of 2") && !said.contains(OLDER), "{said}");
}

#[test]
fn a_url_that_would_not_be_accepted_is_not_signed() {
    let line = line();
    for url in [
        format!("{URL}?signature={}", "0".repeat(64)),
        format!("{URL}?shop=other.myshopify.com"),
        format!("{URL}?hmac=1"),
        format!("{URL}?x=%zz"),
        format!("{URL}?timestamp=1"),
    ] {
        line.run(&["sign", &url, "--shop", SHOP]).failed(1);
    }
    line.run(&["sign", URL, "--shop", SHOP, "--path-prefix", "/nowhere/else/deep"]).failed(1);
}

#[test]
fn every_refusal_is_explained_without_a_secret_or_the_right_digest() {
    let line = line();
    let mut cases: Vec<(&str, String, String)> = refused_for_content()
        .into_iter()
        .map(|(reason, query)| (reason, signer::signed(SECRET, &query), signer::signature(SECRET, &query)))
        .collect();
    let right = signer::signature(SECRET, &now());
    let mut with = |reason, query: &str, signature: &str| {
        let signed = format!("{query}&signature={signature}");
        cases.push((reason, signed, signer::signature(SECRET, query)));
    };
    with("wrong_signature", &now(), &signer::signature("a-secret-of-another-app", &now()));
    with("wrong_signature", &now().replace("7001", "7002"), &right);
    with("wrong_signature", &format!("x=1&{}", now()), &right);
    with("malformed_signature", &now(), &right.to_uppercase());
    with("malformed_signature", &now(), &right[..63]);
    with("malformed_signature", &now(), "");
    with("repeated_parameter", &now(), &format!("{}&signature={}", "0".repeat(64), "1".repeat(64)));
    with("bad_percent_escape", &format!("x=%zz&{}", now()), &right);
    with("not_utf8", &format!("x=%FF&{}", now()), &right);
    cases.push(("missing_parameter", now(), right));
    cases.push(("missing_parameter", "nothing".to_owned(), signer::signature(SECRET, "nothing")));

    for (reason, query, digest) in cases {
        let stderr = line.run(&["explain-proxy", &format!("{URL}?{query}")]).failed(1);
        assert!(stderr.starts_with(&format!("refused ({reason}): ")), "{reason}, {query}: {stderr}");
        assert!(stderr.trim().lines().count() >= 2, "no advice: {stderr}");
        for never in [SECRET, OLDER, &digest, &digest[..16]] {
            assert!(!stderr.contains(never), "{reason}: {stderr}");
        }
    }
}

#[test]
fn a_stale_url_is_explained_with_its_distance_from_now() {
    let line = line();
    for (offset, words) in [(-3600, "behind this machine's clock"), (3600, "ahead of this machine's clock")] {
        let query = parameters(SHOP, "7001", "%2Fapps%2Fsubtotal", &(unix_now() + offset).to_string());
        let stderr = line.run(&["explain-proxy", &signer::signed(SECRET, &query)]).failed(1);
        assert!(stderr.contains(words) && stderr.contains("90 s are allowed"), "{stderr}");
        assert!(stderr.contains("3600 s") || stderr.contains("3599 s") || stderr.contains("3601 s"), "{stderr}");
    }
}

#[actix_web::test]
async fn the_client_secret_is_needed_and_nothing_else() {
    let (line, _database) = with_database().await;
    for arguments in [&["sign", URL, "--shop", SHOP][..], &["explain-proxy", URL]] {
        assert!(line.run(arguments).failed(1).contains("SHOPIFY_API_SECRET is missing"));
    }
}
