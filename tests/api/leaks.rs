//! What must never be logged or answered, over every endpoint and every kind of refusal, at the most talkative setting.
//! The harness searches every answer, and the log when a test ends; here it is shown that it finds what it looks for.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use subtotal_connect::clock::Clock;
use subtotal_connect::store::{Accounts, LinkStyle, ShopChanges};

use crate::support::app::{ALICE, Answer, BOB, ENCRYPTION_KEYS, NOBODY, SHOP, TestApp};
use crate::support::captured_log;
use crate::support::command::CommandLine;
use crate::support::fake_admin::AdminFault;
use crate::support::fake_subtotal::{Call, Fault};
use crate::support::signer;

const EMAIL: &str = "alice.liddell@wonderland.example";
const PHONE: &str = "+12125550199";
const HOME: &str = "https://shop.example.com/account";
const BAD_REDIRECT: &str = "https://evil.example/phish";
const EVERY_CALL: [Call; 5] = [Call::Retailers, Call::Connections, Call::Create, Call::Token, Call::Patch];

/// Calls on one process of a world, and what was sent.
struct Walk<'a> {
    app: &'a TestApp,
    address: String,
    queries: Vec<String>,
    last: Option<Answer>,
}

impl<'a> Walk<'a> {
    fn new(app: &'a TestApp, address: &str) -> Self {
        app.set_contact(ALICE, Some(EMAIL), Some(PHONE));
        for never in ["alice.liddell", "wonderland", "2125550199", BAD_REDIRECT, ENCRYPTION_KEYS, &ENCRYPTION_KEYS[3..]]
        {
            app.never_show(never);
        }
        Self { app, address: address.to_owned(), queries: Vec::new(), last: None }
    }

    /// A call with exactly this query; its status.
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        query: &str,
        finish: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> u16 {
        let request = self.app.http().request(method, format!("{}{path}?{query}", self.address));
        let answer = self.app.send(finish(request.header("X-Forwarded-Host", "shop.example.com")), query).await;
        self.queries.push(query.to_owned());
        self.last.insert(answer).status
    }

    async fn get(&mut self, path: &str, customer: &str) -> u16 {
        let (path, own) = path.split_once('?').unwrap_or((path, ""));
        let query = self.app.query(customer, own);
        self.send(Method::GET, &format!("/apps/subtotal{path}"), &query, |request| request).await
    }

    async fn post(&mut self, path: &str, customer: &str, body: &serde_json::Value) -> u16 {
        let query = self.app.query(customer, "");
        self.send(Method::POST, &format!("/apps/subtotal{path}"), &query, |request| request.json(body)).await
    }

    /// Every endpoint as it is meant to be used.
    async fn well(&mut self) {
        for (path, customer, status) in [
            ("/configuration", NOBODY, 200),
            ("/visibility", ALICE, 200),
            ("/retailers", ALICE, 200),
            ("/retailers/", BOB, 200),
            ("/link/zklQOnlG?redirect_url=%2Faccount", ALICE, 302),
            ("/link/zklQOnlG?redirect_url=%2Faccount", NOBODY, 302),
        ] {
            assert_eq!(self.get(path, customer).await, status, "{path}: {:?}", self.last);
        }
        let body = json!({
            "retailerId": "amazon", "retailerLinkUrl": "https://link.subtotal.com/tWGE4TJM", "redirectUrl": HOME,
        });
        assert_eq!(self.post("/connections", ALICE, &body).await, 200, "{:?}", self.last);
        let active = self.app.subtotal.add_connection(&self.app.api_key, ALICE, "kroger", "active");
        let body = json!({ "connectionId": active });
        assert_eq!(self.post("/disconnect-connection", ALICE, &body).await, 200, "{:?}", self.last);
        for path in ["/healthz", "/readyz", "/nothing"] {
            self.send(Method::GET, path, "secret=query-of-nobody-in-particular", |request| request).await;
        }
    }

    /// Every check a query can fail.
    async fn unverified(&mut self) {
        let right = self.app.query(ALICE, "page=1");
        let (unsigned, signature) = right.split_once("&signature=").unwrap();
        let sign = |query: String| signer::signed(&self.app.client_secret, &query);
        let refused = [
            unsigned.to_owned(),
            format!("{unsigned}&signature="),
            format!("{unsigned}&signature={}", signature.to_uppercase()),
            format!("{unsigned}&signature={}", signer::signature("another-apps-secret", unsigned)),
            right.replace(ALICE, BOB),
            format!("{right}&signature={signature}"),
            format!("x=%zz&{right}"),
            format!("x=%FF&{right}"),
            format!("x={}&{right}", "a".repeat(8 * 1024)),
            format!("{}{right}", "a=1&".repeat(64)),
            sign(format!("hmac=1&{unsigned}")),
            sign(format!("a%3Db=1&{unsigned}")),
            sign(format!("x=path_prefix%3D&{unsigned}")),
            sign(format!("shop={SHOP}&{unsigned}")),
            sign(unsigned.replace("timestamp=", "timestamp=1")),
            sign(unsigned.replace("timestamp=", "timestamp=x")),
            sign(unsigned.replace(SHOP, "shop.example.com")),
            sign(unsigned.replace(ALICE, "alice")),
            sign(unsigned.replace("%2Fapps", "%2Fshop")),
        ];
        for query in refused {
            for path in ["/apps/subtotal/retailers", "/apps/subtotal/link/zklQOnlG", "/apps/subtotal/nothing"] {
                assert_eq!(self.send(Method::GET, path, &query, |request| request).await, 401, "{query}");
            }
        }
    }

    /// Every refusal of a verified request.
    async fn refused(&mut self) {
        let link = format!("/link/zklQOnlG?redirect_url={BAD_REDIRECT}");
        for (path, customer, status) in [
            ("/visibility", NOBODY, 400),
            ("/retailers", NOBODY, 400),
            ("/link/unknown1", ALICE, 404),
            ("/link/zklQOnlG?after_login=1", NOBODY, 400),
            ("/link/zklQOnlG?redirect_url=a&redirect_url=b", ALICE, 400),
            (link.as_str(), ALICE, 400),
            ("/connections", ALICE, 405),
            ("/nothing/alice.liddell%40wonderland.example", ALICE, 404),
        ] {
            assert_eq!(self.get(path, customer).await, status, "{path}: {:?}", self.last);
        }
        let link_url = "https://link.subtotal.com/tWGE4TJM";
        for (path, body, status) in [
            ("/connections", json!({}), 400),
            ("/connections", json!({ "retailerId": EMAIL, "retailerLinkUrl": EMAIL, "redirectUrl": 1 }), 400),
            ("/connections", json!({ "retailerId": "no", "retailerLinkUrl": link_url, "redirectUrl": HOME }), 404),
            (
                "/connections",
                json!({ "retailerId": "no", "retailerLinkUrl": link_url, "redirectUrl": BAD_REDIRECT }),
                400,
            ),
            ("/disconnect-connection", json!({ "connectionId": EMAIL }), 404),
            ("/disconnect-connection", json!([EMAIL]), 400),
            ("/disconnect-connection", json!({ "connectionId": "x".repeat(20 * 1024) }), 413),
        ] {
            assert_eq!(self.post(path, ALICE, &body).await, status, "{path} {body}: {:?}", self.last);
        }
        let query = self.app.query(ALICE, "");
        let form = |request: RequestBuilder| request.body(format!("email={EMAIL}"));
        assert_eq!(self.send(Method::POST, "/apps/subtotal/connections", &query, form).await, 415);
        let query = self.app.query_of("unknown.myshopify.com", ALICE, "");
        assert_eq!(self.send(Method::GET, "/apps/subtotal/retailers", &query, |request| request).await, 404);
    }

    /// Everything that can go wrong behind this service.
    async fn upstream_trouble(&mut self, faults: &[Fault]) {
        let connection = self.app.subtotal.add_connection(&self.app.api_key, BOB, "walmart", "active");
        let body = json!({
            "retailerId": "amazon", "retailerLinkUrl": "https://link.subtotal.com/tWGE4TJM", "redirectUrl": HOME,
        });
        for fault in faults {
            for call in EVERY_CALL {
                self.app.subtotal.break_call(call, *fault);
                self.get("/retailers", BOB).await;
                self.get("/link/tWGE4TJM", BOB).await;
                self.post("/connections", BOB, &body).await;
                self.post("/disconnect-connection", BOB, &json!({ "connectionId": connection })).await;
                self.app.subtotal.mend();
            }
        }
        self.app.subtotal.mend();
        self.app.set_list(None, true, &["nobody.example"]).await;
        let faults = [AdminFault::Status(500), AdminFault::Throttled, AdminFault::AccessDenied, AdminFault::None];
        for (fault, customer) in faults.into_iter().zip(["8001", "8002", "8003", ALICE]) {
            self.app.admin.set_fault(fault);
            assert_eq!(self.get("/visibility", customer).await, 200);
        }
    }

    async fn all(&mut self) {
        self.well().await;
        self.unverified().await;
        self.refused().await;
        let token = ShopChanges { link_style: Some(LinkStyle::Token), ..ShopChanges::default() };
        self.app.change(SHOP, token).await;
        let classic = ShopChanges { accounts: Some(Accounts::Classic), ..ShopChanges::default() };
        self.app.change(SHOP, classic).await;
        self.well().await;
    }
}

#[actix_web::test]
async fn no_endpoint_and_no_refusal_shows_or_logs_a_secret() {
    let app = TestApp::start().await;
    let mut walk = Walk::new(&app, &app.address);
    walk.all().await;
    assert!(app.subtotal.tokens().len() > 2, "no token was asked for");
}

#[actix_web::test]
async fn no_trouble_upstream_shows_or_logs_a_secret() {
    let app = TestApp::start_with(&[("UPSTREAM_ATTEMPT_TIMEOUT_MS", "50")], Clock::system()).await;
    let faults = [Fault::Status(401), Fault::Status(422), Fault::Status(500), Fault::Html, Fault::Truncated];
    Walk::new(&app, &app.address).upstream_trouble(&faults).await;
    Walk::new(&app, &app.address).upstream_trouble(&[Fault::Reset, Fault::Hang, Fault::Huge, Fault::EmptyObject]).await;
    // Nobody is there at all, and whose address it was is nobody's business.
    app.subtotal.shut_down();
    let answer = app.get("/retailers", ALICE).await;
    assert!(matches!(answer.status, 502..=504), "{answer:?}");
    assert!(!answer.body.contains(&app.subtotal.url), "{answer:?}");
}

#[actix_web::test]
async fn a_process_at_trace_logs_every_request_and_no_secret() {
    for format in ["text", "json"] {
        let app = TestApp::start().await;
        let mut line = CommandLine::new(app.settings.clone());
        for (name, value) in [("PORT", "0"), ("RUST_LOG", "trace"), ("LOG_FORMAT", format)] {
            line.set(name, Some(value));
        }
        let serve = line.start(&["serve"]);
        let address = serve.url_after("listening on ");
        let mut walk = Walk::new(&app, &address);
        walk.all().await;
        walk.upstream_trouble(&[Fault::Status(500), Fault::Reset]).await;
        walk.get("/configuration", NOBODY).await;
        let last = walk.last.as_ref().unwrap().header("x-request-id").to_owned();
        serve.line(|line| (line.contains(&last) && line.contains("/configuration")).then_some(()));

        let said = serve.output();
        assert!(said.matches("/apps/subtotal/retailers").count() > 10, "{said}");
        assert!(said.contains("app-proxy request refused") && said.contains("wrong_signature"), "{said}");
        let tokens = app.subtotal.tokens();
        let fixed = [EMAIL, "alice.liddell", PHONE, "shpat_", &app.client_secret, &app.api_key, ENCRYPTION_KEYS];
        let secrets = walk.queries.iter().chain(&tokens).map(String::as_str).chain(fixed);
        for secret in secrets {
            assert!(!said.contains(secret), "the {format} log shows {secret}");
        }
        for part in ["signature=", "logged_in_customer_id", "query-of-nobody", BAD_REDIRECT, "connection_token"] {
            assert!(!said.contains(part), "the {format} log shows {part}");
        }
    }
}

#[actix_web::test]
async fn the_search_of_answers_finds_what_it_looks_for() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/retailers", ALICE).await.status, 200);
    app.never_show("Walmart");
    let answer = AssertUnwindSafe(app.get("/retailers", ALICE)).catch_unwind().await;
    assert!(answer.is_err(), "an answer with a secret in it passed");
    let headers = TestApp::start().await;
    headers.never_show("link.subtotal.com/zklQOnlG");
    let answer = AssertUnwindSafe(headers.get("/link/zklQOnlG", ALICE)).catch_unwind().await;
    assert!(answer.is_err(), "a header with a secret in it passed");
}

#[actix_web::test]
async fn the_search_of_the_log_finds_what_it_looks_for() {
    let app = TestApp::start().await;
    let id = app.get("/retailers", ALICE).await.header("x-request-id").to_owned();
    app.never_show(&id);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(app))).is_err(), "a secret in the log passed");
}

#[actix_web::test]
async fn the_log_is_captured_at_trace_and_other_peoples_lines_only_from_info() {
    let start = captured_log::start();
    tracing::trace!(target: "subtotal_connect::of_this_test", "ours at trace 5d1f");
    tracing::debug!(target: "hyper::of_this_test", "theirs at debug 5d1f");
    tracing::info!(target: "hyper::of_this_test", "theirs at info 5d1f");
    let log = captured_log::since(start);
    assert!(log.contains("ours at trace 5d1f") && log.contains("theirs at info 5d1f"));
    assert!(!log.contains("theirs at debug 5d1f"));
}
