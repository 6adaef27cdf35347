//! Subtotal on this machine: its API (`api`), its Link pages (`link`), and levers to make it misbehave (`levers`).
//!
//! Everything is in memory and starts the same each time. It is a stand-in for demos and tests: it signs nothing that
//! anyone could verify and asks no retailer anything.

mod api;
mod call_log;
mod events;
mod fault;
mod levers;
mod levers_page;
mod link;
mod link_pages;
mod mode;
mod purchases;
mod refusal;
mod report;
mod scenario_run;
mod state;
mod token;
mod visit;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use secrecy::SecretString;
use time::OffsetDateTime;
use tokio::sync::watch;

pub use call_log::Call;
pub use events::{EventLevers, SentEvent, WebhookDestination};
pub use levers::{ENDPOINTS, Lever, LeverRefusal, Levers};
pub use mode::Mode;
pub use report::{Report, ReportedRetailer};
pub use scenario_run::ScenarioReport;
pub use state::{Connection, SeededConnection};
pub use visit::{DEMO_CODE, DEMO_PASSWORD, DEMO_USERNAME};

use crate::clock::Clock;
use state::State;

/// How long an idle connection stays open: like real upstreams, longer than clients usually pool theirs.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// What a [`SubtotalWorld`] starts with, and returns to when it is reset.
#[derive(Debug, Clone)]
pub struct SubtotalConfig {
    /// The API keys it accepts. Each is a project of its own and sees only its own connections.
    pub api_keys: Vec<SecretString>,
    /// Origin of the Link pages, levers and pictures, e.g. `http://127.0.0.1:4002`.
    pub link_origin: String,
    /// Origin of the Link pages of a brand with a host of its own, e.g. `http://localhost:4002`.
    pub custom_link_origin: String,
    /// Connections of the first project that are there from the start.
    pub connections: Vec<SeededConnection>,
    /// Where it says what happened, if anywhere.
    pub events: Option<WebhookDestination>,
    /// Where people see what became of events, if anywhere.
    pub klaviyo_url: Option<String>,
    /// Tells when tokens expire.
    pub clock: Clock,
}

impl SubtotalConfig {
    /// One project under `api_key`, no connections, and Link pages on `link_port` of this machine.
    #[must_use]
    pub fn on_port(api_key: &str, link_port: u16) -> Self {
        Self {
            api_keys: vec![SecretString::from(api_key)],
            link_origin: format!("http://127.0.0.1:{link_port}"),
            custom_link_origin: format!("http://localhost:{link_port}"),
            connections: Vec::new(),
            events: None,
            klaviyo_url: None,
            clock: Clock::system(),
        }
    }

    /// The first gap events are tried again after; Subtotal's own where they go nowhere.
    fn retry_base(&self) -> Duration {
        self.events.as_ref().map_or(events::SUBTOTALS_RETRY_BASE, |destination| destination.retry_base)
    }
}

/// The sandbox's Subtotal. Clones share one world.
#[derive(Clone)]
pub struct SubtotalWorld(Arc<World>);

struct World {
    config: SubtotalConfig,
    /// For sending events.
    client: reqwest::Client,
    state: Mutex<State>,
    /// Changes whenever how calls are answered does, which ends the calls that hang.
    answering: watch::Sender<()>,
    /// The first gap of the schedule events are tried again on.
    retry_base: watch::Sender<Duration>,
}

impl SubtotalWorld {
    /// A world as `config` describes it, answering normally.
    #[must_use]
    pub fn new(config: SubtotalConfig) -> Self {
        let state = Mutex::new(State::new(&config));
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        let client = client.expect("the sandbox asks for plain HTTP only, which can always be had");
        let retry_base = watch::Sender::new(config.retry_base());
        Self(Arc::new(World { config, client, state, answering: watch::Sender::new(()), retry_base }))
    }

    /// Forgets everything that happened since [`SubtotalWorld::new`].
    pub fn reset(&self) {
        *self.state() = State::new(&self.0.config);
        self.0.retry_base.send_replace(self.0.config.retry_base());
        self.0.answering.send_replace(());
    }

    /// Serves the API on `api`, and the Link pages, pictures and levers on every listener of `link`.
    ///
    /// Nothing is answered until the returned servers are awaited or spawned.
    ///
    /// # Errors
    /// When a listener cannot be used.
    pub fn serve(&self, api: TcpListener, link: Vec<TcpListener>) -> io::Result<SubtotalServers> {
        let world = self.clone();
        let api = HttpServer::new(move || {
            App::new().app_data(world.app_data()).wrap(from_fn(fault::answer)).configure(configure_api)
        })
        .workers(1)
        .keep_alive(KEEP_ALIVE)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(api)?
        .run();
        let world = self.clone();
        let mut pages = HttpServer::new(move || {
            App::new()
                .app_data(world.app_data())
                .wrap(from_fn(crate::sandbox::same_origin::refuse_foreign_posts))
                .wrap(link::headers())
                .configure(configure_link)
        })
        .workers(1)
        .keep_alive(KEEP_ALIVE)
        .disable_signals()
        .shutdown_timeout(1);
        for listener in link {
            pages = pages.listen(listener)?;
        }
        Ok(SubtotalServers { api, link: pages.run() })
    }

    /// What the routes of [`configure_api`] and [`configure_link`] need.
    #[must_use]
    pub fn app_data(&self) -> web::Data<Self> {
        web::Data::new(self.clone())
    }

    fn config(&self) -> &SubtotalConfig {
        &self.0.config
    }

    fn client(&self) -> &reqwest::Client {
        &self.0.client
    }

    fn now(&self) -> OffsetDateTime {
        let since_1970 = time::Duration::milliseconds(self.unix_ms());
        OffsetDateTime::UNIX_EPOCH + since_1970
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unix_ms(&self) -> i64 {
        self.0.config.clock.unix_ms()
    }

    fn retry_base(&self) -> &watch::Sender<Duration> {
        &self.0.retry_base
    }

    fn answering(&self) -> &watch::Sender<()> {
        &self.0.answering
    }
}

impl fmt::Debug for SubtotalWorld {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SubtotalWorld").field("link_origin", &self.0.config.link_origin).finish_non_exhaustive()
    }
}

/// The routes of the Subtotal API. The levers act on them only under [`SubtotalWorld::serve`].
pub fn configure_api(routes: &mut web::ServiceConfig) {
    api::configure(routes);
}

/// The routes of the Link pages, the pictures and the levers.
pub fn configure_link(routes: &mut web::ServiceConfig) {
    levers_page::configure(routes);
    link::configure(routes);
}

/// The two running servers, each a future that ends when it is stopped.
#[must_use = "servers answer nothing until they are awaited or spawned"]
pub struct SubtotalServers {
    /// The Subtotal API.
    pub api: Server,
    /// Link pages, pictures and levers.
    pub link: Server,
}

impl SubtotalServers {
    /// Handles that stop the servers.
    pub fn handles(&self) -> [ServerHandle; 2] {
        [self.api.handle(), self.link.handle()]
    }

    /// Runs both until both are stopped.
    ///
    /// # Errors
    /// The first error of either.
    pub async fn run(self) -> io::Result<()> {
        futures_util::future::try_join(self.api, self.link).await.map(|_| ())
    }
}

impl fmt::Debug for SubtotalServers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SubtotalServers").finish_non_exhaustive()
    }
}
