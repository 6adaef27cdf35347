//! What happened at Subtotal, told to the merchant's tools: Klaviyo and Shopify Flow.
//!
//! A [`happening::Happening`] becomes one delivery for each destination, in the transaction that settles it
//! (`store::deliveries`). The workers here take due deliveries, a few of each shop, and send them.

pub mod deliveries;
pub mod flow;
pub mod happening;
pub mod klaviyo;
pub mod klaviyo_event;
pub mod pace;
pub mod sender;
