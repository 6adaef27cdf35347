//! Requests at a fixed rate over every endpoint, whether or not the ones before were answered, and how each one ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::task::JoinSet;

use super::site::Site;
use crate::support::app::TestApp;
use crate::support::door::customer_claims;
use crate::support::linking::linking;
use crate::support::session::{claims, token};
use crate::support::webhook::Hook;

/// More unanswered requests than this mean that the sender measures itself.
const MOST_UNANSWERED: usize = 3000;
/// Requests in a round of the mix.
const ROUND: u64 = 20;
/// Creations of one shopper that come at once.
const AT_ONCE: u64 = 3;

/// A request's end.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// The endpoint, for a person to read.
    pub(crate) what: &'static str,
    /// What it is about: a shopper who links, or the connection or purchase of an event.
    pub(crate) subject: String,
    pub(crate) started: Instant,
    pub(crate) took: Duration,
    /// Why it is not what was expected; `None` when it is.
    pub(crate) failure: Option<String>,
}

/// A request to come.
struct Call {
    what: &'static str,
    subject: String,
    expected: u16,
    request: RequestBuilder,
}

/// Sends `rate` requests a second through `address` until `stop` says so. Answers how each ended.
pub(crate) async fn send(app: &TestApp, address: &str, sites: &[Site], rate: u32, stop: Arc<AtomicBool>) -> Vec<Ended> {
    let (begun, gap) = (Instant::now(), Duration::from_secs(1) / rate);
    let (mut running, mut ended, mut nth) = (JoinSet::new(), Vec::new(), 0u64);
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep_until((begun + gap * u32::try_from(nth).unwrap()).into()).await;
        let call = call(app, address, sites, nth);
        nth += 1;
        running.spawn(finish(call));
        while let Some(one) = running.try_join_next() {
            ended.push(one.unwrap());
        }
        assert!(running.len() < MOST_UNANSWERED, "{} requests are unanswered", running.len());
    }
    ended.extend(running.join_all().await);
    ended
}

async fn finish(Call { what, subject, expected, request }: Call) -> Ended {
    let started = Instant::now();
    let failure = match request.send().await {
        Err(error) => Some(format!("{error:?}")),
        Ok(answer) if answer.status() == expected => answer.bytes().await.err().map(|error| format!("{error:?}")),
        Ok(answer) => Some(format!("{} {}", answer.status(), answer.text().await.unwrap_or_default())),
    };
    Ended { what, subject, started, took: started.elapsed(), failure }
}

/// The nth request of the mix.
fn call(app: &TestApp, address: &str, sites: &[Site], nth: u64) -> Call {
    let (round, place) = (nth / ROUND, nth % ROUND);
    let site = &sites[usize::try_from(round).unwrap() % sites.len()];
    // Several requests at once are of one shopper, who is new.
    let shopper = format!("{}", 10_000 + round * ROUND + place / AT_ONCE);
    let sign = |method: Method, path: &str, customer: &str, own: &str| {
        let query = app.query_of(&site.shop, customer, own);
        let request = app.http().request(method, format!("{address}/apps/subtotal{path}?{query}"));
        request.header("X-Forwarded-Host", "shop.example.com")
    };
    let customer = |method: Method, path: &str, customer: &str| {
        let claims = customer_claims(&site.shop, customer, app.clock.unix_seconds());
        let request = app.http().request(method, format!("{address}/customer-account{path}"));
        request.bearer_auth(token(&app.client_secret, &claims))
    };
    let staff = |method: Method, path: &str| {
        let token = token(&app.client_secret, &claims(&site.shop, app.clock.unix_seconds()));
        app.http().request(method, format!("{address}/admin/api{path}")).bearer_auth(token)
    };
    let answered = |what, request| Call { what, subject: String::new(), expected: 200, request };
    match place {
        0 | 1 => answered("GET /configuration", sign(Method::GET, "/configuration", "", "")),
        2 | 3 => answered("GET /visibility", sign(Method::GET, "/visibility", &site.buyer, "")),
        4 | 5 => answered("GET /retailers", sign(Method::GET, "/retailers", &site.buyer, "")),
        6..=8 => Call {
            subject: format!("{} {shopper}", site.shop),
            ..answered("POST /connections", sign(Method::POST, "/connections", &shopper, "").json(&linking("walmart")))
        },
        9 => answered(
            "POST /disconnect-connection",
            sign(Method::POST, "/disconnect-connection", &site.buyer, "").json(&site.disconnection()),
        ),
        10 => Call {
            subject: format!("{} {shopper}", site.shop),
            expected: 302,
            ..answered("GET /link", sign(Method::GET, "/link/zklQOnlG", &shopper, "redirect_url=%2Faccount"))
        },
        11 => answered("GET /customer-account/retailers", customer(Method::GET, "/retailers", &site.buyer)),
        12 => Call {
            subject: format!("{} {shopper}", site.shop),
            ..answered(
                "POST /customer-account/connections",
                customer(Method::POST, "/connections", &shopper).json(&linking("walmart")),
            )
        },
        13 => answered("GET /admin/api/settings", staff(Method::GET, "/settings")),
        14 => answered("GET /admin/api/events", staff(Method::GET, "/events?limit=5")),
        15 => answered("GET /openapi.json", app.http().get(format!("{address}/openapi.json"))),
        16 => {
            let body = json!({ "myshopify_domain": site.shop, "domain": "shop.example.com" });
            answered("POST /webhooks/shopify", Hook::new("shop/update", &body).of(&site.shop).request(app, address))
        }
        17 => answered("GET /healthz", app.http().get(format!("{address}/healthz"))),
        _ => {
            let (subject, sent) = site.event(app, nth);
            Call { subject, ..answered("POST /webhooks/subtotal", sent.request(app, address)) }
        }
    }
}
