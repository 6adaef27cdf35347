//! A running demo, and browsers that keep their own cookie.

use std::time::{Duration, Instant};

use reqwest::RequestBuilder;
use reqwest::header::COOKIE;
use serde_json::{Map, Value};

use crate::support::app::Answer;
use crate::support::command::{CommandLine, Running, client};

pub(super) const MAYA: &str = "7100000000001";
pub(super) const JONAS: &str = "7100000000002";
pub(super) const DANA: &str = "7100000000003";
pub(super) const SOL: &str = "7100000000004";
pub(super) const THEO: &str = "7100000000005";

/// A demo on ports of its own.
pub(super) struct Demo {
    places: Value,
    http: reqwest::Client,
    _process: Running,
    _line: CommandLine,
}

/// A browser; its cookie says who is signed in.
#[derive(Clone)]
pub(super) struct Browser<'a> {
    demo: &'a Demo,
    pub(super) cookie: String,
}

impl Demo {
    /// A command line whose temporary files are in its working directory.
    pub(super) fn command_line() -> CommandLine {
        let mut line = CommandLine::new([("RUST_LOG", "info")]);
        let folder = line.folder().to_str().unwrap().to_owned();
        line.set("TMPDIR", Some(&folder));
        line
    }

    pub(super) fn start() -> Self {
        let line = Self::command_line();
        let process = line.start(&["demo", "--port", "0", "--json"]);
        let places = process.line(|line| serde_json::from_str(line).ok());
        Self { places, http: client(), _process: process, _line: line }
    }

    /// A command line with the settings the demo runs with.
    pub(super) fn its_command_line(&self) -> CommandLine {
        CommandLine::new([
            ("DATABASE_URL", self.places["database_url"].as_str().unwrap()),
            ("ENCRYPTION_KEYS", "demo:ZGVtby1rZXktdGhhdC1wcm90ZWN0cy1ub3RoaW5nISE="),
        ])
    }

    /// Where its database is.
    pub(super) fn database_url(&self) -> &str {
        self.places["database_url"].as_str().unwrap()
    }

    /// A URL of the storefront.
    pub(super) fn shop(&self, path: &str) -> String {
        format!("{}{path}", self.places["storefront"].as_str().unwrap().trim_end_matches('/'))
    }

    /// A URL of the Link pages and the levers.
    pub(super) fn link(&self, path: &str) -> String {
        format!("{}{path}", self.places["subtotal_link"].as_str().unwrap())
    }

    /// Where the levers are.
    pub(super) fn levers(&self) -> &str {
        self.places["levers"].as_str().unwrap()
    }

    /// A URL of the demo's Klaviyo.
    pub(super) fn klaviyo(&self, path: &str) -> String {
        format!("{}{path}", self.places["klaviyo"].as_str().unwrap())
    }

    /// A URL of the demo's Shopify admin.
    pub(super) fn admin(&self, path: &str) -> String {
        format!("{}{path}", self.places["admin"].as_str().unwrap())
    }

    /// A browser somebody is signed in on, or nobody.
    pub(super) fn browser(&self, shopper: &str) -> Browser<'_> {
        let cookie = if shopper.is_empty() { String::new() } else { format!("sandbox_shopper={shopper}") };
        Browser { demo: self, cookie }
    }

    /// How Subtotal is, as the levers page knows it.
    pub(super) async fn state(&self) -> Value {
        self.browser("").get(&self.link("/levers/api/state")).await.json()
    }

    /// Pulls a lever, which must work.
    pub(super) async fn pull(&self, lever: Value) -> Value {
        let answer = self.browser("").send(self.http.post(self.link("/levers/api")).json(&lever)).await;
        assert_eq!(answer.status, 200, "{lever}: {answer:?}");
        answer.json()
    }

    /// Sets how Shopify's Admin API behaves.
    pub(super) async fn set_admin_api(&self, mode: &str) {
        let lever = self.http.put(self.shop("/sandbox/admin-api")).json(&serde_json::json!({ "mode": mode }));
        let answer = self.browser("").send(lever).await;
        assert_eq!((answer.status, answer.json()["mode"].as_str()), (200, Some(mode)));
    }
}

impl Browser<'_> {
    pub(super) async fn send(&self, request: RequestBuilder) -> Answer {
        let request = if self.cookie.is_empty() { request } else { request.header(COOKIE, &self.cookie) };
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }

    pub(super) async fn get(&self, url: &str) -> Answer {
        self.send(self.demo.http.get(url)).await
    }

    /// The storefront API.
    pub(super) async fn api(&self, path: &str) -> Answer {
        self.get(&self.demo.shop(&format!("/apps/subtotal{path}"))).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        let url = self.demo.shop(&format!("/apps/subtotal{path}"));
        self.send(self.demo.http.post(url).json(&body)).await
    }

    /// Sends a page's form.
    pub(super) async fn submit(&self, url: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.demo.http.post(url).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(body)).await
    }

    /// Every retailer's status; null where there is no connection.
    pub(super) async fn statuses(&self) -> Value {
        let listed = self.api("/retailers").await.json();
        let retailers = listed["retailers"].as_array().unwrap().iter();
        let of = |retailer: &Value| {
            (retailer["retailer_id"].as_str().unwrap().to_owned(), retailer["connection"]["status"].clone())
        };
        Value::Object(retailers.map(of).collect::<Map<_, _>>())
    }

    /// One retailer as it is listed now.
    pub(super) async fn retailer(&self, id: &str) -> Value {
        let listed = self.api("/retailers").await.json();
        let found = listed["retailers"].as_array().unwrap().iter().find(|retailer| retailer["retailer_id"] == id);
        found.unwrap().clone()
    }
}

/// The values of an attribute in a page, decoded.
pub(super) fn attributes(html: &str, start: &'static str) -> impl Iterator<Item = String> {
    let values: Vec<_> = html
        .split(start)
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&"))
        .collect();
    values.into_iter()
}

/// Asks again and again, with a bound, until the answer is yes.
pub(super) async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let started = Instant::now();
    while !ask().await {
        assert!(started.elapsed() < Duration::from_secs(20), "it did not come about that {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
