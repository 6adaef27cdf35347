//! What Shopify signs and says. Verification is pure: bytes, secrets and the time go in, a proof or a refusal comes out.
//! Only `admin_api` and its memory `contacts` reach out.

pub mod admin_api;
pub mod contacts;
pub mod customer_id;
pub mod customer_token;
pub mod notice;
pub mod oauth;
pub mod proxy;
pub mod session_token;
pub mod shop_domain;
pub mod signature;
mod signed_query;
pub mod webhook;

#[cfg(test)]
mod proxy_readings;
#[cfg(test)]
mod unambiguous_tests;

pub use admin_api::{AdminApi, AdminApiConfig, Contact, ShopDetails};
pub use contacts::Contacts;
pub use customer_id::CustomerId;
pub use notice::Notice;
pub use shop_domain::ShopDomain;
pub use signature::ClientSecrets;
