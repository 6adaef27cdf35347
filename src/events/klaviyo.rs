//! Klaviyo's API, as far as this service uses it: creating an event, and trying a key
//! (<https://developers.klaviyo.com/en/reference/create_event>).

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::upstream;

/// The version of Klaviyo's API this service speaks
/// (<https://developers.klaviyo.com/en/docs/api_versioning_and_deprecation_policy>: each lives two years).
pub const REVISION: &str = "2026-07-15";
/// Where events are created, below the base URL.
pub const EVENTS_PATH: &str = "api/events";
/// Longest refusal that is read, in bytes.
const MAX_REFUSAL: usize = 16 * 1024;
/// JSON:API.
const MEDIA_TYPE: &str = "application/vnd.api+json";
/// How long to wait when Klaviyo does not say.
const PAUSE: Duration = Duration::from_secs(10);
/// The longest wait that is believed.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// How Klaviyo is reached.
#[derive(Debug, Clone)]
pub struct KlaviyoConfig {
    /// `https://a.klaviyo.com` in production.
    pub base_url: Url,
    /// For setting up a connection.
    pub connect_timeout: Duration,
    /// For one call and its answer.
    pub timeout: Duration,
}

/// Klaviyo's API, shared by all shops.
#[derive(Debug, Clone)]
pub struct KlaviyoApi {
    http: reqwest::Client,
    base_url: Url,
}

/// Why Klaviyo did not take what it was sent. None of these repeats its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KlaviyoError {
    /// 401 or 403: the key is wrong, or lacks the scope `events:write`.
    #[error("Klaviyo rejected the private key")]
    KeyRejected,
    /// 429: everything of this account waits so long.
    #[error("Klaviyo asked to slow down")]
    Throttled(Duration),
    /// Another 4xx: the same event will be refused again.
    #[error("Klaviyo refused the event with status {0}")]
    Refused(u16),
    /// No connection, or a 5xx.
    #[error("Klaviyo is unavailable{}", status(*.0))]
    Unavailable(Option<u16>),
    /// No answer in time; it may have taken the event.
    #[error("Klaviyo did not answer in time")]
    TimedOut,
}

/// What came of creating an event.
#[derive(Debug)]
pub struct Created {
    /// Whether Klaviyo took it.
    pub outcome: Result<(), KlaviyoError>,
    /// The status and the body of its answer, where there was one; of a success, no body.
    pub answer: Option<(u16, Vec<u8>)>,
}

fn status(status: Option<u16>) -> String {
    status.map(|status| format!(": status {status}")).unwrap_or_default()
}

impl KlaviyoApi {
    /// Prepares the client.
    ///
    /// # Errors
    /// When TLS can not be set up, for instance because the machine has no CA certificates.
    pub fn build(config: &KlaviyoConfig) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(config.connect_timeout)
            .timeout(config.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .user_agent(concat!("subtotal-connect/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, base_url: config.base_url.clone() })
    }

    /// Creates an event. Klaviyo ignores one whose `unique_id` it has for the same profile and metric.
    pub async fn create_event(&self, key: &SecretString, event: &serde_json::Value) -> Created {
        upstream::watch("klaviyo", "create_event", self.create(key, event), |created| word(&created.outcome)).await
    }

    async fn create(&self, key: &SecretString, event: &serde_json::Value) -> Created {
        let request = self.http.post(self.url(EVENTS_PATH)).header(CONTENT_TYPE, MEDIA_TYPE);
        let response = match self.ask_raw(key, request.body(event.to_string())).await {
            Ok(response) => response,
            Err(error) => return Created { outcome: Err(error), answer: None },
        };
        let (outcome, status) = (judge(&response), response.status().as_u16());
        // A success is one whatever its body says, so it is not waited for.
        let body = if outcome.is_ok() { Vec::new() } else { beginning(response).await };
        Created { outcome, answer: Some((status, body)) }
    }

    /// Whether Klaviyo knows the key. Whether the key may write events is only known once one is written.
    ///
    /// # Errors
    /// [`KlaviyoError`].
    pub async fn try_key(&self, key: &SecretString) -> Result<(), KlaviyoError> {
        let tried = async {
            let asked = self.ask_raw(key, self.http.get(self.url("api/accounts"))).await?;
            match asked.status().as_u16() {
                // 403: a key that may not read the account, as one made for events alone.
                403 => Ok(()),
                _ => judge(&asked),
            }
        };
        upstream::watch("klaviyo", "try_key", tried, word).await
    }

    async fn ask_raw(
        &self,
        key: &SecretString,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, KlaviyoError> {
        let value = format!("Klaviyo-API-Key {}", key.expose_secret());
        let mut authorization = HeaderValue::from_str(&value).map_err(|_| KlaviyoError::KeyRejected)?;
        authorization.set_sensitive(true);
        let request = request.header(AUTHORIZATION, authorization).header("revision", REVISION);
        request.header(ACCEPT, MEDIA_TYPE).send().await.map_err(|error| match error.is_timeout() {
            true => KlaviyoError::TimedOut,
            false => KlaviyoError::Unavailable(None),
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base_url.as_str().trim_end_matches('/'))
    }
}

impl KlaviyoError {
    /// Stable, for the admin's scripts.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::KeyRejected | Self::Refused(_) => "klaviyo_key_rejected",
            Self::Throttled(_) | Self::Unavailable(_) | Self::TimedOut => "klaviyo_unavailable",
        }
    }
}

/// How a call's end is counted.
fn word(result: &Result<(), KlaviyoError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(KlaviyoError::KeyRejected) => "key_rejected",
        Err(KlaviyoError::Throttled(_)) => "throttled",
        Err(KlaviyoError::Refused(_)) => "refused",
        Err(KlaviyoError::Unavailable(_)) => "unavailable",
        Err(KlaviyoError::TimedOut) => "timed_out",
    }
}

/// What can be read of a body, up to [`MAX_REFUSAL`].
async fn beginning(mut response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_REFUSAL {
            body.truncate(MAX_REFUSAL);
            break;
        }
    }
    body
}

fn judge(response: &reqwest::Response) -> Result<(), KlaviyoError> {
    match response.status().as_u16() {
        200..=299 => Ok(()),
        401 | 403 => Err(KlaviyoError::KeyRejected),
        429 => {
            let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let seconds = header.and_then(|text| text.trim().parse().ok());
            Err(KlaviyoError::Throttled(seconds.map_or(PAUSE, Duration::from_secs).min(LONGEST_PAUSE)))
        }
        408 => Err(KlaviyoError::TimedOut),
        status @ 400..=499 => Err(KlaviyoError::Refused(status)),
        status => Err(KlaviyoError::Unavailable(Some(status))),
    }
}
