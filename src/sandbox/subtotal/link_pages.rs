//! The Link pages' templates, and the pages that say why a visit cannot go on.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;

use super::state::State;
use super::visit::{DEMO_CODE, DEMO_PASSWORD, DEMO_USERNAME, Visit};

/// The retailer at the top of a page.
#[derive(Debug)]
pub(super) struct Masthead {
    name: &'static str,
    logo: String,
    dark_logo: Option<String>,
}

impl Masthead {
    pub(super) fn of(state: &State, visit: &Visit) -> Option<Self> {
        let retailer = state.retailer(visit.retailer_id)?;
        let (logo, dark_logo) = retailer.logo_paths();
        Some(Self { name: retailer.name, logo, dark_logo })
    }

    /// The name alone, for pages that have lost their retailer too.
    fn name(masthead: Option<&Self>) -> &'static str {
        masthead.map_or("your retailer", |masthead| masthead.name)
    }
}

#[derive(Debug, Template)]
#[template(path = "sandbox/link_sign_in.html")]
pub(super) struct SignInPage<'a> {
    pub(super) masthead: Option<Masthead>,
    pub(super) path: String,
    pub(super) error: Option<&'static str>,
    pub(super) username: &'a str,
    /// Whether the connection was in use before.
    pub(super) again: bool,
}

#[derive(Debug, Template)]
#[template(path = "sandbox/link_code.html")]
pub(super) struct CodePage {
    pub(super) masthead: Option<Masthead>,
    pub(super) path: String,
    pub(super) error: Option<&'static str>,
}

#[derive(Debug, Template)]
#[template(path = "sandbox/link_done.html")]
pub(super) struct DonePage<'a> {
    pub(super) masthead: Option<Masthead>,
    pub(super) linked: bool,
    pub(super) return_to: Option<&'a str>,
}

#[derive(Debug, Template)]
#[template(path = "sandbox/link_problem.html")]
struct ProblemPage {
    masthead: Option<Masthead>,
    title: &'static str,
    detail: &'static str,
}

/// Why a visit cannot begin or go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkProblem {
    UnknownLink,
    NoConnection,
    UnknownConnection,
    Expired,
    BadReturn,
}

impl LinkProblem {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::UnknownLink => (
                "This link does not work",
                "It may be incomplete or out of date. Go back to the shop and choose the retailer again.",
            ),
            Self::NoConnection => (
                "This link is incomplete",
                "It does not say which account to link. Go back to the shop and choose the retailer again.",
            ),
            Self::UnknownConnection => (
                "We cannot find this connection",
                "It may have been removed. Go back to the shop and choose the retailer again.",
            ),
            Self::Expired => {
                ("This visit has expired", "Go back to the shop and choose the retailer again to get a fresh link.")
            }
            Self::BadReturn => (
                "This link cannot take you back",
                "The address it would return you to is not a web page. Go back to the shop and try again.",
            ),
        }
    }
}

impl fmt::Display for LinkProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.words().0)
    }
}

impl ResponseError for LinkProblem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::UnknownLink | Self::UnknownConnection => StatusCode::NOT_FOUND,
            Self::NoConnection | Self::BadReturn => StatusCode::BAD_REQUEST,
            Self::Expired => StatusCode::GONE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let (title, detail) = self.words();
        rendered(self.status_code(), &ProblemPage { masthead: None, title, detail })
    }
}

/// A page of a visit; 422 when it comes back with an error in its form.
pub(super) fn page(refused: bool, template: &impl Template) -> HttpResponse {
    rendered(if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, template)
}

/// A template as an HTML answer.
pub(super) fn rendered(status: StatusCode, template: &impl Template) -> HttpResponse {
    match template.render() {
        Ok(html) => HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html),
        Err(error) => {
            tracing::error!(%error, "a sandbox page could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}
