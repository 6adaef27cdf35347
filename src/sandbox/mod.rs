//! The outside world on this machine, over real HTTP: Subtotal, Shopify and a storefront for the demo.

pub mod data;
pub mod subtotal;
