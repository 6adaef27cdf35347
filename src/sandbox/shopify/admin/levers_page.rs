//! The levers over HTTP: a page for people, JSON for scripts.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use askama::Template;
use serde_json::{Map, Value, json};

use super::AdminSite;
use super::frame::{rendered, see};
use super::levers::{Lever, TOPICS};
use super::webhooks::Attempt;
use crate::sandbox::shopify::{Accounts, AdminApiMode, TokenEndpointMode};
use crate::sandbox::shoppers::{SHOPPERS, Shopper};

/// Form fields that are not text, which a form can only send as text.
const FLAGS: [&str; 3] = ["duplicate", "wrong_hmac", "other_shop"];
const NUMBERS: [&str; 1] = ["hours_ago"];
/// How many attempts the page shows.
const SHOWN: usize = 40;

type Site = web::Data<AdminSite>;

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route("/levers", web::get().to(page))
        .route("/levers/api", web::post().to(pull))
        .route("/levers/api/state", web::get().to(report));
}

#[derive(Debug, Template)]
#[template(path = "sandbox/admin/levers.html")]
struct LeversPage {
    app: String,
    installed: bool,
    access: Option<TokenFacts>,
    refresh: Option<TokenFacts>,
    scopes: String,
    accounts: Accounts,
    token_mode: TokenEndpointMode,
    admin_mode: AdminApiMode,
    shoppers: Vec<(&'static Shopper, String, String)>,
    attempts: Vec<Attempt>,
    webhook_url: String,
}

/// A token, as far as it is shown.
#[derive(Debug)]
struct TokenFacts {
    ends_in: String,
    lives: String,
}

impl TokenFacts {
    fn of(report: &Value) -> Option<Self> {
        let seconds = report["lives_seconds"].as_i64()?;
        let lives = if seconds >= 172_800 {
            format!("{} days", seconds / 86_400)
        } else {
            format!("{} min", (seconds + 59) / 60)
        };
        Some(Self { ends_in: report["ends_in"].as_str()?.to_owned(), lives })
    }
}

async fn page(site: Site) -> HttpResponse {
    let config = site.config();
    let world = config.admin_api.world();
    let installation = world.installation.report(config.app.clock.unix_seconds());
    let contact = |shopper: &'static Shopper| {
        let contact = world.contact(shopper);
        (shopper, contact.email.unwrap_or_default(), contact.phone.unwrap_or_default())
    };
    let page = LeversPage {
        app: site.base(),
        installed: world.installation.is_installed(),
        access: TokenFacts::of(&installation["access_token"]),
        refresh: TokenFacts::of(&installation["refresh_token"]),
        scopes: world.scopes.clone(),
        accounts: world.shop.accounts,
        token_mode: world.token_endpoint,
        admin_mode: config.admin_api.mode(),
        shoppers: SHOPPERS.iter().map(contact).collect(),
        attempts: site.webhooks.log().recent().take(SHOWN).cloned().collect(),
        webhook_url: config.webhook_url.to_string(),
    };
    drop(world);
    rendered(StatusCode::OK, &page, &site)
}

async fn report(site: Site) -> HttpResponse {
    HttpResponse::Ok().json(site.report())
}

/// One lever: as JSON, answered with the state and a notice, or as a form, answered with the way back to the page.
async fn pull(site: Site, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let is_form = request.content_type() == "application/x-www-form-urlencoded";
    let fields = if is_form { Ok(parse_form(&body)) } else { serde_json::from_slice(&body) };
    let lever = fields.and_then(serde_json::from_value::<Lever>).map_err(|error| error.to_string());
    let pulled = lever.and_then(|lever| site.pull(lever).map_err(str::to_owned));
    let wants_json = !is_form || request.headers().get("accept").is_some_and(|kinds| kinds == "application/json");
    match pulled {
        _ if !wants_json => see("/levers"),
        Ok(notice) => {
            let mut report = site.report();
            report["notice"] = json!(notice);
            HttpResponse::Ok().json(report)
        }
        Err(detail) => HttpResponse::UnprocessableEntity().json(json!({ "detail": detail })),
    }
}

/// A form says the same as the JSON, with every value as text and nothing for what is left empty.
fn parse_form(body: &[u8]) -> Value {
    let fields: HashMap<String, String> =
        url::form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.trim().to_owned())).collect();
    let mut object = Map::new();
    for (name, value) in fields.into_iter().filter(|(name, value)| !value.is_empty() || name == "scopes") {
        let value = match name.as_str() {
            flag if FLAGS.contains(&flag) => Value::Bool(true),
            number if NUMBERS.contains(&number) => value.parse::<u32>().map_or(Value::String(value), Value::from),
            _ => Value::String(value),
        };
        object.insert(name, value);
    }
    Value::Object(object)
}
