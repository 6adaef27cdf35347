//! A shop as requests need it, what may be changed of it, and the words its choices are stored as.

use secrecy::SecretString;

use super::{Actor, Deed, SecretKind, StoreError};
use crate::limits::RateLimit;
use crate::limits::RateOverrides;
use crate::shopify::ShopDomain;
use crate::visibility::{Decisions, NoEmail};

/// How the Link URL names the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkStyle {
    /// By `connection_id` (seed 004).
    #[default]
    Connection,
    /// By a short-lived `connection_token` (seed 002).
    Token,
}

/// Which customer accounts the shop uses; decides the login page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accounts {
    /// Customer accounts, signed in to at `/customer_authentication/login`.
    #[default]
    New,
    /// Classic customer accounts, signed in to at `/account/login`.
    Classic,
}

/// Why a host is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostPurpose {
    /// The shop's storefront answers there, says the merchant.
    Storefront,
    /// The shop's storefront answers there, says Shopify.
    Told,
    /// The merchant allows redirects to it.
    Redirect,
}

impl HostPurpose {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Storefront => "storefront",
            Self::Told => "shopify",
            Self::Redirect => "redirect",
        }
    }
}

/// A shop as requests need it. Its secrets are open, so it is never serialised or shown.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The database's id; every other query starts from it.
    pub id: i64,
    /// The permanent domain.
    pub domain: ShopDomain,
    /// Whether restricted retailers are answered like missing ones.
    pub enforce_visibility: bool,
    /// What lists that are on do without an e-mail.
    pub no_email: NoEmail,
    /// The form of the Link URL.
    pub link_style: LinkStyle,
    /// Which login page signed-out customers are sent to.
    pub accounts: Accounts,
    /// How often it and its customers may call.
    pub rate_limits: RateOverrides,
    /// Hosts the storefront answers on, besides the permanent domain.
    pub storefront_hosts: Vec<String>,
    /// Further hosts a shopper may be sent back to.
    pub redirect_hosts: Vec<String>,
    /// The Subtotal API key with the version it was stored as, or `None` while the shop is not configured.
    pub api_key: Option<(SecretString, i64)>,
    /// The Shopify Admin API offline token.
    pub admin_token: Option<SecretString>,
    /// Whether any visibility list is on.
    pub has_list_on: bool,
    /// What its lists decided since it was loaded.
    pub decisions: Decisions,
    /// Grows with every change of the choices.
    pub version: i64,
}

/// What to change of a shop; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct ShopChanges {
    /// See [`Shop::enforce_visibility`].
    pub enforce_visibility: Option<bool>,
    /// See [`Shop::no_email`].
    pub no_email: Option<NoEmail>,
    /// See [`Shop::link_style`].
    pub link_style: Option<LinkStyle>,
    /// See [`Shop::accounts`].
    pub accounts: Option<Accounts>,
    /// See [`RateOverrides::shop`]; the inner `None` is the installation's limit.
    pub rate_limit_shop: Option<Option<RateLimit>>,
    /// See [`RateOverrides::customer`]; the inner `None` is the installation's limit.
    pub rate_limit_customer: Option<Option<RateLimit>>,
    /// Replaces [`Shop::storefront_hosts`].
    pub storefront_hosts: Option<Vec<String>>,
    /// Replaces [`Shop::redirect_hosts`].
    pub redirect_hosts: Option<Vec<String>>,
    /// A secret to seal and store.
    pub secret: Option<(SecretKind, SecretString)>,
    /// The version of the shop the changes were made on; any version will do where there is none.
    pub expected_version: Option<i64>,
}

impl ShopChanges {
    /// The line for the audit trail: which fields were set, never what a secret is.
    pub(super) fn deed(&self, actor: Actor) -> Deed {
        let mut detail = serde_json::Map::new();
        let mut note = |name: &str, value: Option<serde_json::Value>| {
            detail.extend(value.map(|value| (name.to_owned(), value)));
        };
        note("enforceVisibility", self.enforce_visibility.map(Into::into));
        note("noEmail", self.no_email.map(|value| no_email_word(value).into()));
        note("linkStyle", self.link_style.map(|value| link_style_word(value).into()));
        note("accounts", self.accounts.map(|value| accounts_word(value).into()));
        note("rateLimitShop", self.rate_limit_shop.map(|limit| rate_limit_word(limit).into()));
        note("rateLimitCustomer", self.rate_limit_customer.map(|limit| rate_limit_word(limit).into()));
        note("domains", self.storefront_hosts.clone().map(Into::into));
        note("redirectHosts", self.redirect_hosts.clone().map(Into::into));
        note("secret", self.secret.as_ref().map(|(kind, _)| kind.as_str().into()));
        let action = if self.secret.is_some() { "key.stored" } else { "settings.changed" };
        Deed { actor, action, detail: detail.into() }
    }
}

/// Reads a column that holds one of two words.
pub(super) fn parse<T: Copy>(choices: [T; 2], word: fn(T) -> &'static str, text: &str) -> Result<T, StoreError> {
    choices.into_iter().find(|choice| word(*choice) == text).ok_or(StoreError::Unreadable("shops"))
}

/// A shop's own limit in words, and `default` where it has none.
pub(super) fn rate_limit_word(limit: Option<RateLimit>) -> String {
    limit.map_or_else(|| "default".to_owned(), |limit| limit.to_string())
}

/// Reads a column that holds a limit or nothing.
pub(super) fn parse_rate_limit(text: Option<&str>) -> Result<Option<RateLimit>, StoreError> {
    text.map(str::parse).transpose().map_err(|_| StoreError::Unreadable("shops"))
}

pub(super) fn no_email_word(value: NoEmail) -> &'static str {
    match value {
        NoEmail::Hide => "hide",
        NoEmail::Show => "show",
    }
}

pub(super) fn link_style_word(value: LinkStyle) -> &'static str {
    match value {
        LinkStyle::Connection => "connection",
        LinkStyle::Token => "token",
    }
}

pub(super) fn accounts_word(value: Accounts) -> &'static str {
    match value {
        Accounts::New => "new",
        Accounts::Classic => "classic",
    }
}
