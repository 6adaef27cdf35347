//! Who may use the customer-account door: nobody without a good token of its own surface, from whatever origin; and
//! what a token can not reach. What the six operations do is tested for both doors in `endpoints.rs`, `bodies.rs`,
//! `identity.rs`, `redirects.rs`, `link.rs`, `faults.rs`, `sightings.rs` and `upstream_calls.rs`.

use reqwest::Method;
use serde_json::{Value, json};
use subtotal_connect::clock::Clock;

use crate::admin_tokens::bad_tokens;
use crate::support::app::{ALICE, Answer, BOB, NOBODY, SHOP, TestApp, unix_now};
use crate::support::door::{Door, customer_claims};
use crate::support::linking::linked;
use crate::support::session::token as token_of;
use crate::support::staff::jwt;

const OTHER: &str = "other.myshopify.com";
const PATHS: [(&str, &str); 6] = [
    ("GET", "/configuration"),
    ("GET", "/visibility"),
    ("GET", "/retailers"),
    ("POST", "/connections"),
    ("POST", "/disconnect-connection"),
    ("GET", "/link/zklQOnlG"),
];

/// An application whose clock stands, so that a token that is about to expire stays so.
async fn app() -> TestApp {
    TestApp::start_at_with(Door::CustomerAccount, &[], Clock::manual(unix_now() * 1000)).await
}

async fn send(app: &TestApp, method: &str, path: &str, token: Option<&str>) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = app.http().request(method, format!("{}/customer-account{path}", app.address));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    app.send(request.json(&json!({})), "").await
}

fn assert_refused(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_session_token"), "{what}");
    assert_eq!(answer.header("x-shopify-retry-invalid-session-request"), "", "{what}: that is the admin's");
    assert_eq!(answer.header("access-control-allow-origin"), "*", "a script may read the refusal: {what}");
}

/// What is wrong with a customer's own token.
fn bad_customer_tokens(secret: &str, now: i64) -> Vec<(String, String)> {
    let shop = format!("https://{SHOP}");
    let mut bad = Vec::new();
    for (claim, value) in [
        ("aud", json!("another-client-id")),
        ("aud", json!(["client-id"])),
        ("aud", Value::Null),
        ("iss", json!(format!("{shop}/admin"))),
        ("iss", json!(format!("{shop}/admin/"))),
        ("iss", json!(format!("{shop}/Admin"))),
        ("iss", json!("https://admin.shopify.com/store/demo")),
        ("iss", json!(format!("https://{OTHER}/customer-account"))),
        ("iss", json!(1)),
        ("dest", json!(format!("http://{SHOP}"))),
        ("dest", json!(format!("{SHOP}/"))),
        ("dest", json!(format!("{SHOP}:443"))),
        ("dest", json!(format!("a@{SHOP}"))),
        ("dest", json!(format!("{SHOP}.evil.com"))),
        ("dest", json!("DEMO.myshopify.com")),
        ("dest", json!("shop.example.com")),
        ("dest", json!(format!("{SHOP}\n"))),
        ("dest", Value::Null),
        ("sub", json!("7001")),
        ("sub", json!(7001)),
        ("sub", json!("")),
        ("sub", json!("gid://shopify/Customer/")),
        ("sub", json!("gid://shopify/Customer/07001")),
        ("sub", json!("gid://shopify/Customer/7001x")),
        ("sub", json!("gid://shopify/Customer/7001?x=1")),
        ("sub", json!("gid://shopify/StaffMember/42")),
        ("exp", json!(now - 10)),
        ("exp", json!((now + 300).to_string())),
        ("nbf", json!(now + 11)),
        ("iat", json!(now + 11)),
    ] {
        let mut claims = customer_claims(SHOP, ALICE, now);
        claims[claim] = value.clone();
        bad.push((format!("{claim}: {value}"), token_of(secret, &claims)));
    }
    for claim in ["aud", "dest", "exp", "nbf", "iat"] {
        let mut claims = customer_claims(SHOP, ALICE, now);
        claims.as_object_mut().unwrap().remove(claim);
        bad.push((format!("without {claim}"), token_of(secret, &claims)));
    }
    let claims = customer_claims(SHOP, ALICE, now);
    let twice = claims.to_string().replacen('{', r#"{"sub":"gid://shopify/Customer/7002","#, 1);
    bad.push(("a claim twice".to_owned(), jwt(secret, r#"{"alg":"HS256"}"#, &twice)));
    bad.push(("alg none".to_owned(), jwt(secret, r#"{"alg":"none"}"#, &claims.to_string())));
    bad.push(("alg RS256".to_owned(), jwt(secret, r#"{"alg":"RS256","typ":"JWT"}"#, &claims.to_string())));
    bad.push(("alg HS512".to_owned(), jwt(secret, r#"{"alg":"HS512"}"#, &claims.to_string())));
    bad.push(("critical".to_owned(), jwt(secret, r#"{"alg":"HS256","crit":["x"]}"#, &claims.to_string())));
    bad.push(("another secret".to_owned(), token_of("another-secret", &claims)));
    let own = token_of(secret, &claims);
    let bobs = token_of(secret, &customer_claims(SHOP, BOB, now));
    let (signed, signature) = (bobs.rsplit_once('.').unwrap().0, own.rsplit_once('.').unwrap().1);
    bad.push(("Bob's claims under Alice's signature".to_owned(), format!("{signed}.{signature}")));
    bad.push(("padded".to_owned(), format!("{own}=")));
    bad
}

#[actix_web::test]
async fn no_bad_token_opens_the_customers_door() {
    let app = app().await;
    let now = app.clock.unix_seconds();
    let bad = bad_customer_tokens(&app.client_secret, now);
    assert!(bad.len() >= 40, "{}", bad.len());

    // The admin's bad ones are bad here too, but for what a customer or a checkout may send.
    let admins = bad_tokens(&app.client_secret, now).into_iter();
    let admins = admins.filter(|(name, _)| !["a customer's", "a checkout's"].contains(&name.as_str()));
    for (name, token) in bad.into_iter().chain(admins) {
        app.never_show(&token);
        for (method, path) in PATHS {
            assert_refused(&send(&app, method, path, Some(&token)).await, &name);
        }
    }
    let staff = app.session_token(SHOP);
    for (method, path) in PATHS {
        assert_refused(&send(&app, method, path, Some(&staff)).await, "the admin's own token");
        assert_refused(&send(&app, method, path, None).await, "no token");
    }
    assert_eq!((app.subtotal.seen().len(), app.admin.asked().len()), (0, 0), "nothing was asked of anyone");
}

#[actix_web::test]
async fn a_customers_token_is_good_until_ten_seconds_after_its_end_and_opens_nothing_else() {
    let app = app().await;
    let now = app.clock.unix_seconds();
    for (made, status) in [(now, 200), (now - 309, 200), (now + 10, 200), (now - 310, 401), (now + 11, 401)] {
        let token = token_of(&app.client_secret, &customer_claims(SHOP, ALICE, made));
        assert_eq!(send(&app, "GET", "/retailers", Some(&token)).await.status, status, "{}", made - now);
    }
    let token = app.customer_token(SHOP, ALICE);
    for path in ["/admin/api/settings", "/admin/api/subtotal-key", "/apps/subtotal/retailers"] {
        let request = app.http().get(format!("{}{path}?id_token={token}", app.address)).bearer_auth(&token);
        assert_eq!(app.send(request, "").await.status, 401, "{path}");
    }
    let bare = |request: reqwest::RequestBuilder| async { app.send(request, "").await };
    let url = format!("{}/customer-account/retailers", app.address);
    let get = || app.http().get(&url);
    for (what, request) in [
        ("in the query", app.http().get(format!("{url}?id_token={token}&access_token={token}"))),
        ("in a cookie", get().header("cookie", format!("id_token={token}"))),
        ("two headers", get().bearer_auth(&token).header("authorization", format!("Bearer {token}"))),
        ("another scheme", get().header("authorization", format!("Token {token}"))),
        ("small letters", get().header("authorization", format!("bearer {token}"))),
        ("signed for the proxy", app.http().get(format!("{url}?{}", app.query(ALICE, "")))),
    ] {
        assert_refused(&bare(request).await, what);
    }
}

#[actix_web::test]
async fn a_token_without_a_customer_is_a_visitors_and_reaches_what_visitors_may() {
    let app = app().await;
    for (method, path) in PATHS {
        let answer = send(&app, method, path, Some(&app.customer_token(SHOP, NOBODY))).await;
        let expected = if path == "/configuration" { (200, "") } else { (400, "customer_not_signed_in") };
        let code = if answer.status == 200 { String::new() } else { answer.code() };
        assert_eq!((answer.status, code.as_str()), expected, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
    }
    assert_eq!(app.subtotal.seen().len(), 0);
}

#[actix_web::test]
async fn a_token_of_one_shop_sees_nothing_of_another() {
    let app = app().await;
    let other_key = app.install(OTHER).await;
    let ours = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    app.set_list(Some("walmart"), true, &[]).await;
    let get = async |path: &str| app.call(Method::GET, OTHER, path, ALICE, |request| request).await;
    assert_eq!(get("/visibility").await.json()["restrictedRetailerIds"], json!([]), "the lists are the other shop's");
    for own in ["shop=demo.myshopify.com", "dest=demo.myshopify.com&customer=7001&logged_in_customer_id=7001"] {
        let listed = get(&format!("/retailers?{own}")).await;
        assert_eq!((listed.status, listed.body.contains(&ours)), (200, false), "{own}");
    }
    let end = json!({ "connectionId": ours, "shop": SHOP, "customerId": ALICE });
    let ended = app.call(Method::POST, OTHER, "/disconnect-connection", ALICE, |request| request.json(&end)).await;
    assert_eq!(ended.code(), "connection_not_found");
    assert_ne!(linked(&get("/link/zklQOnlG").await), ours);
    assert!(app.subtotal.seen().iter().all(|seen| seen.headers["x-api-key"] == other_key));
    assert_eq!(app.subtotal.status_of(&ours), "active");
    let bob = app.get("/retailers", BOB).await;
    assert!(!bob.body.contains(&ours), "nor another customer of the same shop");
}

#[actix_web::test]
async fn a_browser_asks_first_and_is_told_without_a_token() {
    let app = app().await;
    for (method, path) in PATHS {
        for spelling in [path.to_owned(), format!("{path}/")] {
            let url = format!("{}/customer-account{spelling}", app.address);
            let request =
                app.http().request(Method::OPTIONS, url).header("origin", "https://extensions.shopifycdn.com");
            let request = request
                .header("access-control-request-method", method)
                .header("access-control-request-headers", "authorization,content-type");
            let answer = app.send(request, "").await;
            assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{spelling}");
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            assert_eq!(answer.header("access-control-allow-methods"), method);
            assert_eq!(answer.header("access-control-allow-headers"), "Authorization, Content-Type");
            assert_eq!(answer.header("access-control-allow-credentials"), "");
        }
    }
    assert_eq!(app.subtotal.seen().len(), 0);
    let readable = app.get("/retailers", ALICE).await;
    assert_eq!(readable.header("access-control-expose-headers"), "X-Request-Id, Retry-After");
}

#[actix_web::test]
async fn no_other_route_is_readable_from_elsewhere() {
    let app = app().await;
    let token = app.customer_token(SHOP, ALICE);
    for path in [
        "/customer-account",
        "/customer-account/",
        "/customer-account/unknown",
        "/customer-account/retailers//",
        "/customer-account-else",
        "/apps/subtotal/retailers",
        "/admin/api/settings",
        "/webhooks/shopify",
        "/healthz",
        "/readyz",
        "/",
    ] {
        for method in [Method::GET, Method::OPTIONS] {
            let request = app.http().request(method.clone(), format!("{}{path}", app.address)).bearer_auth(&token);
            let answer = app.send(request.header("origin", "https://evil.example"), "").await;
            let told = answer.headers.keys().find(|name| name.as_str().starts_with("access-control"));
            assert_eq!(told, None, "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn a_path_is_completed_with_the_permanent_domain_and_hosts_named_by_the_caller_do_not_count() {
    let app = app().await;
    let wish = |redirect: &str| json!({ "retailerId": "walmart", "retailerLinkUrl": "https://x.example/", "redirectUrl": redirect });
    for (redirect, completed) in [
        ("/account?a=b", "https%3A%2F%2Fdemo.myshopify.com%2Faccount%3Fa%3Db"),
        ("https://shop.example.com/account", "https%3A%2F%2Fshop.example.com%2Faccount"),
    ] {
        let answer = app.post("/connections", ALICE, &wish(redirect)).await;
        let link = answer.json()["link_url"].as_str().unwrap().to_owned();
        assert!(link.ends_with(&format!("&redirect_url={completed}")), "{link}");
    }
    // Every call of these tests says `X-Forwarded-Host: evil.example`.
    for redirect in ["https://evil.example/", "https://shopify.com/", "//evil.example/"] {
        assert_eq!(app.post("/connections", ALICE, &wish(redirect)).await.code(), "redirect_url_not_allowed");
    }
    let signed_out = app.get("/link/zklQOnlG?redirect_url=%2F", NOBODY).await;
    assert_eq!((signed_out.status, signed_out.code().as_str()), (400, "customer_not_signed_in"));
}

#[actix_web::test]
async fn refusals_are_counted_for_the_merchant() {
    let app = app().await;
    assert_eq!(app.get("/retailers", NOBODY).await.status, 400);
    assert_eq!(app.get("/retailers", ALICE).await.status, 200);
    assert_refused(&send(&app, "GET", "/retailers", Some("bad")).await, "and this is nobody's");
    let status = app.staff_get(SHOP, "/status").await.json();
    let codes: Vec<_> = status["refusals"].as_array().unwrap().iter().map(|refusal| &refusal["code"]).collect();
    assert_eq!(codes, ["customer_not_signed_in"]);
}
