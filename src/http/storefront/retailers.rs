//! `GET …/retailers`: the shop's retailers in Subtotal's order, each with this customer's connection.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::Value;

use super::{enforced, shopper};
use crate::app::AppState;
use crate::http::doors::Door;
use crate::http::error::AppError;
use crate::linking::shown;
use crate::subtotal::SubtotalError;
use crate::subtotal::wire::{Connection, Retailer};

#[derive(Serialize)]
struct Retailers<'a> {
    retailers: Vec<ShownRetailer<'a>>,
}

#[derive(Serialize)]
struct ShownRetailer<'a> {
    retailer_id: &'a str,
    name: &'a str,
    link_url: &'a str,
    images: Images<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<ShownConnection<'a>>,
}

/// Always an object, so that pages can look into it; empty where Subtotal gives none.
#[derive(Serialize)]
#[serde(untagged)]
enum Images<'a> {
    Given(&'a Value),
    None {},
}

#[derive(Serialize)]
struct ShownConnection<'a> {
    connection_id: &'a str,
    retailer_id: &'a str,
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
            images: images.map_or(Images::None {}, Images::Given),
            connection,
        }
    }
}
