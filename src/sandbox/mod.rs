//! The outside world on this machine, over real HTTP: Subtotal, Shopify and a storefront for the demo.
//!
//! Nothing here is used in production, and nothing here is a mock: the service is pointed at these servers by a base
//! URL, exactly as it is pointed at the real ones. A `scenario` can also be played against another service.

mod courier;
pub mod data;
mod dropped_connection;
pub mod klaviyo;
mod same_origin;
pub mod scenario;
pub mod shopify;
pub mod shoppers;
pub mod subtotal;
