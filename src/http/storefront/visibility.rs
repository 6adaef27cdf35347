//! `GET …/visibility`: what the merchant's rules say about this customer. Never asks Subtotal.

use actix_web::web;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::shopper;
use crate::app::AppState;
use crate::http::doors::Door;
use crate::http::error::AppError;
use crate::http::openapi::{Operation, Redirects};

/// What the merchant's rules say about one customer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Visibility {
    /// False when the merchant hides Subtotal Connect from this customer.
    block_visible: bool,
    /// Retailers to leave out of any list.
    restricted_retailer_ids: Vec<String>,
}

pub(crate) async fn visibility<D: Door>(
    door: D,
    state: web::Data<AppState>,
) -> Result<web::Json<Visibility>, AppError> {
    let shopper = shopper(&state, &door).await?;
    let decision = state.decision(&shopper.shop, &shopper.customer, shopper.deadline).await?;
    Ok(web::Json(Visibility {
        block_visible: !decision.hides_block,
        restricted_retailer_ids: decision.restricted_retailer_ids,
    }))
}

/// For the OpenAPI document.
pub(crate) fn operation() -> Operation {
    Operation {
        id: "visibility",
        summary: "What this customer may see",
        description: "What the merchant's rules say. It is advice to pages unless the merchant has it enforced. Never asks \
            Subtotal.",
        parameters: vec![],
        body: None,
        answer: ("Visibility", json!({ "blockVisible": true, "restrictedRetailerIds": ["petco"] })),
        signed_in: true,
        refusals: vec![],
        redirects: Redirects::Never,
    }
}
