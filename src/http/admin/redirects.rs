//! *Redirects*: where shoppers may be sent back to after linking: the shop's own domains, as Shopify tells them, and the
//! hosts the merchant allows besides.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::document::{self, Document, Frame};
use super::settings;
use crate::app::AppState;
use crate::http::error::AppError;

#[derive(Template)]
#[template(path = "admin/redirects.html")]
struct RedirectsPage<'a> {
    frame: &'a Frame,
    domains: &'a [String],
    hosts: &'a [String],
    version: i64,
}

pub(super) async fn page(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    match document::open(&request, &state).await? {
        Document::Elsewhere(answer) => Ok(answer),
        Document::Proven(staff, frame) => {
            let shop = settings::current(&state, &staff).await?;
            let page = RedirectsPage {
                frame: &frame,
                domains: &shop.storefront_hosts,
                hosts: &shop.redirect_hosts,
                version: shop.version,
            };
            document::page(&state, &frame, &page)
        }
    }
}
