//! The one query of Shopify's Admin GraphQL API the service asks: a customer's e-mail address and phone number.
//!
//! A lever makes it fail the ways the real one does, so the demo can show that a list that is on then hides.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::sandbox::shoppers::{self, Shopper};

const GID: &str = "gid://shopify/Customer/";

/// How the Admin API behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminApiMode {
    /// Answers.
    Normal,
    /// HTTP 200 with the error code `THROTTLED`.
    Throttled,
    /// HTTP 500.
    Down,
    /// HTTP 200 with the error code `ACCESS_DENIED`: the app was not granted the scope.
    NoAccess,
}

impl AdminApiMode {
    /// Every mode, in the order pages list them.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Throttled, Self::Down, Self::NoAccess];

    /// The name in the lever's JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Throttled => "throttled",
            Self::Down => "down",
            Self::NoAccess => "no_access",
        }
    }

    /// The name people read.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Normal => "answers",
            Self::Throttled => "throttles",
            Self::Down => "is down",
            Self::NoAccess => "denies access",
        }
    }
}

/// The demo's Admin API. Clones share one mode and one count.
#[derive(Debug, Clone)]
pub struct AdminApi {
    token: SecretString,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Index into [`AdminApiMode::ALL`].
    mode: AtomicU8,
    calls: AtomicU64,
}

impl AdminApi {
    /// An Admin API that answers to `token` in `X-Shopify-Access-Token`.
    #[must_use]
    pub fn new(token: SecretString) -> Self {
        Self { token, state: Arc::default() }
    }

    /// How it behaves now.
    #[must_use]
    pub fn mode(&self) -> AdminApiMode {
        AdminApiMode::ALL[usize::from(self.state.mode.load(Ordering::Relaxed))]
    }

    /// Changes how it behaves, from the next call on.
    pub fn set_mode(&self, mode: AdminApiMode) {
        let index = (0..).zip(AdminApiMode::ALL).find(|(_, known)| *known == mode).map_or(0, |(index, _)| index);
        self.state.mode.store(index, Ordering::Relaxed);
    }

    /// How many queries came with the right token, whatever the answer was.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state.calls.load(Ordering::Relaxed)
    }
}

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route("/admin/api/{version}/graphql.json", web::post().to(graphql))
        .route("/sandbox/admin-api", web::get().to(lever))
        .route("/sandbox/admin-api", web::put().to(set_lever));
}

#[derive(Debug, Deserialize)]
struct LeverSetting {
    mode: AdminApiMode,
}

async fn lever(admin_api: web::Data<AdminApi>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "mode": admin_api.mode(), "calls": admin_api.calls() }))
}

async fn set_lever(setting: web::Json<LeverSetting>, admin_api: web::Data<AdminApi>) -> HttpResponse {
    admin_api.set_mode(setting.mode);
    lever(admin_api).await
}

async fn graphql(request: HttpRequest, body: web::Bytes, admin_api: web::Data<AdminApi>) -> HttpResponse {
    let token = request.headers().get("x-shopify-access-token").map(|token| token.as_bytes());
    if token != Some(admin_api.token.expose_secret().as_bytes()) {
        return HttpResponse::Unauthorized().json(json!({
            "errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"
        }));
    }
    admin_api.state.calls.fetch_add(1, Ordering::Relaxed);
    match admin_api.mode() {
        AdminApiMode::Normal => {
            HttpResponse::Ok().json(answer(&body).unwrap_or_else(|message| failure(&message, None)))
        }
        AdminApiMode::Throttled => HttpResponse::Ok().json(failure("Throttled", Some("THROTTLED"))),
        AdminApiMode::NoAccess => HttpResponse::Ok().json(failure(
            "Access denied for customer field. Required access: `read_customers` access scope.",
            Some("ACCESS_DENIED"),
        )),
        AdminApiMode::Down => HttpResponse::InternalServerError().json(json!({ "errors": "Internal Server Error" })),
    }
}

#[derive(Debug, Deserialize)]
struct GraphQlRequest {
    query: String,
    #[serde(default)]
    variables: Value,
}

/// The data for a request, or the message of the GraphQL error it earns.
fn answer(body: &[u8]) -> Result<Value, String> {
    let request: GraphQlRequest = serde_json::from_slice(body).map_err(|_| "No query was given".to_owned())?;
    if !request.query.contains("customer(") {
        return Err("The sandbox's QueryRoot has one field: customer(id: ID!)".to_owned());
    }
    let gid = request.variables["id"].as_str().ok_or("Variable $id of type ID! was provided invalid value")?;
    let id = gid.strip_prefix(GID).filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    let id = id.ok_or_else(|| format!("Invalid global id '{gid}'"))?;
    let customer = shoppers::by_id(id).map(|shopper| customer(gid, shopper, &request.query));
    Ok(json!({ "data": { "customer": customer }, "extensions": { "cost": cost(1) } }))
}

/// The asked-for fields of a customer.
fn customer(gid: &str, shopper: &Shopper, query: &str) -> Value {
    let mut customer = json!({ "id": gid });
    if query.contains("defaultEmailAddress") {
        customer["defaultEmailAddress"] = json!(shopper.email.map(|email| json!({ "emailAddress": email })));
    }
    if query.contains("defaultPhoneNumber") {
        customer["defaultPhoneNumber"] = json!(shopper.phone.map(|phone| json!({ "phoneNumber": phone })));
    }
    customer
}

fn failure(message: &str, code: Option<&str>) -> Value {
    let mut error = json!({ "message": message });
    if let Some(code) = code {
        error["extensions"] = json!({ "code": code });
    }
    json!({ "errors": [error], "extensions": { "cost": cost(0) } })
}

fn cost(actual: u32) -> Value {
    json!({
        "requestedQueryCost": 1,
        "actualQueryCost": actual,
        "throttleStatus": { "maximumAvailable": 2000.0, "currentlyAvailable": 2000 - actual, "restoreRate": 100.0 }
    })
}
