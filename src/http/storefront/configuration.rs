//! `GET …/configuration`: whether the shop has stored a Subtotal API key.

use actix_web::web;
use serde::Serialize;

use super::configured_shop;
use crate::app::AppState;
use crate::http::doors::Door;
use crate::http::error::AppError;

#[derive(Serialize)]
pub(crate) struct Configuration {
    status: &'static str,
}

pub(crate) async fn configuration<D: Door>(
    door: D,
    state: web::Data<AppState>,
) -> Result<web::Json<Configuration>, AppError> {
    configured_shop(&state, &door).await?;
    Ok(web::Json(Configuration { status: "success" }))
}
