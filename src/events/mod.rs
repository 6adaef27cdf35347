//! What Subtotal tells, and what the merchant's tools are told of it: Klaviyo and Shopify Flow.
//!
//! Events are taken in (`intake`) and worked out (`inbox`, `histories`). A [`happening::Happening`] becomes one delivery
//! for each destination, in the transaction that settles it (`store::deliveries`). The workers of `deliveries` take due
//! ones, a few of each shop, and send them.

pub mod deliveries;
pub mod flow;
pub mod happening;
pub mod histories;
pub mod inbox;
pub mod intake;
pub mod invented;
pub mod klaviyo;
pub mod klaviyo_event;
pub mod mask;
pub mod pace;
pub mod purchase;
pub mod reader;
pub mod sender;
pub mod trace;
pub mod transition;

pub use histories::Histories;
pub use inbox::Events;
pub use intake::Intake;
pub use reader::Sources;
