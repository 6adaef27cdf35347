//! The application: its state, how it is built, and how it runs and stops.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpResponse, HttpServer, middleware, web};
use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::config::{Config, DeliveriesConfig, RedirectMode};
use crate::events::deliveries;
use crate::events::klaviyo::KlaviyoApi;
use crate::events::pace::Paces;
use crate::events::sender::Sender;
use crate::events::{Events, Histories, Intake, Sources};
use crate::http::{Refusals, routes};
use crate::install::inbox::Inbox;
use crate::install::{Tokens, Webhooks};
use crate::linking::Sightings;
use crate::shopify::oauth::AppCredentials;
use crate::shopify::{AdminApi, ClientSecrets, Contacts, CustomerId, ShopDomain};
use crate::store::{Destination, Shop, ShopCache, Store, StoreError};
use crate::subtotal::gate::Gate;
use crate::subtotal::retailers::Shelf;
use crate::subtotal::{Deadline, Retailers, ShopApi, SubtotalApi, SubtotalError};
use crate::visibility::{Decision, Reason, ShopperEmail, decide};
use crate::worker;

/// How long requests in flight may take once the process was told to stop, in seconds.
const SHUTDOWN_SECONDS: u64 = 10;
/// Shops held in memory; the least used leave first.
const MAX_SHOPS: u64 = 20_000;

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
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) schema_current: Arc<AtomicBool>,
    shops: Option<ShopCache>,
    admin_api: AdminApi,
    contacts: Contacts,
    subtotal: SubtotalApi,
    retailers: Retailers,
    pub(crate) klaviyo: KlaviyoApi,
    deliveries: DeliveriesConfig,
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

/// The application, bound to its port and ready to run.
pub struct Application {
    server: Server,
    port: u16,
    webhooks: Webhooks,
    inbox: Arc<Notify>,
    sources: Sources,
    events: Arc<Notify>,
    sender: Sender,
    stop: watch::Sender<bool>,
    refusals: Refusals,
    store: Store,
}

impl AppState {
    /// Opens the database, brings its schema up to date where that is wanted, and prepares the clients.
    ///
    /// # Errors
    /// When the database can not be opened or migrated, or TLS can not be set up.
    pub async fn build(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        let store = Store::open(&config.database.url, config.database.keyring.clone())
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
        let shops = (!config.shop_cache.is_zero())
            .then(|| moka::future::Cache::builder().max_capacity(MAX_SHOPS).time_to_live(config.shop_cache).build());
        let tokens = Tokens::new(store.clone(), admin_api.clone(), app);
        let sightings = Sightings::start(store.clone(), clock.clone());
        Ok(Self {
            client_secrets: ClientSecrets::new(&config.shopify.client_secrets),
            retailers: Retailers::new(config.subtotal.retailers_fresh, clock.clone()),
            clock,
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
            stopping: Arc::default(),
            schema_current: Arc::default(),
            shops,
            contacts: Contacts::new(admin_api.clone()),
            admin_api,
            subtotal,
            klaviyo,
            deliveries: config.deliveries.clone(),
            storefront_deadline: config.subtotal.storefront_deadline,
        })
    }

    /// The deadline of a request that starts now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.storefront_deadline)
    }

    /// The installed shop at a verified domain, from memory where it was loaded a moment ago.
    pub(crate) async fn shop(&self, domain: &ShopDomain) -> Result<Option<Arc<Shop>>, Arc<StoreError>> {
        let load = async { Ok(self.store.load_shop(domain).await?.map(Arc::new)) };
        match &self.shops {
            Some(shops) => shops.try_get_with_by_ref(domain, load).await,
            None => load.await.map_err(Arc::new),
        }
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
        if let Some(shops) = &self.shops {
            shops.invalidate(domain).await;
        }
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
        let asked = self.contacts.contact(&shop.domain, customer, self.tokens.of_shop(shop));
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
        Ok(decide_for(&self.store, shop, email.as_ref()).await?.0)
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

impl Application {
    /// Binds the listeners and prepares everything; nothing is served before [`Application::run`].
    ///
    /// `metrics` is rendered on `METRICS_ADDR` where that is set.
    ///
    /// # Errors
    /// When the database, TLS or a listener can not be had.
    pub async fn build(config: &Config, clock: Clock, metrics: Option<PrometheusHandle>) -> anyhow::Result<Self> {
        let state = AppState::build(config, clock).await?;
        let address = config.server.address;
        let listener = TcpListener::bind(address).with_context(|| format!("can not listen on {address}"))?;
        let port = listener.local_addr()?.port();
        if let (Some(address), Some(metrics)) = (config.server.metrics_address, metrics) {
            serve_metrics(address, metrics).with_context(|| format!("can not listen on {address} for metrics"))?;
        }
        let (stopping, webhooks, inbox) = (state.stopping.clone(), state.webhooks(), state.inbox.clone());
        let (sources, events) = (state.sources(), state.events.clone());
        let sender = state.sender();
        let stop = watch::Sender::new(false);
        let (stopper, asked_to_stop) = (stop.clone(), stop_signal()?);
        let (refusals, store) = (state.refusals.clone(), state.store.clone());
        let state = web::Data::new(state);
        let server = HttpServer::new(move || {
            App::new().app_data(state.clone()).wrap(middleware::from_fn(routes::edge)).configure(routes::configure)
        })
        .keep_alive(Duration::from_secs(30))
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .shutdown_signal(async move {
            asked_to_stop.await;
            stopping.store(true, Ordering::Relaxed);
            stopper.send_replace(true);
        })
        .listen(listener)?
        .run();
        Ok(Self { server, port, webhooks, inbox, sources, events, sender, stop, refusals, store })
    }

    /// The port that is listened on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A handle to stop the application with.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Serves, and works on what webhooks ask for, until the process is told to stop and what is in flight is finished.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn run(self) -> std::io::Result<()> {
        let Self { server, webhooks, inbox, sources, events, sender, stop, refusals, store, .. } = self;
        let new_history: Arc<Notify> = Arc::default();
        let told = Events::new(sources.clone(), new_history.clone());
        let sender = Arc::new(sender);
        let mut workers = vec![
            tokio::spawn(worker::run(Arc::new(Inbox(webhooks)), inbox, stop.subscribe())),
            tokio::spawn(worker::run(Arc::new(told), events, stop.subscribe())),
            tokio::spawn(worker::run(Arc::new(Histories::new(sources)), new_history, stop.subscribe())),
        ];
        workers.extend(
            Destination::ALL
                .map(|destination| tokio::spawn(deliveries::run(sender.clone(), destination, stop.subscribe()))),
        );
        let storing = tokio::spawn(refusals.clone().keep_storing(store.clone()));
        let served = server.await;
        stop.send_replace(true);
        futures_util::future::join_all(workers).await;
        storing.abort();
        refusals.flush(&store).await;
        served
    }
}

impl std::fmt::Debug for Application {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Application").field("port", &self.port).finish_non_exhaustive()
    }
}

fn serve_metrics(address: std::net::SocketAddr, metrics: PrometheusHandle) -> std::io::Result<()> {
    let upkeep = metrics.clone();
    actix_web::rt::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_secs(5));
        loop {
            every.tick().await;
            upkeep.run_upkeep();
        }
    });
    let render = move |metrics: web::Data<PrometheusHandle>| async move {
        HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics.render())
    };
    let metrics = web::Data::new(metrics);
    let server = HttpServer::new(move || App::new().app_data(metrics.clone()).route("/metrics", web::get().to(render)))
        .workers(1)
        .disable_signals()
        .bind(address)?;
    for address in server.addrs() {
        tracing::info!("metrics on http://{address}/metrics");
    }
    let server = server.run();
    actix_web::rt::spawn(server);
    Ok(())
}

/// Resolves when the process is asked to stop: SIGTERM, or Ctrl-C. Listens from the call on, so that a signal that comes
/// before the server runs is not missed.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Resolves on Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
