//! `GET …/retailers`: the shop's retailers in Subtotal's order, each with this customer's connection.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{enforced, shopper};
use crate::app::AppState;
use crate::http::doors::Door;
use crate::http::error::AppError;
use crate::http::openapi::{Operation, REFUSALS_OF_SUBTOTAL, Redirects};
use crate::linking::shown;
use crate::subtotal::SubtotalError;
use crate::subtotal::wire::{Connection, Images, Retailer};

/// The shop's retailers, in Subtotal's order.
#[derive(Serialize, ToSchema)]
pub(crate) struct Retailers<'a> {
    retailers: Vec<ShownRetailer<'a>>,
}

/// A retailer, with this customer's connection to it.
#[derive(Serialize, ToSchema)]
#[schema(as = Retailer)]
pub(crate) struct ShownRetailer<'a> {
    /// A lower-case slug.
    retailer_id: &'a str,
    /// For shoppers.
    name: &'a str,
    /// Its last path segment is the `linkId`.
    link_url: &'a str,
    #[schema(value_type = RetailerImages)]
    images: ShownImages<'a>,
    /// Left out when the customer never linked the retailer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    connection: Option<ShownConnection<'a>>,
}

/// Always an object, so that pages can look into it; empty where Subtotal gives none.
#[derive(Serialize)]
#[serde(untagged)]
enum ShownImages<'a> {
    Given(&'a Images),
    None {},
}

/// What `images` holds as Subtotal documents it. They are passed on as they come, so any part may be absent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the OpenAPI document; the value is Subtotal's own")]
pub(crate) struct RetailerImages {
    #[schema(required = false)]
    logo: ImageVariants,
    #[schema(required = false)]
    icon: ImageVariants,
}

/// One image for light pages and one for dark ones.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the OpenAPI document; the value is Subtotal's own")]
pub(crate) struct ImageVariants {
    #[schema(required = false)]
    light: String,
    #[schema(required = false)]
    dark: String,
}

/// A customer's link to a retailer.
#[derive(Serialize, ToSchema)]
#[schema(as = Connection)]
pub(crate) struct ShownConnection<'a> {
    connection_id: &'a str,
    retailer_id: &'a str,
    /// `active`, `unauthenticated` (the customer must sign in again), `initialized`, `disconnected`, `revoked`; others
    /// may be added.
    status: &'a str,
}

pub(crate) async fn retailers<D: Door>(door: D, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    let shopper = shopper(&state, &door).await?;
    let (api, shelf) = state.subtotal(&shopper.shop, shopper.deadline).await?;
    let (snapshot, connections, hidden) =
        tokio::join!(shelf.retailers(&api), api.connections(shopper.customer.as_str()), enforced(&state, &shopper));
    if connections == Err(SubtotalError::KeyRejected) {
        shelf.clear();
    }
    let (snapshot, connections, hidden) = (snapshot?, connections?, hidden?);
    state.sightings.listed(shopper.shop.id, shopper.customer.as_str(), connections.iter());
    let retailers = snapshot
        .retailers
        .iter()
        .filter(|retailer| !hidden.hides_retailer(&retailer.retailer_id))
        .map(|retailer| ShownRetailer::of(retailer, &connections))
        .collect();
    Ok(HttpResponse::Ok().json(Retailers { retailers }))
}

impl<'a> ShownRetailer<'a> {
    fn of(retailer: &'a Retailer, connections: &'a [Connection]) -> Self {
        let connection = shown(connections, &retailer.retailer_id).map(|connection| ShownConnection {
            connection_id: &connection.connection_id,
            retailer_id: &connection.retailer_id,
            status: &connection.status,
        });
        let images = retailer.images.as_ref().filter(|images| images.is_object());
        Self {
            retailer_id: &retailer.retailer_id,
            name: &retailer.name,
            link_url: &retailer.link_url,
            images: images.map_or(ShownImages::None {}, ShownImages::Given),
            connection,
        }
    }
}

/// For the OpenAPI document.
pub(crate) fn operation() -> Operation {
    let images = json!({ "logo": { "light": "https://images.example/walmart.svg" } });
    let connection =
        json!({ "connection_id": "01KAJ0000000000000000000ZZ", "retailer_id": "walmart", "status": "active" });
    let retailer = json!({
        "retailer_id": "walmart", "name": "Walmart", "link_url": "https://link.subtotal.com/zklQOnlG",
        "images": images, "connection": connection,
    });
    Operation {
        id: "retailers",
        summary: "The shop's retailers, each with this customer's connection",
        description: "In Subtotal's order. Of several connections to a retailer the best is shown, and the newest of those.",
        parameters: vec![],
        body: None,
        answer: ("Retailers", json!({ "retailers": [retailer] })),
        signed_in: true,
        refusals: vec![REFUSALS_OF_SUBTOTAL],
        redirects: Redirects::Never,
    }
}
