//! Whatever goes wrong at Subtotal is answered by its code of the table, in time, and without a word of Subtotal's; at
//! both doors.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use subtotal_connect::clock::Clock;
use subtotal_connect::store::{LinkStyle, ShopChanges};

use crate::support::app::{ALICE, Answer, BOB, TestApp};
use crate::support::door::Door;
use crate::support::fake_subtotal::{Call, Fault, retailers};
use crate::support::linking::linking;

const LEEWAY: Duration = Duration::from_millis(250);
/// The default deadline.
const DEADLINE_MS: u64 = 4000;
/// For calls that never end, so that nobody waits for long.
const SHORT: [(&str, &str); 2] = [("UPSTREAM_ATTEMPT_TIMEOUT_MS", "500"), ("STOREFRONT_DEADLINE_MS", "1500")];

const CALLS: [Call; 5] = [Call::Retailers, Call::Connections, Call::Create, Call::Token, Call::Patch];
const ENDPOINTS: [Endpoint; 8] = [
    Endpoint::Configuration,
    Endpoint::Visibility,
    Endpoint::Retailers,
    Endpoint::Connections,
    Endpoint::ConnectionsByToken,
    Endpoint::Disconnect,
    Endpoint::Link,
    Endpoint::LinkByToken,
];

/// What a shopper's browser asks for; `ByToken` at a shop whose Link URLs carry a token.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Endpoint {
    Configuration,
    Visibility,
    Retailers,
    Connections,
    ConnectionsByToken,
    Disconnect,
    Link,
    LinkByToken,
}

/// A link whose way back is right at every shop.
fn wish(retailer: &str) -> Value {
    let mut body = linking(retailer);
    body["redirectUrl"] = json!("/account");
    body
}

impl Endpoint {
    /// The calls it makes at a shop nobody asked about before.
    fn calls(self) -> &'static [Call] {
        match self {
            Self::Configuration | Self::Visibility => &[],
            Self::Retailers => &[Call::Retailers, Call::Connections],
            Self::Connections | Self::Link => &[Call::Retailers, Call::Connections, Call::Create],
            Self::ConnectionsByToken | Self::LinkByToken => {
                &[Call::Retailers, Call::Connections, Call::Create, Call::Token]
            }
            Self::Disconnect => &[Call::Connections, Call::Token, Call::Patch],
        }
    }

    fn is_link(self) -> bool {
        matches!(self, Self::Link | Self::LinkByToken)
    }
}

/// An endpoint, at a shop that nobody asked about before, and a connection there to disconnect.
struct Cell {
    endpoint: Endpoint,
    shop: String,
    connection: String,
}

impl Cell {
    async fn new(app: &TestApp, nth: usize, endpoint: Endpoint) -> Self {
        let shop = format!("shop-{nth}.myshopify.com");
        let api_key = app.install(&shop).await;
        if matches!(endpoint, Endpoint::ConnectionsByToken | Endpoint::LinkByToken) {
            let changes = ShopChanges { link_style: Some(LinkStyle::Token), ..ShopChanges::default() };
            app.change(&shop, changes).await;
        }
        let connection = app.subtotal.add_connection(&api_key, ALICE, "kroger", "active");
        Self { endpoint, shop, connection }
    }

    /// Asks, measures, and looks for what no answer may hold.
    async fn ask(&self, app: &TestApp) -> Answer {
        let endpoint = self.endpoint;
        let (method, path, body) = match endpoint {
            Endpoint::Configuration => (Method::GET, "/configuration", None),
            Endpoint::Visibility => (Method::GET, "/visibility", None),
            Endpoint::Retailers => (Method::GET, "/retailers", None),
            Endpoint::Connections | Endpoint::ConnectionsByToken => {
                (Method::POST, "/connections", Some(wish("walmart")))
            }
            Endpoint::Disconnect => {
                (Method::POST, "/disconnect-connection", Some(json!({ "connectionId": self.connection })))
            }
            Endpoint::Link | Endpoint::LinkByToken => (Method::GET, "/link/zklQOnlG", None),
        };
        let deadline = app.settings.get("STOREFRONT_DEADLINE_MS").map_or(DEADLINE_MS, |text| text.parse().unwrap());
        let limit = Duration::from_millis(deadline) + LEEWAY;
        let started = Instant::now();
        let answer = app.call(method, &self.shop, path, ALICE, |request| match &body {
            Some(body) => request.json(body),
            None => request,
        });
        let answer = answer.await;
        assert!(started.elapsed() < limit, "{endpoint:?} took {:?}: {answer:?}", started.elapsed());
        assert_ne!(answer.status, 500, "{endpoint:?}: {answer:?}");
        for upstream in ["broken on purpose", "Welcome", "\"reta", "xxxx", &app.subtotal.url] {
            assert!(
                answer.status < 400 || !answer.body.contains(upstream),
                "{endpoint:?} shows {upstream}: {answer:?}"
            );
        }
        answer
    }

    /// Asks, and wants this problem, or a good answer for `None`.
    async fn expect(&self, app: &TestApp, code: Option<&str>, context: &str) {
        let answer = self.ask(app).await;
        let place = format!("{:?} with {context}: {answer:?}", self.endpoint);
        let is_link = self.endpoint.is_link();
        let good = if is_link { app.door.leads_on() } else { 200 };
        let Some(code) = code else { return assert_eq!(answer.status, good, "{place}") };
        if is_link {
            assert!(app.door.tells(&answer, status_of(code), code), "{place}");
        } else {
            assert_eq!((answer.status, answer.code().as_str()), (status_of(code), code), "{place}");
        }
        let wait: u64 = answer.header("retry-after").parse().unwrap_or(0);
        assert_eq!(wait > 0, code == "subtotal_busy", "{place}");
        assert!(!context.contains("StatusRetryAfter") || wait == 7, "{place}");
    }
}

fn status_of(code: &str) -> u16 {
    match code {
        "connection_not_found" => 404,
        "subtotal_busy" => 503,
        "subtotal_timeout" => 504,
        _ => 502,
    }
}

/// What an endpoint says when this is the first of its calls to go wrong.
fn expected(call: Call, fault: Fault, code: &str) -> Option<&str> {
    let has_status_200 =
        matches!(fault, Fault::Html | Fault::Truncated | Fault::Huge | Fault::SlowBody | Fault::EmptyObject);
    match (call, fault) {
        // A PATCH is judged by its status alone.
        (Call::Patch, _) if has_status_200 => None,
        (Call::Token | Call::Patch, Fault::Status(404)) => Some("connection_not_found"),
        _ => Some(code),
    }
}

#[rstest]
#[case::reset(Fault::Reset, "subtotal_unavailable")]
#[case::hang(Fault::Hang, "subtotal_timeout")]
#[case::slow_body(Fault::SlowBody, "subtotal_timeout")]
#[case::bad_request(Fault::Status(400), "subtotal_rejected_request")]
#[case::unauthorised(Fault::Status(401), "subtotal_api_key_rejected")]
#[case::forbidden(Fault::Status(403), "subtotal_api_key_rejected")]
#[case::not_found(Fault::Status(404), "subtotal_rejected_request")]
#[case::conflict(Fault::Status(409), "subtotal_rejected_request")]
#[case::invalid(Fault::Status(422), "subtotal_rejected_request")]
#[case::too_many(Fault::Status(429), "subtotal_busy")]
#[case::too_many_for_seven_seconds(Fault::StatusRetryAfter(429, 7), "subtotal_busy")]
#[case::redirected(Fault::Status(307), "subtotal_unavailable")]
#[case::server_error(Fault::Status(500), "subtotal_unavailable")]
#[case::bad_gateway(Fault::Status(502), "subtotal_unavailable")]
#[case::unavailable(Fault::Status(503), "subtotal_unavailable")]
#[case::html(Fault::Html, "subtotal_unavailable")]
#[case::truncated(Fault::Truncated, "subtotal_unavailable")]
#[case::huge(Fault::Huge, "subtotal_unavailable")]
#[case::no_list(Fault::EmptyObject, "subtotal_unavailable")]
#[actix_web::test]
async fn whatever_goes_wrong_has_its_code_and_its_time(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
    #[case] fault: Fault,
    #[case] code: &str,
) {
    let never_ends = matches!(fault, Fault::Hang | Fault::SlowBody);
    let app = TestApp::start_at_with(door, if never_ends { &SHORT } else { &[] }, Clock::system()).await;
    let mut cells = Vec::new();
    for endpoint in ENDPOINTS {
        cells.push(Cell::new(&app, cells.len(), endpoint).await);
    }
    app.subtotal.break_everything(fault);
    let context = format!("everything {fault:?}");
    join_all(cells.iter().map(|cell| {
        let first = cell.endpoint.calls().first();
        cell.expect(&app, first.and_then(|call| expected(*call, fault, code)), &context)
    }))
    .await;
    for call in CALLS {
        app.subtotal.mend();
        let start = cells.len();
        for endpoint in ENDPOINTS.into_iter().filter(|endpoint| endpoint.calls().contains(&call)) {
            cells.push(Cell::new(&app, cells.len(), endpoint).await);
        }
        app.subtotal.break_call(call, fault);
        let context = format!("{call:?} {fault:?}");
        let code = expected(call, fault, code);
        join_all(cells[start..].iter().map(|cell| cell.expect(&app, code, &context))).await;
    }
}

#[rstest]
#[actix_web::test]
async fn a_subtotal_that_refuses_connections_is_unavailable(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    let mut cells = Vec::new();
    for endpoint in ENDPOINTS {
        cells.push(Cell::new(&app, cells.len(), endpoint).await);
    }
    app.subtotal.shut_down();
    join_all(cells.iter().map(|cell| {
        let code = (!cell.endpoint.calls().is_empty()).then_some("subtotal_unavailable");
        cell.expect(&app, code, "nobody listening")
    }))
    .await;
}

#[rstest]
#[actix_web::test]
async fn a_subtotal_that_is_merely_slow_is_cut_off_at_the_deadline(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let settings = [("UPSTREAM_ATTEMPT_TIMEOUT_MS", "1200"), ("STOREFRONT_DEADLINE_MS", "1500")];
    let app = TestApp::start_at_with(door, &settings, Clock::system()).await;
    app.subtotal.set_latency(Duration::from_millis(600));
    for (nth, endpoint, code) in [
        (0, Endpoint::Retailers, None),
        (1, Endpoint::Connections, Some("subtotal_timeout")),
        (2, Endpoint::Link, Some("subtotal_timeout")),
        (3, Endpoint::Disconnect, Some("subtotal_timeout")),
    ] {
        Cell::new(&app, nth, endpoint).await.expect(&app, code, "latency").await;
    }
}

#[rstest]
#[actix_web::test]
async fn by_default_a_call_may_take_two_seconds_and_a_request_four(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
) {
    let app = TestApp::start_at(door).await;
    app.subtotal.break_call(Call::Connections, Fault::Hang);
    let (answer, elapsed) = timed(app.get("/retailers", ALICE)).await;
    assert_eq!(answer.code(), "subtotal_timeout");
    assert!((2000..3000).contains(&elapsed.as_millis()), "{elapsed:?}");

    app.subtotal.mend();
    app.subtotal.set_latency(Duration::from_millis(1500));
    app.install("cold.myshopify.com").await;
    let body = wish("walmart");
    let cold = app.call(Method::POST, "cold.myshopify.com", "/connections", BOB, |request| request.json(&body));
    let (answer, elapsed) = timed(cold).await;
    assert_eq!(answer.code(), "subtotal_timeout", "three calls of 1.5 s");
    assert!((4000..5000).contains(&elapsed.as_millis()), "{elapsed:?}");
}

async fn timed<T>(what: impl Future<Output = T>) -> (T, Duration) {
    let started = Instant::now();
    let outcome = what.await;
    (outcome, started.elapsed())
}

#[rstest]
#[actix_web::test]
async fn a_status_nobody_knows_yet_passes_through(#[values(Door::Proxy, Door::CustomerAccount)] door: Door) {
    let app = TestApp::start_at(door).await;
    app.subtotal.add_connection(&app.api_key, ALICE, "amazon", "hibernating");
    let retailers = app.get("/retailers", ALICE).await.json();
    assert_eq!(retailers["retailers"][1]["connection"]["status"], "hibernating");
    assert_eq!(app.post("/connections", ALICE, &wish("amazon")).await.status, 200);
    assert_eq!(app.get("/link/tWGE4TJM", ALICE).await.status, door.leads_on());
}

#[rstest]
#[case::absent(None, json!({}))]
#[case::null(Some(json!(null)), json!({}))]
#[case::of_another_shape(Some(json!("logo.svg")), json!({}))]
#[case::in_part(Some(json!({ "icon": { "dark": "https://img.example/i.svg" } })), json!({ "icon": { "dark": "https://img.example/i.svg" } }))]
#[actix_web::test]
async fn images_may_be_missing(
    #[values(Door::Proxy, Door::CustomerAccount)] door: Door,
    #[case] images: Option<Value>,
    #[case] shown: Value,
) {
    let app = TestApp::start_at(door).await;
    let mut list = retailers();
    list[0].as_object_mut().unwrap().remove("images");
    if let Some(images) = images {
        list[0]["images"] = images;
    }
    list[0]["something_new"] = json!({ "of": "tomorrow" });
    app.subtotal.set_retailers(list);
    let answer = app.get("/retailers", ALICE).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["retailers"][0]["images"], shown);
    assert_eq!(answer.json()["retailers"].as_array().unwrap().len(), 3);
}
