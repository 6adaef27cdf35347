//! Second implementations of what the service checks: slow, plain, and written from the documentation of Shopify and
//! Subtotal and from the decisions in `docs/decisions/`. They use nothing of the service's own code.

pub mod app_proxy;
pub mod digest;
pub mod input;
pub mod members;
pub mod plain_csv;
pub mod plain_url;
pub mod shapes;
pub mod tokens;
pub mod webhooks;
