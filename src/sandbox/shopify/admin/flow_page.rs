//! What arrived at Shopify Flow: a page for people, JSON for scripts.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;

use super::AdminSite;
use super::frame::rendered;
use crate::sandbox::shopify::Trigger;

/// How many triggers the page shows.
const SHOWN: usize = 100;

type Site = web::Data<AdminSite>;

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route("/flow", web::get().to(page)).route("/flow/triggers", web::get().to(triggers));
}

#[derive(Debug, Template)]
#[template(path = "sandbox/admin/flow.html")]
struct FlowPage {
    /// Newest first: the handle, and the payload as text.
    triggers: Vec<(String, String)>,
}

async fn page(site: Site) -> HttpResponse {
    let shown = |trigger: Trigger| (trigger.handle, serde_json::to_string_pretty(&trigger.payload).unwrap_or_default());
    let triggers = site.config().admin_api.triggers().into_iter().rev().take(SHOWN).map(shown).collect();
    rendered(StatusCode::OK, &FlowPage { triggers }, &site)
}

async fn triggers(site: Site) -> HttpResponse {
    HttpResponse::Ok().json(site.config().admin_api.triggers())
}
