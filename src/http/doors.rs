//! The two doors to the same six operations: the storefront's, which Shopify's app proxy signs, and the customer
//! accounts', whose extension sends a session token. One table of endpoints stands behind both.

use actix_web::http::{Method, header};
use actix_web::middleware::from_fn;
use actix_web::{FromRequest, HttpResponse, Route, Scope, web};

use super::error::AppError;
use super::in_time;
use super::openapi::Operation;
use super::storefront::{configuration, connections, disconnect_connection, link, retailers, visibility};
use crate::shopify::customer_token::VerifiedCustomer;
use crate::shopify::proxy::VerifiedProxy;
use crate::shopify::{CustomerId, ShopDomain};

/// How long a browser may remember what a preflight said, in seconds; Chromium's own limit.
const PREFLIGHT_SECONDS: &str = "7200";

/// The proof of one request through a door: whose shop, and which customer.
pub(super) trait Door: FromRequest<Error = AppError> + 'static {
    /// The path its endpoints stand below.
    const PATH: &'static str;
    /// Whether the browser is on the storefront, whose host Shopify's proxy names. Where it is not, nothing that a
    /// request says about hosts counts.
    const ON_STOREFRONT: bool;
    /// Whether scripts of any origin may call it. Nothing counts here that a browser would send by itself.
    const CROSS_ORIGIN: bool;

    /// The shop.
    fn shop(&self) -> &ShopDomain;
    /// The customer; `None` while nobody is signed in.
    fn customer(&self) -> Option<&CustomerId>;
    /// `/link/{linkId}`, in time: a person navigates to one door's, a script calls the other's.
    fn link() -> Route;
}

impl Door for VerifiedProxy {
    const PATH: &'static str = "/apps/subtotal";
    const ON_STOREFRONT: bool = true;
    const CROSS_ORIGIN: bool = false;

    fn shop(&self) -> &ShopDomain {
        self.shop()
    }

    fn customer(&self) -> Option<&CustomerId> {
        self.customer()
    }

    fn link() -> Route {
        web::to(link::link).wrap(from_fn(in_time::visitors))
    }
}

impl Door for VerifiedCustomer {
    const PATH: &'static str = "/customer-account";
    const ON_STOREFRONT: bool = false;
    const CROSS_ORIGIN: bool = true;

    fn shop(&self) -> &ShopDomain {
        self.shop()
    }

    fn customer(&self) -> Option<&CustomerId> {
        self.customer()
    }

    fn link() -> Route {
        web::to(link::link_url).wrap(from_fn(in_time::shoppers))
    }
}

/// One endpoint. Its route and its place in the OpenAPI document come from here.
pub(super) struct Endpoint {
    pub(super) method: Method,
    /// Behind [`Door::PATH`].
    pub(super) path: &'static str,
    /// What it does, for the document.
    pub(super) operation: fn() -> Operation,
    handler: Route,
}

/// The six endpoints.
pub(super) fn endpoints<D: Door>() -> [Endpoint; 6] {
    let at = |method, path, operation, handler: Route| Endpoint {
        method,
        path,
        operation,
        handler: handler.wrap(from_fn(in_time::shoppers)),
    };
    let get = |path, operation, handler| at(Method::GET, path, operation, handler);
    let post = |path, operation, handler| at(Method::POST, path, operation, handler);
    [
        get("/configuration", configuration::operation, web::to(configuration::configuration::<D>)),
        get("/visibility", visibility::operation, web::to(visibility::visibility::<D>)),
        get("/retailers", retailers::operation, web::to(retailers::retailers::<D>)),
        post("/connections", connections::operation, web::to(connections::connections::<D>)),
        post(
            "/disconnect-connection",
            disconnect_connection::operation,
            web::to(disconnect_connection::disconnect_connection::<D>),
        ),
        Endpoint { method: Method::GET, path: "/link/{linkId}", operation: link::operation, handler: D::link() },
    ]
}

/// The method and path of every route of both doors.
#[must_use]
pub fn shoppers_routes() -> Vec<(String, String)> {
    fn of<D: Door>() -> impl Iterator<Item = (String, String)> {
        endpoints::<D>().into_iter().map(|at| (at.method.to_string(), format!("{}{}", D::PATH, at.path)))
    }
    of::<VerifiedProxy>().chain(of::<VerifiedCustomer>()).collect()
}

/// Everything below a door's path.
pub(super) fn scope<D: Door>() -> Scope {
    let mut scope = web::scope(D::PATH);
    // `/path` and `/path/` are one endpoint; neither redirects. As resources they are two: actix finds a plain path by
    // comparing it, and one of several by regular expressions.
    let slashed = endpoints::<D>().into_iter().map(|at| (format!("{}/", at.path), at));
    for (path, Endpoint { method, handler, .. }) in
        endpoints::<D>().into_iter().map(|at| (at.path.to_owned(), at)).chain(slashed)
    {
        let mut resource = web::resource(path).route(handler.method(method.clone()));
        if D::CROSS_ORIGIN {
            let method = method.clone();
            let preflight = web::method(Method::OPTIONS).to(move || std::future::ready(preflight(&method)));
            resource = resource.route(preflight);
        }
        let other = if method == Method::GET { web::to(only_get::<D>) } else { web::to(only_post::<D>) };
        scope = scope.service(resource.default_service(other));
    }
    scope.default_service(web::to(unknown::<D>))
}

/// Whether scripts of any origin may read the answers of the route with this pattern, errors included.
pub(super) fn is_cross_origin(pattern: &str) -> bool {
    pattern.strip_prefix(VerifiedCustomer::PATH).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether this is a path of shoppers' requests, by whichever door.
pub(super) fn is_shoppers(path: &str) -> bool {
    path.starts_with(VerifiedProxy::PATH) || path.starts_with(VerifiedCustomer::PATH)
}

/// What a browser asks before it sends a token: without one, so nothing is verified and nothing is told.
fn preflight(method: &Method) -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, method.as_str()))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS))
        .finish()
}

async fn only_get<D: Door>(_: D) -> Result<&'static str, AppError> {
    Err(AppError::MethodNotAllowed("GET"))
}

async fn only_post<D: Door>(_: D) -> Result<&'static str, AppError> {
    Err(AppError::MethodNotAllowed("POST"))
}

async fn unknown<D: Door>(_: D) -> Result<&'static str, AppError> {
    Err(AppError::NotFound)
}
