//! The profile page of new customer accounts, with the app's profile block on it: the very bundle of the extension.
//!
//! In Shopify these pages are on an origin of their own, and the block in a frame. Here the page is the storefront's and
//! the block is in the page; what it asks the service crosses origins all the same, with a session token as real ones are.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, Responder, web};
use askama::Template;
use serde_json::json;

use super::pages::{self, Reach, Shell};
use super::{Storefront, assets, id_token, login};
use crate::sandbox::data::RETAILERS;
use crate::sandbox::shoppers::Shopper;

/// Where the page is; the block's own "return address", too.
pub(super) const PROFILE: &str = "/account/profile";

macro_rules! extension {
    ($name:literal) => {
        include_str!(concat!("../../../extensions/subtotal-connect-profile/", $name))
    };
}

/// The extension's one script. `extensions/subtotal-connect-profile/bundle` says why it is kept.
pub(super) const BLOCK: &str = extension!("bundle/profile-block.js");
/// Its texts, by language.
const WORDS: [(&str, &str); 4] = [
    ("en", extension!("locales/en.default.json")),
    ("de", extension!("locales/de.json")),
    ("es", extension!("locales/es.json")),
    ("fr", extension!("locales/fr.json")),
];

macro_rules! text {
    ($name:literal) => {
        include_str!(concat!("../../../templates/sandbox/", $name))
    };
}

/// The elements the block is made of, in the order they are defined; boxes and what a button commands are the admin's.
const ELEMENTS: [&str; 6] = [
    text!("admin/polaris/base.js"),
    text!("admin/polaris/icons.js"),
    text!("account/elements.js"),
    text!("account/modal.js"),
    text!("admin/polaris/layout.js"),
    text!("admin/polaris/actions.js"),
];

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route(PROFILE, web::get().to(profile))
        .route("/account/session-token", web::post().to(session_token))
        .route("/assets/account_elements.js", web::get().to(elements))
        .route("/assets/profile_block/{language}.json", web::get().to(words));
}

#[derive(Debug, Template)]
#[template(path = "sandbox/account/profile.html")]
struct ProfilePage<'a> {
    shell: Shell<'a>,
    shopper: &'static Shopper,
    /// The origin of the app's backend.
    app_url: String,
    /// Ids of the retailers Larkmeadow has products at, with commas between.
    sold_at: String,
}

async fn profile(request: HttpRequest, storefront: web::Data<Storefront>) -> HttpResponse {
    let shell = Shell::of(&request, &storefront);
    let Some(shopper) = shell.shopper else { return login::lead_there(&request) };
    let app_url = app_origin(&storefront);
    let sold_at = RETAILERS.map(|retailer| retailer.retailer_id).join(",");
    let page = ProfilePage { shell, shopper, app_url: app_url.clone(), sold_at };
    pages::render(&page, &storefront, Reach::App(&app_url)).respond_to(&request).map_into_boxed_body()
}

/// The service's origin, as a browser spells it.
fn app_origin(storefront: &Storefront) -> String {
    storefront.config().app_proxy_url.origin().ascii_serialization()
}

/// What the extension's `sessionToken.get()` asks. No other origin's script can read the answer.
async fn session_token(request: HttpRequest, storefront: web::Data<Storefront>) -> HttpResponse {
    let config = storefront.config();
    let (Some(shopper), Some(app)) = (login::signed_in(&request), config.admin_api.app()) else {
        return HttpResponse::Unauthorized().insert_header(assets::NO_STORE).finish();
    };
    let now = config.clock.unix_seconds();
    let token = id_token::mint_customers(&config.shop, &app.client_id, shopper.id, &config.secrets, now);
    HttpResponse::Ok().insert_header(assets::NO_STORE).json(json!({ "token": token }))
}

async fn elements() -> HttpResponse {
    let text = format!("(() => {{\n\"use strict\";\n{}\n}})();\n", ELEMENTS.join("\n"));
    assets::answer(assets::JS, text)
}

async fn words(language: web::Path<String>) -> HttpResponse {
    match WORDS.iter().find(|(known, _)| known == language.as_ref()) {
        Some((_, text)) => assets::answer(header::ContentType::json().as_ref(), (*text).to_owned()),
        None => HttpResponse::NotFound().content_type("text/plain").body("No such language"),
    }
}
