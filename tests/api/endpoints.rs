//! The six endpoints when all is well, what every answer has in common, and the order of refusals.

use std::time::Duration;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::{Actor, SecretKind};

use crate::support::app::{ALICE, Answer, NOBODY, SHOP, TestApp};
use crate::support::door::Door;
use crate::support::fake_subtotal::{Call, Fault, retailers};

fn wish(retailer: &str) -> Value {
    json!({ "retailerId": retailer, "retailerLinkUrl": "https://link.subtotal.com/x", "redirectUrl": "/" })
}

fn assert_common(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), "private, no-store", "{answer:?}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{answer:?}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "{answer:?}");
    let policy = answer.header("content-security-policy");
    for directive in ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
        assert!(policy.split("; ").any(|stated| stated == directive), "{directive}: {answer:?}");
    }
    assert_eq!(answer.header("x-request-id").len(), 26, "{answer:?}");
    assert!(!answer.header("content-type").contains("liquid"), "{answer:?}");
    assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
}

/// Scripts of any origin read what the customer-account door answers, and nothing else.
fn assert_read_by(answer: &Answer, door: Door) {
    let told = ["origin", "credentials"].map(|what| answer.header(&format!("access-control-allow-{what}")));
    assert_eq!(told, if door == Door::CustomerAccount { ["*", ""] } else { ["", ""] }, "{answer:?}");
}

async fn calls(app: &TestApp) -> Vec<Call> {
    let mut calls: Vec<Call> = app.subtotal.seen().iter().map(|seen| seen.call).collect();
    calls.sort_unstable();
    calls
}

#[rstest]
#[actix_web::test]
async fn configuration_tells_a_configured_shop_without_sign_in_or_upstream_call(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    for customer in [NOBODY, ALICE] {
        let answer = app.get("/configuration", customer).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"status":"success"}"#));
        assert_eq!(answer.header("content-type"), "application/json");
    }
    assert_eq!(calls(&app).await, []);
}

#[rstest]
#[actix_web::test]
async fn visibility_of_a_shop_without_rules_shows_everything(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    let answer = app.get("/visibility", ALICE).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"blockVisible":true,"restrictedRetailerIds":[]}"#));
    assert_eq!((calls(&app).await, app.admin.asked()), (vec![], vec![]));
}

#[rstest]
#[actix_web::test]
async fn retailers_are_listed_in_subtotals_order_with_this_customers_connection(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    app.subtotal.set_latency(Duration::from_millis(100));
    let id = app.subtotal.add_connection(&app.api_key, ALICE, "amazon", "active");
    let answer = app.get("/retailers", ALICE).await;
    let mut expected = retailers();
    expected[1]["connection"] = json!({ "connection_id": id, "retailer_id": "amazon", "status": "active" });
    assert_eq!((answer.status, answer.json()), (200, json!({ "retailers": expected })));
    assert!(!answer.body.contains("null"), "never linked means no field at all: {}", answer.body);
    assert_eq!(calls(&app).await, [Call::Retailers, Call::Connections], "cold: two calls");
    assert_eq!(app.subtotal.seen()[0].in_flight, 2, "at the same time");
    app.subtotal.forget_calls();
    assert_eq!(app.get("/retailers", ALICE).await.json(), answer.json());
    assert_eq!(calls(&app).await, [Call::Connections], "warm: one call");
    assert_eq!(app.subtotal.seen()[0].headers["x-api-key"], app.api_key);
}

#[rstest]
#[actix_web::test]
async fn images_are_always_an_object_and_passed_on_as_they_are(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let given = [json!({ "logo": { "light": "x" } }), json!({}), Value::Null, json!("x"), json!([1]), json!(7)];
    let mut all: Vec<Value> = (0..=given.len())
        .map(|nth| json!({ "retailer_id": format!("z{}", 9 - nth), "name": "N", "link_url": "https://l.example/x" }))
        .collect();
    for (retailer, images) in all.iter_mut().zip(&given) {
        retailer["images"] = images.clone();
        retailer["not_told"] = json!("x");
    }
    app.subtotal.set_retailers(json!(all));
    let shown = app.get("/retailers", ALICE).await.json();
    for (nth, shown) in shown["retailers"].as_array().unwrap().iter().enumerate() {
        let images = given.get(nth).filter(|images| images.is_object()).cloned().unwrap_or(json!({}));
        let expected = json!({ "retailer_id": format!("z{}", 9 - nth), "name": "N", "link_url": "https://l.example/x", "images": images });
        assert_eq!(*shown, expected);
    }
    app.subtotal.set_retailers(json!([]));
    let other = TestApp::start().await;
    other.subtotal.set_retailers(json!([]));
    assert_eq!(other.get("/retailers", ALICE).await.body, r#"{"retailers":[]}"#);
}

#[rstest]
#[actix_web::test]
async fn of_several_connections_the_best_status_is_shown_and_the_newest_among_equals(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let shown = async || app.get("/retailers", ALICE).await.json()["retailers"][0]["connection"].clone();
    for status in ["revoked", "frozen_by_tests", "disconnected", "initialized", "unauthenticated", "active"] {
        let id = newer_connection(&app, status).await;
        let expected = json!({ "connection_id": id, "retailer_id": "walmart", "status": status });
        assert_eq!(shown().await, expected, "and an unknown status passes through");
        if !matches!(status, "revoked" | "frozen_by_tests") {
            newer_connection(&app, "revoked").await;
            assert_eq!(shown().await, expected, "not the newer one, which is revoked");
        }
    }
    let newest = newer_connection(&app, "active").await;
    assert_eq!(shown().await["connection_id"], newest);
}

/// A connection whose ULID is above every earlier one's: made in a later millisecond.
async fn newer_connection(app: &TestApp, status: &str) -> String {
    let before = app.clock.unix_ms();
    while app.clock.unix_ms() == before {
        tokio::task::yield_now().await;
    }
    app.subtotal.add_connection(&app.api_key, ALICE, "walmart", status)
}

#[rstest]
#[actix_web::test]
async fn connections_creates_one_and_answers_its_link_url(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    let answer = app.post("/connections", ALICE, &wish("kroger")).await;
    let [created] = app.subtotal.connections().try_into().unwrap();
    let id = created["connection_id"].as_str().unwrap();
    let link = format!("https://link.brand.example/Kq7RvB2x?src=shop&connection_id={id}&redirect_url={}", door.home());
    assert_eq!((answer.status, answer.json()), (200, json!({ "link_url": link })));
    assert_eq!((&created["customer_id"], &created["retailer_id"]), (&json!(ALICE), &json!("kroger")));
    assert_eq!(app.post("/connections", ALICE, &wish("kroger")).await.json(), answer.json(), "and uses it again");
    assert_eq!(app.subtotal.count(Call::Create), 1);
}

#[rstest]
#[actix_web::test]
async fn disconnect_asks_for_a_token_and_patches_with_key_and_token(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let id = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    for calls_made in [&[Call::Connections, Call::Token, Call::Patch][..], &[Call::Connections]] {
        app.subtotal.forget_calls();
        let answer = app.post("/disconnect-connection", ALICE, &json!({ "connectionId": id })).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"success":true}"#));
        assert_eq!(calls(&app).await, calls_made, "the second time there is nothing to do");
        assert_eq!(app.subtotal.status_of(&id), "disconnected");
        for seen in app.subtotal.seen() {
            assert_eq!(seen.headers["x-api-key"], app.api_key);
            match seen.call {
                Call::Token => assert_eq!(seen.body, json!({ "scope": "access" })),
                Call::Patch => {
                    assert_eq!(seen.body, json!({ "status": "disconnected" }));
                    assert_eq!(seen.headers["authorization"], format!("Bearer {}", app.subtotal.tokens()[0]));
                }
                _ => assert!(!seen.headers.contains_key("authorization")),
            }
        }
    }
}

#[rstest]
#[actix_web::test]
async fn link_leads_to_the_link_url(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    let id = app.subtotal.add_connection(&app.api_key, ALICE, "amazon", "active");
    let link = format!("https://link.subtotal.com/tWGE4TJM?connection_id={id}&redirect_url={}", door.home());
    let answer = app.get("/link/tWGE4TJM", ALICE).await;
    match door {
        Door::Proxy => {
            assert_eq!((answer.status, answer.header("location"), answer.body.as_str()), (302, link.as_str(), ""));
        }
        Door::CustomerAccount => assert_eq!((answer.status, answer.json()), (200, json!({ "link_url": link }))),
    }
    assert_common(&answer);
    assert_read_by(&answer, door);
    for query in ["redirect_url=https%3A%2F%2Fevil.example%2F", "redirect_url=%2F&redirect_url=%2F"] {
        let refused = app.get(&format!("/link/tWGE4TJM?{query}"), ALICE).await;
        assert_eq!(refused.status, 400, "{query}");
    }
}

/// Every endpoint with a body that works.
fn endpoints() -> [(Method, &'static str, Option<Value>); 6] {
    [
        (Method::GET, "/configuration", None),
        (Method::GET, "/visibility", None),
        (Method::GET, "/retailers", None),
        (Method::POST, "/connections", Some(wish("walmart"))),
        (Method::POST, "/disconnect-connection", Some(json!({ "connectionId": "01" }))),
        (Method::GET, "/link/zklQOnlG", None),
    ]
}

async fn call(app: &TestApp, method: &Method, path: &str, customer: &str, body: &Option<Value>) -> Answer {
    let finish = |request: reqwest::RequestBuilder| {
        body.as_ref().map(|body| request.try_clone().unwrap().json(body)).unwrap_or(request)
    };
    app.call(method.clone(), SHOP, path, customer, finish).await
}

#[rstest]
#[actix_web::test]
async fn a_trailing_slash_is_the_same_route_and_not_redirected(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    for (method, path, body) in endpoints() {
        let plain = call(&app, &method, path, ALICE, &body).await;
        let slashed = call(&app, &method, &format!("{path}/"), ALICE, &body).await;
        assert_eq!(
            (plain.status, plain.without_request_id()),
            (slashed.status, slashed.without_request_id()),
            "{path}"
        );
        assert_eq!(plain.header("location"), slashed.header("location"), "{path}");
        assert_eq!(call(&app, &method, &format!("{path}//"), ALICE, &body).await.code(), "not_found", "{path}");
    }
}

#[rstest]
#[actix_web::test]
async fn other_methods_and_paths_are_problems_once_verified_and_401_before(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let mut tried: Vec<(Method, String, u16, &str)> = Vec::new();
    for (right, path, _) in endpoints() {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "BREW"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let is_preflight = door == Door::CustomerAccount && method == Method::OPTIONS;
            if method != right && !is_preflight {
                let allow = if right == Method::GET { "GET" } else { "POST" };
                tried.push((method, path.to_owned(), 405, allow));
            }
        }
    }
    for path in
        ["", "/", "/retailer", "/retailers/x", "/Retailers", "/link", "/link/", "/link/a/b", "/admin", "/healthz"]
    {
        tried.extend([Method::GET, Method::POST].map(|method| (method, path.to_owned(), 404, "")));
    }
    for (method, path, status, allow) in tried {
        for customer in [NOBODY, ALICE] {
            let answer = call(&app, &method, &path, customer, &None).await;
            assert_eq!((answer.status, answer.header("allow")), (status, allow), "{method} {path}");
            assert_common(&answer);
            if method != Method::HEAD {
                assert_eq!(answer.code(), if status == 405 { "method_not_allowed" } else { "not_found" });
            }
        }
        let unsigned = app.raw(method.clone(), &format!("{}{path}", door.path()), "").await;
        assert_eq!((unsigned.status, unsigned.header("allow")), (401, ""), "{method} {path}");
        assert_common(&unsigned);
    }
    assert_eq!(calls(&app).await, []);
}

#[rstest]
#[actix_web::test]
async fn every_answer_is_private_and_has_a_request_id_of_its_own(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let id = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    let mut answers = Vec::new();
    for (method, path, body) in endpoints() {
        answers.push(call(&app, &method, path, ALICE, &body).await);
        answers.push(call(&app, &method, path, NOBODY, &body).await);
        answers.push(app.raw(method, &format!("{}{path}", door.path()), "signature=0f0f0f0f0f0f0f0f").await);
    }
    answers.push(app.post("/disconnect-connection", ALICE, &json!({ "connectionId": id })).await);
    answers.push(app.post("/connections", ALICE, &json!({})).await);
    answers.push(app.call(Method::POST, SHOP, "/connections", ALICE, |request| request.body("x")).await);
    answers.push(app.get("/link/nosuch", ALICE).await);
    app.subtotal.break_everything(Fault::Status(500));
    answers.push(app.get("/retailers", ALICE).await);
    answers.push(app.get("/link/zklQOnlG", ALICE).await);
    answers.iter().for_each(|answer| assert_read_by(answer, door));
    for path in ["/healthz", "/readyz", "/", "/favicon.ico"] {
        answers.push(app.plain(path).await);
    }
    let mut ids: Vec<&str> = answers.iter().map(|answer| answer.header("x-request-id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), answers.len());
    answers.iter().for_each(assert_common);
}

#[rstest]
#[actix_web::test]
async fn refusals_come_in_the_order_of_the_contract(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    let long = "x".repeat(17 * 1024);
    // Each request fails the check it is named for and every later one.
    for (proven, shop, customer, media_type, body, status, code) in [
        (false, "other.myshopify.com", NOBODY, "text/plain", long.as_str(), 401, door.unproven()),
        (true, "other.myshopify.com", NOBODY, "text/plain", &long, 404, "shop_not_configured"),
        (true, SHOP, NOBODY, "text/plain", &long, 400, "customer_not_signed_in"),
        (true, SHOP, ALICE, "text/plain", &long, 415, "unsupported_media_type"),
        (true, SHOP, ALICE, "application/json", &long, 413, "payload_too_large"),
        (true, SHOP, ALICE, "application/json", "{}", 400, "invalid_request"),
    ] {
        for path in ["/connections", "/disconnect-connection"] {
            let finish =
                |request: reqwest::RequestBuilder| request.header("Content-Type", media_type).body(body.to_owned());
            let answer = if proven {
                app.call(Method::POST, shop, path, customer, finish).await
            } else {
                app.send(finish(app.http().post(format!("{}{}{path}", app.address, door.path()))), "").await
            };
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}");
        }
    }
    let link =
        r#"{"retailerId":"nosuch","retailerLinkUrl":"https://x.example/","redirectUrl":"https://evil.example/"}"#;
    let answer = app.post("/connections", ALICE, &serde_json::from_str(link).unwrap()).await;
    assert_eq!(answer.code(), "redirect_url_not_allowed", "before the retailer is looked for");
    assert_eq!(calls(&app).await, []);
}

#[rstest]
#[actix_web::test]
async fn unknown_keyless_and_removed_shops_are_not_configured(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    app.install("gone.myshopify.com").await;
    app.store_secret("keyless.myshopify.com", SecretKind::ShopifyAdminToken, "shpat_of_a_shop_without_a_key").await;
    assert!(
        app.store.remove_shop(&ShopDomain::parse("gone.myshopify.com").unwrap(), Actor::CommandLine, 0).await.unwrap()
    );
    for shop in ["unknown.myshopify.com", "keyless.myshopify.com", "gone.myshopify.com"] {
        for (method, path, body) in endpoints() {
            let finish = |request: reqwest::RequestBuilder| request.json(&body);
            for customer in [NOBODY, ALICE] {
                let answer = app.call(method.clone(), shop, path, customer, finish).await;
                assert_eq!(answer.status, 404, "{shop} {path}");
                if path != "/link/zklQOnlG" {
                    assert_eq!(answer.code(), "shop_not_configured", "{shop} {path}");
                }
            }
        }
    }
    assert_eq!(calls(&app).await, []);
    app.install("gone.myshopify.com").await;
    let again = app.call(Method::GET, "gone.myshopify.com", "/configuration", NOBODY, |request| request).await;
    assert_eq!(again.status, 200);
}

#[rstest]
#[actix_web::test]
async fn customer_endpoints_need_a_customer_and_ask_nobody_without(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    for (method, path, body) in &endpoints()[1..5] {
        let answer = call(&app, method, path, NOBODY, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "customer_not_signed_in"), "{path}");
    }
    assert_eq!((calls(&app).await, app.admin.asked()), (vec![], vec![]));
}

#[actix_web::test]
async fn health_needs_no_signature_and_readiness_asks_the_database() {
    let app = TestApp::start().await;
    for (path, body) in [("/healthz", r#"{"status":"ok"}"#), ("/readyz", r#"{"status":"ready"}"#)] {
        let answer = app.plain(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, body));
        assert_eq!(app.plain(path).await.status, 200);
    }
    let nothing = app.plain("/nothing").await;
    assert_eq!((nothing.status, nothing.code().as_str()), (404, "not_found"));
    assert_eq!(calls(&app).await, []);
}
