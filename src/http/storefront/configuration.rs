//! `GET /apps/subtotal/configuration`: whether the shop has stored a Subtotal API key.

use actix_web::web;
use serde::Serialize;

use super::configured_shop;
use crate::app::AppState;
use crate::http::error::AppError;
use crate::shopify::proxy::VerifiedProxy;

#[derive(Serialize)]
pub(crate) struct Configuration {
    status: &'static str,
}

pub(crate) async fn configuration(
    proxy: VerifiedProxy,
    state: web::Data<AppState>,
) -> Result<web::Json<Configuration>, AppError> {
    configured_shop(&state, proxy.shop()).await?;
    Ok(web::Json(Configuration { status: "success" }))
}
