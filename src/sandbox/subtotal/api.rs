//! The Subtotal API as seeds 000 and 001 and its public reference describe it, down to FastAPI's error bodies.
//!
//! Every call needs `x-api-key`. Calls on one connection need its access token as well, but for the call that issues
//! tokens.

use std::collections::HashMap;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use serde_json::json;

use super::refusal::{FieldProblem, Fields, Refusal};
use super::state::{Connection, Project};
use super::token::{IssuedToken, Scope};
use super::{SubtotalWorld, purchases};
use crate::subtotal::wire::{NewConnection, RetailerList};

const LONGEST_CUSTOMER_ID: usize = 64;
const LONGEST_RETAILER_ID: usize = 26;
const LONGEST_EMAIL: usize = 64;
const LONGEST_MOBILE: usize = 16;

pub(super) type World = web::Data<SubtotalWorld>;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    let resource = |path| web::resource(path).default_service(web::to(method_not_allowed));
    routes
        .service(resource("/retailers").route(web::get().to(retailers)))
        .service(resource("/connections").route(web::get().to(connections)).route(web::post().to(connect)))
        .service(
            resource("/connections/{connection_id}")
                .route(web::get().to(connection))
                .route(web::patch().to(update))
                .route(web::delete().to(delete)),
        )
        .service(resource("/connections/{connection_id}/token").route(web::post().to(issue_token)))
        .configure(purchases::configure)
        .default_service(web::to(not_found));
}

async fn retailers(world: World, _project: Project) -> HttpResponse {
    let state = world.state();
    let retailers = state.retailers.iter().map(|retailer| retailer.to_wire(world.config())).collect();
    HttpResponse::Ok().json(RetailerList { retailers })
}

async fn connections(
    world: World,
    project: Project,
    query: web::Query<HashMap<String, String>>,
) -> Result<HttpResponse, Refusal> {
    let Some(customer_id) = query.get("customer_id") else {
        return Err(Refusal::Invalid(vec![FieldProblem::missing(&["query", "customer_id"])]));
    };
    let state = world.state();
    let found: Vec<_> = state
        .connections
        .values()
        .filter(|connection| connection.project == project && connection.customer_id == *customer_id)
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "connections": found })))
}

async fn connect(
    world: World,
    project: Project,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Refusal> {
    let mut fields = Fields::parse(request.content_type(), &body)?;
    let new = NewConnection {
        customer_id: fields.required("customer_id", LONGEST_CUSTOMER_ID),
        retailer_id: fields.required("retailer_id", LONGEST_RETAILER_ID),
        email: fields.optional("email", LONGEST_EMAIL),
        mobile: fields.optional("mobile", LONGEST_MOBILE),
    };
    fields.finish()?;
    let mut state = world.state();
    state.retailer(&new.retailer_id).ok_or(Refusal::NO_RETAILER)?;
    let connection = state.connect(project, new);
    Ok(HttpResponse::Created().json(connection))
}

async fn connection(opened: Opened, world: World) -> Result<HttpResponse, Refusal> {
    opened.with(&world, |connection| HttpResponse::Ok().json(connection))
}

async fn update(opened: Opened, world: World, request: HttpRequest, body: web::Bytes) -> Result<HttpResponse, Refusal> {
    let mut fields = Fields::parse(request.content_type(), &body)?;
    let customer_id = fields.optional("customer_id", LONGEST_CUSTOMER_ID);
    let email = fields.optional("email", LONGEST_EMAIL);
    let mobile = fields.optional("mobile", LONGEST_MOBILE);
    let disconnected = |status: &str| (status == "disconnected").then(|| status.to_owned());
    let status = fields.one_of("status", "'disconnected'", disconnected);
    fields.finish()?;
    let answer = opened.with(&world, |connection| {
        connection.customer_id = customer_id.unwrap_or_else(|| connection.customer_id.clone());
        connection.email = email.or_else(|| connection.email.take());
        connection.mobile = mobile.or_else(|| connection.mobile.take());
        connection.status = status.clone().unwrap_or_else(|| connection.status.clone());
        HttpResponse::Ok().json(connection)
    })?;
    if let Some(status) = status {
        world.set_status(&mut world.state(), &opened.connection_id, &status);
    }
    Ok(answer)
}

async fn delete(opened: Opened, world: World) -> HttpResponse {
    world.state().connections.remove(&opened.connection_id);
    HttpResponse::NoContent().finish()
}

async fn issue_token(
    world: World,
    project: Project,
    connection_id: web::Path<String>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Refusal> {
    let mut fields = Fields::parse(request.content_type(), &body)?;
    let scope = fields.one_of("scope", "'link' or 'access'", Scope::parse);
    fields.finish()?;
    let scope = scope.ok_or_else(|| Refusal::Invalid(vec![FieldProblem::missing(&["body", "scope"])]))?;
    let mut state = world.state();
    state.connection_mut(project, &connection_id).ok_or(Refusal::NO_CONNECTION)?;
    let token = state.tokens.issue(&project.client_id(), &connection_id, scope, world.now());
    Ok(HttpResponse::Created().json(json!({ "connection_token": token })))
}

async fn not_found() -> Result<HttpResponse, Refusal> {
    Err(Refusal::Plain(StatusCode::NOT_FOUND, "Not Found"))
}

async fn method_not_allowed() -> Result<HttpResponse, Refusal> {
    Err(Refusal::Plain(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"))
}

/// The project of a known `x-api-key`.
impl FromRequest for Project {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(project_of(request))
    }
}

fn project_of(request: &HttpRequest) -> Result<Project, Refusal> {
    let key = request.headers().get("x-api-key").and_then(|key| key.to_str().ok());
    key.and_then(|key| Project::find(&world_of(request).config().api_keys, key)).ok_or(Refusal::UNKNOWN_KEY)
}

/// The connection in the path, opened by the project's key and the connection's own access token.
struct Opened {
    project: Project,
    connection_id: String,
}

impl Opened {
    fn with(
        &self,
        world: &SubtotalWorld,
        act: impl FnOnce(&mut Connection) -> HttpResponse,
    ) -> Result<HttpResponse, Refusal> {
        world.state().connection_mut(self.project, &self.connection_id).map(act).ok_or(Refusal::NO_CONNECTION)
    }
}

impl FromRequest for Opened {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(open(request))
    }
}

/// The connection whose access token came with the project's key.
pub(super) struct Reading {
    pub(super) connection_id: String,
}

impl FromRequest for Reading {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(issued(request).and_then(|(project, issued)| {
            let connection_id = issued.connection_id;
            let own = world_of(request).state().connection_mut(project, &connection_id).is_some();
            if own && issued.scope == Scope::Access { Ok(Self { connection_id }) } else { Err(Refusal::WRONG_TOKEN) }
        }))
    }
}

/// The project of the key, and what the token that came with it is for.
fn issued(request: &HttpRequest) -> Result<(Project, IssuedToken), Refusal> {
    let project = project_of(request)?;
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).ok_or(Refusal::NO_TOKEN)?;
    let world = world_of(request);
    let issued = world.state().tokens.find(token, world.now()).cloned().ok_or(Refusal::UNKNOWN_TOKEN)?;
    Ok((project, issued))
}

fn open(request: &HttpRequest) -> Result<Opened, Refusal> {
    let (project, issued) = issued(request)?;
    let connection_id = request.match_info().query("connection_id").to_owned();
    let mut state = world_of(request).state();
    state.connection_mut(project, &connection_id).ok_or(Refusal::NO_CONNECTION)?;
    if issued.connection_id != connection_id || issued.scope != Scope::Access {
        return Err(Refusal::WRONG_TOKEN);
    }
    Ok(Opened { project, connection_id })
}

fn world_of(request: &HttpRequest) -> &World {
    request.app_data::<World>().expect("the world is app data wherever these routes are configured")
}
