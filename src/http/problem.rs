//! The one table of errors (contract section 6), and problem bodies as RFC 9457 has them
//! (<https://www.rfc-editor.org/rfc/rfc9457>).

use serde::Serialize;
use utoipa::ToSchema;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemKind {
    /// Stable, for programs.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// A short summary, the same for every occurrence.
    pub title: &'static str,
    /// What happened and what to do, the same for every occurrence.
    pub detail: &'static str,
}

macro_rules! problems {
    ($($name:ident = $code:literal $status:literal $title:literal $detail:literal;)+) => {
        $(pub(super) const $name: ProblemKind =
            ProblemKind { code: $code, status: $status, title: $title, detail: $detail };)+
        /// Every problem this service answers with.
        pub const PROBLEMS: &[ProblemKind] = &[$($name),+];
    };
}

problems! {
    INVALID_SIGNATURE = "invalid_signature" 401 "Invalid signature"
        "Shopify did not sign this request for this app, or not recently. Call the endpoints through the storefront.";
    INVALID_SESSION_TOKEN = "invalid_session_token" 401 "Invalid session token"
        "This needs a fresh session token of the Shopify admin. Reload the page; App Bridge sends a new one.";
    INVALID_CUSTOMER_TOKEN = "invalid_session_token" 401 "Invalid session token"
        "This needs a fresh session token of the app's customer-account extension. Ask shopify.sessionToken.get() for one.";
    RATE_LIMITED = "rate_limited" 429 "Too many requests"
        "This customer or this shop calls too often. Try again after the seconds in Retry-After.";
    OVERLOADED = "overloaded" 503 "Overloaded"
        "More is asked at once than can be answered; nothing was done. Try again after the seconds in Retry-After.";
    SHOP_NOT_CONFIGURED = "shop_not_configured" 404 "Shop not configured"
        "Subtotal Connect is not set up for this shop. The merchant stores a Subtotal API key first.";
    CUSTOMER_NOT_SIGNED_IN = "customer_not_signed_in" 400 "Customer not signed in"
        "This needs a signed-in customer. Send the customer to the store's login and call again.";
    INVALID_REQUEST = "invalid_request" 400 "Invalid request"
        "Something in the request is missing or wrong; errors names each field.";
    REDIRECT_URL_NOT_ALLOWED = "redirect_url_not_allowed" 400 "Redirect URL not allowed"
        "Use an https URL on one of the shop's domains, or a path that starts with one slash. The merchant can allow further hosts.";
    RETAILER_NOT_FOUND = "retailer_not_found" 404 "Retailer not found"
        "There is no such retailer for this customer. Take ids and links from /retailers.";
    CONNECTION_NOT_FOUND = "connection_not_found" 404 "Connection not found"
        "There is no such connection for this customer. Take connection ids from /retailers.";
    VERSION_CONFLICT = "version_conflict" 409 "Changed meanwhile"
        "Somebody else changed this since it was loaded. Load it again and repeat the change.";
    DESTINATION_OFF = "destination_off" 409 "Nothing is sent there"
        "This tool is turned off or paused, so nothing can be sent to it. Turn it on or resume it first.";
    SUBTOTAL_KEY_NOT_ACCEPTED = "subtotal_api_key_rejected" 422 "Subtotal API key rejected"
        "Subtotal does not accept this API key, so it was not stored. Copy it again from the Subtotal dashboard.";
    KLAVIYO_KEY_REJECTED = "klaviyo_key_rejected" 422 "Klaviyo key rejected"
        "Klaviyo does not accept this private key, so it was not stored. Copy it again from Klaviyo's settings.";
    KLAVIYO_UNAVAILABLE = "klaviyo_unavailable" 502 "Klaviyo unavailable"
        "Klaviyo could not be reached, or did not answer as it should. Try again later.";
    SHOPIFY_UNAVAILABLE = "shopify_unavailable" 502 "Shopify unavailable"
        "Shopify could not be asked for access. Reload the page in a moment.";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type" 415 "Unsupported media type"
        "Send the body as JSON with Content-Type: application/json.";
    PAYLOAD_TOO_LARGE = "payload_too_large" 413 "Payload too large"
        "The body may have at most 16 KiB.";
    LIST_TOO_LARGE = "payload_too_large" 413 "Payload too large"
        "A visibility list may be sent in at most 8 MiB. Enter whole domains instead of their addresses.";
    METHOD_NOT_ALLOWED = "method_not_allowed" 405 "Method not allowed"
        "This path takes another method; the Allow header names it.";
    NOT_FOUND = "not_found" 404 "Not found"
        "There is nothing at this path.";
    SUBTOTAL_API_KEY_REJECTED = "subtotal_api_key_rejected" 502 "Subtotal API key rejected"
        "Subtotal does not accept the shop's API key. The merchant enters a valid one.";
    SUBTOTAL_REJECTED_REQUEST = "subtotal_rejected_request" 502 "Subtotal rejected the request"
        "Subtotal did not accept what it was asked. Trying again will not help.";
    SUBTOTAL_UNAVAILABLE = "subtotal_unavailable" 502 "Subtotal unavailable"
        "Subtotal could not be reached, or did not answer as it should. Try again later.";
    SUBTOTAL_BUSY = "subtotal_busy" 503 "Subtotal busy"
        "Too many requests at once. Try again after the seconds in Retry-After.";
    SUBTOTAL_TIMEOUT = "subtotal_timeout" 504 "Subtotal timed out"
        "Subtotal did not answer in time. Try again later.";
    DATABASE_UNAVAILABLE = "database_unavailable" 503 "Database unavailable"
        "The service can not reach its database, or can not write to it. Try again after the seconds in Retry-After.";
    INTERNAL_ERROR = "internal_error" 500 "Internal error"
        "Something went wrong here. Try again later, and name the request id when you report it.";
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, or `body` for the body as a whole.
    pub field: &'static str,
    /// What is wrong, and what it should be.
    pub message: String,
}

/// What is wrong with one line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineError {
    /// From 1.
    pub line: usize,
    /// The line's text.
    pub entry: String,
    /// What is wrong, and what it should be.
    pub message: String,
}

/// What is wrong, in detail: fields of a body, or lines of a list.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub(super) enum Details<'a> {
    Fields(&'a [FieldError]),
    Lines(&'a [LineError]),
}

impl Details<'_> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Fields(fields) => fields.is_empty(),
            Self::Lines(lines) => lines.is_empty(),
        }
    }
}

/// A refusal, as RFC 9457 has it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem<'a> {
    /// A URN that ends in the code.
    r#type: String,
    /// The same for every occurrence.
    title: &'static str,
    /// The HTTP status once more.
    status: u16,
    /// What happened and what to do.
    detail: &'static str,
    code: &'static str,
    /// The header `X-Request-Id` once more.
    request_id: &'a str,
    /// With `invalid_request`: every field that is wrong.
    #[serde(skip_serializing_if = "Details::is_empty")]
    #[schema(value_type = Vec<FieldError>, required = false)]
    errors: Details<'a>,
}

impl ProblemKind {
    /// The body for one occurrence.
    pub(super) fn occurred<'a>(self, request_id: &'a str, errors: Details<'a>) -> Problem<'a> {
        Problem {
            r#type: format!("urn:subtotal-connect:problem:{}", self.code),
            title: self.title,
            status: self.status,
            detail: self.detail,
            code: self.code,
            request_id,
            errors,
        }
    }
}
