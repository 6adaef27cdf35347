//! *Activity*: who changed what and when, what Shopify told, and what was refused; as a page, as JSON and as CSV.

use actix_web::http::header::{ACCEPT, CONTENT_DISPOSITION, VARY};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use futures_util::stream;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::form_urlencoded;

use super::document::{self, Document, Frame};
use super::staff;
use crate::app::AppState;
use crate::http::csv;
use crate::http::error::AppError;
use crate::http::problem::FieldError;
use crate::shopify::ShopDomain;
use crate::shopify::session_token::VerifiedSession;
use crate::store::{Activity, ActivityEntry, Cursor};

/// Entries a page of JSON has, unless `limit` says otherwise, and the most it may say.
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;
/// Entries read at a time for a download.
const DOWNLOAD_PAGE: usize = 1000;
/// Longest `kind`, in characters.
const MAX_KIND: usize = 64;

#[derive(Template)]
#[template(path = "admin/activity.html")]
struct ActivityPage<'a> {
    frame: &'a Frame,
}

#[derive(Serialize)]
struct Page {
    entries: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct Entry {
    #[serde(serialize_with = "as_rfc3339")]
    at: i64,
    actor: String,
    action: String,
    detail: serde_json::Value,
}

/// What the query asks for.
struct Question {
    kind: String,
    before: Option<Cursor>,
    limit: Option<usize>,
}

pub(super) async fn page(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    match document::open(&request, &state).await? {
        Document::Elsewhere(answer) => Ok(answer),
        Document::Proven(_, frame) => document::page(&state, &frame, &ActivityPage { frame: &frame }),
    }
}

/// A page of entries as JSON; or as CSV, and then all of them unless `limit` is given.
pub(super) async fn entries(
    session: VerifiedSession,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let question = Question::read(request.query_string())?;
    state.refusals.flush(&state.store).await;
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.to_ascii_lowercase().contains("text/csv") {
        return Ok(download(state, staff.shop.domain.clone(), question));
    }
    let limit = question.limit.unwrap_or(DEFAULT_LIMIT);
    let Activity { entries, next } =
        state.store.activity(&staff.shop.domain, &question.kind, question.before.as_ref(), limit).await?;
    let page =
        Page { entries: entries.into_iter().map(Entry::from).collect(), next: next.map(|next| next.to_string()) };
    Ok(HttpResponse::Ok().insert_header((VARY, "Accept")).json(page))
}

/// Streams, so that a long history costs no memory. A failure on the way breaks the connection off.
fn download(state: web::Data<AppState>, shop: ShopDomain, question: Question) -> HttpResponse {
    let Question { kind, before, limit } = question;
    let head = Bytes::from(csv::record(&["at", "actor", "action", "detail"]));
    // What is still to be read: from where on, and how many at most. `None` once there is no more.
    let start = Some((before, limit.unwrap_or(usize::MAX)));
    let records = stream::unfold(start, move |rest| {
        let (state, shop, kind) = (state.clone(), shop.clone(), kind.clone());
        async move {
            let (before, left) = rest?;
            let read = state.store.activity(&shop, &kind, before.as_ref(), left.min(DOWNLOAD_PAGE)).await;
            match read {
                Ok(Activity { entries, next }) => {
                    let left = left - entries.len();
                    let text: String = entries.iter().map(csv_record).collect();
                    Some((Ok(Bytes::from(text)), next.filter(|_| left > 0).map(|next| (Some(next), left))))
                }
                Err(error) => Some((Err(AppError::from(error)), None)),
            }
        }
    });
    let body = futures_util::StreamExt::chain(stream::iter([Ok(head)]), records);
    HttpResponse::Ok()
        .insert_header((VARY, "Accept"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"activity.csv\""))
        .content_type("text/csv; charset=utf-8")
        .streaming(body)
}

fn csv_record(entry: &ActivityEntry) -> String {
    csv::record(&[&rfc3339(entry.at), &entry.actor, &entry.action, &entry.detail.to_string()])
}

impl Question {
    fn read(query: &str) -> Result<Self, AppError> {
        let mut question = Self { kind: String::new(), before: None, limit: None };
        let mut errors = Vec::new();
        let mut wrong = |field, message: String| errors.push(FieldError { field, message });
        for (key, value) in form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            match key.as_ref() {
                "kind" if value.chars().count() <= MAX_KIND && !value.contains('\0') => {
                    question.kind = value.into_owned()
                }
                "kind" => wrong("kind", format!("must have at most {MAX_KIND} characters, and no NUL")),
                "before" => match value.parse() {
                    Ok(cursor) => question.before = Some(cursor),
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

impl From<ActivityEntry> for Entry {
    fn from(entry: ActivityEntry) -> Self {
        Self { at: entry.at, actor: entry.actor, action: entry.action, detail: entry.detail }
    }
}

/// Unix milliseconds as people and programs read them, in UTC.
pub(super) fn rfc3339(unix_ms: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000);
    time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

fn as_rfc3339<S: Serializer>(unix_ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*unix_ms))
}
