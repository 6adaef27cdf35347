//! `POST /admin/oauth/access_token`: token exchange and refresh ("Token exchange",
//! <https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/token-exchange>), and the ways it
//! can fail.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::admin_api::AdminApi;
use super::id_token;
use super::installation::{ACCESS_LIVES, Granted, REFRESH_LIVES};
use super::world::{AppRegistration, World};
use crate::sandbox::dropped_connection::dropped_connection;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const OFFLINE: &str = "urn:shopify:params:oauth:token-type:offline-access-token";
/// How long a slow answer takes.
const SLOW: Duration = Duration::from_secs(8);

/// How the token endpoint behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenEndpointMode {
    /// Answers.
    #[default]
    Normal,
    /// Answers after eight seconds.
    Slow,
    /// HTTP 500, and nothing was granted.
    Down,
    /// Grants a pair, and loses the answer.
    LosesAnswer,
}

impl TokenEndpointMode {
    /// Every mode, in the order pages list them.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Slow, Self::Down, Self::LosesAnswer];

    /// The name in the lever's JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Slow => "slow",
            Self::Down => "down",
            Self::LosesAnswer => "loses_answer",
        }
    }

    /// The name people read.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Normal => "Answers",
            Self::Slow => "Answers after 8 s",
            Self::Down => "Answers 500",
            Self::LosesAnswer => "Grants, and loses the answer",
        }
    }
}

/// Calls with the right client secret since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TokenCalls {
    /// Session tokens brought for exchange.
    pub exchanges: u64,
    /// Refresh tokens brought.
    pub refreshes: u64,
}

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route("/admin/oauth/access_token", web::post().to(access_token));
}

async fn access_token(form: web::Form<HashMap<String, String>>, admin_api: web::Data<AdminApi>) -> HttpResponse {
    let mode = admin_api.world().token_endpoint;
    match mode {
        TokenEndpointMode::Down => {
            return HttpResponse::InternalServerError().json(json!({ "errors": "Internal Server Error" }));
        }
        TokenEndpointMode::Slow => tokio::time::sleep(SLOW).await,
        TokenEndpointMode::Normal | TokenEndpointMode::LosesAnswer => {}
    }
    let Some(app) = admin_api.app() else {
        return refused("application_cannot_be_found", "No app is registered here.");
    };
    let answer = grant(app, &form, &mut admin_api.world());
    if mode == TokenEndpointMode::LosesAnswer { dropped_connection() } else { answer }
}

fn grant(app: &AppRegistration, form: &HashMap<String, String>, world: &mut World) -> HttpResponse {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if field("client_id") != app.client_id || field("client_secret") != app.client_secret.expose_secret() {
        return refused("invalid_client", "Client id and client secret do not belong together.");
    }
    let now = app.clock.unix_seconds();
    match field("grant_type") {
        EXCHANGE => {
            world.token_calls.exchanges += 1;
            if field("subject_token_type") != ID_TOKEN || field("requested_token_type") != OFFLINE {
                return refused("invalid_request", "The sandbox exchanges session tokens for offline tokens only.");
            }
            if field("expiring") != "1" {
                return refused("invalid_request", "Apps of today ask for expiring offline tokens: expiring=1.");
            }
            if !id_token::is_good(field("subject_token"), &app.shop, &app.client_id, &app.secrets(), now) {
                return refused("invalid_subject_token", "The session token is not good any more.");
            }
            let missing = || HttpResponse::Unauthorized().json(json!({ "error": "app_not_installed" }));
            let granted = world.installation.exchange(now);
            granted.map_or_else(missing, |granted| pair(&granted, &world.scopes))
        }
        "refresh_token" => {
            world.token_calls.refreshes += 1;
            match world.installation.refresh(field("refresh_token"), now) {
                Some(granted) => pair(&granted, &world.scopes),
                None => refused("invalid_grant", "The refresh token is not good any more."),
            }
        }
        _ => refused("unsupported_grant_type", "The sandbox knows token exchange and refresh."),
    }
}

fn pair(granted: &Granted, scopes: &str) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "access_token": granted.access,
        "expires_in": ACCESS_LIVES,
        "refresh_token": granted.refresh,
        "refresh_token_expires_in": REFRESH_LIVES,
        "scope": scopes,
    }))
}

fn refused(error: &str, description: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({ "error": error, "error_description": description }))
}
