//! Visibility lists as the admin reads, downloads and writes them. Whoever writes says which version they saw.

use actix_web::http::header::{ACCEPT, CONTENT_DISPOSITION};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use serde::Serialize;

use super::list_body::{self, SentList, Wrong, the_one};
use super::{Staff, list_csv, staff};
use crate::app::AppState;
use crate::http::error::AppError;
use crate::shopify::session_token::VerifiedSession;
use crate::store::{FIRST_VERSION, FoundEntries, ListChange, ListState, Store, StoreError};
use crate::visibility::{Entry, Scope};

/// Entries of one page where the call does not say.
const PAGE: u64 = 100;
/// Entries of the longest page.
const MAX_PAGE: u64 = 1000;
/// Entries of one piece of a download.
const BATCH: u64 = 5000;

#[derive(Serialize)]
struct ShownList {
    on: bool,
    entries: Vec<String>,
    /// Entries of the whole list.
    total: i64,
    /// Entries that the search finds.
    found: i64,
    version: i64,
}

#[derive(Serialize)]
struct SavedList {
    on: bool,
    total: i64,
    version: i64,
}

pub(super) async fn get(
    session: VerifiedSession,
    request: HttpRequest,
    scope: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let scope = known_scope(&state, &staff, &scope).await?;
    let list = state.store.list(staff.shop.id, &scope).await?;
    if wants_csv(&request) {
        return Ok(download(state.store.clone(), staff.shop.id, &scope, list));
    }
    let (search, offset, limit) = page_of(request.query_string())?;
    let Some(list) = list else {
        let (entries, total, found) = (Vec::new(), 0, 0);
        return Ok(HttpResponse::Ok().json(ShownList { on: false, entries, total, found, version: FIRST_VERSION }));
    };
    let FoundEntries { entries, found } =
        state.store.find_entries(staff.shop.id, &list, &search, offset, limit).await?;
    let ListState { is_on: on, total, version, .. } = list;
    Ok(HttpResponse::Ok().json(ShownList { on, entries, total, found, version }))
}

pub(super) async fn put(
    session: VerifiedSession,
    request: HttpRequest,
    scope: web::Path<String>,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let scope = known_scope(&state, &staff, &scope).await?;
    let SentList { version, draft } = list_body::read(&request, payload).await?;
    let stored = state.store.list(staff.shop.id, &scope).await?;
    if stored.as_ref().map_or(FIRST_VERSION, |list| list.version) != version {
        return Err(AppError::VersionConflict);
    }
    let entries = match draft.edit {
        edit if edit.changes_nothing() => None,
        edit => {
            // Read at the version that is checked again when it is written.
            let needed = matches!(edit, list_body::Edit::Amend { .. });
            let stored = stored.filter(|_| needed);
            Some(edit.applied(all_entries(&state.store, staff.shop.id, stored.as_ref()).await?))
        }
    };
    let change = ListChange { is_on: draft.is_on, entries, expected_version: Some(version) };
    let now = state.clock.unix_ms();
    let saved = state.store.set_list(staff.shop.id, &scope, change, staff.actor, now).await?;
    state.forget_shop(&staff.shop.domain).await;
    Ok(HttpResponse::Ok().json(SavedList { on: draft.is_on, total: saved.total, version: saved.version }))
}

/// The scope with this name: a list that was set before, or a retailer of the shop.
pub(super) async fn known_scope(state: &AppState, staff: &Staff, name: &str) -> Result<Scope, AppError> {
    if name == Scope::Global.name() {
        return Ok(Scope::Global);
    }
    // No retailer is called so, and PostgreSQL takes no text with one.
    if name.contains('\0') {
        return Err(AppError::RetailerNotFound);
    }
    let scope = Scope::Retailer(name.to_owned());
    if state.store.list(staff.shop.id, &scope).await?.is_some() {
        return Ok(scope);
    }
    if staff.shop.api_key.is_none() {
        return Err(AppError::RetailerNotFound);
    }
    let (api, shelf) = super::subtotal(state, staff).await?;
    let mut snapshot = shelf.retailers(&api).await?;
    if snapshot.by_id(name).is_none() {
        snapshot = shelf.retailers_after(&api, snapshot).await?;
    }
    snapshot.by_id(name).map(|_| scope).ok_or(AppError::RetailerNotFound)
}

/// All entries of a list; none where it was never set.
pub(super) async fn all_entries(
    store: &Store,
    shop_id: i64,
    list: Option<&ListState>,
) -> Result<Vec<Entry>, StoreError> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let texts = store.entries(shop_id, list, 0, u64::MAX).await?;
    Ok(texts.into_iter().map(Entry::from_stored).collect())
}

/// The list as a file. It breaks off where the list is replaced meanwhile, so that half a list never looks whole.
fn download(store: Store, shop_id: i64, scope: &Scope, list: Option<ListState>) -> HttpResponse {
    let name: String = scope.name().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let heading = Bytes::from(format!("{}\r\n", list_csv::HEADING));
    let left = list.as_ref().map_or(0, |list| list.total);
    let start = (Some(heading), String::new(), left);
    let pieces = stream::try_unfold(start, move |(heading, after, left)| {
        let (store, list) = (store.clone(), list.clone());
        async move {
            if let Some(heading) = heading {
                return Ok(Some((heading, (None, after, left))));
            }
            let Some(list) = list.filter(|_| left > 0) else { return Ok(None) };
            let entries = store.entries_after(shop_id, &list, &after, BATCH).await.map_err(AppError::from)?;
            let Some(last) = entries.last().cloned() else { return Err(AppError::VersionConflict) };
            let left = left.saturating_sub(i64::try_from(entries.len()).unwrap_or(i64::MAX));
            Ok(Some((Bytes::from(list_csv::lines(&entries)), (None, last, left))))
        }
    });
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"visibility-{name}.csv\"")))
        .streaming(pieces)
}

fn wants_csv(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/csv"))
}

/// The search, the offset and the limit.
fn page_of(query: &str) -> Result<(String, u64, u64), AppError> {
    let mut wrong = Wrong::default();
    let mut number = |name: &'static str, otherwise: u64| match the_one(query, name) {
        Some(text) => text.parse().unwrap_or_else(|_| {
            wrong.note(name, "must be a number");
            otherwise
        }),
        None => otherwise,
    };
    let (offset, limit) = (number("offset", 0), number("limit", PAGE));
    let search = the_one(query, "q").unwrap_or_default().trim().to_owned();
    if search.contains('\0') {
        wrong.note("q", "must be text without a NUL");
    }
    wrong.finish()?;
    Ok((search, offset, limit.clamp(1, MAX_PAGE)))
}
