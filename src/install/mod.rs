//! A shop's installation: getting its Admin API tokens and keeping them fresh.

pub mod tokens;

pub use tokens::{AccessError, Tokens};
