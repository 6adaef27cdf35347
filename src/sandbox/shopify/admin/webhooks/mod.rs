//! Webhook delivery as Shopify does it: signed raw bodies, headers of two families, retries of the same delivery
//! ("About webhooks", <https://shopify.dev/docs/apps/build/webhooks>), and a log of every attempt.

mod log;
mod payloads;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::AdminConfig;
use crate::clock::Clock;
use crate::sandbox::shopify::id_token::digest;
use crate::shopify::ClientSecrets;

pub use log::Attempt;
pub(super) use log::Log;
pub(super) use payloads::body;

/// Shopify gives up on a connection after one second and on an answer after five.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(5);
/// Attempts after the first.
const RETRIES: u32 = 8;
/// The longest gap between two attempts.
const LONGEST_GAP: Duration = Duration::from_secs(60);
const API_VERSION: &str = "2026-10";
/// The name of the subscription, as an app's configuration may give it.
const SUBSCRIPTION: &str = "subtotal-connect";
const OTHER_SHOP: &str = "somebody-else.myshopify.com";

/// One delivery to make. What is left out is as Shopify does it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delivery {
    /// One of [`super::TOPICS`].
    pub topic: String,
    /// Whom a customer topic is about.
    pub customer_id: Option<String>,
    /// Which headers it has.
    pub headers: HeaderFamily,
    /// Whether it is sent twice at once, under one delivery id.
    pub duplicate: bool,
    /// Whether its signature is one of another body.
    pub wrong_hmac: bool,
    /// Whether its headers, which are not signed, name another shop than its body.
    pub other_shop: bool,
    /// How many hours ago it was triggered.
    pub hours_ago: u32,
}

/// The names of a delivery's headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderFamily {
    /// `X-Shopify-Topic` and so on.
    #[default]
    Classic,
    /// `shopify-topic` and so on.
    Newer,
    /// Every header in both.
    Both,
}

/// Delivers webhooks and remembers how that went. Clones share the log.
#[derive(Debug, Clone)]
pub(super) struct Webhooks {
    client: reqwest::Client,
    url: Url,
    shop: String,
    secrets: ClientSecrets,
    clock: Clock,
    retry_base: Duration,
    log: Arc<Mutex<Log>>,
}

/// What every attempt of a delivery sends.
#[derive(Debug, Clone)]
struct Parcel {
    topic: String,
    webhook_id: String,
    headers: Vec<(String, String)>,
    body: String,
    remark: String,
}

impl Webhooks {
    pub(super) fn new(config: &AdminConfig, secrets: ClientSecrets) -> io::Result<Self> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent("Shopify-Captain-Hook")
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            client,
            url: config.webhook_url.clone(),
            shop: config.app.shop.to_string(),
            secrets,
            clock: config.app.clock.clone(),
            retry_base: config.retry_base,
            log: Arc::default(),
        })
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends `body` as `delivery` says, and again until it is taken or the retries are over.
    pub(super) fn send(&self, delivery: &Delivery, body: String) {
        let parcel = self.parcel(delivery, body);
        for _ in 0..if delivery.duplicate { 2 } else { 1 } {
            let (webhooks, parcel) = (self.clone(), parcel.clone());
            actix_web::rt::spawn(async move { webhooks.deliver(&parcel).await });
        }
    }

    fn parcel(&self, delivery: &Delivery, body: String) -> Parcel {
        let id = || {
            let id = hex::encode(rand::random::<[u8; 16]>());
            format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..])
        };
        let webhook_id = id();
        let signed = if delivery.wrong_hmac { format!("{body} ") } else { body.clone() };
        let triggered = self.clock.unix_ms() - i64::from(delivery.hours_ago) * 3_600_000;
        let triggered = OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(triggered);
        let values = [
            ("Hmac-Sha256", STANDARD.encode(digest(signed.as_bytes(), &self.secrets))),
            ("Topic", delivery.topic.clone()),
            ("Shop-Domain", if delivery.other_shop { OTHER_SHOP.to_owned() } else { self.shop.clone() }),
            ("API-Version", API_VERSION.to_owned()),
            ("Webhook-Id", webhook_id.clone()),
            ("Event-Id", id()),
            ("Triggered-At", triggered.format(&Rfc3339).expect("a time of this century has an RFC 3339 form")),
        ];
        let mut headers = Vec::new();
        if delivery.headers != HeaderFamily::Newer {
            headers.extend(values.iter().map(|(name, value)| (format!("X-Shopify-{name}"), value.clone())));
            headers.push(("X-Shopify-Name".to_owned(), SUBSCRIPTION.to_owned()));
        }
        if delivery.headers != HeaderFamily::Classic {
            headers
                .extend(values.iter().map(|(name, value)| (format!("shopify-{}", name.to_lowercase()), value.clone())));
            headers.push(("shopify-handle".to_owned(), SUBSCRIPTION.to_owned()));
            let action = delivery.topic.rsplit('/').next().unwrap_or_default();
            headers.push(("shopify-action".to_owned(), action.to_owned()));
            headers.extend(delivery.customer_id.clone().map(|id| ("shopify-resource-id".to_owned(), id)));
        }
        Parcel { topic: delivery.topic.clone(), webhook_id, headers, body, remark: delivery.remark() }
    }

    async fn deliver(&self, parcel: &Parcel) {
        let round = self.log().round();
        for attempt in 1..=RETRIES + 1 {
            let number = self.log().begin(
                self.clock.unix_ms(),
                parcel.topic.clone(),
                parcel.webhook_id.clone(),
                attempt,
                parcel.remark.clone(),
            );
            let started = Instant::now();
            let status = self.attempt(parcel).await;
            let taken = status.is_some_and(|status| (200..300).contains(&status));
            let gap = self.retry_base.saturating_mul(1 << (attempt - 1)).min(LONGEST_GAP);
            let again = !taken && attempt <= RETRIES;
            let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.log().end(number, status, milliseconds, again.then_some(gap));
            if !again {
                return;
            }
            tokio::time::sleep(gap).await;
            if self.log().round() != round {
                return;
            }
        }
    }

    /// The answer's status; `None` when there was none in time.
    async fn attempt(&self, parcel: &Parcel) -> Option<u16> {
        let mut request = self.client.post(self.url.clone()).header("Content-Type", "application/json");
        for (name, value) in &parcel.headers {
            request = request.header(name, value);
        }
        request.body(parcel.body.clone()).send().await.ok().map(|answer| answer.status().as_u16())
    }
}

impl Delivery {
    /// A delivery of `topic` as Shopify makes it.
    #[must_use]
    pub fn of(topic: &str) -> Self {
        Self { topic: topic.to_owned(), ..Self::default() }
    }

    /// What is not as usual, for the log.
    fn remark(&self) -> String {
        let mut remarks = Vec::new();
        match self.headers {
            HeaderFamily::Classic => {}
            HeaderFamily::Newer => remarks.push("newer headers".to_owned()),
            HeaderFamily::Both => remarks.push("both header families".to_owned()),
        }
        for (is_so, remark) in
            [(self.duplicate, "sent twice"), (self.wrong_hmac, "wrong HMAC"), (self.other_shop, "another shop")]
        {
            if is_so {
                remarks.push(remark.to_owned());
            }
        }
        if self.hours_ago > 0 {
            remarks.push(format!("triggered {} h ago", self.hours_ago));
        }
        remarks.join(", ")
    }
}
