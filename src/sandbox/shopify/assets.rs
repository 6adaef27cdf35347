//! The storefront's style sheets and scripts and the extensions', compiled in: no build step, no inline code, no other
//! origin.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use super::{customer_account, theme};

/// Nothing that knows who is signed in may be kept.
pub(super) const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "private, no-store");

const CSS: &str = "text/css; charset=utf-8";
pub(super) const JS: &str = "text/javascript; charset=utf-8";

macro_rules! asset {
    ($name:literal, $kind:expr) => {
        ($name, $kind, include_str!(concat!("../../../templates/sandbox/", $name)))
    };
}

const ASSETS: [(&str, &str, &str); 9] = [
    asset!("storefront.css", CSS),
    asset!("storefront_block.css", CSS),
    asset!("storefront_demo.css", CSS),
    asset!("storefront_seeds.js", JS),
    asset!("storefront_demo.js", JS),
    ("subtotal-connect.js", JS, theme::COMPONENT),
    ("account.css", CSS, include_str!("../../../templates/sandbox/account/account.css")),
    ("account_extension.js", JS, include_str!("../../../templates/sandbox/account/extension.js")),
    ("profile_block.js", JS, customer_account::BLOCK),
];

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route("/assets/{name}", web::get().to(asset));
}

async fn asset(name: web::Path<String>) -> HttpResponse {
    match ASSETS.iter().find(|(known, ..)| known == name.as_ref()) {
        Some((_, kind, text)) => answer(kind, (*text).to_owned()),
        None => HttpResponse::NotFound().content_type("text/plain").body("No such asset"),
    }
}

pub(super) fn answer(kind: &str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(text)
}
