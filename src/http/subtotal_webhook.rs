//! `POST /webhooks/subtotal/{shop}`: what Subtotal sends, verified under the shop's own secrets, kept and answered. What
//! follows from it is worked out later, by `events::inbox`, so that Subtotal never waits.
//!
//! Whatever is not verified is answered 401, whatever its method, shop or size; that tells nobody which shops there are.

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use secrecy::SecretString;

use super::edge::LoggedShop;
use super::error::AppError;
use super::in_time;
use super::webhooks::{read, single};
use crate::app::AppState;
use crate::shopify::ShopDomain;
use crate::store::{EventFate, NewEvent};
use crate::subtotal::event::{Event, News};
use crate::subtotal::webhook::{self, EventRefusal, VerifiedEvent};

pub(super) async fn subtotal_webhook(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let body = read(payload).await.ok_or(AppError::InvalidEvent(EventRefusal::Unreadable))?;
    in_time::webhook(take_in(&request, body, &state)).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({})))
}

/// Verifies it under the shop's secrets, and keeps it.
async fn take_in(request: &HttpRequest, body: Vec<u8>, state: &AppState) -> Result<(), AppError> {
    let now = state.clock.unix_ms();
    let shop = ShopDomain::parse(request.match_info().query("shop")).ok();
    let known = match &shop {
        Some(shop) => state.store.webhook_secrets(shop, now).await?,
        None => None,
    };
    let (shop_id, secrets) = known.unwrap_or_default();
    let header = |name: &str| single(request.headers(), name);
    let verified = webhook::verify(header, body, &secrets, now).map_err(AppError::InvalidEvent)?;
    if let Some(shop) = shop {
        request.extensions_mut().insert(LoggedShop(shop));
    }
    if request.method() != Method::POST {
        return Err(AppError::MethodNotAllowed("POST"));
    }
    receive(state, shop_id, &verified, now).await
}

/// Keeps what is new, and wakes the worker.
async fn receive(state: &AppState, shop_id: i64, verified: &VerifiedEvent, now: i64) -> Result<(), AppError> {
    let event = Event::read(verified.body(), verified.sent_at());
    let fate = match &event.news {
        News::Connection(..) | News::Purchase(..) => EventFate::Wanted,
        News::Nothing => EventFate::Ignored,
        News::Unreadable(why) => EventFate::Unreadable(why),
    };
    let of = event.connection();
    let is_simulated = event.is_simulated;
    let new = NewEvent {
        shop_id,
        connection_id: of.map(|of| of.connection_id.clone()),
        customer_id: of.and_then(|of| of.customer_id.clone()),
        retailer_id: of.map(|of| of.retailer_id.clone()).filter(|id| !id.is_empty()),
        purchase_id: match &event.news {
            News::Purchase(id, _) => Some(id.clone()),
            _ => None,
        },
        is_simulated,
        body: SecretString::from(String::from_utf8_lossy(verified.body()).into_owned()),
        sent_at: verified.sent_at(),
        received_at: now,
        fate,
        id: event.id,
        kind: event.kind,
    };
    let kept = state.intake.receive(new).await?;
    let kept = kept.ok_or_else(|| AppError::Internal("the process stops".to_owned()))?;
    let outcome = match (kept, fate) {
        (false, _) => "duplicate",
        (true, EventFate::Wanted) => "received",
        (true, EventFate::Ignored) => "ignored",
        (true, EventFate::Unreadable(_)) => "unreadable",
    };
    metrics::counter!("subtotal_events_total", "outcome" => outcome).increment(1);
    tracing::info!(shop_id, outcome, is_simulated, "event");
    state.events.notify_one();
    Ok(())
}
