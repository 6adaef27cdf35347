//! Linking a retailer account: which connection to use (`choose`), one creation out of many requests (`create`), where
//! the shopper may be sent back to (`redirect`), and the Link URL.

pub mod choose;
pub mod create;
pub mod link_url;
pub mod redirect;

pub use choose::{ConnectionNotFound, shown};
pub use create::{LinkingError, Wanted, connection_for};
pub use link_url::{LinkProof, link_url};
pub use redirect::{AllowedHosts, RedirectNotAllowed, RedirectUrl, StorefrontHost};
