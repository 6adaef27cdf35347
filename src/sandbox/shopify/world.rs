//! What Shopify knows: the app, the shop, and what levers and token calls changed of them.

use std::collections::HashMap;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::installation::Installation;
use super::token_endpoint::{TokenCalls, TokenEndpointMode};
use crate::clock::Clock;
use crate::sandbox::shoppers::Shopper;
use crate::shopify::{ClientSecrets, Contact, ShopDomain};

/// The app as Shopify knows it.
#[derive(Debug, Clone)]
pub struct AppRegistration {
    /// The shop it is installed on.
    pub shop: ShopDomain,
    /// The shop's name.
    pub shop_name: String,
    /// Hosts of the shop besides its permanent domain; the first is its primary one.
    pub domains: Vec<String>,
    /// The app's client id.
    pub client_id: String,
    /// The app's client secret.
    pub client_secret: SecretString,
    /// Its access scopes, separated by commas.
    pub scopes: String,
    /// Tells when tokens expire.
    pub clock: Clock,
}

impl AppRegistration {
    pub(super) fn secrets(&self) -> ClientSecrets {
        ClientSecrets::new(std::slice::from_ref(&self.client_secret))
    }
}

/// A trigger of Shopify Flow that the app fired.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trigger {
    /// Which one.
    pub handle: String,
    /// Its fields.
    pub payload: serde_json::Value,
}

/// What levers and token calls change.
#[derive(Debug)]
pub(super) struct World {
    pub(super) installation: Installation,
    pub(super) scopes: String,
    pub(super) token_endpoint: TokenEndpointMode,
    pub(super) token_calls: TokenCalls,
    pub(super) shop: Shop,
    /// Contacts that a lever changed, by customer id.
    pub(super) contacts: HashMap<String, Contact>,
    /// What arrived at Flow, oldest first.
    pub(super) triggers: Vec<Trigger>,
}

/// What the shop says of itself.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) name: String,
    pub(super) myshopify_domain: String,
    pub(super) domains: Vec<String>,
    pub(super) accounts: Accounts,
}

/// Which customer accounts the shop has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accounts {
    /// The ones with a code by e-mail.
    #[default]
    New,
    /// The ones with a password.
    Classic,
}

impl Shop {
    pub(super) fn primary_domain(&self) -> String {
        self.domains.first().unwrap_or(&self.myshopify_domain).clone()
    }
}

impl World {
    /// A shop with the app just installed.
    pub(super) fn of(app: Option<&AppRegistration>) -> Self {
        let shop = Shop {
            name: app.map_or("Larkmeadow", |app| &app.shop_name).to_owned(),
            myshopify_domain: app.map_or("larkmeadow.myshopify.com", |app| app.shop.as_str()).to_owned(),
            domains: app.map_or_else(Vec::new, |app| app.domains.clone()),
            accounts: Accounts::default(),
        };
        Self {
            installation: Installation::new(app.map_or(0, |app| app.clock.unix_seconds())),
            scopes: app.map_or_else(String::new, |app| app.scopes.clone()),
            token_endpoint: TokenEndpointMode::default(),
            token_calls: TokenCalls::default(),
            shop,
            contacts: HashMap::new(),
            triggers: Vec::new(),
        }
    }

    /// How the shopper can be reached now.
    pub(super) fn contact(&self, shopper: &Shopper) -> Contact {
        let known = || Contact { email: shopper.email.map(str::to_owned), phone: shopper.phone.map(str::to_owned) };
        self.contacts.get(shopper.id).cloned().unwrap_or_else(known)
    }
}
