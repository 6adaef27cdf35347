//! The admin's style sheets and scripts, and the two scripts the app's pages load, compiled in.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

macro_rules! text {
    ($name:literal) => {
        include_str!(concat!("../../../../templates/sandbox/", $name))
    };
}

const ASSETS: [(&str, &str, &str); 6] = [
    ("admin.css", CSS, text!("admin/admin.css")),
    ("frame.js", JS, text!("admin/frame.js")),
    ("save_bar.js", JS, text!("admin/save_bar.js")),
    ("levers.css", CSS, text!("levers.css")),
    ("admin_levers.css", CSS, text!("admin/levers.css")),
    ("admin_levers.js", JS, text!("admin/levers.js")),
];

/// App Bridge's part, in the order it runs.
const APP_BRIDGE: [&str; 5] = [
    text!("admin/bridge/parent.js"),
    text!("admin/bridge/session.js"),
    text!("admin/bridge/save_bar.js"),
    text!("admin/bridge/navigation.js"),
    text!("admin/bridge/global.js"),
];

/// The components, in the order they are defined.
const POLARIS: [&str; 10] = [
    text!("admin/polaris/base.js"),
    text!("admin/polaris/icons.js"),
    text!("admin/polaris/layout.js"),
    text!("admin/polaris/text.js"),
    text!("admin/polaris/actions.js"),
    text!("admin/polaris/fields.js"),
    text!("admin/polaris/choices.js"),
    text!("admin/polaris/table.js"),
    text!("admin/polaris/overlays.js"),
    text!("admin/polaris/start.js"),
];

pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route("/assets/{name}", web::get().to(asset))
        .route("/shopifycloud/app-bridge.js", web::get().to(app_bridge))
        .route("/shopifycloud/polaris.js", web::get().to(polaris))
        .route("/shopifycloud/polaris-1.js", web::get().to(polaris));
}

async fn asset(name: web::Path<String>) -> HttpResponse {
    match ASSETS.iter().find(|(known, ..)| known == name.as_ref()) {
        Some((_, kind, text)) => answer(kind, (*text).to_owned()),
        None => HttpResponse::NotFound().content_type("text/plain").body("No such asset"),
    }
}

async fn app_bridge() -> HttpResponse {
    answer(JS, in_one_scope(&APP_BRIDGE))
}

async fn polaris() -> HttpResponse {
    answer(JS, in_one_scope(&POLARIS))
}

/// Classic scripts share one global scope with the page; these leave nothing there but what they mean to.
fn in_one_scope(parts: &[&str]) -> String {
    format!("(() => {{\n\"use strict\";\n{}\n}})();\n", parts.join("\n"))
}

fn answer(kind: &str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("cross-origin-resource-policy", "cross-origin"))
        .body(text)
}
