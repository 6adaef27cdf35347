//! The inbox on *Events*: what Subtotal told, what became of it, and trying again what was given up.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use url::form_urlencoded;

use super::activity::rfc3339;
use super::place::Place;
use super::staff;
use crate::app::AppState;
use crate::http::error::AppError;
use crate::http::problem::FieldError;
use crate::shopify::session_token::VerifiedSession;
use crate::store::EventLine;

/// Events a page has, unless `limit` says otherwise, and the most it may say.
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 500;
/// The states there are.
const STATES: [&str; 5] = ["waiting", "done", "ignored", "unreadable", "failed"];
/// Longest id that is looked for, in bytes.
const MAX_ID: usize = 128;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    events: Vec<Shown>,
    /// How many stand in each state, whatever is shown.
    states: BTreeMap<String, i64>,
    /// How many purchase histories were given up.
    failed_histories: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    received_at: String,
    simulated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retailer_id: Option<String>,
    state: String,
    attempts: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// What the query asks for.
struct Question {
    state: Option<&'static str>,
    before: Option<Place>,
    limit: u32,
}

pub(super) async fn list(
    session: VerifiedSession,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<web::Json<Page>, AppError> {
    let staff = staff(&state, &session).await?;
    let question = Question::read(request.query_string())?;
    let before = question.before.as_ref().map(Place::as_pair);
    // One more than is shown tells whether there is a next page.
    let mut found = state.store.events(staff.shop.id, question.state, before, question.limit + 1).await?;
    let limit = usize::try_from(question.limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| Place { at: last.received_at, id: last.id.clone() });
    Ok(web::Json(Page {
        events: found.into_iter().map(Shown::from).collect(),
        states: state.store.event_states(staff.shop.id).await?.into_iter().collect(),
        failed_histories: state.store.failed_histories(staff.shop.id).await?,
        next: next.map(|next| next.to_string()),
    }))
}

/// Tries one event again that was given up. Any other is not there to be tried again: 404.
pub(super) async fn retry(
    session: VerifiedSession,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let id = Some(id.into_inner()).filter(|id| id.len() <= MAX_ID && !id.contains('\0')).ok_or(AppError::NotFound)?;
    if !state.store.retry_event(staff.shop.id, &id, staff.actor, state.clock.unix_ms()).await? {
        return Err(AppError::NotFound);
    }
    Ok(HttpResponse::Accepted().json(json!({ "queued": 1 })))
}

/// Tries everything again that was given up, purchase histories too.
pub(super) async fn retry_failed(
    session: VerifiedSession,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let queued = state.store.retry_failed(staff.shop.id, staff.actor, state.clock.unix_ms()).await?;
    Ok(HttpResponse::Accepted().json(json!({ "queued": queued })))
}

impl Question {
    fn read(query: &str) -> Result<Self, AppError> {
        let mut question = Self { state: None, before: None, limit: DEFAULT_LIMIT };
        let mut errors = Vec::new();
        let mut wrong = |field, message: String| errors.push(FieldError { field, message });
        for (key, value) in form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            match key.as_ref() {
                "state" => match STATES.into_iter().find(|state| *state == value) {
                    Some(state) => question.state = Some(state),
                    None => wrong("state", format!("must be one of {}", STATES.join(", "))),
                },
                "before" => match value.parse() {
                    Ok(place) => question.before = Some(place),
                    Err(_) => wrong("before", "must be what next said".to_owned()),
                },
                "limit" => match value.parse() {
                    Ok(limit @ 1..=MAX_LIMIT) => question.limit = limit,
                    _ => wrong("limit", format!("must be a number from 1 to {MAX_LIMIT}")),
                },
                _ => {}
            }
        }
        if errors.is_empty() { Ok(question) } else { Err(AppError::InvalidRequest(errors)) }
    }
}

impl From<EventLine> for Shown {
    fn from(event: EventLine) -> Self {
        Self {
            id: event.id,
            kind: event.kind,
            received_at: rfc3339(event.received_at),
            simulated: event.is_simulated,
            connection_id: event.connection_id,
            retailer_id: event.retailer_id,
            state: event.state,
            attempts: event.attempts,
            problem: event.problem,
        }
    }
}
