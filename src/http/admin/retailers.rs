//! *Retailers*: what Subtotal lists for the shop, with links and snippets to put into a theme.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Serialize;

use super::document::{self, Document, Frame};
use super::staff;
use crate::app::AppState;
use crate::http::error::AppError;
use crate::shopify::session_token::VerifiedSession;
use crate::subtotal::wire::{Images, Retailer};
use crate::visibility::Scope;

#[derive(Template)]
#[template(path = "admin/retailers.html")]
struct RetailersPage<'a> {
    frame: &'a Frame,
}

/// A link to put into a theme.
#[derive(Template)]
#[template(path = "admin/snippet_link.html")]
struct LinkSnippet<'a> {
    link_id: &'a str,
    name: &'a str,
}

/// A script's way to the same.
#[derive(Template)]
#[template(path = "admin/snippet_fetch.txt")]
struct FetchSnippet {
    retailer_id: String,
    link_url: String,
}

#[derive(Serialize)]
struct ShownRetailers {
    retailers: Vec<ShownRetailer>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRetailer {
    id: String,
    name: String,
    images: Images,
    link_url: String,
    /// Absent where `link_url` has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    link_id: Option<String>,
    snippets: Snippets,
    rule: Rule,
}

#[derive(Serialize)]
struct Snippets {
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    fetch: String,
}

/// How the retailer's own list stands.
#[derive(Serialize, Clone, Copy, Default)]
struct Rule {
    on: bool,
    total: i64,
}

pub(super) async fn page(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    match document::open(&request, &state).await? {
        Document::Elsewhere(answer) => Ok(answer),
        Document::Proven(_, frame) => document::page(&state, &frame, &RetailersPage { frame: &frame }),
    }
}

pub(super) async fn retailers(session: VerifiedSession, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let (api, shelf) = super::subtotal(&state, &staff).await?;
    let snapshot = shelf.retailers(&api).await?;
    let mut rules = HashMap::new();
    for list in state.store.lists(staff.shop.id).await? {
        if let Scope::Retailer(id) = list.scope {
            rules.insert(id, Rule { on: list.is_on, total: list.total });
        }
    }
    let shown = snapshot.retailers.iter().map(|retailer| ShownRetailer::of(retailer, &rules));
    Ok(HttpResponse::Ok().json(ShownRetailers { retailers: shown.collect::<Result<_, _>>()? }))
}

impl ShownRetailer {
    fn of(retailer: &Retailer, rules: &HashMap<String, Rule>) -> Result<Self, AppError> {
        let link_id = retailer.link_id();
        let render = |error: askama::Error| AppError::Internal(error.to_string());
        let link = link_id.as_deref().map(|link_id| LinkSnippet { link_id, name: &retailer.name }.render());
        let fetch = FetchSnippet {
            retailer_id: script_string(&retailer.retailer_id),
            link_url: script_string(&retailer.link_url),
        };
        let images = retailer.images.clone().filter(Images::is_object);
        Ok(Self {
            snippets: Snippets { link: link.transpose().map_err(render)?, fetch: fetch.render().map_err(render)? },
            rule: rules.get(&retailer.retailer_id).copied().unwrap_or_default(),
            id: retailer.retailer_id.clone(),
            name: retailer.name.clone(),
            images: images.unwrap_or_else(|| (&serde_json::json!({})).into()),
            link_url: retailer.link_url.clone(),
            link_id,
        })
    }
}

/// The text as a string of JavaScript that can also stand in an HTML page.
fn script_string(text: &str) -> String {
    let json = serde_json::to_string(text).expect("strings always serialise");
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
