//! `POST …/connections`: creates or reuses a connection and answers the Link URL for it.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;
use utoipa::ToSchema;

use super::{MAX_ID, Shopper, allowed_redirect, find_retailer, shopper, storefront_host};
use crate::app::AppState;
use crate::http::body::Fields;
use crate::http::doors::Door;
use crate::http::error::AppError;
use crate::http::openapi::{Operation, REFUSALS_OF_BODIES, REFUSALS_OF_SUBTOTAL, Redirects};
use crate::http::problem::{CONNECTION_NOT_FOUND, REDIRECT_URL_NOT_ALLOWED, RETAILER_NOT_FOUND};
use crate::linking::{LinkProof, RedirectUrl, Wanted, connection_for, link_url};
use crate::store::{ClaimKey, LinkStyle};
use crate::subtotal::wire::Retailer;
use crate::subtotal::{SubtotalError, TokenScope};

/// Longest URL that is looked at, in characters.
const MAX_URL: usize = 2048;

/// Where Subtotal Link opens for a connection.
#[derive(Serialize, ToSchema)]
pub(crate) struct Link {
    /// Good for one shopper and retailer; send the browser there.
    pub(super) link_url: String,
}

/// What the body asks for.
pub(in crate::http) struct Asked {
    pub(in crate::http) retailer_id: String,
    pub(in crate::http) redirect_url: String,
    pub(in crate::http) connection_id: Option<String>,
}

pub(crate) async fn connections<D: Door>(
    door: D,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<web::Json<Link>, AppError> {
    let shopper = shopper(&state, &door).await?;
    let Asked { retailer_id, redirect_url, connection_id } = read(Fields::read(&request, payload).await?)?;
    let redirect = allowed_redirect(&redirect_url, &shopper.shop, &storefront_host(&request, &door))?;

    let retailer = find_retailer(&state, &shopper, |known| known.by_id(&retailer_id)).await?;
    let link_url = open_link(&state, &shopper, &retailer, connection_id, &redirect).await?;
    Ok(web::Json(Link { link_url }))
}

/// Reads the body.
pub(in crate::http) fn read(mut fields: Fields) -> Result<Asked, AppError> {
    let retailer_id = fields.required("retailerId", MAX_ID);
    let retailer_link = fields.required("retailerLinkUrl", MAX_URL);
    if !Url::parse(&retailer_link).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
        fields.error("retailerLinkUrl", "must be an http(s) URL");
    }
    // Its length is judged with the rest of it, so that both ways to link refuse it alike.
    let redirect_url = fields.required("redirectUrl", usize::MAX);
    let connection_id = fields.optional("connectionId", MAX_ID);
    fields.finish()?;
    Ok(Asked { retailer_id, redirect_url, connection_id })
}

/// The Link URL for a shopper and a retailer: the one behind both ways to link.
pub(super) async fn open_link(
    state: &AppState,
    shopper: &Shopper,
    retailer: &Retailer,
    connection_id: Option<String>,
    redirect: &RedirectUrl,
) -> Result<String, AppError> {
    let Shopper { shop, customer, deadline, .. } = shopper;
    let (api, shelf) = state.subtotal(shop, *deadline).await?;
    let key =
        ClaimKey { shop_id: shop.id, customer_id: customer.to_string(), retailer_id: retailer.retailer_id.clone() };
    let contact = state.contact(shop, customer, *deadline);
    let linked = async {
        let linked = connection_for(&state.store, &api, &Wanted { key, connection_id }, contact).await?;
        state.sightings.listed(shop.id, customer.as_str(), linked.connections.iter());
        let id = linked.connection_id;
        let proof = match shop.link_style {
            LinkStyle::Connection => LinkProof::Connection(id),
            LinkStyle::Token => LinkProof::Token(api.connection_token(&id, TokenScope::Link).await?),
        };
        Ok(link_url(retailer, &proof, redirect)?)
    };
    linked.await.inspect_err(|error| {
        if matches!(error, AppError::Subtotal(SubtotalError::KeyRejected)) {
            shelf.clear();
        }
    })
}

/// The schema of the body, for the OpenAPI document.
pub(crate) fn body() -> Value {
    json!({
        "type": "object",
        "description": "Fields that are not named here are ignored. At most 16 KiB.",
        "required": ["retailerId", "retailerLinkUrl", "redirectUrl"],
        "properties": {
            "retailerId": {
                "type": "string", "minLength": 1, "maxLength": MAX_ID, "description": "`retailer_id` from `/retailers`.",
            },
            "retailerLinkUrl": {
                "type": "string", "minLength": 1, "maxLength": MAX_URL,
                "description": "`link_url` of the same retailer. The Link URL is made of the service's own copy.",
            },
            "redirectUrl": {
                "type": "string", "minLength": 1,
                "description": "Where the shopper comes back to: an https URL on one of the shop's hosts, of at most 2,048 \
                    characters, or a path. A path is completed with the storefront's host, and with the shop's permanent \
                    domain where the call does not come from the storefront.",
            },
            "connectionId": {
                "type": ["string", "null"], "minLength": 1, "maxLength": MAX_ID,
                "description": "`connection_id` of the connection to sign in to again.",
            },
        },
    })
}

/// For the OpenAPI document.
pub(crate) fn operation() -> Operation {
    let link_url = "https://link.subtotal.com/zklQOnlG?connection_id=01KAJ0000000000000000000ZZ\
        &redirect_url=https%3A%2F%2Fshop.example.com%2Faccount";
    Operation {
        id: "connect",
        summary: "Opens a connection, there already or created now",
        description: "Exactly one is created for a customer and a retailer, however often this is called.",
        parameters: vec![],
        body: Some((
            "ConnectionsBody",
            json!({
                "retailerId": "walmart",
                "retailerLinkUrl": "https://link.subtotal.com/zklQOnlG",
                "redirectUrl": "https://shop.example.com/account",
            }),
        )),
        answer: ("Link", json!({ "link_url": link_url })),
        signed_in: true,
        refusals: vec![
            REFUSALS_OF_BODIES,
            &[REDIRECT_URL_NOT_ALLOWED, RETAILER_NOT_FOUND, CONNECTION_NOT_FOUND],
            REFUSALS_OF_SUBTOTAL,
        ],
        redirects: Redirects::Never,
    }
}
