//! *Connection to Subtotal*: the API key, write-only, tested against the API before it is stored.

use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use secrecy::SecretString;
use serde::Serialize;

use super::document::{self, Document, Frame};
use super::{Staff, home, staff};
use crate::app::AppState;
use crate::http::body::Fields;
use crate::http::error::AppError;
use crate::shopify::session_token::VerifiedSession;
use crate::store::{Deed, SecretKind, ShopChanges};
use crate::subtotal::SubtotalError;
use crate::subtotal::gate::Gate;

/// Longest key that is taken, in characters.
const MAX_KEY: usize = 512;

#[derive(Template)]
#[template(path = "admin/subtotal.html")]
struct SubtotalPage<'a> {
    frame: &'a Frame,
    configured: bool,
    hint: Option<String>,
    token_problem: Option<String>,
    webhook_url: String,
    webhook_hint: Option<String>,
}

/// How a key did when it was tried.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tested {
    pub(super) ok: bool,
    pub(super) latency_ms: u64,
    pub(super) retailers: usize,
    /// The problem's code, when it is not ok.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    api_key_hint: Option<String>,
}

pub(super) async fn page(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    match document::open(&request, &state).await? {
        Document::Elsewhere(answer) => Ok(answer),
        Document::Proven(staff, frame) => {
            let page = SubtotalPage {
                frame: &frame,
                configured: staff.shop.api_key.is_some(),
                hint: hint(&state, &staff).await?.filter(|hint| !hint.is_empty()),
                token_problem: home::tokens(&state, &staff).await?.problem,
                webhook_url: format!("{}/webhooks/subtotal/{}", state.admin.app_url, staff.shop.domain),
                webhook_hint: state.store.secret_hint(staff.shop.id, SecretKind::SubtotalWebhook).await?,
            };
            document::page(&state, &frame, &page)
        }
    }
}

pub(super) async fn test(
    session: VerifiedSession,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<web::Json<Tested>, AppError> {
    let staff = staff(&state, &session).await?;
    let key = read_key(&request, payload).await?;
    let tested = try_key(&state, &key).await;
    record_test(&state, &staff, &tested).await?;
    Ok(web::Json(answer(&tested)))
}

pub(super) async fn put(
    session: VerifiedSession,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let key = read_key(&request, payload).await?;
    let tested = try_key(&state, &key).await;
    record_test(&state, &staff, &tested).await?;
    match tested.1 {
        Ok(_) => {}
        Err(SubtotalError::KeyRejected) => return Err(AppError::KeyNotAccepted),
        Err(error) => return Err(error.into()),
    }
    let changes = ShopChanges { secret: Some((SecretKind::SubtotalApiKey, key)), ..ShopChanges::default() };
    state.store.save_shop(&staff.shop.domain, changes, staff.actor.clone(), state.clock.unix_ms()).await?;
    state.forget_shop(&staff.shop.domain).await;
    Ok(HttpResponse::Ok().json(Stored { api_key_hint: hint(&state, &staff).await? }))
}

pub(super) async fn delete(session: VerifiedSession, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let now = state.clock.unix_ms();
    state.store.remove_secret(staff.shop.id, SecretKind::SubtotalApiKey, staff.actor, now).await?;
    state.forget_shop(&staff.shop.domain).await;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists the retailers with a key that need not be stored, through a gate of its own: a wrong key must not trouble the
/// shop's breaker.
async fn try_key(state: &AppState, key: &SecretString) -> (u64, Result<usize, SubtotalError>) {
    let started = Instant::now();
    let tried = async {
        let gate = std::sync::Arc::new(Gate::new(state.clock.clone()));
        let api = state.subtotal_with(key, gate, state.deadline())?;
        Ok(api.retailers().await?.len())
    };
    let result = tried.await;
    (u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX), result)
}

fn answer((latency_ms, result): &(u64, Result<usize, SubtotalError>)) -> Tested {
    Tested {
        ok: result.is_ok(),
        latency_ms: *latency_ms,
        retailers: result.unwrap_or(0),
        problem: result.err().map(SubtotalError::code),
    }
}

async fn record_test(
    state: &AppState,
    staff: &Staff,
    (_, result): &(u64, Result<usize, SubtotalError>),
) -> Result<(), AppError> {
    let outcome = result.err().map_or("ok", SubtotalError::code);
    let detail = serde_json::json!({ "secret": "subtotal_api_key", "outcome": outcome });
    let deed = Deed { actor: staff.actor.clone(), action: "key.tested", detail };
    Ok(state.store.record(staff.shop.id, &deed, state.clock.unix_ms()).await?)
}

async fn read_key(request: &HttpRequest, payload: web::Payload) -> Result<SecretString, AppError> {
    key_of(Fields::read(request, payload).await?)
}

/// Reads the body.
pub(super) fn key_of(mut fields: Fields) -> Result<SecretString, AppError> {
    let key = fields.required("apiKey", MAX_KEY);
    let key = key.trim();
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        fields.error("apiKey", "must be visible ASCII characters without spaces");
    } else if key.is_empty() {
        fields.error("apiKey", "must not be empty");
    }
    fields.finish()?;
    Ok(key.into())
}

async fn hint(state: &AppState, staff: &Staff) -> Result<Option<String>, AppError> {
    let summaries = state.store.summaries(Some(&staff.shop.domain)).await?;
    Ok(summaries.into_iter().next().and_then(|summary| summary.api_key_hint))
}
