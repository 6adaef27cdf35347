//! *Visibility*: who sees Subtotal Connect and each retailer. The page holds no entries; its script asks for a page of
//! them at a time.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::document::{self, Document, Frame};
use crate::app::AppState;
use crate::http::error::AppError;

#[derive(Template)]
#[template(path = "admin/visibility.html")]
struct VisibilityPage<'a> {
    frame: &'a Frame,
}

pub(super) async fn page(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    match document::open(&request, &state).await? {
        Document::Elsewhere(answer) => Ok(answer),
        Document::Proven(_, frame) => document::page(&state, &frame, &VisibilityPage { frame: &frame }),
    }
}
