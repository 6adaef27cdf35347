//! An end for every request that needs the database, whatever that does. Calls of others have limits of their own, which
//! are shorter; so whatever still runs when this one is over waits for the database.

use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use tokio::time::timeout;

use super::error::{AppError, PageError};
use crate::app::AppState;

/// What a storefront request has beyond its deadline, so that Subtotal's timeout is told as what it is.
const GRACE: Duration = Duration::from_millis(100);
/// For a webhook that was read: Shopify gives up after 5 s.
const WEBHOOK: Duration = Duration::from_secs(4);
/// For a page or call of the admin, which may ask Subtotal and Shopify one after the other.
const ADMIN: Duration = Duration::from_secs(10);
/// For a list of up to a million entries, which is uploaded and written in many steps.
const LIST: Duration = Duration::from_mins(1);

/// Ends a shopper's request soon after the storefront's deadline.
pub(super) async fn shoppers(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    within(storefront(&request), request, next, AppError::into).await
}

/// The same where a person navigates: with a page.
pub(super) async fn visitors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    within(storefront(&request), request, next, |error| PageError(error).into()).await
}

/// Ends a request of the admin.
pub(super) async fn admin(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    within(ADMIN, request, next, AppError::into).await
}

/// Ends a request of the admin that may bring a long list.
pub(super) async fn lists(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    within(LIST, request, next, AppError::into).await
}

/// Ends what a webhook needs of the database before its sender gives up. It is sent again then.
pub(super) async fn webhook<T>(step: impl Future<Output = Result<T, AppError>>) -> Result<T, AppError> {
    timeout(WEBHOOK, step).await.unwrap_or_else(|_| Err(too_late(WEBHOOK)))
}

fn storefront(request: &ServiceRequest) -> Duration {
    let state = request.app_data::<web::Data<AppState>>().expect("the application always holds its state");
    state.deadline().remaining() + GRACE
}

/// For a route of its own: a request that is still to be routed must not be shared.
async fn within(
    limit: Duration,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    answer: fn(AppError) -> Error,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let head = request.request().clone();
    match timeout(limit, next.call(request)).await {
        Ok(answered) => Ok(answered?.map_into_boxed_body()),
        Err(_) => Ok(ServiceResponse::from_err(answer(too_late(limit)), head)),
    }
}

fn too_late(limit: Duration) -> AppError {
    AppError::DatabaseUnavailable(format!("no answer within {limit:?}"))
}
