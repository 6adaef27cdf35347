//! The table of contents: which URL goes to which handler.

use actix_web::web;

use super::admin;
use super::body_check;
use super::doors;
pub(crate) use super::edge::edge;
use super::error::AppError;
use super::health::{healthz, readyz};
pub(crate) use super::shed::shed;
use super::{openapi, subtotal_webhook, webhooks};
use crate::shopify::customer_token::VerifiedCustomer;
use crate::shopify::proxy::VerifiedProxy;

/// Every route of the service.
pub fn configure(app: &mut web::ServiceConfig) {
    app.service(web::resource("/healthz").route(web::get().to(healthz)).default_service(web::to(get_only)))
        .service(web::resource("/readyz").route(web::get().to(readyz)).default_service(web::to(get_only)))
        .service(
            web::resource("/openapi.json").route(web::get().to(openapi::openapi)).default_service(web::to(get_only)),
        )
        .service(
            web::resource(body_check::PATH)
                .route(web::post().to(body_check::body_check))
                .default_service(web::to(unknown)),
        )
        .service(admin::scope())
        .service(doors::scope::<VerifiedProxy>())
        .service(doors::scope::<VerifiedCustomer>())
        .service(
            web::scope("/webhooks")
                .service(web::resource("/subtotal/{shop}").default_service(web::to(subtotal_webhook::subtotal_webhook)))
                .default_service(web::to(webhooks::webhooks)),
        )
        .default_service(web::to(unknown));
}

async fn get_only() -> Result<&'static str, AppError> {
    Err(AppError::MethodNotAllowed("GET"))
}

async fn unknown() -> Result<&'static str, AppError> {
    Err(AppError::NotFound)
}
