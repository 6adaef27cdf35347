//! A shop's installation: getting its Admin API tokens and keeping them fresh, and doing what Shopify's webhooks ask.

mod compliance;
pub mod inbox;
pub mod tokens;
pub mod webhooks;

pub use tokens::{AccessError, Tokens};
pub use webhooks::Webhooks;
