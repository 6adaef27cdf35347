//! The embedded admin: pages a merchant's staff sees in the Shopify admin, and the JSON calls their scripts make. The
//! shop always comes from a verified session token.

mod activity;
mod connections;
mod connections_csv;
mod data_requests;
mod deliveries;
mod document;
#[cfg(fuzzing)]
pub mod fuzzing;
mod home;
mod inbox;
mod integrations;
mod list_body;
mod list_csv;
mod lists;
mod place;
mod preview;
mod redirects;
mod relink;
mod retailers;
mod retention;
mod settings;
mod subtotal_key;
mod test_event;
mod visibility;
mod webhook_secret;

pub use document::Frame;
pub use home::home_page;

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{Route, Scope, web};

pub(super) use document::framed_by;

use super::error::AppError;
use super::in_time;
use crate::app::AppState;
use crate::limits::{Caller, ShopPlace};
use crate::shopify::session_token::VerifiedSession;
use crate::store::{Actor, Deed, Shop};
use crate::subtotal::ShopApi;
use crate::subtotal::retailers::Shelf;

/// How long one line of the audit trail stands for every use of the key by the same person, in milliseconds.
const KEY_USE_NOTED_MS: i64 = 60 * 60 * 1000;

/// Where lists are, the only calls with long bodies.
const LISTS: &str = "/api/lists/{scope}";

/// A member of staff in the admin of an installed shop.
pub(super) struct Staff {
    pub(super) shop: Arc<Shop>,
    pub(super) actor: Actor,
    _place: ShopPlace,
}

/// Every admin route, with the method it takes. Registration and the tests read the same table.
fn table() -> Vec<(Method, &'static str, Route)> {
    vec![
        (Method::GET, "", web::to(home::page)),
        (Method::GET, "/subtotal", web::to(subtotal_key::page)),
        (Method::GET, "/retailers", web::to(retailers::page)),
        (Method::GET, "/visibility", web::to(visibility::page)),
        (Method::GET, "/preview", web::to(preview::page)),
        (Method::GET, "/redirects", web::to(redirects::page)),
        (Method::GET, "/integrations", web::to(integrations::page)),
        (Method::GET, "/events", web::to(deliveries::page)),
        (Method::GET, "/connections", web::to(connections::page)),
        (Method::GET, "/activity", web::to(activity::page)),
        (Method::GET, "/api/settings", web::to(settings::get)),
        (Method::PUT, "/api/settings", web::to(settings::put)),
        (Method::GET, "/api/activity", web::to(activity::entries)),
        (Method::GET, "/api/data-requests", web::to(data_requests::list)),
        (Method::GET, "/api/data-requests/{id}", web::to(data_requests::report)),
        (Method::GET, "/api/status", web::to(home::status)),
        (Method::POST, "/api/subtotal-key/test", web::to(subtotal_key::test)),
        (Method::PUT, "/api/subtotal-key", web::to(subtotal_key::put)),
        (Method::DELETE, "/api/subtotal-key", web::to(subtotal_key::delete)),
        (Method::PUT, "/api/subtotal-webhook-secret", web::to(webhook_secret::put)),
        (Method::DELETE, "/api/subtotal-webhook-secret", web::to(webhook_secret::delete)),
        (Method::GET, "/api/integrations/klaviyo", web::to(integrations::get_klaviyo)),
        (Method::PUT, "/api/integrations/klaviyo", web::to(integrations::put_klaviyo)),
        (Method::DELETE, "/api/integrations/klaviyo", web::to(integrations::delete_klaviyo)),
        (Method::POST, "/api/integrations/klaviyo/test", web::to(integrations::test_klaviyo)),
        (Method::POST, "/api/integrations/klaviyo/test-event", web::to(test_event::klaviyo)),
        (Method::GET, "/api/integrations/flow", web::to(integrations::get_flow)),
        (Method::PUT, "/api/integrations/flow", web::to(integrations::put_flow)),
        (Method::POST, "/api/integrations/flow/test-event", web::to(test_event::flow)),
        (Method::GET, "/api/events/retention", web::to(retention::get)),
        (Method::PUT, "/api/events/retention", web::to(retention::put)),
        (Method::GET, "/api/deliveries", web::to(deliveries::list)),
        (Method::POST, "/api/deliveries/replay-failed", web::to(deliveries::replay_dead)),
        (Method::GET, "/api/deliveries/{id}", web::to(deliveries::one)),
        (Method::POST, "/api/deliveries/{id}/replay", web::to(deliveries::replay)),
        (Method::GET, "/api/events", web::to(inbox::list)),
        (Method::POST, "/api/events/retry-failed", web::to(inbox::retry_failed)),
        (Method::POST, "/api/events/{id}/retry", web::to(inbox::retry)),
        (Method::GET, "/api/connections", web::to(connections::list)),
        (Method::GET, "/api/retailers", web::to(retailers::retailers)),
        (Method::GET, LISTS, web::to(lists::get)),
        (Method::PUT, LISTS, web::to(lists::put)),
        (Method::POST, "/api/preview", web::to(preview::preview)),
    ]
}

/// The method and path of every route that needs a session token.
#[must_use]
pub fn guarded_routes() -> Vec<(String, String)> {
    table().into_iter().map(|(method, path, _)| (method.to_string(), format!("/admin{path}"))).collect()
}

/// Whether a browser loads one of the pages from this path.
pub(super) fn is_page(path: &str) -> bool {
    let path = path.strip_prefix("/admin").map(|path| path.trim_end_matches('/'));
    table().iter().any(|(_, page, _)| !page.starts_with("/api") && path == Some(page))
}

/// Everything under `/admin`.
pub(super) fn scope() -> Scope {
    let mut scope = web::scope("/admin")
        .route("/session-token", web::get().to(document::bounce))
        .route("/assets/{name}", web::get().to(document::asset));
    let mut table = table();
    while let Some((_, path, _)) = table.first() {
        let path = *path;
        let mut resource = web::resource([path.to_owned(), format!("{path}/")]);
        for (method, _, route) in table.extract_if(.., |(_, other, _)| *other == path) {
            let route = route.method(method);
            resource = resource.route(if path == LISTS {
                route.wrap(from_fn(in_time::lists))
            } else {
                route.wrap(from_fn(in_time::admin))
            });
        }
        scope = scope.service(resource.default_service(web::to(other_method)));
    }
    scope.default_service(web::to(unknown))
}

async fn other_method(_: VerifiedSession) -> Result<&'static str, AppError> {
    Err(AppError::MethodNotAllowed("GET, PUT, POST, DELETE"))
}

async fn unknown(_: VerifiedSession) -> Result<&'static str, AppError> {
    Err(AppError::NotFound)
}

/// Subtotal through the shop's stored key, for a member of staff.
async fn subtotal(state: &AppState, staff: &Staff) -> Result<(ShopApi, Arc<Shelf>), AppError> {
    if staff.shop.api_key.is_none() {
        return Err(AppError::ShopNotConfigured);
    }
    note_key_use(state, staff).await?;
    Ok(state.subtotal(&staff.shop, state.deadline()).await?)
}

/// Puts the use of the stored key into the audit trail, once an hour for each member of staff.
async fn note_key_use(state: &AppState, staff: &Staff) -> Result<(), AppError> {
    let detail = serde_json::json!({ "secret": "subtotal_api_key" });
    let deed = Deed { actor: staff.actor.clone(), action: "key.used", detail };
    let now = state.clock.unix_ms();
    Ok(state.store.record_unless_since(staff.shop.id, &deed, now - KEY_USE_NOTED_MS, now).await?)
}

/// The installed shop of a session; a shop that is not installed yet, or whose tokens are gone, is installed now.
async fn staff(state: &AppState, session: &VerifiedSession) -> Result<Staff, AppError> {
    let place = state.admit(session.shop(), Caller::Staff(session.user()))?;
    let known = state.shop(session.shop()).await?;
    let settled = match &known {
        Some(shop) if shop.admin_token.is_some() => true,
        Some(shop) => state.store.tokens(shop.id).await?.is_some_and(|tokens| tokens.problem.is_none()),
        None => false,
    };
    let shop = if settled {
        known
    } else {
        let installed = state.tokens.install(session, state.clock.unix_ms()).await;
        state.forget_shop(session.shop()).await;
        match (installed, known) {
            (Ok(_), _) => state.shop(session.shop()).await?,
            // The operator installed it from the command line; it works without tokens, and says so.
            (Err(error), Some(shop)) => {
                tracing::warn!(shop = %session.shop(), %error, "no tokens from Shopify");
                Some(shop)
            }
            (Err(error), None) => return Err(error.into()),
        }
    };
    let shop = shop.ok_or(AppError::ShopNotConfigured)?;
    Ok(Staff { shop, actor: Actor::Staff(session.user().to_owned()), _place: place })
}
