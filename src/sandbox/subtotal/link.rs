//! Subtotal Link: sign in to the retailer, give the one-time code, go back to the shop.
//!
//! Plain forms, no script. `/{linkId}?connection_id=…` begins a visit, as does seed 002's `?connection_token=…`; what
//! follows lives under `/{linkId}/{visit}`.

use std::collections::HashMap;

use actix_web::http::header;
use actix_web::middleware::DefaultHeaders;
use actix_web::{HttpResponse, web};
use url::Url;

use super::SubtotalWorld;
use super::link_pages::{CodePage, DonePage, LinkProblem, Masthead, SignInPage, page};
use super::state::State;
use super::token::Scope;
use super::visit::{DEMO_CODE, DEMO_PASSWORD, Stage, Visit};
use crate::sandbox::data;

/// `form-action` is open to other sites because browsers apply it to every redirect after a form, and a visit ends with
/// one back to the shop.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; \
     connect-src 'self'; form-action 'self' http: https:; base-uri 'none'; frame-ancestors 'none'";
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

type World = web::Data<SubtotalWorld>;
type Fields = web::Form<HashMap<String, String>>;
type Answer = Result<HttpResponse, LinkProblem>;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .route("/logos/{name}.svg", web::get().to(logo))
        .route("/assets/icon.svg", web::get().to(icon))
        .route("/assets/link.css", web::get().to(stylesheet))
        .route("/{link_id}", web::get().to(begin))
        .route("/{link_id}/{visit}", web::get().to(resume))
        .route("/{link_id}/{visit}/sign-in", web::post().to(sign_in))
        .route("/{link_id}/{visit}/code", web::post().to(give_code))
        .route("/{link_id}/{visit}/cancel", web::post().to(cancel))
        .default_service(web::to(nothing_here));
}

/// The headers of every page on this listener.
pub(super) fn headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "same-origin"))
        .add((header::CACHE_CONTROL, "no-store"))
}

async fn begin(world: World, link_id: web::Path<String>, query: web::Query<HashMap<String, String>>) -> Answer {
    let mut state = world.state();
    let retailer = state.retailers.iter().find(|retailer| retailer.link_id == *link_id);
    let retailer_id = retailer.ok_or(LinkProblem::UnknownLink)?.retailer_id;
    let connection_id = match (query.get("connection_token"), query.get("connection_id")) {
        (Some(token), _) => {
            let issued = state.tokens.find(token, world.now());
            issued.filter(|issued| issued.scope == Scope::Link).ok_or(LinkProblem::Expired)?.connection_id.clone()
        }
        (None, Some(connection_id)) => connection_id.clone(),
        (None, None) => return Err(LinkProblem::NoConnection),
    };
    let connection = state.connections.get(&connection_id);
    connection.filter(|connection| connection.retailer_id == retailer_id).ok_or(LinkProblem::UnknownConnection)?;
    let return_to = query.get("redirect_url").filter(|text| !text.is_empty()).map(|text| parse_return(text));
    let visit = state.visits.begin(&connection_id, retailer_id, return_to.transpose()?).clone();
    Ok(sign_in_page(&state, &visit, None, ""))
}

async fn resume(world: World, path: web::Path<(String, String)>) -> Answer {
    let mut state = world.state();
    let visit = find(&mut state, &path.1)?.clone();
    Ok(match visit.stage {
        Stage::SignIn => sign_in_page(&state, &visit, None, ""),
        Stage::Code => code_page(&state, &visit, None),
        Stage::Linked | Stage::Cancelled => done_page(&state, &visit),
    })
}

async fn sign_in(world: World, path: web::Path<(String, String)>, fields: Fields) -> Answer {
    let mut state = world.state();
    let visit = find(&mut state, &path.1)?.clone();
    let field = |name: &str| fields.get(name).map_or("", |value| value.as_str());
    let username = field("username").trim();
    let error = match field("password") {
        _ if visit.stage != Stage::SignIn => None,
        _ if username.is_empty() => Some("Enter your user name."),
        "" => Some("Enter your password."),
        DEMO_PASSWORD => None,
        _ => Some("The user name or password is wrong. Try again."),
    };
    if error.is_some() {
        return Ok(sign_in_page(&state, &visit, error, username));
    }
    advance(&mut state, &visit, Stage::SignIn, Stage::Code)
}

async fn give_code(world: World, path: web::Path<(String, String)>, fields: Fields) -> Answer {
    let mut state = world.state();
    let visit = find(&mut state, &path.1)?.clone();
    let code: String = fields.get("code").map_or("", |code| code.as_str()).split_whitespace().collect();
    if visit.stage == Stage::Code {
        if code != DEMO_CODE {
            return Ok(code_page(&state, &visit, Some("That code is wrong. Check it and try again.")));
        }
        world.set_status(&mut state, &visit.connection_id, "active").ok_or(LinkProblem::UnknownConnection)?;
    }
    advance(&mut state, &visit, Stage::Code, Stage::Linked)
}

async fn cancel(world: World, path: web::Path<(String, String)>) -> Answer {
    let mut state = world.state();
    let visit = find(&mut state, &path.1)?.clone();
    advance(&mut state, &visit, visit.stage, Stage::Cancelled)
}

/// Takes a visit from one stage to the next, and the shopper to where it goes on.
///
/// A form sent twice, or from an older page, changes nothing.
fn advance(state: &mut State, visit: &Visit, from: Stage, to: Stage) -> Answer {
    let over = matches!(visit.stage, Stage::Linked | Stage::Cancelled);
    let visit = find(state, &visit.id)?;
    if visit.stage == from && !over {
        visit.stage = to;
    }
    let visit = visit.clone();
    let next = match (&visit.return_to, visit.stage) {
        (Some(return_to), Stage::Linked | Stage::Cancelled) => return_to.to_string(),
        _ => visit_path(state, &visit),
    };
    Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, next)).finish())
}

fn find<'a>(state: &'a mut State, visit: &str) -> Result<&'a mut Visit, LinkProblem> {
    state.visits.find(visit).ok_or(LinkProblem::Expired)
}

fn parse_return(text: &str) -> Result<Url, LinkProblem> {
    let url = Url::parse(text).map_err(|_| LinkProblem::BadReturn)?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(LinkProblem::BadReturn) }
}

fn visit_path(state: &State, visit: &Visit) -> String {
    let link_id = state.retailer(visit.retailer_id).map_or("", |retailer| retailer.link_id.as_str());
    format!("/{link_id}/{}", visit.id)
}

fn sign_in_page(state: &State, visit: &Visit, error: Option<&'static str>, username: &str) -> HttpResponse {
    let path = visit_path(state, visit);
    let connection = state.connections.get(&visit.connection_id);
    let again = connection.is_some_and(|connection| connection.status != "initialized");
    let masthead = Masthead::of(state, visit);
    page(error.is_some(), &SignInPage { masthead, path, error, username, again })
}

fn code_page(state: &State, visit: &Visit, error: Option<&'static str>) -> HttpResponse {
    let path = visit_path(state, visit);
    page(error.is_some(), &CodePage { masthead: Masthead::of(state, visit), path, error })
}

fn done_page(state: &State, visit: &Visit) -> HttpResponse {
    let return_to = visit.return_to.as_ref().map(Url::as_str);
    let linked = visit.stage == Stage::Linked;
    page(false, &DonePage { masthead: Masthead::of(state, visit), linked, return_to })
}

async fn logo(name: web::Path<String>) -> Answer {
    data::artwork(&name).map(picture).ok_or(LinkProblem::UnknownLink)
}

async fn icon() -> HttpResponse {
    picture(include_str!("../../../templates/sandbox/link_icon.svg"))
}

fn picture(svg: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header((header::CONTENT_SECURITY_POLICY, PICTURE_POLICY))
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"))
        .body(svg)
}

async fn stylesheet() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(include_str!("../../../templates/sandbox/link.css"))
}

async fn nothing_here() -> Answer {
    Err(LinkProblem::UnknownLink)
}
