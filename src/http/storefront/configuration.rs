//! `GET …/configuration`: whether the shop has stored a Subtotal API key.

use actix_web::web;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::configured_shop;
use crate::app::AppState;
use crate::http::doors::Door;
use crate::http::error::AppError;
use crate::http::openapi::{Operation, Redirects};

/// The shop has stored a Subtotal API key.
#[derive(Serialize, ToSchema)]
pub(crate) struct Configuration {
    /// `success`.
    status: &'static str,
}

pub(crate) async fn configuration<D: Door>(
    door: D,
    state: web::Data<AppState>,
) -> Result<web::Json<Configuration>, AppError> {
    let _ = configured_shop(&state, &door).await?;
    Ok(web::Json(Configuration { status: "success" }))
}

/// For the OpenAPI document.
pub(crate) fn operation() -> Operation {
    Operation {
        id: "configuration",
        summary: "Whether the shop is set up",
        description: "200 when a Subtotal API key is stored for the shop, 404 where not. Needs nobody signed in, and never \
            asks Subtotal.",
        parameters: vec![],
        body: None,
        answer: ("Configuration", json!({ "status": "success" })),
        signed_in: false,
        refusals: vec![],
        redirects: Redirects::Never,
    }
}
