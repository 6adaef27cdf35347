//! Proofs as handler arguments: verify and parse, never I/O.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};

use super::edge::LoggedShop;
use super::error::AppError;
use crate::app::AppState;
use crate::shopify::customer_token::{self, VerifiedCustomer};
use crate::shopify::proxy::{self, VerifiedProxy};
use crate::shopify::session_token::{self, SessionRefusal, VerifiedSession};

impl FromRequest for VerifiedProxy {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<AppState>>().expect("the application always holds its state");
        let verified = proxy::verify(request.query_string(), &state.client_secrets, state.clock.unix_seconds());
        if let Ok(proof) = &verified {
            request.extensions_mut().insert(LoggedShop(proof.shop().clone()));
        }
        ready(verified.map_err(AppError::InvalidSignature))
    }
}

/// From the one `Authorization: Bearer` header that App Bridge adds to a fetch.
impl FromRequest for VerifiedSession {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(session(request, bearer(request)).map_err(AppError::InvalidSession))
    }
}

/// From the one `Authorization: Bearer` header that the customer-account extension sends.
impl FromRequest for VerifiedCustomer {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<AppState>>().expect("the application always holds its state");
        let (client_id, now) = (&state.admin.client_id, state.clock.unix_seconds());
        let verified = customer_token::verify(bearer(request), &state.client_secrets, client_id, now);
        if let Ok(proof) = &verified {
            request.extensions_mut().insert(LoggedShop(proof.shop().clone()));
        }
        ready(verified.map_err(AppError::InvalidCustomerToken))
    }
}

/// The token of the one `Authorization: Bearer` header; empty where there is not exactly one.
fn bearer(request: &HttpRequest) -> &str {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let token = match (headers.next(), headers.next()) {
        (Some(header), None) => header.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")),
        _ => None,
    };
    token.unwrap_or_default()
}

/// Verifies a session token for this app, and notes its shop for the log.
pub(super) fn session(request: &HttpRequest, token: &str) -> Result<VerifiedSession, SessionRefusal> {
    let state = request.app_data::<web::Data<AppState>>().expect("the application always holds its state");
    let session =
        session_token::verify(token, &state.client_secrets, &state.admin.client_id, state.clock.unix_seconds())?;
    request.extensions_mut().insert(LoggedShop(session.shop().clone()));
    Ok(session)
}
