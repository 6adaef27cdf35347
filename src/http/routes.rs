//! The table of contents: which URL goes to which handler.

use actix_web::dev::HttpServiceFactory;
use actix_web::{Route, web};

use super::admin;
use super::body_check;
pub(crate) use super::edge::edge;
use super::error::AppError;
use super::health::{healthz, readyz};
use super::storefront::{configuration, connections, disconnect_connection, link, retailers, visibility};
use super::{subtotal_webhook, webhooks};
use crate::shopify::proxy::VerifiedProxy;

/// Where Shopify's app proxy forwards to.
pub(super) const STOREFRONT: &str = "/apps/subtotal";

/// Every route of the service.
pub fn configure(app: &mut web::ServiceConfig) {
    app.service(web::resource("/healthz").route(web::get().to(healthz)).default_service(web::to(get_only)))
        .service(web::resource("/readyz").route(web::get().to(readyz)).default_service(web::to(get_only)))
        .service(
            web::resource(body_check::PATH)
                .route(web::post().to(body_check::body_check))
                .default_service(web::to(unknown)),
        )
        .service(admin::scope())
        .service(
            web::scope(STOREFRONT)
                .service(get("/configuration", web::to(configuration::configuration)))
                .service(get("/visibility", web::to(visibility::visibility)))
                .service(get("/retailers", web::to(retailers::retailers)))
                .service(post("/connections", web::to(connections::connections)))
                .service(post("/disconnect-connection", web::to(disconnect_connection::disconnect_connection)))
                .service(get("/link/{link_id}", web::to(link::link)))
                .default_service(web::to(verified_but_unknown)),
        )
        .service(
            web::scope("/webhooks")
                .service(web::resource("/subtotal/{shop}").default_service(web::to(subtotal_webhook::subtotal_webhook)))
                .default_service(web::to(webhooks::webhooks)),
        )
        .default_service(web::to(unknown));
}

fn get(path: &str, handler: Route) -> impl HttpServiceFactory + 'static {
    both_spellings(path).route(handler.method(actix_web::http::Method::GET)).default_service(web::to(only_get))
}

fn post(path: &str, handler: Route) -> impl HttpServiceFactory + 'static {
    both_spellings(path).route(handler.method(actix_web::http::Method::POST)).default_service(web::to(only_post))
}

/// `/path` and `/path/` are one route; neither redirects.
fn both_spellings(path: &str) -> actix_web::Resource {
    web::resource([path.to_owned(), format!("{path}/")])
}

async fn only_get(_: VerifiedProxy) -> Result<&'static str, AppError> {
    Err(AppError::MethodNotAllowed("GET"))
}

async fn only_post(_: VerifiedProxy) -> Result<&'static str, AppError> {
    Err(AppError::MethodNotAllowed("POST"))
}

async fn get_only() -> Result<&'static str, AppError> {
    Err(AppError::MethodNotAllowed("GET"))
}

async fn verified_but_unknown(_: VerifiedProxy) -> Result<&'static str, AppError> {
    Err(AppError::NotFound)
}

async fn unknown() -> Result<&'static str, AppError> {
    Err(AppError::NotFound)
}
