//! The edge: everything that knows actix. Routes, what every answer has in common, errors, and the handlers.

pub mod admin;
mod body;
pub mod body_check;
mod csv;
mod doors;
mod edge;
mod error;
mod extract;
mod health;
pub mod openapi;
mod page;
mod problem;
mod refusals;
pub mod routes;
mod storefront;
mod subtotal_webhook;
mod webhooks;

pub use doors::shoppers_routes;
pub use error::AppError;
pub use problem::{FieldError, LineError, PROBLEMS, ProblemKind};
pub(crate) use refusals::Refusals;
