//! Shopify's Admin API as the app sees it: who may ask, and the levers that make it fail the ways the real one does, so
//! the demo can show that a list that is on then hides.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::graphql::{answer, failure};
use super::world::{AppRegistration, Trigger, World};

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

/// The demo's Admin API. Clones share one state.
#[derive(Clone)]
pub struct AdminApi {
    token: SecretString,
    app: Option<Arc<AppRegistration>>,
    state: Arc<State>,
}

struct State {
    /// Index into [`AdminApiMode::ALL`].
    mode: AtomicU8,
    calls: AtomicU64,
    world: Mutex<World>,
}

impl AdminApi {
    /// An Admin API that answers to `token` in `X-Shopify-Access-Token`, and grants no others.
    #[must_use]
    pub fn new(token: SecretString) -> Self {
        Self::with(token, None)
    }

    /// An Admin API that also exchanges and refreshes tokens of an app, which is installed. `token` goes on working
    /// while it is.
    #[must_use]
    pub fn for_app(token: SecretString, app: AppRegistration) -> Self {
        Self::with(token, Some(Arc::new(app)))
    }

    fn with(token: SecretString, app: Option<Arc<AppRegistration>>) -> Self {
        let world = World::of(app.as_deref());
        let state = State { mode: AtomicU8::default(), calls: AtomicU64::default(), world: Mutex::new(world) };
        Self { token, app, state: Arc::new(state) }
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

    /// What arrived at Shopify Flow, oldest first.
    #[must_use]
    pub fn triggers(&self) -> Vec<Trigger> {
        self.world().triggers.clone()
    }

    pub(super) fn app(&self) -> Option<&AppRegistration> {
        self.app.as_deref()
    }

    /// Unix seconds, by the app's clock.
    pub(super) fn now(&self) -> i64 {
        self.app().map_or(0, |app| app.clock.unix_seconds())
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.state.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lets_in(&self, token: &[u8]) -> bool {
        let world = self.world();
        let is_static = token == self.token.expose_secret().as_bytes();
        (is_static && world.installation.is_installed()) || world.installation.accepts(token, self.now())
    }
}

impl fmt::Debug for AdminApi {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AdminApi").field("mode", &self.mode()).finish_non_exhaustive()
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
    if !token.is_some_and(|token| admin_api.lets_in(token)) {
        return HttpResponse::Unauthorized().json(json!({
            "errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"
        }));
    }
    admin_api.state.calls.fetch_add(1, Ordering::Relaxed);
    match admin_api.mode() {
        AdminApiMode::Normal => HttpResponse::Ok()
            .json(answer(&body, &mut admin_api.world()).unwrap_or_else(|message| failure(&message, None))),
        AdminApiMode::Throttled => HttpResponse::Ok().json(failure("Throttled", Some("THROTTLED"))),
        AdminApiMode::NoAccess => HttpResponse::Ok().json(failure(
            "Access denied for customer field. Required access: `read_customers` access scope.",
            Some("ACCESS_DENIED"),
        )),
        AdminApiMode::Down => HttpResponse::InternalServerError().json(json!({ "errors": "Internal Server Error" })),
    }
}
