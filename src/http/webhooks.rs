//! `POST /webhooks/shopify`: what Shopify sends, verified, kept and answered. What it asks for is done later, by
//! `install::inbox`, so that Shopify never waits and no Shopify token is needed here.
//!
//! Whatever is not verified is answered 401, whatever its method, its path below `/webhooks` or its size.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::edge::LoggedShop;
use super::error::AppError;
use super::in_time;
use crate::app::AppState;
use crate::shopify::Notice;
use crate::shopify::webhook::{self, VerifiedWebhook, WebhookRefusal};
use crate::store::NewDelivery;
use crate::visibility::Entry;

/// Longest body that is verified, in bytes.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;
/// Longest body that is read to its end and dropped, so that its sender gets to see the answer, in bytes.
const MAX_DRAINED_BYTES: usize = 16 * 1024 * 1024;
/// How long a body may take; Shopify itself gives up after 5 s.
const BODY_TIME: Duration = Duration::from_secs(5);

pub(super) async fn webhooks(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let body = read(payload).await.ok_or(AppError::InvalidWebhook(WebhookRefusal::Unreadable))?;
    let header = |name: &str| single(request.headers(), name);
    let verified = webhook::verify(header, body, &state.client_secrets).map_err(AppError::InvalidWebhook)?;
    request.extensions_mut().insert(LoggedShop(verified.shop.clone()));
    if request.path().trim_end_matches('/') != "/webhooks/shopify" {
        return Err(AppError::NotFound);
    }
    if request.method() != Method::POST {
        return Err(AppError::MethodNotAllowed("POST"));
    }
    in_time::webhook(receive(&state, &verified)).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({})))
}

/// Keeps what is new, and wakes the worker.
async fn receive(state: &AppState, webhook: &VerifiedWebhook) -> Result<(), AppError> {
    let notice = Notice::read(webhook).map_err(AppError::InvalidWebhook)?;
    let work = notice.as_ref().map(serde_json::to_string).transpose();
    let strike = match &notice {
        Some(Notice::CustomerRedacted { email: Some(email), .. }) => Entry::parse(email).ok(),
        _ => None,
    };
    let delivery = NewDelivery {
        id: &webhook.delivery_id,
        topic: &webhook.topic,
        shop: &webhook.shop,
        work: work.map_err(|_| AppError::Internal("a notice does not serialise".to_owned()))?,
        triggered_at: webhook.triggered_at,
        // A redaction names a person; an entry that covers a whole domain is about many.
        strike: strike.as_ref().filter(|entry| !entry.as_str().starts_with('@')),
    };
    let kept = state.store.receive(&delivery, state.clock.unix_ms()).await?;
    let outcome = match (kept, &notice) {
        (false, _) => "duplicate",
        (true, None) => "ignored",
        (true, Some(_)) => "received",
    };
    metrics::counter!("webhooks_total", "outcome" => outcome).increment(1);
    tracing::info!(shop = %webhook.shop, what = ?notice, outcome, "webhook");
    state.inbox.notify_one();
    Ok(())
}

/// The raw body; `None` when it is too long, breaks off or does not come in time.
pub(super) async fn read(payload: web::Payload) -> Option<Vec<u8>> {
    timeout(BODY_TIME, read_all(payload)).await.ok().flatten()
}

async fn read_all(mut payload: web::Payload) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    let mut length = 0;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.ok()?;
        length += chunk.len();
        if length > MAX_DRAINED_BYTES {
            return None;
        }
        if length <= MAX_BODY_BYTES {
            body.extend_from_slice(&chunk);
        } else {
            body = Vec::new();
        }
    }
    (length <= MAX_BODY_BYTES).then_some(body)
}

/// A header that is there once.
pub(super) fn single(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::to_owned),
        _ => None,
    }
}
