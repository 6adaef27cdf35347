//! The requests of customers to be told what is stored about them, and the report that answers one. Reports are made
//! when they are downloaded and kept nowhere.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpResponse, web};
use serde::Serialize;

use super::activity::rfc3339;
use super::staff;
use crate::app::AppState;
use crate::events::happening::Happening;
use crate::http::error::AppError;
use crate::shopify::CustomerId;
use crate::shopify::session_token::VerifiedSession;
use crate::store::{DataReport, Deed, ReportedRequest};
use crate::visibility::ShopperEmail;

#[derive(Serialize)]
pub(super) struct Requests {
    requests: Vec<Request>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    id: String,
    customer_id: String,
    at: String,
}

/// What the merchant hands to the customer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    shop: String,
    customer_id: String,
    reported_at: String,
    requests: Vec<Request>,
    connections: Vec<Connection>,
    creations: Vec<Creation>,
    /// What Subtotal told of the customer.
    events: Vec<Event>,
    /// What followed from it.
    happenings: Vec<Happened>,
    /// What the merchant's tools were told, or are to be told.
    deliveries: Vec<Delivery>,
    /// Whether Shopify told the e-mail address: without it, the lists it may stand in can not be named.
    email_known: bool,
    visibility_lists: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    id: String,
    retailer_id: String,
    status: String,
    since: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Creation {
    retailer_id: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    received_at: String,
    state: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Happened {
    id: String,
    kind: String,
    connection_id: String,
    at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    destination: String,
    kind: String,
    connection_id: String,
    retailer_id: String,
    state: String,
    happened_at: String,
    /// What is held sealed until it is delivered, as it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<Happening>,
}

/// The shop's open requests, newest first.
pub(super) async fn list(
    session: VerifiedSession,
    state: web::Data<AppState>,
) -> Result<web::Json<Requests>, AppError> {
    let staff = staff(&state, &session).await?;
    let requests = state.store.data_requests(staff.shop.id).await?;
    Ok(web::Json(Requests { requests: requests.into_iter().map(Request::from).collect() }))
}

/// What is stored about the customer of a request, as a file. The trail says that it was handed out, not about whom.
pub(super) async fn report(
    session: VerifiedSession,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let open = state.store.data_requests(staff.shop.id).await?;
    let request = open.into_iter().find(|request| request.id == *id).ok_or(AppError::NotFound)?;
    let email = match CustomerId::parse(&request.customer_id) {
        Ok(customer) => state.contact(&staff.shop, &customer, state.deadline()).await.0,
        Err(_) => None,
    };
    let email = email.as_deref().and_then(ShopperEmail::parse);
    let stored = state.store.data_report(staff.shop.id, &request.customer_id, email.as_ref()).await?;
    let now = state.clock.unix_ms();
    let report = Report::new(staff.shop.domain.to_string(), stored, email.is_some(), now);
    let deed = Deed { actor: staff.actor, action: "compliance.report_downloaded", detail: serde_json::json!({}) };
    state.store.record(staff.shop.id, &deed, now).await?;
    let name: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"data-request-{name}.json\"")))
        .json(report))
}

impl Report {
    fn new(shop: String, stored: DataReport, email_known: bool, now: i64) -> Self {
        let connections = stored.connections.into_iter().map(|connection| Connection {
            id: connection.connection_id,
            retailer_id: connection.retailer_id,
            status: connection.status,
            since: rfc3339(connection.since),
        });
        let creations = stored.creations.into_iter().map(|creation| Creation {
            retailer_id: creation.retailer_id,
            state: creation.state,
            connection_id: creation.connection_id,
        });
        let events = stored.events.into_iter().map(|event| Event {
            id: event.id,
            kind: event.kind,
            received_at: rfc3339(event.received_at),
            state: event.state,
        });
        let happenings = stored.happenings.into_iter().map(|happened| Happened {
            id: happened.id,
            kind: happened.kind,
            connection_id: happened.connection_id,
            at: rfc3339(happened.at),
        });
        let deliveries = stored.deliveries.into_iter().map(|delivery| Delivery {
            destination: delivery.destination,
            kind: delivery.kind,
            connection_id: delivery.connection_id,
            retailer_id: delivery.retailer_id,
            state: delivery.state,
            happened_at: rfc3339(delivery.happened_at),
            held: delivery.held,
        });
        Self {
            shop,
            customer_id: stored.customer_id,
            reported_at: rfc3339(now),
            requests: stored.data_requests.into_iter().map(Request::from).collect(),
            connections: connections.collect(),
            creations: creations.collect(),
            events: events.collect(),
            happenings: happenings.collect(),
            deliveries: deliveries.collect(),
            email_known,
            visibility_lists: stored.visibility_lists,
        }
    }
}

impl From<ReportedRequest> for Request {
    fn from(request: ReportedRequest) -> Self {
        Self { id: request.id, customer_id: request.customer_id, at: rfc3339(request.requested_at) }
    }
}
