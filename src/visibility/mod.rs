//! The merchant's visibility rules. Pure: no clock, no network, no database.

pub mod compare;
pub mod decide;
pub mod decisions;
pub mod entry;

pub use compare::{Changes, Others, WholeList, compare};
pub use decide::{Decision, ListMatch, NoEmail, Reason, Scope, decide};
pub use decisions::Decisions;
pub use entry::{Entry, InvalidEntry, ShopperEmail};
