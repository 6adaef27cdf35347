//! A test event for Klaviyo or Flow: something invented, sent like what really happened.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use ulid::Ulid;

use super::{Staff, staff, subtotal};
use crate::app::AppState;
use crate::events::happening::HappeningKind;
use crate::events::invented::{Whom, invented};
use crate::events::klaviyo_event::has_link_url;
use crate::http::body::Fields;
use crate::http::error::AppError;
use crate::shopify::CustomerId;
use crate::shopify::session_token::VerifiedSession;
use crate::store::{Destination, Identifier, TestDelivery};
use crate::visibility::ShopperEmail;

/// Where it is said to have happened when the shop's retailers are not known and need not be.
const USUAL_RETAILER: &str = "walmart";
const KINDS: &str = "connected, reauthenticated, unauthenticated, disconnected or purchased";
const TRIGGERS: &str = "connected, reauthenticated, unauthenticated, disconnected, purchased or product_purchased";
/// Longest e-mail address, customer id and phone number, in characters.
const MAX_EMAIL: usize = 254;
const MAX_CUSTOMER_ID: usize = 20;
const MAX_PHONE: usize = 16;

/// Sends an event to Klaviyo for the profile that the body names by what the merchant chose.
pub(super) async fn klaviyo(
    session: VerifiedSession,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let mut fields = Fields::read(&request, payload).await?;
    let kind = fields.value::<HappeningKind>("event", &format!("one of {KINDS}"));
    if kind.is_none() {
        fields.error("event", &format!("is required: {KINDS}"));
    }
    let stored = state.store.integration(staff.shop.id, Destination::Klaviyo).await?;
    let whom = match stored.identifier {
        Identifier::Email => Whom { email: Some(read_email(&mut fields)), ..Whom::default() },
        Identifier::CustomerId => Whom { customer_id: Some(read_customer(&mut fields)), ..Whom::default() },
        Identifier::Mobile => Whom { phone: Some(read_phone(&mut fields)), ..Whom::default() },
    };
    fields.finish()?;
    send(&state, staff, Destination::Klaviyo, kind.map(|kind| (kind, 0)), whom).await
}

/// Fires a trigger in Flow for a customer.
pub(super) async fn flow(
    session: VerifiedSession,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, AppError> {
    let staff = staff(&state, &session).await?;
    let mut fields = Fields::read(&request, payload).await?;
    let word: Option<serde_json::Value> = fields.value("trigger", &format!("one of {TRIGGERS}"));
    let trigger = match word {
        Some(word) if word == "product_purchased" => Some((HappeningKind::Purchased, 1)),
        Some(word) => serde_json::from_value(word).ok().map(|kind| (kind, 0)),
        None => None,
    };
    if trigger.is_none() {
        fields.error("trigger", &format!("must be one of {TRIGGERS}"));
    }
    let whom = Whom { customer_id: Some(read_customer(&mut fields)), ..Whom::default() };
    fields.finish()?;
    send(&state, staff, Destination::Flow, trigger, whom).await
}

async fn send(
    state: &AppState,
    staff: Staff,
    destination: Destination,
    event: Option<(HappeningKind, i32)>,
    whom: Whom,
) -> Result<HttpResponse, AppError> {
    let (kind, part) = event.ok_or_else(|| AppError::field("body", "names no event"))?;
    let stored = state.store.integration(staff.shop.id, destination).await?;
    if !stored.is_on || stored.is_paused {
        return Err(AppError::DestinationOff);
    }
    let retailer = retailer(state, &staff, kind).await?;
    let now = state.clock.unix_ms();
    let happening = invented(kind, whom, retailer, Ulid::generate(), now);
    let test = TestDelivery { destination, part, happening };
    let put = state.store.put_test_delivery(staff.shop.id, &test, staff.actor, now).await?;
    let id = put.ok_or(AppError::DestinationOff)?;
    Ok(HttpResponse::Accepted().json(json!({ "deliveryId": id })))
}

/// One of the shop's retailers. What says how to connect again needs one that is there.
async fn retailer(state: &AppState, staff: &Staff, kind: HappeningKind) -> Result<String, AppError> {
    let first = async {
        let (api, shelf) = subtotal(state, staff).await?;
        let seen = shelf.retailers(&api).await?;
        seen.retailers.first().map(|retailer| retailer.retailer_id.clone()).ok_or(AppError::RetailerNotFound)
    };
    match first.await {
        Err(error) if has_link_url(kind) => Err(error),
        found => Ok(found.unwrap_or_else(|_| USUAL_RETAILER.to_owned())),
    }
}

pub(super) fn read_email(fields: &mut Fields) -> String {
    let email = fields.required("email", MAX_EMAIL);
    if ShopperEmail::parse(&email).is_none() {
        fields.error("email", "must be an e-mail address");
    }
    email
}

pub(super) fn read_customer(fields: &mut Fields) -> String {
    let customer = fields.required("customerId", MAX_CUSTOMER_ID);
    if CustomerId::parse(&customer).is_err() {
        fields.error("customerId", "must be a Shopify customer id: digits only");
    }
    customer
}

/// A number as E.164 has it.
pub(super) fn read_phone(fields: &mut Fields) -> String {
    let phone = fields.required("phone", MAX_PHONE);
    let digits = phone.strip_prefix('+').unwrap_or_default();
    let is_number = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || digits.starts_with('0') {
        fields.error("phone", "must be a phone number with its country code, such as +15551234567");
    }
    phone
}
