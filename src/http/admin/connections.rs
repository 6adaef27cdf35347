//! *Connections*: every connection that is known of, those that need a new login first, with the link that wins each of
//! them back; as a page, as JSON and as CSV.

use std::collections::BTreeMap;

use actix_web::http::header::{ACCEPT, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Serialize;
use url::form_urlencoded;

use super::activity::rfc3339;
use super::connections_csv;
use super::document::{self, Document, Frame};
use super::place::Place;
use super::relink::Relinks;
use super::staff;
use crate::app::AppState;
use crate::http::error::AppError;
use crate::http::problem::FieldError;
use crate::shopify::session_token::VerifiedSession;
use crate::store::{KnownConnection, KnownConnections, Order};

/// Connections a page has, unless `limit` says otherwise, and the most it may say.
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 500;
/// The statuses Subtotal gives.
const STATUSES: [&str; 5] = ["active", "initialized", "unauthenticated", "disconnected", "revoked"];

#[derive(Template)]
#[template(path = "admin/connections.html")]
struct ConnectionsPage<'a> {
    frame: &'a Frame,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    connections: Vec<Shown>,
    /// How many have each status, whatever is shown. With the first page only: counting reads all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    states: Option<BTreeMap<String, i64>>,
    /// The code of the reason why there are no links just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    relink_problem: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    connection_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    retailer_id: String,
    /// Absent where the retailer is not on the shop's list.
    #[serde(skip_serializing_if = "Option::is_none")]
    retailer_name: Option<String>,
    status: String,
    since: String,
    simulated: bool,
    /// Absent where the shopper is signed in, and where the retailer is not on the shop's list.
    #[serde(skip_serializing_if = "Option::is_none")]
    relink_url: Option<String>,
}

/// What the query asks for.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) status: Option<&'static str>,
    pub(super) order: Order,
    pub(super) before: Option<Place>,
    pub(super) limit: Option<u32>,
}

pub(super) async fn page(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    match document::open(&request, &state).await? {
        Document::Elsewhere(answer) => Ok(answer),
        Document::Proven(_, frame) => document::page(&state, &frame, &ConnectionsPage { frame: &frame }),
    }
}

/// A page of connections as JSON; or as CSV, and then all of them unless `limit` is given.
pub(super) async fn list(
    session: VerifiedSession,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let question = Question::read(request.query_string())?;
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.to_ascii_lowercase().contains("text/csv") {
        let relinks = Relinks::of_shop(&state, &staff).await?;
        return Ok(connections_csv::download(state, staff.shop.id, question, relinks));
    }
    let limit = question.limit.unwrap_or(DEFAULT_LIMIT);
    // One more than is shown tells whether there is a next page.
    let mut found = state.store.known_connections(staff.shop.id, question.asks(limit + 1)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| Place { at: last.since, id: last.connection_id.clone() });
    // Nothing is asked of Subtotal for an empty page.
    let relinks = if found.is_empty() { Relinks::default() } else { Relinks::of_shop(&state, &staff).await? };
    let states = if question.before.is_none() { Some(states(&state, staff.shop.id).await?) } else { None };
    let connections = found.into_iter().map(|connection| Shown::of(connection, &relinks)).collect();
    let page = Page { connections, states, relink_problem: relinks.problem, next: next.map(|next| next.to_string()) };
    Ok(HttpResponse::Ok().insert_header((VARY, "Accept")).json(page))
}

async fn states(state: &AppState, shop_id: i64) -> Result<BTreeMap<String, i64>, AppError> {
    let mut states = BTreeMap::new();
    for count in state.store.connection_counts(shop_id).await? {
        *states.entry(count.status).or_default() += count.connections;
    }
    Ok(states)
}

impl Question {
    /// The question as the store takes it.
    pub(super) fn asks(&self, limit: u32) -> KnownConnections<'_> {
        let after = self.before.as_ref().map(Place::as_pair);
        KnownConnections { status: self.status, order: self.order, after, limit }
    }

    fn read(query: &str) -> Result<Self, AppError> {
        let mut question = Self { status: None, order: Order::Newest, before: None, limit: None };
        let mut errors = Vec::new();
        let mut wrong = |field, message: String| errors.push(FieldError { field, message });
        for (key, value) in form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            match key.as_ref() {
                "status" => match STATUSES.into_iter().find(|status| *status == value) {
                    Some(status) => question.status = Some(status),
                    None => wrong("status", format!("must be one of {}", STATUSES.join(", "))),
                },
                "order" => match value.as_ref() {
                    "newest" => question.order = Order::Newest,
                    "oldest" => question.order = Order::Oldest,
                    _ => wrong("order", "must be newest or oldest".to_owned()),
                },
                "before" => match value.parse() {
                    Ok(place) => question.before = Some(place),
                    Err(_) => wrong("before", "must be what next said".to_owned()),
                },
                "limit" => match value.parse() {
                    Ok(limit @ 1..=MAX_LIMIT) => question.limit = Some(limit),
                    _ => wrong("limit", format!("must be a number from 1 to {MAX_LIMIT}")),
                },
                _ => {}
            }
        }
        if errors.is_empty() { Ok(question) } else { Err(AppError::InvalidRequest(errors)) }
    }
}

impl Shown {
    fn of(connection: KnownConnection, relinks: &Relinks) -> Self {
        Self {
            retailer_name: relinks.name(&connection.retailer_id).map(str::to_owned),
            relink_url: relinks.url(&connection),
            connection_id: connection.connection_id,
            customer_id: connection.customer_id,
            retailer_id: connection.retailer_id,
            status: connection.status,
            since: rfc3339(connection.since),
            simulated: connection.is_simulated,
        }
    }
}
