//! Asking the Subtotal API. Each call ends within its deadline, reads are tried once more, writes never blindly.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};
use url::Url;

use super::gate::Gate;
use super::wire::{
    Connection, ConnectionList, ConnectionToken, ContactUpdate, CreatedConnection, NewConnection, Retailer,
    RetailerList,
};
use super::{Deadline, SubtotalError};

/// Longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// Longest a client is told to stay away, in seconds.
const MAX_RETRY_AFTER_SECONDS: u64 = 60;

/// How the Subtotal API is reached.
#[derive(Debug, Clone)]
pub struct SubtotalConfig {
    /// Base URL, `https://api.subtotal.com` in production.
    pub base_url: Url,
    /// For setting up a connection.
    pub connect_timeout: Duration,
    /// For one attempt, from the first byte sent to the last one read.
    pub attempt_timeout: Duration,
    /// For a whole storefront request, whatever it asks of others.
    pub storefront_deadline: Duration,
    /// How long a list of retailers is fresh.
    pub retailers_fresh: Duration,
}

/// The Subtotal API, shared by all shops.
#[derive(Debug, Clone)]
pub struct SubtotalApi {
    http: reqwest::Client,
    base_url: Url,
    attempt_timeout: Duration,
}

/// The Subtotal API as one shop may use it in one request.
#[derive(Debug, Clone)]
pub struct ShopApi {
    api: SubtotalApi,
    gate: Arc<Gate>,
    api_key: HeaderValue,
    deadline: Deadline,
}

/// What a connection token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenScope {
    /// Opening Subtotal Link.
    Link,
    /// Reading and changing the connection.
    Access,
}

/// A creation that did not give a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreationFailure {
    /// Why.
    pub error: SubtotalError,
    /// True when Subtotal may still be working on it: nothing may be created before it is asked again.
    pub in_doubt: bool,
}

/// What came back from one attempt.
enum Attempt {
    Answered(Response),
    /// Nothing reached Subtotal.
    NotConnected,
    /// The connection broke before an answer came.
    Broken,
}

impl SubtotalApi {
    /// Prepares the client.
    ///
    /// # Errors
    /// When TLS can not be set up, for instance because the machine has no CA certificates.
    pub fn build(config: &SubtotalConfig) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(config.connect_timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .user_agent(concat!("subtotal-connect/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, base_url: config.base_url.clone(), attempt_timeout: config.attempt_timeout })
    }

    /// The API with one shop's key, behind that shop's gate, until `deadline`.
    ///
    /// # Errors
    /// [`SubtotalError::KeyRejected`] when the key can not even be put into a header.
    pub fn for_shop(
        &self,
        api_key: &SecretString,
        gate: Arc<Gate>,
        deadline: Deadline,
    ) -> Result<ShopApi, SubtotalError> {
        let mut header = HeaderValue::from_str(api_key.expose_secret()).map_err(|_| SubtotalError::KeyRejected)?;
        header.set_sensitive(true);
        Ok(ShopApi { api: self.clone(), gate, api_key: header, deadline })
    }
}

impl ShopApi {
    /// The deadline every call of this value ends by.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// The same shop's API with another deadline.
    #[must_use]
    pub fn until(&self, deadline: Deadline) -> Self {
        Self { deadline, ..self.clone() }
    }

    /// `GET /retailers`
    ///
    /// # Errors
    /// [`SubtotalError`].
    pub async fn retailers(&self) -> Result<Vec<Retailer>, SubtotalError> {
        let answer: RetailerList = self.read("list_retailers", &[], "retailers").await?;
        Ok(answer.retailers)
    }

    /// `GET /connections?customer_id=`
    ///
    /// # Errors
    /// [`SubtotalError`].
    pub async fn connections(&self, customer_id: &str) -> Result<Vec<Connection>, SubtotalError> {
        let query = [("customer_id", customer_id)];
        let answer: ConnectionList = self.read("list_connections", &query, "connections").await?;
        // Subtotal filters; a connection of anybody else's is never used, whatever it answers.
        Ok(answer.connections.into_iter().filter(|connection| connection.customer_id == customer_id).collect())
    }

    /// `POST /connections`, once.
    ///
    /// # Errors
    /// [`CreationFailure`], which says whether Subtotal may have created it all the same.
    pub async fn create_connection(&self, new: &NewConnection) -> Result<String, CreationFailure> {
        let certain = |error| CreationFailure { error, in_doubt: false };
        let pass = self.gate.enter(self.deadline).await.map_err(certain)?;
        let request = self.request(Method::POST, &["connections"]).json(new);
        let in_doubt = |error| CreationFailure { error, in_doubt: true };
        let answer = self.timed(async {
            match attempt(request).await {
                Attempt::Answered(response) if response.status().is_success() => {
                    parse::<CreatedConnection>(response).await.map_err(certain)
                }
                other if may_still_work(&other) => Err(in_doubt(failure(&other, None))),
                other => Err(certain(failure(&other, None))),
            }
        });
        let result = if self.deadline.remaining().is_zero() {
            Err(certain(SubtotalError::TimedOut))
        } else {
            answer.await.unwrap_or(Err(in_doubt(SubtotalError::TimedOut)))
        };
        self.observe("create_connection", &pass, result.as_ref().err().map(|failure| failure.error));
        result.map(|created| created.connection_id)
    }

    /// `POST /connections/{id}/token`, once.
    ///
    /// # Errors
    /// [`SubtotalError`]; [`SubtotalError::ConnectionNotFound`] for a 404.
    pub async fn connection_token(&self, id: &str, scope: TokenScope) -> Result<SecretString, SubtotalError> {
        #[derive(Serialize)]
        struct Body {
            scope: TokenScope,
        }
        let pass = self.gate.enter(self.deadline).await?;
        let request = self.request(Method::POST, &["connections", id, "token"]).json(&Body { scope });
        let answer = self.timed(async {
            match attempt(request).await {
                Attempt::Answered(response) if response.status().is_success() => {
                    parse::<ConnectionToken>(response).await
                }
                other => Err(failure(&other, Some(SubtotalError::ConnectionNotFound))),
            }
        });
        let result = answer.await.unwrap_or(Err(SubtotalError::TimedOut));
        self.observe("create_token", &pass, result.as_ref().err().copied());
        result.map(|token| token.connection_token)
    }

    /// `PATCH /connections/{id}` to `disconnected`, once, with the key and the connection's own token. Judged by its
    /// status alone.
    ///
    /// # Errors
    /// [`SubtotalError`]; [`SubtotalError::ConnectionNotFound`] for a 404.
    pub async fn disconnect(&self, id: &str, token: &SecretString) -> Result<(), SubtotalError> {
        #[derive(Serialize)]
        struct Body {
            status: &'static str,
        }
        self.patch(id, token, &Body { status: "disconnected" }).await
    }

    /// `PATCH /connections/{id}` with how the shopper can be reached now, once, as [`ShopApi::disconnect`].
    ///
    /// # Errors
    /// [`SubtotalError`]; [`SubtotalError::ConnectionNotFound`] for a 404.
    pub async fn update_contact(
        &self,
        id: &str,
        token: &SecretString,
        contact: &ContactUpdate,
    ) -> Result<(), SubtotalError> {
        self.patch(id, token, contact).await
    }

    async fn patch(&self, id: &str, token: &SecretString, body: &impl Serialize) -> Result<(), SubtotalError> {
        let pass = self.gate.enter(self.deadline).await?;
        let request = self.request(Method::PATCH, &["connections", id]).bearer_auth(token.expose_secret()).json(body);
        let answer = self.timed(async {
            match attempt(request).await {
                Attempt::Answered(response) if response.status().is_success() => Ok(()),
                other => Err(failure(&other, Some(SubtotalError::ConnectionNotFound))),
            }
        });
        let result = answer.await.unwrap_or(Err(SubtotalError::TimedOut));
        self.observe("update_connection", &pass, result.err());
        result
    }

    /// A read: tried once more when it did not connect or was answered 502, 503 or 504.
    async fn read<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        query: &[(&str, &str)],
        path: &str,
    ) -> Result<T, SubtotalError> {
        let pass = self.gate.enter(self.deadline).await?;
        let mut result = Err(SubtotalError::TimedOut);
        for may_repeat in [true, false] {
            let request = self.request(Method::GET, &[path]).query(query);
            let answer = self.timed(async {
                match attempt(request).await {
                    Attempt::Answered(response) if response.status().is_success() => (parse(response).await, None),
                    other => (Err(failure(&other, None)), may_repeat.then(|| repeat_after(&other)).flatten()),
                }
            });
            let (outcome, repeat_after) = answer.await.unwrap_or((Err(SubtotalError::TimedOut), None));
            result = outcome;
            match repeat_after.filter(|pause| *pause < self.deadline.remaining()) {
                Some(pause) => sleep(pause).await,
                None => break,
            }
        }
        self.observe(operation, &pass, result.as_ref().err().copied());
        result
    }

    /// A request to the path made of `segments`; an opaque id as a segment can not leave its place.
    fn request(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        let mut url = self.api.base_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        self.api.http.request(method, url).header("x-api-key", self.api_key.clone())
    }

    /// Runs one attempt within its own limit and the deadline; `None` when the time ran out.
    async fn timed<T>(&self, attempt: impl Future<Output = T>) -> Option<T> {
        let limit = self.api.attempt_timeout.min(self.deadline.remaining());
        // `timeout` would start the attempt even when no time is left.
        if limit.is_zero() { None } else { timeout(limit, attempt).await.ok() }
    }

    fn observe(&self, operation: &'static str, pass: &super::gate::Pass<'_>, error: Option<SubtotalError>) {
        let outcome = error.map_or("ok", SubtotalError::code);
        metrics::counter!("subtotal_calls_total", "operation" => operation, "outcome" => outcome).increment(1);
        pass.record(matches!(error, Some(SubtotalError::TimedOut | SubtotalError::Unavailable(_))));
    }
}

async fn attempt(request: RequestBuilder) -> Attempt {
    match request.send().await {
        Ok(response) => Attempt::Answered(response),
        Err(error) if error.is_connect() => Attempt::NotConnected,
        Err(_) => Attempt::Broken,
    }
}

/// What an attempt without a 2xx answer means; `not_found` where a 404 has a meaning of its own.
fn failure(attempt: &Attempt, not_found: Option<SubtotalError>) -> SubtotalError {
    let response = match attempt {
        Attempt::Answered(response) => response,
        Attempt::NotConnected => return SubtotalError::Unavailable("no connection"),
        Attempt::Broken => return SubtotalError::Unavailable("connection broken"),
    };
    match response.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SubtotalError::KeyRejected,
        StatusCode::TOO_MANY_REQUESTS => {
            let wait = retry_after(response.headers()).unwrap_or(1);
            SubtotalError::Busy { retry_after_seconds: wait.clamp(1, MAX_RETRY_AFTER_SECONDS) }
        }
        StatusCode::NOT_FOUND if not_found.is_some() => not_found.unwrap_or(SubtotalError::Rejected(404)),
        status if status.is_client_error() => SubtotalError::Rejected(status.as_u16()),
        status if status.is_server_error() => SubtotalError::Unavailable("server error"),
        _ => SubtotalError::Unavailable("unexpected status"),
    }
}

/// Whether Subtotal may still be at work on a call that gave no good answer: the connection broke before one came, or
/// a gateway answered in its place.
fn may_still_work(attempt: &Attempt) -> bool {
    match attempt {
        Attempt::Broken => true,
        Attempt::Answered(response) => matches!(response.status().as_u16(), 502 | 504),
        Attempt::NotConnected => false,
    }
}

/// How long to wait before a read is tried again, or `None` when it must not be.
fn repeat_after(attempt: &Attempt) -> Option<Duration> {
    let jitter = Duration::from_millis(rand::rng().random_range(20..100));
    match attempt {
        Attempt::NotConnected => Some(jitter),
        Attempt::Answered(response) if matches!(response.status().as_u16(), 502..=504) => {
            Some(Duration::from_secs(retry_after(response.headers()).unwrap_or(0)) + jitter)
        }
        _ => None,
    }
}

/// `Retry-After` in whole seconds; its date form is not used by APIs like this one and is taken as absent.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Reads at most [`MAX_ANSWER_BYTES`] and parses them.
async fn parse<T: DeserializeOwned>(mut response: Response) -> Result<T, SubtotalError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER_BYTES => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(SubtotalError::Unavailable("answer too large")),
            Ok(None) => break,
            Err(_) => return Err(SubtotalError::Unavailable("answer cut short")),
        }
    }
    serde_json::from_slice(&body).map_err(|_| SubtotalError::Unavailable("answer does not parse"))
}
