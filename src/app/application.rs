//! The running application: its listeners and workers, and how it stops.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpResponse, HttpServer, middleware, web};
use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Notify, watch};

use super::{AppState, sealed_gauge};
use crate::clock::Clock;
use crate::config::Config;
use crate::events::sender::Sender;
use crate::events::{Events, Histories, Sources, deliveries};
use crate::http::{Refusals, routes};
use crate::install::Webhooks;
use crate::install::inbox::Inbox;
use crate::store::{Destination, Store};
use crate::worker;

/// How long requests in flight may take once the process was told to stop, in seconds.
const SHUTDOWN_SECONDS: u64 = 10;

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
            actix_web::rt::spawn(sealed_gauge::keep_counting(state.store.clone()));
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
