//! The two small pages a shopper can meet here: an error, and a page that refreshes to where it should redirect. Staff meet
//! an error page too, where a page of the admin can not be made.

use actix_web::http::header::{CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;

use super::error::AppError;
use super::problem::{self, ProblemKind};
use crate::config::RedirectMode;

/// The policy of a small page, up to who may frame it.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors";

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    heading: &'a str,
    text: &'a str,
    /// Where to go from here, and what that is called.
    way_on: (&'a str, &'a str),
    request_id: &'a str,
}

#[derive(Template)]
#[template(path = "redirect.html")]
struct RedirectPage<'a> {
    target: &'a str,
}

/// The page for a problem, in words for a shopper.
#[must_use]
pub fn failure_page(kind: ProblemKind, request_id: &str) -> String {
    let (heading, text) = words(kind);
    let page = ErrorPage { heading, text, way_on: ("/", "Back to the store"), request_id };
    page.render().expect("a page of a few strings renders")
}

/// [`failure_page`] as an answer.
pub(super) fn failure(answer: &mut HttpResponseBuilder, kind: ProblemKind, request_id: &str) -> HttpResponse {
    html(answer, "'none'", failure_page(kind, request_id))
}

/// The page for a problem, in words for staff, in the frame that `framed_by` names: any other answer would be shown as a
/// frame that refuses to open.
pub(super) fn staff_failure(
    answer: &mut HttpResponseBuilder,
    kind: ProblemKind,
    request_id: &str,
    framed_by: &str,
) -> HttpResponse {
    let text = staff_words(kind);
    // An empty reference is this page once more.
    let page = ErrorPage { heading: "This page could not be opened", text, way_on: ("", "Try again"), request_id };
    html(answer, framed_by, page.render().expect("a page of a few strings renders"))
}

/// Sends the browser on to `target`.
pub(super) fn redirect(target: &str, mode: RedirectMode) -> Result<HttpResponse, AppError> {
    match mode {
        RedirectMode::Found => Ok(HttpResponse::Found().insert_header((LOCATION, target)).finish()),
        RedirectMode::Html => {
            let page = RedirectPage { target }.render().map_err(|error| AppError::Internal(error.to_string()))?;
            Ok(html(&mut HttpResponse::Ok(), "'none'", page))
        }
    }
}

fn html(answer: &mut HttpResponseBuilder, framed_by: &str, page: String) -> HttpResponse {
    let policy = format!("{POLICY} {framed_by}");
    answer.insert_header((CONTENT_SECURITY_POLICY, policy)).content_type("text/html; charset=utf-8").body(page)
}

fn staff_words(kind: ProblemKind) -> &'static str {
    match kind {
        problem::DATABASE_UNAVAILABLE => {
            "Subtotal Connect can not reach its database just now. Nothing was changed; please try again in a moment."
        }
        problem::RATE_LIMITED | problem::OVERLOADED => {
            "Too many requests arrived at once. Nothing was changed; please try again in a moment."
        }
        problem::SHOPIFY_UNAVAILABLE => "Shopify could not be asked for access. Please try again in a moment.",
        _ => "Subtotal Connect did not answer as it should. Nothing was changed; please try again in a moment.",
    }
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
        problem::RATE_LIMITED | problem::OVERLOADED => (
            "One moment, please",
            "Too many requests arrived at once. Your account is unchanged. Please go back and try again in a moment.",
        ),
        _ => (
            "We could not open the link just now",
            "The service that links retailer accounts did not answer as it should. Your account is unchanged. Please try again in a moment.",
        ),
    }
}
