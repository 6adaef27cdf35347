//! *Events*: what the merchant's tools were told, what waits, what was given up, and sending it again.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Serialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::activity::rfc3339;
use super::document::{self, Document, Frame};
use super::staff;
use crate::app::AppState;
use crate::http::error::AppError;
use crate::http::problem::FieldError;
use crate::shopify::session_token::VerifiedSession;
use crate::store::{Destination, Integration, ListedAttempt, ListedDelivery};

/// Deliveries a page has, unless `limit` says otherwise, and the most it may say.
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 500;
/// The states there are.
const STATES: [&str; 6] = ["waiting", "sending", "delivered", "failed", "dead", "skipped"];
/// Longest id that is looked for.
const MAX_ID: usize = 64;

#[derive(Template)]
#[template(path = "admin/events.html")]
struct EventsPage<'a> {
    frame: &'a Frame,
    klaviyo: Integration,
    flow: Integration,
    kept_days: i32,
}

#[derive(Serialize)]
pub(super) struct Page {
    deliveries: Vec<Shown<i32>>,
    /// How many stand in each state, whatever is shown.
    states: BTreeMap<String, i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<Attempts> {
    id: String,
    event_id: String,
    destination: String,
    kind: String,
    connection_id: String,
    retailer_id: String,
    simulated: bool,
    test: bool,
    state: String,
    attempts: Attempts,
    happened_at: String,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_problem: Option<String>,
}

/// A try, with what was asked and answered, masked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownAttempt {
    at: String,
    duration_ms: i64,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Value>,
}

/// What the query asks for.
struct Question {
    state: Option<&'static str>,
    before: Option<(i64, String)>,
    limit: u32,
}

pub(super) async fn page(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    match document::open(&request, &state).await? {
        Document::Elsewhere(answer) => Ok(answer),
        Document::Proven(staff, frame) => {
            let page = EventsPage {
                frame: &frame,
                klaviyo: state.store.integration(staff.shop.id, Destination::Klaviyo).await?,
                flow: state.store.integration(staff.shop.id, Destination::Flow).await?,
                kept_days: state.store.events_kept_days(staff.shop.id).await?,
            };
            document::page(&state, &frame, &page)
        }
    }
}

pub(super) async fn list(
    session: VerifiedSession,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<web::Json<Page>, AppError> {
    let staff = staff(&state, &session).await?;
    let question = Question::read(request.query_string())?;
    let before = question.before.as_ref().map(|(at, id)| (*at, id.as_str()));
    let found = state.store.list_deliveries(staff.shop.id, question.state, before, question.limit).await?;
    let full = found.len() == usize::try_from(question.limit).unwrap_or(usize::MAX);
    let next = found.last().filter(|_| full).map(|last| format!("{}-{}", last.created_at, last.id));
    let states = state.store.delivery_states(staff.shop.id).await?.into_iter().collect();
    Ok(web::Json(Page { deliveries: found.into_iter().map(listed).collect(), states, next }))
}

/// One delivery, with its last tries in the order they were made in.
pub(super) async fn one(
    session: VerifiedSession,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let id = read_id(id)?;
    let delivery = state.store.delivery(staff.shop.id, &id).await?.ok_or(AppError::NotFound)?;
    let attempts = state.store.attempts(staff.shop.id, &id).await?;
    let attempts: Vec<_> = attempts.into_iter().map(ShownAttempt::from).collect();
    Ok(HttpResponse::Ok().json(Shown::of(delivery, attempts)))
}

/// Sends one delivery again. One that is being sent, or was delivered, is not there to be sent again: 404.
pub(super) async fn replay(
    session: VerifiedSession,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let id = read_id(id)?;
    let now = state.clock.unix_ms();
    let queued = state.store.replay_deliveries(staff.shop.id, Some(&id), staff.actor, now).await?;
    if queued == 0 {
        return Err(AppError::NotFound);
    }
    Ok(HttpResponse::Accepted().json(json!({ "queued": queued })))
}

/// Sends every delivery again that was given up.
pub(super) async fn replay_dead(
    session: VerifiedSession,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let queued = state.store.replay_deliveries(staff.shop.id, None, staff.actor, state.clock.unix_ms()).await?;
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
                "before" => match value.split_once('-').map(|(at, id)| (at.parse(), id)) {
                    Some((Ok(at), id)) if can_be_id(id) => question.before = Some((at, id.to_owned())),
                    _ => wrong("before", "must be what next said".to_owned()),
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

fn read_id(id: web::Path<String>) -> Result<String, AppError> {
    Some(id.into_inner()).filter(|id| can_be_id(id)).ok_or(AppError::NotFound)
}

/// Whether a text can be an id at all: no database is asked for anything else.
fn can_be_id(id: &str) -> bool {
    id.len() <= MAX_ID && id.bytes().all(|byte| byte.is_ascii_graphic())
}

fn listed(delivery: ListedDelivery) -> Shown<i32> {
    let attempts = delivery.attempts;
    Shown::of(delivery, attempts)
}

impl<Attempts> Shown<Attempts> {
    fn of(delivery: ListedDelivery, attempts: Attempts) -> Self {
        Self {
            id: delivery.id,
            event_id: delivery.event_id,
            destination: delivery.destination,
            kind: delivery.kind,
            connection_id: delivery.connection_id,
            retailer_id: delivery.retailer_id,
            simulated: delivery.is_simulated,
            test: delivery.is_test,
            state: delivery.state,
            attempts,
            happened_at: rfc3339(delivery.happened_at),
            created_at: rfc3339(delivery.created_at),
            next_attempt_at: delivery.next_attempt_at.map(rfc3339),
            last_problem: delivery.problem,
        }
    }
}

impl From<ListedAttempt> for ShownAttempt {
    fn from(attempt: ListedAttempt) -> Self {
        let read = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
        Self {
            at: rfc3339(attempt.tried.at),
            duration_ms: attempt.tried.duration_ms,
            outcome: attempt.outcome,
            problem: attempt.problem,
            request: read(attempt.tried.request),
            response: read(attempt.tried.response),
        }
    }
}
