//! What handlers share, and how it is built. `application` runs it.

mod application;
mod gauges;
mod listener;
mod listening;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use ipnet::IpNet;
use secrecy::SecretString;
use tokio::sync::Notify;

pub use application::Application;

use listening::Listening;

use crate::clock::Clock;
use crate::config::{Config, DatabaseConfig, DeliveriesConfig, RedirectMode};
use crate::events::klaviyo::KlaviyoApi;
use crate::events::pace::Paces;
use crate::events::sender::Sender;
use crate::events::{Intake, Sources};
use crate::http::{Refusals, Shed};
use crate::install::{Tokens, Webhooks};
use crate::limits::{Limits, Places};
use crate::linking::Sightings;
use crate::shopify::oauth::AppCredentials;
use crate::shopify::{AdminApi, ClientSecrets, Contacts, CustomerId, ShopDomain};
use crate::store::{KeptDays, Shop, ShopCache, Store, StoreError};
use crate::subtotal::gate::Gate;
use crate::subtotal::retailers::Shelf;
use crate::subtotal::{Deadline, Retailers, ShopApi, SubtotalApi, SubtotalError};
use crate::visibility::{Decision, Reason, ShopperEmail, decide};

/// What handlers share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState {
    pub(crate) client_secrets: ClientSecrets,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) redirect_mode: RedirectMode,
    pub(crate) tokens: Tokens,
    pub(crate) sightings: Sightings,
    /// Says that a webhook arrived.
    pub(crate) inbox: Arc<Notify>,
    pub(crate) intake: Intake,
    /// Says that an event arrived.
    pub(crate) events: Arc<Notify>,
    pub(crate) admin: AdminSettings,
    pub(crate) refusals: Refusals,
    pub(crate) limits: Limits,
    pub(crate) places: Places,
    pub(crate) shed: Arc<Shed>,
    pub(crate) trusted_proxies: Arc<[IpNet]>,
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) schema_current: Arc<AtomicBool>,
    shops: ShopCache,
    admin_api: AdminApi,
    contacts: Contacts,
    subtotal: SubtotalApi,
    retailers: Retailers,
    pub(crate) klaviyo: KlaviyoApi,
    deliveries: DeliveriesConfig,
    kept: KeptDays,
    storefront_deadline: Duration,
}

/// What the pages of the embedded admin need to know.
#[derive(Debug, Clone)]
pub(crate) struct AdminSettings {
    pub(crate) client_id: String,
    /// The public origin, without a slash at the end.
    pub(crate) app_url: Arc<str>,
    pub(crate) scripts_url: Arc<str>,
    pub(crate) framed_by: Option<Arc<str>>,
}

impl AppState {
    /// Opens the database, brings its schema up to date where that is wanted, and prepares the clients.
    ///
    /// # Errors
    /// When the database can not be opened or migrated, or TLS can not be set up.
    pub async fn build(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        let DatabaseConfig { url, keyring, limits } = &config.database;
        let store = Store::open_to_serve(url, keyring.clone(), *limits)
            .await
            .context("the database at DATABASE_URL can not be opened")?;
        if config.server.migrate_on_start {
            store.migrate().await.context("the database could not be migrated")?;
        }
        let tls = "TLS can not be set up; are the system's CA certificates installed (package ca-certificates)?";
        let subtotal = SubtotalApi::build(&config.subtotal).context(tls)?;
        let klaviyo = KlaviyoApi::build(&config.deliveries.klaviyo).context(tls)?;
        let admin_api = AdminApi::build(config.shopify.admin_api.clone()).context(tls)?;
        let app = AppCredentials {
            client_id: config.shopify.client_id.clone(),
            client_secret: config.shopify.client_secrets[0].clone(),
        };
        let tokens = Tokens::new(store.clone(), admin_api.clone(), app);
        let sightings = Sightings::start(store.clone(), clock.clone());
        Ok(Self {
            client_secrets: ClientSecrets::new(&config.shopify.client_secrets),
            retailers: Retailers::new(config.subtotal.retailers_fresh, clock.clone()),
            clock: clock.clone(),
            intake: Intake::start(store.clone()),
            store,
            redirect_mode: config.server.redirect_mode,
            tokens,
            sightings,
            inbox: Arc::default(),
            events: Arc::default(),
            admin: AdminSettings {
                client_id: config.shopify.client_id.clone(),
                app_url: config.shopify.app_url.as_str().trim_end_matches('/').into(),
                scripts_url: config.shopify.scripts_url.as_str().into(),
                framed_by: config.shopify.framed_by.as_deref().map(Into::into),
            },
            refusals: Refusals::default(),
            limits: Limits::new(config.limits.rates, clock.clone()),
            places: Places::new(config.limits.max_in_flight),
            shed: Arc::default(),
            trusted_proxies: config.limits.trusted_proxies.clone().into(),
            stopping: Arc::default(),
            schema_current: Arc::default(),
            shops: ShopCache::new(config.shop_cache),
            contacts: Contacts::new(admin_api.clone()),
            admin_api,
            subtotal,
            klaviyo,
            deliveries: config.deliveries.clone(),
            kept: config.kept,
            storefront_deadline: config.subtotal.storefront_deadline,
        })
    }

    /// The deadline of a request that starts now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.storefront_deadline)
    }

    /// The installed shop at a verified domain, from memory where it was loaded a moment ago.
    pub(crate) async fn shop(&self, domain: &ShopDomain) -> Result<Option<Arc<Shop>>, Arc<StoreError>> {
        let is_loaded = AtomicBool::new(false);
        let load = || {
            is_loaded.store(true, Ordering::Relaxed);
            self.store.load_shop(domain)
        };
        let shop = self.shops.shop(domain, load).await?;
        let result = if is_loaded.load(Ordering::Relaxed) { "miss" } else { "hit" };
        metrics::counter!("cache_requests_total", "cache" => "shops", "result" => result).increment(1);
        self.limits.learn(domain, shop.as_ref().map(|shop| shop.rate_limits).unwrap_or_default());
        Ok(shop)
    }

    /// Does what webhooks ask for, with what this state holds.
    fn webhooks(&self) -> Webhooks {
        Webhooks {
            store: self.store.clone(),
            clock: self.clock.clone(),
            shops: self.shops.clone(),
            contacts: self.contacts.clone(),
            admin_api: self.admin_api.clone(),
            tokens: self.tokens.clone(),
            subtotal: self.subtotal.clone(),
            retailers: self.retailers.clone(),
            kept: self.kept,
        }
    }

    /// Works out what events tell, with what this state holds.
    fn sources(&self) -> Sources {
        Sources {
            store: self.store.clone(),
            clock: self.clock.clone(),
            subtotal: self.subtotal.clone(),
            retailers: self.retailers.clone(),
        }
    }

    /// Tells the merchant's tools what happened, with what this state holds.
    fn sender(&self) -> Sender {
        Sender {
            store: self.store.clone(),
            clock: self.clock.clone(),
            tokens: self.tokens.clone(),
            admin_api: self.admin_api.clone(),
            klaviyo: self.klaviyo.clone(),
            subtotal: self.subtotal.clone(),
            retailers: self.retailers.clone(),
            paces: Paces::new(self.clock.clone()),
            retry_base: self.deliveries.retry_base,
            attempt_timeout: self.deliveries.attempt_timeout,
        }
    }

    /// Forgets what is held in memory of a shop, because it was changed in this process.
    pub(crate) async fn forget_shop(&self, domain: &ShopDomain) {
        self.shops.forget(domain).await;
    }

    /// Hears what other processes change, with what this state holds.
    fn listening(&self) -> Listening {
        Listening { store: self.store.clone(), shops: self.shops.clone(), contacts: self.contacts.clone() }
    }

    /// The shop's way to Subtotal, and its shelf of retailers.
    pub(crate) async fn subtotal(
        &self,
        shop: &Shop,
        deadline: Deadline,
    ) -> Result<(ShopApi, Arc<Shelf>), SubtotalError> {
        let (key, version) = shop.api_key.as_ref().ok_or(SubtotalError::KeyRejected)?;
        let shelf = self.retailers.shelf(shop.id, *version).await;
        Ok((self.subtotal.for_shop(key, shelf.gate(), deadline)?, shelf))
    }

    /// Subtotal with a key that need not be stored.
    pub(crate) fn subtotal_with(
        &self,
        key: &SecretString,
        gate: Arc<Gate>,
        deadline: Deadline,
    ) -> Result<ShopApi, SubtotalError> {
        self.subtotal.for_shop(key, gate, deadline)
    }

    /// A customer's e-mail address and phone number as Shopify gives them, or nothing by the deadline.
    pub(crate) async fn contact(
        &self,
        shop: &Shop,
        customer: &CustomerId,
        deadline: Deadline,
    ) -> (Option<String>, Option<String>) {
        let asked = self.contacts.contact(&shop.domain, customer, || self.tokens.of_shop(shop));
        match tokio::time::timeout_at(deadline.instant(), asked).await {
            Ok(Some(contact)) => (contact.email.clone(), contact.phone.clone()),
            Ok(None) | Err(_) => (None, None),
        }
    }

    /// What a customer may see. Asks for the e-mail only where a list is on.
    pub(crate) async fn decision(
        &self,
        shop: &Shop,
        customer: &CustomerId,
        deadline: Deadline,
    ) -> Result<Decision, StoreError> {
        if !shop.has_list_on {
            return Ok(Decision::default());
        }
        let (email, _) = self.contact(shop, customer, deadline).await;
        let email = email.as_deref().and_then(ShopperEmail::parse);
        if let Some(known) = shop.decisions.of(email.as_ref()) {
            return Ok(known);
        }
        let (decision, _) = decide_for(&self.store, shop, email.as_ref()).await?;
        shop.decisions.hold(email.as_ref(), &decision);
        Ok(decision)
    }
}

/// The decision for one e-mail address, or for none, and why.
///
/// # Errors
/// [`StoreError`] when the lists can not be read.
pub async fn decide_for(
    store: &Store,
    shop: &Shop,
    email: Option<&ShopperEmail>,
) -> Result<(Decision, Vec<Reason>), StoreError> {
    let lists = store.match_lists(shop.id, email).await?;
    Ok(decide(lists, email.is_some(), shop.no_email))
}
