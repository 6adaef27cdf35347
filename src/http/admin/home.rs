//! *Home*: the setup guide, whose steps are checked here, and how the connection to Subtotal stands.

use std::collections::BTreeMap;
use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Serialize;

use super::activity::rfc3339;
use super::document::{self, Document, Frame};
use super::subtotal_key::Tested;
use super::{Staff, staff};
use crate::app::AppState;
use crate::http::error::AppError;
use crate::shopify::session_token::VerifiedSession;
use crate::subtotal::SubtotalError;

/// How far back refusals are counted, today among the days.
const REFUSALS_OF_DAYS: i64 = 7;

#[derive(Template)]
#[template(path = "admin/home.html")]
struct HomePage<'a> {
    frame: &'a Frame,
    configured: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    configured: bool,
    api_key_hint: Option<String>,
    subtotal: Option<Tested>,
    tokens: TokenStatus,
    /// When the storefront last called, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    storefront_seen_at: Option<i64>,
    connections: Connections,
    /// Of the last [`REFUSALS_OF_DAYS`] days.
    refusals: Vec<RefusalStatus>,
}

/// How many connections there are, as far as they passed by.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Connections {
    by_status: BTreeMap<String, i64>,
    by_retailer: BTreeMap<String, BTreeMap<String, i64>>,
}

/// How often storefront requests were refused with one code.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefusalStatus {
    code: String,
    count: i64,
    last_at: String,
}

#[derive(Serialize)]
pub(super) struct TokenStatus {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
}

pub(super) async fn page(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    match document::open(&request, &state).await? {
        Document::Elsewhere(answer) => Ok(answer),
        Document::Proven(staff, frame) => {
            let configured = staff.shop.api_key.is_some();
            document::page(&state, &frame, &home_page(&frame, configured))
        }
    }
}

/// The page of a shop that is `configured` or not.
pub fn home_page(frame: &Frame, configured: bool) -> impl Template {
    HomePage { frame, configured }
}

pub(super) async fn status(
    session: VerifiedSession,
    state: web::Data<AppState>,
) -> Result<web::Json<Status>, AppError> {
    let staff = staff(&state, &session).await?;
    let summaries = state.store.summaries(Some(&staff.shop.domain)).await?;
    Ok(web::Json(Status {
        configured: staff.shop.api_key.is_some(),
        api_key_hint: summaries.into_iter().next().and_then(|summary| summary.api_key_hint),
        subtotal: subtotal(&state, &staff).await?,
        tokens: tokens(&state, &staff).await?,
        storefront_seen_at: state.store.storefront_seen_at(staff.shop.id).await?,
        connections: connections(&state, &staff).await?,
        refusals: refusals(&state, &staff).await?,
    }))
}

async fn connections(state: &AppState, staff: &Staff) -> Result<Connections, AppError> {
    let mut counted = Connections::default();
    for count in state.store.connection_counts(staff.shop.id).await? {
        *counted.by_status.entry(count.status.clone()).or_default() += count.connections;
        counted.by_retailer.entry(count.retailer_id).or_default().insert(count.status, count.connections);
    }
    Ok(counted)
}

async fn refusals(state: &AppState, staff: &Staff) -> Result<Vec<RefusalStatus>, AppError> {
    state.refusals.flush(&state.store).await;
    let refusals = state.store.refusals(staff.shop.id, REFUSALS_OF_DAYS, state.clock.unix_ms()).await?;
    let shown = refusals.into_iter().map(|refusal| RefusalStatus {
        code: refusal.code,
        count: refusal.count,
        last_at: rfc3339(refusal.last_at),
    });
    Ok(shown.collect())
}

/// Asks Subtotal with the stored key; nothing when there is none.
async fn subtotal(state: &AppState, staff: &Staff) -> Result<Option<Tested>, AppError> {
    if staff.shop.api_key.is_none() {
        return Ok(None);
    }
    super::note_key_use(state, staff).await?;
    let started = Instant::now();
    let asked = async {
        let (api, _) = state.subtotal(&staff.shop, state.deadline()).await?;
        api.retailers().await
    };
    let result = asked.await.map(|retailers| retailers.len());
    Ok(Some(Tested {
        ok: result.is_ok(),
        latency_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        retailers: result.unwrap_or(0),
        problem: result.err().map(SubtotalError::code),
    }))
}

/// Whether the Admin API can be asked, or why not.
pub(super) async fn tokens(state: &AppState, staff: &Staff) -> Result<TokenStatus, AppError> {
    if staff.shop.admin_token.is_some() {
        return Ok(TokenStatus { ok: true, problem: None });
    }
    Ok(match state.store.tokens(staff.shop.id).await? {
        None => TokenStatus { ok: false, problem: Some("Shopify gave no access token yet.".to_owned()) },
        Some(tokens) => TokenStatus { ok: tokens.problem.is_none(), problem: tokens.problem },
    })
}
