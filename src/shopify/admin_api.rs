//! Shopify's Admin GraphQL API: the few questions this service asks.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{CustomerId, ShopDomain};
use crate::upstream;

/// The one query for a customer. Needs the scope `read_customers` and access to protected customer data.
const CUSTOMER_QUERY: &str = "query Contact($id: ID!) { customer(id: $id) { \
     defaultEmailAddress { emailAddress } defaultPhoneNumber { phoneNumber } } }";
/// The one query for a shop. Needs no scope that the app does not have.
const SHOP_QUERY: &str = "query Shop { shop { primaryDomain { host } domains { host } \
     customerAccountsV2 { customerAccountsVersion } } }";
/// Fires a trigger of Shopify Flow. Needs no scope, only the deployed extension.
const FLOW_TRIGGER: &str = "mutation Trigger($handle: String!, $payload: JSON!) { \
     flowTriggerReceive(handle: $handle, payload: $payload) { userErrors { field message } } }";
/// Longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// How the Admin API is reached.
#[derive(Debug, Clone)]
pub struct AdminApiConfig {
    /// `https://{shop}` in production: the shop's domain is put where `{shop}` stands.
    pub url_template: String,
    /// Such as `2026-10`.
    pub version: String,
    /// For setting up a connection.
    pub connect_timeout: Duration,
    /// For one question and its answer.
    pub timeout: Duration,
}

/// The Admin API of every shop.
#[derive(Debug, Clone)]
pub struct AdminApi {
    http: reqwest::Client,
    config: Arc<AdminApiConfig>,
}

/// How a customer can be reached. Kept in memory only; its `Debug` form shows nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// `customer.defaultEmailAddress.emailAddress`
    pub email: Option<String>,
    /// `customer.defaultPhoneNumber.phoneNumber`, in E.164 form.
    pub phone: Option<String>,
}

/// What Shopify says of a shop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShopDetails {
    /// The hosts of its online store, the primary one among them.
    pub hosts: Vec<String>,
    /// Whether it uses classic customer accounts; `None` where Shopify says neither.
    pub classic_accounts: Option<bool>,
}

/// Why Shopify did not tell. None of these names the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdminApiError {
    /// Could not be reached in time, or answered 5xx.
    #[error("Shopify's Admin API is unavailable")]
    Unavailable,
    /// The bucket of the shop is empty.
    #[error("Shopify's Admin API throttles this shop")]
    Throttled,
    /// 401 or 403: the token is dead or lacks a scope.
    #[error("Shopify's Admin API rejected the token")]
    TokenRejected,
    /// GraphQL errors, such as a missing approval for protected customer data.
    #[error("Shopify's Admin API refused the question")]
    Refused,
}

/// What came of firing a trigger.
#[derive(Debug)]
pub struct Fired {
    /// Whether Shopify took it. [`AdminApiError::Refused`] when it knows no such trigger, or its fields are others.
    pub outcome: Result<(), AdminApiError>,
    /// The status and the body of its answer, where there was one.
    pub answer: Option<(u16, Vec<u8>)>,
}

impl AdminApi {
    /// Prepares the client.
    ///
    /// # Errors
    /// When TLS can not be set up, for instance because the machine has no CA certificates.
    pub fn build(config: AdminApiConfig) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(config.connect_timeout)
            .timeout(config.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("subtotal-connect/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, config: Arc::new(config) })
    }

    /// A customer's e-mail address and phone number, as far as Shopify has and gives them.
    ///
    /// # Errors
    /// [`AdminApiError`]; a customer Shopify does not know is an empty [`Contact`].
    pub async fn contact(
        &self,
        shop: &ShopDomain,
        token: &SecretString,
        customer: &CustomerId,
    ) -> Result<Contact, AdminApiError> {
        let variables = serde_json::json!({ "id": format!("gid://shopify/Customer/{customer}") });
        self.ask::<ContactData>("customer_contact", shop, token, CUSTOMER_QUERY, variables).await.map(Contact::from)
    }

    /// The shop's domains, and which customer accounts it uses.
    ///
    /// # Errors
    /// [`AdminApiError`].
    pub async fn shop(&self, shop: &ShopDomain, token: &SecretString) -> Result<ShopDetails, AdminApiError> {
        let variables = serde_json::json!({});
        self.ask::<ShopData>("shop_details", shop, token, SHOP_QUERY, variables).await.map(ShopDetails::from)
    }

    /// Fires a trigger of Shopify Flow.
    pub async fn flow_trigger(
        &self,
        shop: &ShopDomain,
        token: &SecretString,
        handle: &str,
        payload: &serde_json::Value,
    ) -> Fired {
        let variables = serde_json::json!({ "handle": handle, "payload": payload });
        let fired = self.fire(shop, token, variables);
        upstream::watch("shopify", "flow_trigger", fired, |fired| word(&fired.outcome)).await
    }

    async fn fire(&self, shop: &ShopDomain, token: &SecretString, variables: serde_json::Value) -> Fired {
        let (status, body) = match self.post(shop, token, FLOW_TRIGGER, variables).await {
            Ok(answer) => answer,
            Err(error) => return Fired { outcome: Err(error), answer: None },
        };
        Fired { outcome: read_fired(status, &body), answer: Some((status, body)) }
    }

    async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        operation: &'static str,
        shop: &ShopDomain,
        token: &SecretString,
        query: &str,
        variables: serde_json::Value,
    ) -> Result<T, AdminApiError> {
        let asked = async {
            let (status, body) = self.post(shop, token, query, variables).await?;
            read(status, &body)
        };
        upstream::watch("shopify", operation, asked, word).await
    }

    /// The status and the body of the answer.
    async fn post(
        &self,
        shop: &ShopDomain,
        token: &SecretString,
        query: &str,
        variables: serde_json::Value,
    ) -> Result<(u16, Vec<u8>), AdminApiError> {
        let url = format!("{}/admin/api/{}/graphql.json", self.base_url(shop), self.config.version);
        let mut token = HeaderValue::from_str(token.expose_secret()).map_err(|_| AdminApiError::TokenRejected)?;
        token.set_sensitive(true);
        let request = self
            .http
            .post(url)
            .header("X-Shopify-Access-Token", token)
            .json(&serde_json::json!({ "query": query, "variables": variables }));
        let response = request.send().await.map_err(|_| AdminApiError::Unavailable)?;
        let status = response.status().as_u16();
        // Only an answer is waited for to its end; what a refusal says does not change what it is.
        let body = match Self::limited(response).await {
            Err(error) if status == 200 => return Err(error),
            body => body.unwrap_or_default(),
        };
        Ok((status, body))
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Where the shop's Admin API and token endpoint stand, without a slash at the end.
    pub(super) fn base_url(&self, shop: &ShopDomain) -> String {
        self.config.url_template.replace("{shop}", shop.as_str()).trim_end_matches('/').to_owned()
    }

    /// Reads at most [`MAX_ANSWER_BYTES`].
    pub(super) async fn limited(mut response: reqwest::Response) -> Result<Vec<u8>, AdminApiError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| AdminApiError::Unavailable)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(AdminApiError::Unavailable);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// How a call's end is counted.
fn word<T>(result: &Result<T, AdminApiError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(AdminApiError::Unavailable) => "unavailable",
        Err(AdminApiError::Throttled) => "throttled",
        Err(AdminApiError::TokenRejected) => "token_rejected",
        Err(AdminApiError::Refused) => "refused",
    }
}

/// What an answer says.
fn read<T: for<'de> Deserialize<'de>>(status: u16, body: &[u8]) -> Result<T, AdminApiError> {
    match status {
        200 => {}
        401 | 403 => return Err(AdminApiError::TokenRejected),
        429 => return Err(AdminApiError::Throttled),
        _ => return Err(AdminApiError::Unavailable),
    }
    let answer: Answer<T> = serde_json::from_slice(body).map_err(|_| AdminApiError::Unavailable)?;
    if answer.errors.iter().any(|error| error.extensions.code.as_deref() == Some("THROTTLED")) {
        return Err(AdminApiError::Throttled);
    }
    answer.data.ok_or(AdminApiError::Refused)
}

/// Whether Shopify took a trigger.
fn read_fired(status: u16, body: &[u8]) -> Result<(), AdminApiError> {
    match read::<FlowData>(status, body)? {
        FlowData { received: Some(received) } if received.user_errors.is_empty() => Ok(()),
        _ => Err(AdminApiError::Refused),
    }
}

/// What fuzz targets reach of the answers.
#[cfg(fuzzing)]
pub mod fuzzing {
    use super::{AdminApiError, Contact, ContactData, ShopData, ShopDetails, read, read_fired};

    /// The answer about a customer.
    ///
    /// # Errors
    /// [`AdminApiError`].
    pub fn contact(status: u16, body: &[u8]) -> Result<Contact, AdminApiError> {
        read::<ContactData>(status, body).map(Contact::from)
    }

    /// The answer about a shop.
    ///
    /// # Errors
    /// [`AdminApiError`].
    pub fn shop(status: u16, body: &[u8]) -> Result<ShopDetails, AdminApiError> {
        read::<ShopData>(status, body).map(ShopDetails::from)
    }

    /// The answer to a trigger.
    ///
    /// # Errors
    /// [`AdminApiError`].
    pub fn fired(status: u16, body: &[u8]) -> Result<(), AdminApiError> {
        read_fired(status, body)
    }
}

impl From<ContactData> for Contact {
    fn from(data: ContactData) -> Self {
        let customer = data.customer.unwrap_or_default();
        Self {
            email: customer.default_email_address.and_then(|address| address.email_address),
            phone: customer.default_phone_number.and_then(|number| number.phone_number),
        }
    }
}

impl From<ShopData> for ShopDetails {
    fn from(data: ShopData) -> Self {
        let ShopAnswer { primary_domain, domains, customer_accounts } = data.shop;
        let version = customer_accounts.and_then(|accounts| accounts.customer_accounts_version);
        Self {
            hosts: primary_domain.into_iter().chain(domains).map(|domain| domain.host).collect(),
            classic_accounts: match version.as_deref() {
                Some("CLASSIC") => Some(true),
                Some("NEW_CUSTOMER_ACCOUNTS") => Some(false),
                _ => None,
            },
        }
    }
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Contact(…)")
    }
}

#[derive(Deserialize)]
struct Answer<T> {
    data: Option<T>,
    #[serde(default)]
    errors: Vec<GraphQlError>,
}

#[derive(Deserialize)]
struct GraphQlError {
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Default, Deserialize)]
struct Extensions {
    code: Option<String>,
}

#[derive(Deserialize)]
struct FlowData {
    #[serde(rename = "flowTriggerReceive")]
    received: Option<FlowReceived>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FlowReceived {
    #[serde(default)]
    user_errors: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct ShopData {
    shop: ShopAnswer,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShopAnswer {
    primary_domain: Option<Domain>,
    #[serde(default)]
    domains: Vec<Domain>,
    #[serde(rename = "customerAccountsV2")]
    customer_accounts: Option<CustomerAccounts>,
}

#[derive(Deserialize)]
struct Domain {
    host: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomerAccounts {
    customer_accounts_version: Option<String>,
}

#[derive(Deserialize)]
struct ContactData {
    customer: Option<Customer>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Customer {
    default_email_address: Option<EmailAddress>,
    default_phone_number: Option<PhoneNumber>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EmailAddress {
    email_address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PhoneNumber {
    phone_number: Option<String>,
}
