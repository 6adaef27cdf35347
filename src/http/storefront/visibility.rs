//! `GET …/visibility`: what the merchant's rules say about this customer. Never asks Subtotal.

use actix_web::web;
use serde::Serialize;

use super::shopper;
use crate::app::AppState;
use crate::http::doors::Door;
use crate::http::error::AppError;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Visibility {
    block_visible: bool,
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
