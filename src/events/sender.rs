//! Sends one delivery: looks up whom it is for and what it says, asks the destination, and judges the answer. Whether and
//! when there is another try is not decided by the destination's mood alone: trouble of the account (its token, its rate)
//! never uses up a delivery's tries.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::deliveries::next_try;
use super::flow;
use super::happening::Happening;
use super::klaviyo::{KlaviyoApi, KlaviyoError};
use super::klaviyo_event::{event, has_link_url};
use super::pace::{Pace, Paces};
use super::trace::Trace;
use crate::clock::Clock;
use crate::install::Tokens;
use crate::linking::link_url::relink_url;
use crate::shopify::AdminApi;
use crate::shopify::admin_api::AdminApiError;
use crate::store::{DeliveryEnd, Destination, DueDelivery, Integration, Shop, Store, StoreError, Tried};
use crate::subtotal::{Deadline, Retailers, SubtotalApi};

/// What Shopify's Admin API needs to refill a bucket that is empty, about.
const FLOW_PAUSE: Duration = Duration::from_secs(2);
/// How many first gaps an account rests whose token does not work just now: a minute.
const TOKEN_PAUSE_GAPS: u32 = 12;

/// What sending needs.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Deliveries, choices and keys.
    pub store: Store,
    /// For when a delivery ended.
    pub clock: Clock,
    /// The shops' offline tokens.
    pub tokens: Tokens,
    /// For Flow's triggers.
    pub admin_api: AdminApi,
    /// For Klaviyo's events.
    pub klaviyo: KlaviyoApi,
    /// For the retailers' Link URLs.
    pub subtotal: SubtotalApi,
    /// The retailers that are near already.
    pub retailers: Retailers,
    /// How fast each account may be sent to.
    pub paces: Paces,
    /// `DELIVERY_RETRY_BASE_MS`
    pub retry_base: Duration,
    /// `DELIVERY_ATTEMPT_TIMEOUT_MS`
    pub attempt_timeout: Duration,
}

/// A shop's destination, as it stood a moment ago.
#[derive(Debug)]
pub struct Account {
    shop: Shop,
    integration: Integration,
    klaviyo_key: Option<SecretString>,
    /// How fast it may be sent to.
    pub pace: Arc<Pace>,
}

/// Where a shop's deliveries stand.
#[derive(Debug)]
pub enum Standing {
    /// They can be sent.
    Open(Arc<Account>),
    /// Nothing is sent there any more, and why.
    Closed(&'static str),
}

impl Sender {
    /// Where the shop's deliveries to a destination stand now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn standing(&self, shop_id: i64, destination: Destination) -> Result<Standing, StoreError> {
        let Some(domain) = self.store.installed_domain(shop_id).await? else {
            return Ok(Standing::Closed("The app is not installed any more"));
        };
        let Some(shop) = self.store.load_shop(&domain).await? else {
            return Ok(Standing::Closed("The app is not installed any more"));
        };
        let integration = self.store.integration(shop_id, destination).await?;
        if !integration.is_on {
            return Ok(Standing::Closed("It was turned off"));
        }
        let (klaviyo_key, pace) = match destination {
            Destination::Flow => (None, self.paces.unlimited(format!("flow {shop_id}"))),
            Destination::Klaviyo => {
                let Some(key) = self.store.klaviyo_key(shop_id).await? else {
                    return Ok(Standing::Closed("There is no Klaviyo key any more"));
                };
                let account = hex::encode(Sha256::digest(key.expose_secret().as_bytes()));
                (Some(key), self.paces.limited(account))
            }
        };
        Ok(Standing::Open(Arc::new(Account { shop, integration, klaviyo_key, pace })))
    }

    /// Sends a delivery and writes down how that ended.
    pub async fn send(&self, account: &Account, destination: Destination, due: &DueDelivery) {
        tracing::Span::current().record("shop", account.shop.domain.as_str());
        let (at, started) = (self.clock.unix_ms(), self.clock.age_ms());
        let mut trace = Trace::default();
        let end = self.end_of(account, destination, due, &mut trace).await;
        let (outcome, problem) = (end.outcome(), end.problem().unwrap_or_default());
        let duration_ms = i64::try_from(self.clock.age_ms().saturating_sub(started)).unwrap_or(i64::MAX);
        metrics::counter!("deliveries_total", "destination" => destination.as_str(), "outcome" => outcome).increment(1);
        let (shop, delivery, attempt) = (&account.shop.domain, &due.id, due.attempt);
        let destination = destination.as_str();
        if outcome == "delivered" {
            tracing::info!(%shop, destination, delivery, attempt, "delivered");
        } else {
            tracing::warn!(%shop, destination, delivery, attempt, problem, outcome, "not delivered");
        }
        let tried = Tried { at, duration_ms, request: trace.request, response: trace.response };
        match self.store.end_delivery(due, &end, &tried, self.clock.unix_ms()).await {
            Ok(true) => {}
            Ok(false) => tracing::info!(%shop, delivery, "another process took the delivery over, or it is gone"),
            Err(error) => tracing::error!(%error, delivery, "the end of a try was not written down; it is repeated"),
        }
    }

    async fn end_of(
        &self,
        account: &Account,
        destination: Destination,
        due: &DueDelivery,
        trace: &mut Trace,
    ) -> DeliveryEnd {
        let Some(happening) = &due.happening else {
            return DeliveryEnd::Dead("What was to be sent can not be opened".to_owned());
        };
        if happening.is_simulated && !account.integration.allow_simulated {
            return DeliveryEnd::Skipped("Simulated events are not sent".to_owned());
        }
        // A try that never came to an end, again and again: the process may die of it.
        if next_try(due.attempt - 1, self.retry_base).is_none() {
            return DeliveryEnd::Dead("No try came to an end".to_owned());
        }
        let sent = async {
            match destination {
                Destination::Klaviyo => self.to_klaviyo(account, happening, due, trace).await,
                Destination::Flow => self.to_flow(account, happening, due, trace).await,
            }
        };
        let end = timeout(self.attempt_timeout * 2, sent).await;
        end.unwrap_or_else(|_| self.failed(due, "It took too long".to_owned()))
    }

    async fn to_klaviyo(
        &self,
        account: &Account,
        happening: &Happening,
        due: &DueDelivery,
        trace: &mut Trace,
    ) -> DeliveryEnd {
        let link_url = match self.link_url(account, happening).await {
            Ok(link_url) => link_url,
            Err(problem) => return self.failed(due, problem),
        };
        let identifier = account.integration.identifier;
        let Some(body) = event(happening, &due.id, identifier, link_url.as_deref()) else {
            let missing = match identifier {
                crate::store::Identifier::Email => "Subtotal does not know the customer's e-mail address",
                crate::store::Identifier::CustomerId => "Subtotal does not know the customer's id",
                crate::store::Identifier::Mobile => "Subtotal does not know the customer's phone number",
            };
            return DeliveryEnd::Skipped(missing.to_owned());
        };
        let Some(key) = &account.klaviyo_key else {
            return DeliveryEnd::Skipped("There is no Klaviyo key any more".to_owned());
        };
        trace.event(&body, key);
        let created = self.klaviyo.create_event(key, &body).await;
        if let Some((status, answer)) = &created.answer {
            trace.answered(*status, answer);
        }
        match created.outcome {
            Ok(()) => DeliveryEnd::Delivered,
            Err(error @ KlaviyoError::Throttled(pause)) => {
                account.pace.pause(pause);
                DeliveryEnd::Held(error.to_string(), pause)
            }
            Err(error @ KlaviyoError::Refused(_)) => DeliveryEnd::Dead(error.to_string()),
            Err(error) => self.failed(due, error.to_string()),
        }
    }

    async fn to_flow(
        &self,
        account: &Account,
        happening: &Happening,
        due: &DueDelivery,
        trace: &mut Trace,
    ) -> DeliveryEnd {
        let link_url = match self.link_url(account, happening).await {
            Ok(link_url) => link_url,
            Err(problem) => return self.failed(due, problem),
        };
        let Some(trigger) = flow::trigger(happening, due.part, link_url.as_deref()) else {
            return DeliveryEnd::Skipped("Subtotal does not know the Shopify customer".to_owned());
        };
        let token = match self.tokens.of_shop(&account.shop).await {
            Ok(Some(token)) => token,
            Ok(None) => return self.rest(account, "Shopify gave no access yet: open the app in the Shopify admin"),
            Err(_) => return self.rest(account, "Shopify gives no access: open the app in the Shopify admin"),
        };
        trace.trigger(&trigger, &token);
        let fired = self.admin_api.flow_trigger(&account.shop.domain, &token, trigger.handle, &trigger.payload).await;
        if let Some((status, answer)) = &fired.answer {
            trace.answered(*status, answer);
        }
        match fired.outcome {
            Ok(()) => DeliveryEnd::Delivered,
            Err(AdminApiError::TokenRejected) => {
                self.rest(account, "Shopify rejected the app's access: open the app in the Shopify admin")
            }
            Err(error @ AdminApiError::Throttled) => {
                account.pace.pause(FLOW_PAUSE);
                DeliveryEnd::Held(error.to_string(), FLOW_PAUSE)
            }
            Err(AdminApiError::Refused) => {
                DeliveryEnd::Dead("Shopify refused the trigger: are the app's Flow triggers deployed?".to_owned())
            }
            Err(error @ AdminApiError::Unavailable) => self.failed(due, error.to_string()),
        }
    }

    /// Where the account can be connected again, where the event says so.
    async fn link_url(&self, account: &Account, happening: &Happening) -> Result<Option<String>, String> {
        if !has_link_url(happening.kind) {
            return Ok(None);
        }
        let (key, version) = account.shop.api_key.as_ref().ok_or("There is no Subtotal API key")?;
        let shelf = self.retailers.shelf(account.shop.id, *version).await;
        let deadline = Deadline::after(self.attempt_timeout);
        let looked_up = async {
            let api = self.subtotal.for_shop(key, shelf.gate(), deadline)?;
            let seen = shelf.retailers(&api).await?;
            let seen = match seen.by_id(&happening.retailer_id) {
                Some(_) => seen,
                None => shelf.retailers_after(&api, seen).await?,
            };
            seen.by_id(&happening.retailer_id)
                .map(|retailer| relink_url(retailer, &happening.connection_id))
                .transpose()
        };
        let found = looked_up.await.map_err(|error| error.to_string())?;
        found.map(Some).ok_or_else(|| "The retailer is not in the Subtotal project".to_owned())
    }

    fn failed(&self, due: &DueDelivery, problem: String) -> DeliveryEnd {
        match next_try(due.attempt, self.retry_base) {
            Some(gap) => DeliveryEnd::Failed(problem, gap),
            None => DeliveryEnd::Dead(problem),
        }
    }

    /// Holds everything of an account whose token does not work just now.
    fn rest(&self, account: &Account, problem: &str) -> DeliveryEnd {
        let pause = self.retry_base * TOKEN_PAUSE_GAPS;
        account.pace.pause(pause);
        DeliveryEnd::Held(problem.to_owned(), pause)
    }
}
