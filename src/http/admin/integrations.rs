//! *Klaviyo & Flow*: what the merchant's tools are told. Off until the merchant turns it on; the Klaviyo key is
//! write-only, and tried before it is stored.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::json;

use super::document::{self, Document, Frame};
use super::{Staff, staff};
use crate::app::AppState;
use crate::events::klaviyo::KlaviyoError;
use crate::http::body::Fields;
use crate::http::error::AppError;
use crate::shopify::session_token::VerifiedSession;
use crate::store::{Deed, Destination, Identifier, Integration, SecretKind};

/// Longest key that is taken, in characters.
const MAX_KEY: usize = 512;

#[derive(Template)]
#[template(path = "admin/integrations.html")]
struct IntegrationsPage<'a> {
    frame: &'a Frame,
    klaviyo: Integration,
    key_hint: Option<String>,
    flow: Integration,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Klaviyo {
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_hint: Option<String>,
    identifier: Identifier,
    allow_simulated: bool,
    paused: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Flow {
    enabled: bool,
    allow_simulated: bool,
    paused: bool,
}

/// How a key did when it was tried.
#[derive(Serialize)]
pub(super) struct Tried {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
}

pub(super) async fn page(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    match document::open(&request, &state).await? {
        Document::Elsewhere(answer) => Ok(answer),
        Document::Proven(staff, frame) => {
            let page = IntegrationsPage {
                frame: &frame,
                klaviyo: state.store.integration(staff.shop.id, Destination::Klaviyo).await?,
                key_hint: state.store.secret_hint(staff.shop.id, SecretKind::Klaviyo).await?,
                flow: state.store.integration(staff.shop.id, Destination::Flow).await?,
            };
            document::page(&state, &frame, &page)
        }
    }
}

pub(super) async fn get_klaviyo(
    session: VerifiedSession,
    state: web::Data<AppState>,
) -> Result<web::Json<Klaviyo>, AppError> {
    let staff = staff(&state, &session).await?;
    klaviyo(&state, &staff).await
}

/// A field that is not sent stays as it is. A new key is tried first, and nothing is changed when it fails.
pub(super) async fn put_klaviyo(
    session: VerifiedSession,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<web::Json<Klaviyo>, AppError> {
    let staff = staff(&state, &session).await?;
    let mut fields = Fields::read(&request, payload).await?;
    let key = read_key(&mut fields);
    let stored = state.store.integration(staff.shop.id, Destination::Klaviyo).await?;
    let mut changed = read_common(&mut fields, &stored);
    changed.identifier = fields.value("identifier", "email, customer_id or mobile").unwrap_or(stored.identifier);
    let has_key = key.is_some() || state.store.secret_hint(staff.shop.id, SecretKind::Klaviyo).await?.is_some();
    if changed.is_on && !has_key {
        fields.error("privateKey", "is required to turn Klaviyo on");
    }
    fields.finish()?;
    if let Some(key) = &key {
        let tried = state.klaviyo.try_key(key).await;
        record_try(&state, &staff, tried).await?;
        tried?;
    }
    let now = state.clock.unix_ms();
    let by = staff.actor.clone();
    state.store.save_integration(staff.shop.id, Destination::Klaviyo, &changed, key.as_ref(), by, now).await?;
    klaviyo(&state, &staff).await
}

/// Turns Klaviyo off and forgets the key.
pub(super) async fn delete_klaviyo(
    session: VerifiedSession,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let (id, now) = (staff.shop.id, state.clock.unix_ms());
    let stored = state.store.integration(id, Destination::Klaviyo).await?;
    let off = Integration { is_on: false, ..stored };
    state.store.save_integration(id, Destination::Klaviyo, &off, None, staff.actor.clone(), now).await?;
    state.store.remove_secret(id, SecretKind::Klaviyo, staff.actor, now).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Tries the key that is sent, or else the stored one; nothing is stored.
pub(super) async fn test_klaviyo(
    session: VerifiedSession,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<web::Json<Tried>, AppError> {
    let staff = staff(&state, &session).await?;
    let mut fields = Fields::read(&request, payload).await?;
    let sent = read_key(&mut fields);
    let key = match sent {
        Some(key) => Some(key),
        None => state.store.klaviyo_key(staff.shop.id).await?,
    };
    if key.is_none() {
        fields.error("privateKey", "is required: no key is stored");
    }
    fields.finish()?;
    let tried = match &key {
        Some(key) => state.klaviyo.try_key(key).await,
        None => Err(KlaviyoError::KeyRejected),
    };
    record_try(&state, &staff, tried).await?;
    Ok(web::Json(Tried { ok: tried.is_ok(), problem: tried.err().map(KlaviyoError::code) }))
}

pub(super) async fn get_flow(
    session: VerifiedSession,
    state: web::Data<AppState>,
) -> Result<web::Json<Flow>, AppError> {
    let staff = staff(&state, &session).await?;
    flow(&state, &staff).await
}

/// A field that is not sent stays as it is.
pub(super) async fn put_flow(
    session: VerifiedSession,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<web::Json<Flow>, AppError> {
    let staff = staff(&state, &session).await?;
    let mut fields = Fields::read(&request, payload).await?;
    let stored = state.store.integration(staff.shop.id, Destination::Flow).await?;
    let changed = read_common(&mut fields, &stored);
    fields.finish()?;
    let (by, now) = (staff.actor.clone(), state.clock.unix_ms());
    state.store.save_integration(staff.shop.id, Destination::Flow, &changed, None, by, now).await?;
    flow(&state, &staff).await
}

async fn klaviyo(state: &AppState, staff: &Staff) -> Result<web::Json<Klaviyo>, AppError> {
    let stored = state.store.integration(staff.shop.id, Destination::Klaviyo).await?;
    Ok(web::Json(Klaviyo {
        enabled: stored.is_on,
        key_hint: state.store.secret_hint(staff.shop.id, SecretKind::Klaviyo).await?,
        identifier: stored.identifier,
        allow_simulated: stored.allow_simulated,
        paused: stored.is_paused,
    }))
}

async fn flow(state: &AppState, staff: &Staff) -> Result<web::Json<Flow>, AppError> {
    let stored = state.store.integration(staff.shop.id, Destination::Flow).await?;
    Ok(web::Json(Flow { enabled: stored.is_on, allow_simulated: stored.allow_simulated, paused: stored.is_paused }))
}

fn read_common(fields: &mut Fields, stored: &Integration) -> Integration {
    Integration {
        is_on: fields.value("enabled", "true or false").unwrap_or(stored.is_on),
        allow_simulated: fields.value("allowSimulated", "true or false").unwrap_or(stored.allow_simulated),
        is_paused: fields.value("paused", "true or false").unwrap_or(stored.is_paused),
        identifier: stored.identifier,
    }
}

pub(super) fn read_key(fields: &mut Fields) -> Option<SecretString> {
    let key = fields.optional("privateKey", MAX_KEY)?;
    let key = key.trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        fields.error("privateKey", "must be visible ASCII characters without spaces");
    }
    Some(key.into())
}

async fn record_try(state: &AppState, staff: &Staff, tried: Result<(), KlaviyoError>) -> Result<(), AppError> {
    let outcome = tried.err().map_or("ok", KlaviyoError::code);
    let detail = json!({ "secret": "klaviyo_private_key", "outcome": outcome });
    let deed = Deed { actor: staff.actor.clone(), action: "key.tested", detail };
    Ok(state.store.record(staff.shop.id, &deed, state.clock.unix_ms()).await?)
}
