//! `POST …/disconnect-connection`: disconnects one of this customer's own connections.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{MAX_ID, shopper};
use crate::app::AppState;
use crate::http::body::Fields;
use crate::http::doors::Door;
use crate::http::error::AppError;
use crate::http::openapi::{Operation, REFUSALS_OF_BODIES, REFUSALS_OF_SUBTOTAL, Redirects};
use crate::http::problem::CONNECTION_NOT_FOUND;
use crate::subtotal::wire::Connection;
use crate::subtotal::{ShopApi, SubtotalError, TokenScope};

/// The connection is disconnected.
#[derive(Serialize, ToSchema)]
pub(crate) struct Disconnected {
    /// `true`.
    success: bool,
}

pub(crate) async fn disconnect_connection<D: Door>(
    door: D,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<web::Json<Disconnected>, AppError> {
    let shopper = shopper(&state, &door).await?;
    let connection_id = read(Fields::read(&request, payload).await?)?;

    let (api, shelf) = state.subtotal(&shopper.shop, shopper.deadline).await?;
    let connections = disconnect(&api, shopper.customer.as_str(), &connection_id).await.inspect_err(|error| {
        if matches!(error, AppError::Subtotal(SubtotalError::KeyRejected)) {
            shelf.clear();
        }
    })?;
    state.sightings.listed(shopper.shop.id, shopper.customer.as_str(), connections.iter());
    Ok(web::Json(Disconnected { success: true }))
}

/// Reads the body: the connection's id.
pub(in crate::http) fn read(mut fields: Fields) -> Result<String, AppError> {
    let connection_id = fields.required("connectionId", MAX_ID);
    fields.finish()?;
    Ok(connection_id)
}

/// Disconnects the customer's own connection, and answers how all of them stand then.
async fn disconnect(api: &ShopApi, customer_id: &str, connection_id: &str) -> Result<Vec<Connection>, AppError> {
    let mut connections = api.connections(customer_id).await?;
    let own = connections.iter_mut().find(|connection| connection.connection_id == connection_id);
    let own = own.ok_or(AppError::ConnectionNotFound)?;
    if own.status != "disconnected" {
        let token = api.connection_token(&own.connection_id, TokenScope::Access).await?;
        api.disconnect(&own.connection_id, &token).await?;
        "disconnected".clone_into(&mut own.status);
    }
    Ok(connections)
}

/// The schema of the body, for the OpenAPI document.
pub(crate) fn body() -> Value {
    json!({
        "type": "object",
        "description": "Fields that are not named here are ignored. At most 16 KiB.",
        "required": ["connectionId"],
        "properties": {
            "connectionId": {
                "type": "string", "minLength": 1, "maxLength": MAX_ID, "description": "`connection_id` from `/retailers`.",
            },
        },
    })
}

/// For the OpenAPI document.
pub(crate) fn operation() -> Operation {
    Operation {
        id: "disconnect",
        summary: "Disconnects a connection of this customer",
        description: "Subtotal stops collecting purchases for it. One that is disconnected already is a success too.",
        parameters: vec![],
        body: Some(("DisconnectConnectionBody", json!({ "connectionId": "01KAJ0000000000000000000ZZ" }))),
        answer: ("Disconnected", json!({ "success": true })),
        signed_in: true,
        refusals: vec![REFUSALS_OF_BODIES, &[CONNECTION_NOT_FOUND], REFUSALS_OF_SUBTOTAL],
        redirects: Redirects::Never,
    }
}
