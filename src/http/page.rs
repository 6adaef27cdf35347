//! The two small pages a shopper can meet here: an error, and a page that refreshes to where it should redirect.

use actix_web::http::header::{CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;

use super::error::AppError;
use super::problem::{self, ProblemKind};
use crate::config::RedirectMode;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    heading: &'a str,
    text: &'a str,
    request_id: &'a str,
}

#[derive(Template)]
#[template(path = "redirect.html")]
struct RedirectPage<'a> {
    target: &'a str,
}

/// The page for a problem, in words for a shopper.
pub(super) fn failure(answer: &mut HttpResponseBuilder, kind: ProblemKind, request_id: &str) -> HttpResponse {
    let (heading, text) = words(kind);
    let page = ErrorPage { heading, text, request_id };
    html(answer, page.render().expect("a page of three strings renders"))
}

/// Sends the browser on to `target`.
pub(super) fn redirect(target: &str, mode: RedirectMode) -> Result<HttpResponse, AppError> {
    match mode {
        RedirectMode::Found => Ok(HttpResponse::Found().insert_header((LOCATION, target)).finish()),
        RedirectMode::Html => {
            let page = RedirectPage { target }.render().map_err(|error| AppError::Internal(error.to_string()))?;
            Ok(html(&mut HttpResponse::Ok(), page))
        }
    }
}

fn html(answer: &mut HttpResponseBuilder, page: String) -> HttpResponse {
    answer.insert_header((CONTENT_SECURITY_POLICY, POLICY)).content_type("text/html; charset=utf-8").body(page)
}

fn words(kind: ProblemKind) -> (&'static str, &'static str) {
    match kind {
        problem::SHOP_NOT_CONFIGURED => {
            ("Linking is not available yet", "This store has not finished setting up account linking.")
        }
        problem::CUSTOMER_NOT_SIGNED_IN => (
            "Please sign in first",
            "You need to be signed in to your store account to link a retailer. Go back to the store, sign in, and try again.",
        ),
        problem::RETAILER_NOT_FOUND => {
            ("We can't find that retailer", "The link you followed does not lead to a retailer you can connect here.")
        }
        problem::REDIRECT_URL_NOT_ALLOWED | problem::INVALID_REQUEST => {
            ("This link is not right", "The page you came from asked to send you somewhere this store does not allow.")
        }
        _ => (
            "We could not open the link just now",
            "The service that links retailer accounts did not answer as it should. Your account is unchanged. Please try again in a moment.",
        ),
    }
}
