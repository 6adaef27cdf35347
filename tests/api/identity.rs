//! Whose connection it is: the signed query or the token decides, and what is somebody else's is answered like what is not there.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use subtotal_connect::clock::Clock;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::app::{ALICE, Answer, BOB, SHOP, TestApp};
use crate::support::door::Door;
use crate::support::fake_subtotal::{Call, retailers};
use crate::support::linking::linked;

const OTHER: &str = "other.myshopify.com";
const NO_SUCH: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn wish(connection: &str) -> Value {
    json!({
        "retailerId": "walmart", "retailerLinkUrl": "https://link.subtotal.com/zklQOnlG", "redirectUrl": "/",
        "connectionId": connection,
    })
}

fn the_end(connection: &str) -> Value {
    json!({ "connectionId": connection })
}

/// Everything of an answer that may not differ, to the byte.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (answer.status, headers, answer.without_request_id())
}

async fn shown_to(app: &TestApp, shop: &str, customer: &str) -> Value {
    let answer = app.call(Method::GET, shop, "/retailers", customer, |request| request).await;
    answer.json()["retailers"][0]["connection"].clone()
}

#[rstest]
#[actix_web::test]
async fn one_customer_neither_sees_nor_uses_nor_ends_anothers_connection(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let bobs = app.subtotal.add_connection(&app.api_key, BOB, "walmart", "active");
    assert_eq!(shown_to(&app, SHOP, BOB).await["connection_id"], bobs);
    assert_eq!(shown_to(&app, SHOP, ALICE).await, Value::Null);
    for (path, body) in [("/connections", wish as fn(&str) -> Value), ("/disconnect-connection", the_end)] {
        let foreign = app.post(path, ALICE, &body(&bobs)).await;
        let unknown = app.post(path, ALICE, &body(NO_SUCH)).await;
        assert_eq!(foreign.code(), "connection_not_found");
        assert_eq!(told(&foreign), told(&unknown), "{path}");
    }
    let calls = [Call::Create, Call::Token, Call::Patch].map(|call| app.subtotal.count(call));
    assert_eq!(calls, [0, 0, 0]);
    assert_eq!(app.subtotal.status_of(&bobs), "active");
}

#[rstest]
#[actix_web::test]
async fn a_connection_of_another_retailer_is_answered_like_a_missing_one(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let amazons = app.subtotal.add_connection(&app.api_key, ALICE, "amazon", "active");
    let other = app.post("/connections", ALICE, &wish(&amazons)).await;
    assert_eq!(other.code(), "connection_not_found");
    assert_eq!(told(&other), told(&app.post("/connections", ALICE, &wish(NO_SUCH)).await));
    assert_eq!(app.subtotal.count(Call::Create), 0);
}

#[rstest]
#[actix_web::test]
async fn one_shop_has_nothing_of_anothers_even_for_the_same_customer_id(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    let other_key = app.install(OTHER).await;
    let ours = app.subtotal.add_connection(&app.api_key, ALICE, "walmart", "active");
    assert_eq!(shown_to(&app, SHOP, ALICE).await["connection_id"], ours);
    app.subtotal.forget_calls();
    assert_eq!(shown_to(&app, OTHER, ALICE).await, Value::Null);
    for (path, body) in [("/connections", wish as fn(&str) -> Value), ("/disconnect-connection", the_end)] {
        let post = async |id: &str| app.call(Method::POST, OTHER, path, ALICE, |request| request.json(&body(id))).await;
        let (foreign, unknown) = (post(&ours).await, post(NO_SUCH).await);
        assert_eq!(foreign.code(), "connection_not_found");
        assert_eq!(told(&foreign), told(&unknown), "{path}");
    }
    let link = app.call(Method::GET, OTHER, "/link/zklQOnlG", ALICE, |request| request).await;
    assert_ne!(linked(&link), ours, "a connection of its own");
    assert!(app.subtotal.seen().iter().all(|seen| seen.headers["x-api-key"] == other_key));
    assert_eq!((app.subtotal.connections().len(), app.subtotal.status_of(&ours).as_str()), (2, "active"));
}

#[actix_web::test]
async fn shopifys_own_parameters_can_not_be_sent_along() {
    let app = TestApp::start().await;
    app.subtotal.add_connection(&app.api_key, BOB, "walmart", "active");
    for own in
        ["logged_in_customer_id=7002", "logged_in_customer_id=", "shop=other.myshopify.com", "shop=", "timestamp=1"]
    {
        for path in ["/retailers", "/visibility", "/configuration", "/link/zklQOnlG"] {
            let in_front = app.get(&format!("{path}?{own}"), ALICE).await;
            assert_eq!((in_front.status, in_front.code().as_str()), (401, "invalid_signature"), "{own}");
            let behind = app
                .raw(Method::GET, &format!("/apps/subtotal{path}"), &format!("{}&{own}", app.query(ALICE, "")))
                .await;
            assert_eq!((behind.status, behind.code().as_str()), (401, "invalid_signature"), "{own}");
        }
    }
    assert_eq!(app.subtotal.seen().len(), 0);
}

#[rstest]
#[actix_web::test]
async fn nothing_else_that_is_sent_says_who_it_is(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    let bobs = app.subtotal.add_connection(&app.api_key, BOB, "walmart", "active");
    let own = "customer_id=7002&customerId=7002&customer=7002&shop_domain=other.myshopify.com&Shop=x&connection=1";
    let disguise = |request: reqwest::RequestBuilder| {
        request
            .header("X-Shopify-Customer-Id", BOB)
            .header("X-Shopify-Shop-Domain", OTHER)
            .header("Cookie", "customer=7002")
    };
    let answer = app.call(Method::GET, SHOP, &format!("/retailers?{own}"), ALICE, disguise).await;
    assert_eq!((answer.status, answer.body.contains(&bobs)), (200, false));
    let mut body = wish(NO_SUCH);
    body["connectionId"] = Value::Null;
    for (name, value) in [("customerId", BOB), ("customer_id", BOB), ("logged_in_customer_id", BOB), ("shop", OTHER)] {
        body[name] = json!(value);
    }
    assert_eq!(app.post("/connections", ALICE, &body).await.status, 200);
    let created = app.subtotal.connections().pop().unwrap();
    assert_eq!((&created["customer_id"], created["connection_id"] == bobs.as_str()), (&json!(ALICE), false));
}

#[actix_web::test]
async fn a_signature_is_good_for_one_customer_and_one_shop() {
    let app = TestApp::start().await;
    app.install(OTHER).await;
    let query = app.query(ALICE, "");
    for (from, to) in [(ALICE, BOB), (ALICE, ""), (SHOP, OTHER), ("subtotal&", "subtotal2&")] {
        let forged = query.replacen(from, to, 1);
        assert_ne!(forged, query);
        let answer = app.raw(Method::GET, "/apps/subtotal/retailers", &forged).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "invalid_signature"), "{to}");
    }
    assert_eq!(app.subtotal.seen().len(), 0);
}

#[rstest]
#[actix_web::test]
async fn somebody_elses_connection_in_subtotals_answer_is_not_used(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let subtotal = MockServer::start().await;
    let bobs = json!({ "connection_id": NO_SUCH, "customer_id": BOB, "retailer_id": "walmart", "status": "active" });
    let created = json!({ "connection_id": "01ARZ3NDEKTSV4RRFFQ69G5FAW" });
    for (verb, at, status, body) in [
        ("GET", "/retailers", 200, json!({ "retailers": retailers() })),
        ("GET", "/connections", 200, json!({ "connections": [bobs] })),
        ("POST", "/connections", 201, created),
    ] {
        let answer = ResponseTemplate::new(status).set_body_json(body);
        Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(&subtotal).await;
    }
    let app = TestApp::start_at_with(door, &[("SUBTOTAL_API_URL", &subtotal.uri())], Clock::system()).await;
    assert_eq!(shown_to(&app, SHOP, ALICE).await, Value::Null);
    assert_eq!(app.post("/connections", ALICE, &wish(NO_SUCH)).await.code(), "connection_not_found");
    assert_eq!(app.post("/disconnect-connection", ALICE, &the_end(NO_SUCH)).await.code(), "connection_not_found");
    let link = app.get("/link/zklQOnlG", ALICE).await;
    assert_eq!(linked(&link), "01ARZ3NDEKTSV4RRFFQ69G5FAW");
    let asked: Vec<String> = subtotal
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|request| format!("{} {}", request.method, request.url.path()))
        .collect();
    assert!(!asked.iter().any(|line| line.contains(NO_SUCH)), "{asked:?}");
}
