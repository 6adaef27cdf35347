//! For how many days a shop keeps its events and what became of them.

use actix_web::{HttpRequest, web};
use serde::Serialize;

use super::staff;
use crate::app::AppState;
use crate::http::body::Fields;
use crate::http::error::AppError;
use crate::shopify::session_token::VerifiedSession;

#[derive(Serialize)]
pub(super) struct Retention {
    days: i32,
}

pub(super) async fn get(
    session: VerifiedSession,
    state: web::Data<AppState>,
) -> Result<web::Json<Retention>, AppError> {
    let staff = staff(&state, &session).await?;
    Ok(web::Json(Retention { days: state.store.events_kept_days(staff.shop.id).await? }))
}

pub(super) async fn put(
    session: VerifiedSession,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<web::Json<Retention>, AppError> {
    let staff = staff(&state, &session).await?;
    let mut fields = Fields::read(&request, payload).await?;
    let days = fields.value("days", "a whole number from 1 to 365").unwrap_or(0);
    if !(1..=365).contains(&days) {
        fields.error("days", "must be a whole number from 1 to 365");
    }
    fields.finish()?;
    state.store.keep_events_for(staff.shop.id, days, staff.actor, state.clock.unix_ms()).await?;
    Ok(web::Json(Retention { days }))
}
