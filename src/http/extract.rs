//! Proofs as handler arguments: verify and parse, never I/O.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};

use super::edge::LoggedShop;
use super::error::AppError;
use crate::app::AppState;
use crate::shopify::proxy::{self, VerifiedProxy};

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
