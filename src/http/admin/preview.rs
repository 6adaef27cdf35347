//! *See as shopper*: what one shopper would see and why, with the lists as they are or as they might become.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::document::{self, Document, Frame};
use super::list_body::{self, Draft, Wrong};
use super::lists::{all_entries, known_scope};
use super::{Staff, staff};
use crate::app::AppState;
use crate::http::body::media_type;
use crate::http::error::AppError;
use crate::shopify::CustomerId;
use crate::shopify::session_token::VerifiedSession;
use crate::visibility::{Entry, ListMatch, Others, Scope, ShopperEmail, WholeList, compare, decide};

/// Entries named of those who gain, and of those who lose.
const MAX_NAMED: usize = 1000;

#[derive(Template)]
#[template(path = "admin/preview.html")]
struct PreviewPage<'a> {
    frame: &'a Frame,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Preview {
    block_visible: bool,
    restricted_retailer_ids: Vec<String>,
    /// Whether the shopper's e-mail address is known; where not, the merchant's choice for that case decides.
    email_known: bool,
    reasons: Vec<ShownReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<ShownChanges>,
}

/// Why one list shows or hides.
#[derive(Serialize)]
struct ShownReason {
    scope: String,
    on: bool,
    matched: bool,
    hides: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct ShownChanges {
    gain: Vec<ShownEntry>,
    gain_total: usize,
    lose: Vec<ShownEntry>,
    lose_total: usize,
    /// What happens to everybody else, for each list where something does.
    others: Vec<ShownOthers>,
}

#[derive(Serialize)]
struct ShownEntry {
    scope: String,
    entry: String,
}

#[derive(Serialize)]
struct ShownOthers {
    scope: String,
    change: &'static str,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    email: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "customerId")]
    customer_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    lists: Option<BTreeMap<String, &'a RawValue>>,
}

/// Whom to look as.
pub(super) enum Shopper {
    Email(ShopperEmail),
    Customer(CustomerId),
    Nobody,
}

pub(super) async fn page(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    match document::open(&request, &state).await? {
        Document::Elsewhere(answer) => Ok(answer),
        Document::Proven(_, frame) => document::page(&state, &frame, &PreviewPage { frame: &frame }),
    }
}

pub(super) async fn preview(
    session: VerifiedSession,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    if media_type(&request) != "application/json" {
        return Err(AppError::UnsupportedMediaType);
    }
    let text = list_body::read_text(payload).await?;
    let read = web::block(move || read(&text)).await;
    let (shopper, drafts) = read.map_err(|error| AppError::Internal(error.to_string()))??;
    let email = match shopper {
        Shopper::Email(email) => Some(email),
        Shopper::Customer(customer) => {
            let (email, _) = state.contact(&staff.shop, &customer, state.deadline()).await;
            email.as_deref().and_then(ShopperEmail::parse)
        }
        Shopper::Nobody => None,
    };
    let changed = change_lists(&state, &staff, drafts).await?;
    Ok(HttpResponse::Ok().json(look(&state, &staff, email.as_ref(), &changed).await?))
}

/// Every list that might change, as it is and as it might become.
async fn change_lists(
    state: &AppState,
    staff: &Staff,
    drafts: BTreeMap<String, Draft>,
) -> Result<BTreeMap<Scope, (WholeList, WholeList)>, AppError> {
    let mut changed = BTreeMap::new();
    for (name, draft) in drafts {
        let scope = known_scope(state, staff, &name).await?;
        let stored = state.store.list(staff.shop.id, &scope).await?;
        let is_on = stored.as_ref().is_some_and(|list| list.is_on);
        let entries = all_entries(&state.store, staff.shop.id, stored.as_ref()).await?;
        let after = WholeList::new(draft.is_on, draft.edit.applied(entries.clone()));
        changed.insert(scope, (WholeList::new(is_on, entries), after));
    }
    Ok(changed)
}

async fn look(
    state: &AppState,
    staff: &Staff,
    email: Option<&ShopperEmail>,
    changed: &BTreeMap<Scope, (WholeList, WholeList)>,
) -> Result<Preview, AppError> {
    let mut lists: Vec<ListMatch> = state.store.match_lists(staff.shop.id, email).await?;
    lists.retain(|list| !changed.contains_key(&list.scope));
    lists.extend(changed.iter().filter_map(|(scope, (_, after))| after.matched(scope.clone(), email)));
    let (decision, reasons) = decide(lists, email.is_some(), staff.shop.no_email);
    let mut shown: BTreeMap<Scope, ShownReason> = BTreeMap::new();
    let stored = state.store.lists(staff.shop.id).await?.into_iter().map(|list| list.scope);
    for scope in stored.chain(changed.keys().cloned()) {
        let name = scope.name().to_owned();
        shown.insert(scope, ShownReason { scope: name, on: false, matched: false, hides: false, entry: None });
    }
    for reason in reasons {
        let scope = reason.scope.name().to_owned();
        let matched = reason.entry.is_some();
        let reason_shown = ShownReason { scope, on: true, matched, hides: reason.hides, entry: reason.entry };
        shown.insert(reason.scope, reason_shown);
    }
    Ok(Preview {
        block_visible: !decision.hides_block,
        restricted_retailer_ids: decision.restricted_retailer_ids,
        email_known: email.is_some(),
        reasons: shown.into_values().collect(),
        changes: (!changed.is_empty()).then(|| ShownChanges::of(changed)),
    })
}

impl ShownChanges {
    fn of(changed: &BTreeMap<Scope, (WholeList, WholeList)>) -> Self {
        let mut shown = Self::default();
        for (scope, (before, after)) in changed {
            let changes = compare(before, after);
            let name = |entries: Vec<Entry>, named: &mut Vec<ShownEntry>, total: &mut usize| {
                *total += entries.len();
                let room = MAX_NAMED.saturating_sub(named.len());
                let entries = entries.into_iter().take(room);
                named.extend(
                    entries.map(|entry| ShownEntry { scope: scope.name().to_owned(), entry: entry.to_string() }),
                );
            };
            name(changes.gain, &mut shown.gain, &mut shown.gain_total);
            name(changes.lose, &mut shown.lose, &mut shown.lose_total);
            let change = match changes.others {
                Others::Stay => continue,
                Others::Gain => "gain",
                Others::Lose => "lose",
            };
            shown.others.push(ShownOthers { scope: scope.name().to_owned(), change });
        }
        shown
    }
}

pub(super) fn read(text: &str) -> Result<(Shopper, BTreeMap<String, Draft>), AppError> {
    let body: Body<'_> =
        list_body::object(text).ok_or_else(|| AppError::field("body", "must be a JSON object, as must lists"))?;
    let mut wrong = Wrong::default();
    let email: Option<String> = wrong.member("email", body.email, "a string");
    let customer: Option<String> = wrong.member("customerId", body.customer_id, "a string of digits");
    let shopper = match (email, customer) {
        (Some(email), None) => ShopperEmail::parse(&email).map(Shopper::Email).unwrap_or_else(|| {
            wrong.note("email", "must be an e-mail address");
            Shopper::Nobody
        }),
        (None, Some(id)) => CustomerId::parse(&id).map(Shopper::Customer).unwrap_or_else(|_| {
            wrong.note("customerId", "must be the number of a customer at Shopify");
            Shopper::Nobody
        }),
        (Some(_), Some(_)) => {
            wrong.note("customerId", "must be absent where email is given");
            Shopper::Nobody
        }
        (None, None) => {
            if body.lists.is_none() && wrong.is_empty() {
                wrong.note("email", "is required, or customerId, or lists");
            }
            Shopper::Nobody
        }
    };
    wrong.finish()?;
    Ok((shopper, list_body::drafts(body.lists.unwrap_or_default())?))
}
