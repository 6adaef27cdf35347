//! The application, running on a free port over a database of its own, between fakes of Subtotal and Shopify. Every
//! answer, and on the way out everything logged, is searched for what must never be in it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::dev::ServerHandle;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use subtotal_connect::app::Application;
use subtotal_connect::clock::Clock;
use subtotal_connect::config::{Config, Settings};
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::{Actor, ListChange, SecretKind, ShopChanges, Store};
use subtotal_connect::visibility::{Entry, Scope};

use super::captured_log;
use super::database::TestDatabase;
use super::door::Door;
use super::fake_admin::FakeAdmin;
use super::fake_klaviyo::FakeKlaviyo;
use super::fake_subtotal::FakeSubtotal;
use super::signer;

pub(crate) const SHOP: &str = "demo.myshopify.com";
pub(crate) const ALICE: &str = "7001";
pub(crate) const BOB: &str = "7002";
pub(crate) const NOBODY: &str = "";
pub(crate) const ENCRYPTION_KEYS: &str = "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

static SERIAL: AtomicU64 = AtomicU64::new(1);

/// The running application and its world.
pub(crate) struct TestApp {
    pub(crate) address: String,
    pub(crate) subtotal: FakeSubtotal,
    pub(crate) admin: FakeAdmin,
    pub(crate) klaviyo: FakeKlaviyo,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) database: TestDatabase,
    /// The settings the application runs with; a second process on the same world takes the same.
    pub(crate) settings: HashMap<String, String>,
    /// The API key of [`SHOP`].
    pub(crate) api_key: String,
    pub(crate) client_secret: String,
    /// Which way the calls of shoppers take.
    pub(crate) door: Door,
    http: reqwest::Client,
    handle: ServerHandle,
    log_start: usize,
    never_seen: Mutex<Vec<String>>,
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The problem's code, after checking that it is a whole problem body.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], self.status, "{body}");
        assert_eq!(body["request_id"], self.header("x-request-id"), "{body}");
        for member in ["type", "title", "detail"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {body}");
        }
        body["code"].as_str().unwrap().to_owned()
    }

    /// The fields a 400 names.
    pub(crate) fn fields(&self) -> Vec<String> {
        assert_eq!((self.status, self.code().as_str()), (400, "invalid_request"), "{self:?}");
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The body less its request id, to compare two answers with.
    pub(crate) fn without_request_id(&self) -> String {
        self.body.replace(self.header("x-request-id"), "…")
    }
}

impl TestApp {
    /// The application with [`SHOP`] installed and configured, on the machine's clock.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[], Clock::system()).await
    }

    /// With further settings, and on this clock.
    pub(crate) async fn start_with(more: &[(&str, &str)], clock: Clock) -> Self {
        Self::start_on(TestDatabase::create().await, more, clock).await
    }

    /// The same on this database, which is empty.
    pub(crate) async fn start_on(database: TestDatabase, more: &[(&str, &str)], clock: Clock) -> Self {
        let log_start = captured_log::start();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (subtotal, admin) = (FakeSubtotal::start().await, FakeAdmin::start().await);
        let klaviyo = FakeKlaviyo::start().await;
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let client_secret = format!("client-secret-{serial:08}-of-the-app");
        let mut settings: HashMap<String, String> = [
            ("SHOPIFY_API_KEY", "client-id"),
            ("SHOPIFY_API_SECRET", &client_secret),
            ("SHOPIFY_APP_URL", "https://app.example.com"),
            ("SHOPIFY_ADMIN_URL", &admin.url_template()),
            ("SUBTOTAL_API_URL", &subtotal.url),
            ("KLAVIYO_API_URL", &klaviyo.url),
            ("DELIVERY_RETRY_BASE_MS", "20"),
            ("DATABASE_URL", &database.url),
            ("ENCRYPTION_KEYS", ENCRYPTION_KEYS),
            ("SHOP_CACHE_SECONDS", "0"),
            // A debug build among other tests is late all the time.
            ("MAX_EVENT_LOOP_LAG_MS", "60000"),
            ("PORT", "0"),
        ]
        .into_iter()
        .chain(more.iter().copied())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let config = Config::read(&|name| settings.get(name).cloned()).unwrap();
        let application = Application::build(&config, clock.clone(), None).await.unwrap();
        settings.remove("PORT");
        let address = format!("http://127.0.0.1:{}", application.port());
        let (handle, mut hears) = (application.handle(), application.hears());
        tokio::spawn(application.run());
        let store = open_store(&settings).await;
        if database.url.starts_with("postgres") {
            // It forgets what it holds when it begins to listen, which is not to come in the middle of a test.
            let _ = tokio::time::timeout(Duration::from_secs(10), hears.wait_for(|hears| *hears)).await;
        }
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        let mut app = Self {
            address,
            subtotal,
            admin,
            klaviyo,
            store,
            clock,
            database,
            settings,
            api_key: String::new(),
            client_secret: client_secret.clone(),
            door: Door::Proxy,
            http,
            handle,
            log_start,
            never_seen: Mutex::new(vec![client_secret]),
        };
        app.api_key = app.install(SHOP).await;
        app
    }

    /// Installs a shop with an API key of its own, which is answered, and an Admin API token.
    pub(crate) async fn install(&self, shop: &str) -> String {
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let api_key = format!("subtotal-api-key-{serial:08}-of-a-shop");
        let admin_token = format!("shpat_{serial:08}_of_a_shop");
        self.subtotal.add_key(&api_key);
        self.store_secret(shop, SecretKind::SubtotalApiKey, &api_key).await;
        self.store_secret(shop, SecretKind::ShopifyAdminToken, &admin_token).await;
        api_key
    }

    pub(crate) async fn store_secret(&self, shop: &str, kind: SecretKind, secret: &str) {
        self.never_show(secret);
        self.change(shop, ShopChanges { secret: Some((kind, secret.into())), ..ShopChanges::default() }).await;
    }

    pub(crate) async fn change(&self, shop: &str, changes: ShopChanges) {
        let shop = ShopDomain::parse(shop).unwrap();
        self.store.save_shop(&shop, changes, Actor::CommandLine, self.clock.unix_ms()).await.unwrap();
    }

    /// Turns one of [`SHOP`]'s lists on or off and replaces its entries; `None` is the global list.
    pub(crate) async fn set_list(&self, retailer: Option<&str>, on: bool, entries: &[&str]) {
        self.set_list_of(SHOP, retailer, on, entries).await;
    }

    pub(crate) async fn set_list_of(&self, shop: &str, retailer: Option<&str>, on: bool, entries: &[&str]) {
        let shop_id = self.store.shop_id(&ShopDomain::parse(shop).unwrap()).await.unwrap().unwrap();
        let scope = retailer.map_or(Scope::Global, |id| Scope::Retailer(id.to_owned()));
        let entries = entries.iter().map(|entry| Entry::parse(entry).unwrap()).collect();
        let change = ListChange { is_on: on, entries: Some(entries), expected_version: None };
        self.store.set_list(shop_id, &scope, change, Actor::CommandLine, self.clock.unix_ms()).await.unwrap();
    }

    /// Gives a customer an e-mail address and phone number at Shopify.
    pub(crate) fn set_contact(&self, customer: &str, email: Option<&str>, phone: Option<&str>) {
        email.into_iter().chain(phone).for_each(|secret| self.never_show(secret));
        self.admin.set_contact(customer, email, phone);
    }

    /// From now on this text may be in no answer and no line of the log.
    pub(crate) fn never_show(&self, secret: &str) {
        self.never_seen.lock().unwrap().push(secret.to_owned());
    }

    /// A query as Shopify signs it now, for [`SHOP`]; `own` is the page's part.
    pub(crate) fn query(&self, customer: &str, own: &str) -> String {
        self.query_of(SHOP, customer, own)
    }

    pub(crate) fn query_of(&self, shop: &str, customer: &str, own: &str) -> String {
        let now = self.clock.unix_seconds();
        let prefix = if own.is_empty() { String::new() } else { format!("{own}&") };
        let query = format!(
            "{prefix}shop={shop}&logged_in_customer_id={customer}&path_prefix=%2Fapps%2Fsubtotal&timestamp={now}"
        );
        signer::signed(&self.client_secret, &query)
    }

    /// A proven GET of a door's `{path}`, which may have a query of its own.
    pub(crate) async fn get(&self, path: &str, customer: &str) -> Answer {
        self.call(Method::GET, SHOP, path, customer, |request| request).await
    }

    /// A proven POST of JSON.
    pub(crate) async fn post(&self, path: &str, customer: &str, body: &Value) -> Answer {
        self.call(Method::POST, SHOP, path, customer, |request| request.json(body)).await
    }

    /// A proven call for any shop, finished by `finish`.
    pub(crate) async fn call(
        &self,
        method: Method,
        shop: &str,
        path: &str,
        customer: &str,
        finish: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        if self.door == Door::CustomerAccount {
            return self.customer_call(method, shop, path, customer, finish).await;
        }
        let (path, own) = path.split_once('?').unwrap_or((path, ""));
        let query = self.query_of(shop, customer, own);
        let request = self.http.request(method, format!("{}/apps/subtotal{path}?{query}", self.address));
        let request = request.header("X-Forwarded-Host", "shop.example.com");
        self.send(finish(request), &query).await
    }

    /// A call with exactly this query, signed or not.
    pub(crate) async fn raw(&self, method: Method, path: &str, query: &str) -> Answer {
        let request = self.http.request(method, format!("{}{path}?{query}", self.address));
        self.send(request, query).await
    }

    /// A call outside the storefront, such as `/healthz`.
    pub(crate) async fn plain(&self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.address)), "").await
    }

    /// Sends a request to any process on this world, and searches its answer.
    pub(crate) async fn send(&self, request: RequestBuilder, query: &str) -> Answer {
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if key == "signature" && !value.is_empty() {
                self.never_show(&value);
            }
        }
        if !query.is_empty() {
            self.never_show(query);
        }
        self.read(request.send().await.unwrap()).await
    }

    /// Reads an answer to its end, and searches it.
    pub(crate) async fn read(&self, response: reqwest::Response) -> Answer {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = Answer { status, headers, body: response.text().await.unwrap() };
        self.search_answer(&answer);
        answer
    }

    /// A client for what the other methods do not do.
    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Stops the application and waits for it.
    pub(crate) async fn stop(&self) {
        self.handle.stop(true).await;
    }

    fn search_answer(&self, answer: &Answer) {
        let whole = format!("{:?}\n{}", answer.headers, answer.body);
        let tokens = self.subtotal.tokens();
        let shown = self.never_seen.lock().unwrap().iter().find(|secret| whole.contains(secret.as_str())).cloned();
        assert_eq!(shown, None, "an answer shows a secret: {answer:?}");
        let token = tokens.iter().find(|token| whole.contains(token.as_str()));
        let in_link =
            answer.body.contains("connection_token=") || answer.header("location").contains("connection_token=");
        assert!(token.is_none() || in_link, "an answer shows a token: {answer:?}");
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // The order to stop is sent at once; nobody waits for it.
        drop(self.handle.stop(false));
        if std::thread::panicking() {
            return;
        }
        let log = captured_log::since(self.log_start);
        let tokens = self.subtotal.tokens();
        let secrets = self.never_seen.lock().unwrap();
        for secret in secrets.iter().chain(&tokens) {
            assert!(!log.contains(secret.as_str()), "the log shows a secret: {secret}");
        }
    }
}

/// The store of these settings, beside the application's own.
pub(crate) async fn open_store(settings: &HashMap<String, String>) -> Store {
    let lookup = |name: &str| settings.get(name).cloned();
    let mut reader = Settings::new(&lookup);
    let database = reader.database(true);
    reader.finish().unwrap();
    Store::open(&database.url, database.keyring).await.unwrap()
}

/// Unix time in seconds on the machine's clock.
#[expect(clippy::disallowed_methods, reason = "tests sign with the machine's own time")]
pub(crate) fn unix_now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}
