//! What Subtotal tells, and what the merchant's tools are told of it.

pub mod happening;
pub mod histories;
pub mod inbox;
pub mod intake;
mod purchase;
pub mod reader;
pub mod transition;

pub use histories::Histories;
pub use inbox::Events;
pub use intake::Intake;
pub use reader::Sources;
