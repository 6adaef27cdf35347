//! The edge: everything that knows actix. Routes, what every answer has in common, errors, and the handlers.

pub mod admin;
mod admission;
mod body;
pub mod body_check;
mod client_address;
mod connections;
mod csv;
mod doors;
mod edge;
mod error;
mod extract;
#[cfg(fuzzing)]
pub mod fuzzing;
mod health;
mod in_time;
pub mod openapi;
mod page;
mod problem;
mod refusals;
mod request_span;
pub mod routes;
mod shed;
mod storefront;
mod subtotal_webhook;
mod webhooks;

pub(crate) use connections::Connections;
pub use doors::shoppers_routes;
pub use error::AppError;
pub use page::failure_page;
pub use problem::{FieldError, LineError, PROBLEMS, ProblemKind};
pub(crate) use refusals::Refusals;
pub(crate) use shed::Shed;
