//! What Shopify signs and says. Verification is pure: bytes, secrets and the time go in, a proof or a refusal comes out.

pub mod customer_id;
pub mod proxy;
pub mod shop_domain;
pub mod signature;

pub use customer_id::CustomerId;
pub use shop_domain::ShopDomain;
pub use signature::ClientSecrets;
