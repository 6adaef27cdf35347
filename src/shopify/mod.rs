//! What Shopify signs and says. Verification is pure: bytes, secrets and the time go in, a proof or a refusal comes out.
//! Only `admin_api` and its memory `contacts` reach out.

pub mod admin_api;
pub mod contacts;
pub mod customer_id;
pub mod proxy;
pub mod shop_domain;
pub mod signature;
mod signed_query;

pub use admin_api::{AdminApi, AdminApiConfig, Contact};
pub use contacts::Contacts;
pub use customer_id::CustomerId;
pub use shop_domain::ShopDomain;
pub use signature::ClientSecrets;
