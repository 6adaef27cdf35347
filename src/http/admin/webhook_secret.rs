//! The secret Subtotal signs its webhooks with: write-only, entered on *Connection to Subtotal*.

use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde_json::json;

use super::staff;
use crate::app::AppState;
use crate::http::body::Fields;
use crate::http::error::AppError;
use crate::shopify::session_token::VerifiedSession;
use crate::store::{SecretKind, ShopChanges};

/// Longest secret that is taken, in characters.
const MAX_SECRET: usize = 512;

pub(super) async fn put(
    session: VerifiedSession,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let secret = secret_of(Fields::read(&request, payload).await?)?;
    let changes = ShopChanges { secret: Some((SecretKind::SubtotalWebhook, secret)), ..ShopChanges::default() };
    state.store.save_shop(&staff.shop.domain, changes, staff.actor.clone(), state.clock.unix_ms()).await?;
    state.forget_shop(&staff.shop.domain).await;
    let hint = state.store.secret_hint(staff.shop.id, SecretKind::SubtotalWebhook).await?;
    Ok(HttpResponse::Ok().json(json!({ "hint": hint })))
}

/// Reads the body.
pub(super) fn secret_of(mut fields: Fields) -> Result<SecretString, AppError> {
    let secret = fields.required("secret", MAX_SECRET);
    let secret = secret.trim();
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        fields.error("secret", "must be visible ASCII characters without spaces");
    } else if secret.is_empty() {
        fields.error("secret", "must not be empty");
    }
    fields.finish()?;
    Ok(secret.into())
}

pub(super) async fn delete(session: VerifiedSession, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let now = state.clock.unix_ms();
    state.store.remove_secret(staff.shop.id, SecretKind::SubtotalWebhook, staff.actor, now).await?;
    state.forget_shop(&staff.shop.domain).await;
    Ok(HttpResponse::NoContent().finish())
}
