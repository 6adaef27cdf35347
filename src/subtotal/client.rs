//! Asking the Subtotal API. Each call ends within its deadline, reads are tried once more, writes never blindly.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};
use url::Url;

use super::attempt::{Attempt, attempt, failure, may_still_work, parse, repeat_after};
use super::gate::{Gate, Pass};
use super::wire::{
    Connection, ConnectionList, ConnectionToken, ContactUpdate, CreatedConnection, NewConnection, Retailer,
    RetailerList,
};
use super::{Deadline, SubtotalError};
use crate::upstream;

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
        let ended = async {
            if self.deadline.remaining().is_zero() {
                return Err(certain(SubtotalError::TimedOut));
            }
            answer.await.unwrap_or(Err(in_doubt(SubtotalError::TimedOut)))
        };
        let result = watch("create_connection", &pass, ended, |failure| failure.error).await;
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
        let ended = async { answer.await.unwrap_or(Err(SubtotalError::TimedOut)) };
        let result = watch("create_token", &pass, ended, |error| *error).await;
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
        let ended = async { answer.await.unwrap_or(Err(SubtotalError::TimedOut)) };
        watch("update_connection", &pass, ended, |error| *error).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        query: &[(&str, &str)],
        path: &str,
    ) -> Result<T, SubtotalError> {
        self.read_with(operation, query, &[path], None).await
    }

    /// A read: tried once more when it did not connect or was answered 502, 503 or 504.
    pub(super) async fn read_with<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        query: &[(&str, &str)],
        segments: &[&str],
        token: Option<&SecretString>,
    ) -> Result<T, SubtotalError> {
        let pass = self.gate.enter(self.deadline).await?;
        watch(operation, &pass, self.read_twice(query, segments, token), |error| *error).await
    }

    async fn read_twice<T: DeserializeOwned>(
        &self,
        query: &[(&str, &str)],
        segments: &[&str],
        token: Option<&SecretString>,
    ) -> Result<T, SubtotalError> {
        let mut result = Err(SubtotalError::TimedOut);
        for may_repeat in [true, false] {
            let mut request = self.request(Method::GET, segments).query(query);
            if let Some(token) = token {
                request = request.bearer_auth(token.expose_secret());
            }
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
}

/// Makes a call, watches it, and tells the breaker how it ended.
async fn watch<T, E>(
    operation: &'static str,
    pass: &Pass<'_>,
    call: impl Future<Output = Result<T, E>>,
    why: impl Fn(&E) -> SubtotalError,
) -> Result<T, E> {
    let error = |result: &Result<T, E>| result.as_ref().err().map(&why);
    let result =
        upstream::watch("subtotal", operation, call, |result| error(result).map_or("ok", SubtotalError::code)).await;
    pass.record(matches!(error(&result), Some(SubtotalError::TimedOut | SubtotalError::Unavailable(_))));
    result
}
