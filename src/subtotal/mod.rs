//! The Subtotal API: what it says (`wire`), how it is asked (`client`), how one shop's trouble stays its own (`gate`),
//! the retailer list kept near (`retailers`), and what it sends by itself (`webhook`, `event`).

mod attempt;
pub mod client;
pub mod deadline;
pub mod error;
pub mod event;
pub mod gate;
pub mod purchases;
pub mod retailers;
pub mod webhook;
pub mod wire;

pub use client::{ShopApi, SubtotalApi, SubtotalConfig, TokenScope};
pub use deadline::Deadline;
pub use error::SubtotalError;
pub use retailers::Retailers;
