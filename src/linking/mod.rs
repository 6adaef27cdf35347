//! Linking a retailer account: which connection to use (`choose`), one creation out of many requests (`create`), where
//! the shopper may be sent back to (`redirect`), the Link URL, and what is noted of it all in passing (`sightings`).

pub mod choose;
pub mod create;
pub mod link_url;
pub mod redirect;
pub mod sightings;

pub use choose::{ConnectionNotFound, shown};
pub use create::{Linked, LinkingError, Wanted, connection_for};
pub use link_url::{LinkProof, link_url};
pub use redirect::{AllowedHosts, RedirectNotAllowed, RedirectUrl, StorefrontHost};
pub use sightings::Sightings;
