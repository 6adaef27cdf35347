//! The levers: what Shopify can be told to do.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::AdminSite;
use super::webhooks::{Delivery, body};
use crate::sandbox::shopify::{Accounts, AdminApiMode, TokenEndpointMode};
use crate::sandbox::shoppers;
use crate::shopify::Contact;

/// Every topic that can be delivered.
pub const TOPICS: [&str; 8] = [
    "app/uninstalled",
    "app/scopes_update",
    "shop/update",
    "customers/update",
    "customers/delete",
    "customers/data_request",
    "customers/redact",
    "shop/redact",
];

const LONGEST_VALUE: usize = 200;

/// One pull of a lever.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Lever {
    /// Delivers a webhook and changes nothing else.
    Deliver(Delivery),
    /// Removes the app: its tokens die and `app/uninstalled` is delivered.
    Uninstall,
    /// Installs the app again, as Shopify's consent page does.
    Install,
    /// What Shopify sends 48 hours after an uninstall: `shop/redact`.
    RedactShop,
    /// Ends the access tokens, as an hour would.
    ExpireAccessToken,
    /// Ends the refresh tokens, as ninety idle days would.
    KillRefreshToken,
    /// Changes how the token endpoint behaves.
    TokenEndpoint {
        /// From the next call on.
        mode: TokenEndpointMode,
    },
    /// Changes how the Admin API behaves.
    AdminApi {
        /// From the next call on.
        mode: AdminApiMode,
    },
    /// Switches the shop's customer accounts and delivers `shop/update`.
    Accounts {
        /// From now on.
        accounts: Accounts,
    },
    /// Changes the granted scopes and delivers `app/scopes_update`.
    Scopes {
        /// Separated by commas.
        scopes: String,
    },
    /// Changes how a shopper can be reached and delivers `customers/update`.
    Contact {
        /// Whose.
        customer_id: String,
        /// Nothing removes it.
        #[serde(default)]
        email: Option<String>,
        /// Nothing removes it.
        #[serde(default)]
        phone: Option<String>,
    },
    /// Empties the delivery log and ends the retries.
    ClearLog,
}

impl AdminSite {
    /// Pulls a lever. Answers with a sentence that says what changed, or why nothing did.
    pub(super) fn pull(&self, lever: Lever) -> Result<String, &'static str> {
        let api = &self.config.admin_api;
        let notice = match lever {
            Lever::Deliver(delivery) => return self.deliver(&delivery),
            Lever::Uninstall => {
                if !self.is_installed() {
                    return Err("the app is not installed");
                }
                api.world().installation.uninstall();
                self.deliver(&Delivery::of("app/uninstalled"))?;
                "The app is uninstalled and its tokens are dead.".to_owned()
            }
            Lever::Install => {
                if self.is_installed() {
                    return Err("the app is installed already");
                }
                api.world().installation.install(self.config.app.clock.unix_seconds());
                "The app is installed.".to_owned()
            }
            Lever::RedactShop => self.deliver(&Delivery::of("shop/redact"))?,
            Lever::ExpireAccessToken => {
                api.world().installation.expire_access();
                "Every access token has expired.".to_owned()
            }
            Lever::KillRefreshToken => {
                api.world().installation.kill_refresh();
                "Every refresh token is dead.".to_owned()
            }
            Lever::TokenEndpoint { mode } => {
                api.world().token_endpoint = mode;
                format!("Token endpoint: {}.", mode.label().to_lowercase())
            }
            Lever::AdminApi { mode } => {
                api.set_mode(mode);
                format!("The Admin API {}.", mode.label())
            }
            Lever::Accounts { accounts } => {
                api.world().shop.accounts = accounts;
                self.deliver(&Delivery::of("shop/update"))?
            }
            Lever::Scopes { scopes } => {
                if scopes.len() > LONGEST_VALUE {
                    return Err("the list of scopes is too long");
                }
                let previous = std::mem::replace(&mut api.world().scopes, scopes);
                self.send(&Delivery::of("app/scopes_update"), &previous)
            }
            Lever::Contact { customer_id, email, phone } => {
                let shopper = shoppers::by_id(&customer_id).ok_or("no such shopper")?;
                if [&email, &phone].into_iter().flatten().any(|value| value.len() > LONGEST_VALUE) {
                    return Err("the value is too long");
                }
                api.world().contacts.insert(shopper.id.to_owned(), Contact { email, phone });
                self.deliver(&Delivery { customer_id: Some(customer_id), ..Delivery::of("customers/update") })?
            }
            Lever::ClearLog => {
                self.webhooks.log().clear();
                "The log is empty and nothing is tried again.".to_owned()
            }
        };
        Ok(notice)
    }

    fn deliver(&self, delivery: &Delivery) -> Result<String, &'static str> {
        if !TOPICS.contains(&delivery.topic.as_str()) {
            return Err("no such topic");
        }
        let numeric = |id: &String| (1..=19).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
        if delivery.customer_id.as_ref().is_some_and(|id| !numeric(id)) {
            return Err("a customer's id is a number");
        }
        let scopes = self.config.admin_api.world().scopes.clone();
        Ok(self.send(delivery, &scopes))
    }

    fn send(&self, delivery: &Delivery, previous_scopes: &str) -> String {
        let now = self.config.app.clock.unix_seconds();
        let topic = &delivery.topic;
        let body = body(topic, delivery.customer_id.as_deref(), previous_scopes, &self.config.admin_api.world(), now);
        self.webhooks.send(delivery, body);
        format!("{topic} is on its way.")
    }

    /// Everything the levers show.
    pub(super) fn report(&self) -> Value {
        let api = &self.config.admin_api;
        let world = api.world();
        json!({
            "installation": world.installation.report(self.config.app.clock.unix_seconds()),
            "scopes": world.scopes,
            "accounts": world.shop.accounts,
            "token_endpoint": { "mode": world.token_endpoint, "calls": world.token_calls },
            "admin_api": { "mode": api.mode(), "calls": api.calls() },
            "deliveries": self.webhooks.log().recent().collect::<Vec<_>>(),
        })
    }
}
