//! What a handler can fail with, and the one match that turns it into a row of the table of problems.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use super::problem::{self, Details, FieldError, LineError, ProblemKind};
use crate::events::klaviyo::KlaviyoError;
use crate::install::AccessError;
use crate::limits::RateLimited;
use crate::linking::{ConnectionNotFound, LinkingError, RedirectNotAllowed};
use crate::shopify::oauth::TokenError;
use crate::shopify::proxy::ProxyRefusal;
use crate::shopify::session_token::SessionRefusal;
use crate::shopify::webhook::WebhookRefusal;
use crate::store::StoreError;
use crate::subtotal::SubtotalError;
use crate::subtotal::webhook::EventRefusal;

/// After how many seconds to come again when there was no place: those in flight have ended by then, or given up soon after.
const OVERLOADED_SECONDS: u64 = 1;
/// When to come back to a database in trouble: most of it passes in seconds.
const DATABASE_SECONDS: u32 = 2;

/// Why a request is not answered as it hoped.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// 401: which check failed is for the log and a counter only.
    #[error("app-proxy request refused: {0}")]
    InvalidSignature(ProxyRefusal),
    /// 401: which check failed is for the log and a counter only.
    #[error("webhook refused: {0}")]
    InvalidWebhook(WebhookRefusal),
    /// 401: which check failed is for the log and a counter only.
    #[error("event refused: {0}")]
    InvalidEvent(EventRefusal),
    /// 401: which check failed is for the log and a counter only.
    #[error("session token refused: {0}")]
    InvalidSession(SessionRefusal),
    /// 401, where customers send one: which check failed is for the log and a counter only.
    #[error("customer's session token refused: {0}")]
    InvalidCustomerToken(SessionRefusal),
    /// 409: it is not at the version the change was made on.
    #[error("changed meanwhile")]
    VersionConflict,
    /// 409: the tool that something was to be sent to is off or paused.
    #[error("the tool is off or paused")]
    DestinationOff,
    /// 422: Subtotal refuses the key that was to be stored.
    #[error("the new Subtotal API key is not accepted")]
    KeyNotAccepted,
    /// 422 or 502: Klaviyo refuses the key that was to be stored, or could not be asked.
    #[error(transparent)]
    Klaviyo(#[from] KlaviyoError),
    /// 400: every line of a list that is wrong.
    #[error("invalid lines")]
    InvalidLines(Vec<LineError>),
    /// 502: Shopify gave no tokens.
    #[error("Shopify gave no access: {0}")]
    NoAccess(TokenError),
    /// 429: the caller or the shop calls too often.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// 503: as much as the process, or one shop, may have in flight is.
    #[error("overloaded")]
    Overloaded,
    /// 404: unknown, uninstalled, or without an API key.
    #[error("shop not configured")]
    ShopNotConfigured,
    /// 400: a customer endpoint without a customer.
    #[error("customer not signed in")]
    CustomerNotSignedIn,
    /// 400: every field that is missing or wrong.
    #[error("invalid request")]
    InvalidRequest(Vec<FieldError>),
    /// 400: it leads elsewhere than to the shop's hosts.
    #[error("redirect URL not allowed")]
    RedirectUrlNotAllowed,
    /// 404: absent, or hidden.
    #[error("retailer not found")]
    RetailerNotFound,
    /// 404: absent, or somebody else's.
    #[error("connection not found")]
    ConnectionNotFound,
    /// 415: not JSON.
    #[error("unsupported media type")]
    UnsupportedMediaType,
    /// 413: more than a body may hold.
    #[error("payload too large")]
    PayloadTooLarge,
    /// 413: more than a visibility list may hold.
    #[error("list too large")]
    ListTooLarge,
    /// 405: the path takes this other method.
    #[error("method not allowed")]
    MethodNotAllowed(&'static str),
    /// 404: no such path.
    #[error("not found")]
    NotFound,
    /// 502, 503 or 504: Subtotal did not deliver.
    #[error(transparent)]
    Subtotal(#[from] SubtotalError),
    /// 503: the database is in trouble; what it is, is for the log only.
    #[error("the database is in trouble: {0}")]
    DatabaseUnavailable(String),
    /// 500: the cause is for the log only.
    #[error("internal error: {0}")]
    Internal(String),
}

impl AppError {
    /// The row of the table.
    pub(super) fn kind(&self) -> ProblemKind {
        match self {
            Self::InvalidSignature(_) | Self::InvalidWebhook(_) | Self::InvalidEvent(_) => problem::INVALID_SIGNATURE,
            Self::InvalidSession(_) | Self::NoAccess(TokenError::SubjectRejected) => problem::INVALID_SESSION_TOKEN,
            Self::InvalidCustomerToken(_) => problem::INVALID_CUSTOMER_TOKEN,
            Self::NoAccess(_) => problem::SHOPIFY_UNAVAILABLE,
            Self::VersionConflict => problem::VERSION_CONFLICT,
            Self::DestinationOff => problem::DESTINATION_OFF,
            Self::KeyNotAccepted => problem::SUBTOTAL_KEY_NOT_ACCEPTED,
            Self::Klaviyo(KlaviyoError::KeyRejected | KlaviyoError::Refused(_)) => problem::KLAVIYO_KEY_REJECTED,
            Self::Klaviyo(_) => problem::KLAVIYO_UNAVAILABLE,
            Self::InvalidLines(_) => problem::INVALID_REQUEST,
            Self::RateLimited(_) => problem::RATE_LIMITED,
            Self::Overloaded => problem::OVERLOADED,
            Self::ShopNotConfigured => problem::SHOP_NOT_CONFIGURED,
            Self::CustomerNotSignedIn => problem::CUSTOMER_NOT_SIGNED_IN,
            Self::InvalidRequest(_) => problem::INVALID_REQUEST,
            Self::RedirectUrlNotAllowed => problem::REDIRECT_URL_NOT_ALLOWED,
            Self::RetailerNotFound => problem::RETAILER_NOT_FOUND,
            Self::ConnectionNotFound | Self::Subtotal(SubtotalError::ConnectionNotFound) => {
                problem::CONNECTION_NOT_FOUND
            }
            Self::UnsupportedMediaType => problem::UNSUPPORTED_MEDIA_TYPE,
            Self::PayloadTooLarge => problem::PAYLOAD_TOO_LARGE,
            Self::ListTooLarge => problem::LIST_TOO_LARGE,
            Self::MethodNotAllowed(_) => problem::METHOD_NOT_ALLOWED,
            Self::NotFound => problem::NOT_FOUND,
            Self::Subtotal(SubtotalError::KeyRejected) => problem::SUBTOTAL_API_KEY_REJECTED,
            Self::Subtotal(SubtotalError::Rejected(_)) => problem::SUBTOTAL_REJECTED_REQUEST,
            Self::Subtotal(SubtotalError::Unavailable(_)) => problem::SUBTOTAL_UNAVAILABLE,
            Self::Subtotal(SubtotalError::Busy { .. }) => problem::SUBTOTAL_BUSY,
            Self::Subtotal(SubtotalError::TimedOut) => problem::SUBTOTAL_TIMEOUT,
            Self::DatabaseUnavailable(_) => problem::DATABASE_UNAVAILABLE,
            Self::Internal(_) => problem::INTERNAL_ERROR,
        }
    }

    /// The fields or lines that are wrong.
    pub(super) fn details(&self) -> Details<'_> {
        match self {
            Self::InvalidRequest(fields) => Details::Fields(fields),
            Self::InvalidLines(lines) => Details::Lines(lines),
            _ => Details::Fields(&[]),
        }
    }

    /// The header that says what to do next, if there is one.
    pub(super) fn header(&self) -> Option<(&'static str, String)> {
        match self {
            Self::InvalidSession(_) | Self::NoAccess(TokenError::SubjectRejected) => {
                Some(("X-Shopify-Retry-Invalid-Session-Request", "1".to_owned()))
            }
            Self::MethodNotAllowed(allowed) => Some(("Allow", (*allowed).to_owned())),
            Self::Subtotal(SubtotalError::Busy { retry_after_seconds }) => {
                Some(("Retry-After", retry_after_seconds.to_string()))
            }
            Self::RateLimited(RateLimited { retry_after_seconds, .. }) => {
                Some(("Retry-After", retry_after_seconds.to_string()))
            }
            Self::Overloaded => Some(("Retry-After", OVERLOADED_SECONDS.to_string())),
            Self::DatabaseUnavailable(_) => Some(("Retry-After", DATABASE_SECONDS.to_string())),
            _ => None,
        }
    }

    /// One field that is wrong.
    pub(super) fn field(field: &'static str, message: &str) -> Self {
        Self::InvalidRequest(vec![FieldError { field, message: message.to_owned() }])
    }
}

/// Only the status: `edge` writes the body, which needs the request's id.
impl ResponseError for AppError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind().status).expect("the table holds valid statuses")
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// An error of a page a person navigates to, which is answered as a page.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct PageError(#[from] pub(crate) AppError);

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        self.0.error_response()
    }
}

impl From<&StoreError> for AppError {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::VersionConflict => Self::VersionConflict,
            error if error.is_outage() => Self::DatabaseUnavailable(error.to_string()),
            error => Self::Internal(error.to_string()),
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

/// Of what many requests waited for together.
impl From<Arc<StoreError>> for AppError {
    fn from(error: Arc<StoreError>) -> Self {
        Self::from(&*error)
    }
}

impl From<AccessError> for AppError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Token(error) => Self::NoAccess(error),
            AccessError::Store(error) => error.into(),
        }
    }
}

impl From<ConnectionNotFound> for AppError {
    fn from(_: ConnectionNotFound) -> Self {
        Self::ConnectionNotFound
    }
}

impl From<RedirectNotAllowed> for AppError {
    fn from(_: RedirectNotAllowed) -> Self {
        Self::RedirectUrlNotAllowed
    }
}

impl From<LinkingError> for AppError {
    fn from(error: LinkingError) -> Self {
        match error {
            LinkingError::ConnectionNotFound(error) => error.into(),
            LinkingError::Subtotal(error) => error.into(),
            LinkingError::Store(error) => error.into(),
        }
    }
}
