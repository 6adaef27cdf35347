//! The running application: its listeners and workers, and how it stops.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpResponse, HttpServer, middleware, web};
use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::{AppState, gauges, listener};
use crate::clock::Clock;
use crate::config::Config;
use crate::events::{Events, Histories, deliveries};
use crate::http::{Connections, Shed, routes};
use crate::install::inbox::Inbox;
use crate::limits::{Limits, Pace};
use crate::store::Destination;
use crate::worker;

/// How long requests in flight may take once the process was told to stop, in seconds.
const SHUTDOWN_SECONDS: u64 = 10;

/// How often idle callers are forgotten, and the rest of [`keep_tidying`].
const TIDY_EVERY: Duration = Duration::from_secs(5);

/// The application, bound to its port and ready to run.
pub struct Application {
    server: Server,
    port: u16,
    state: AppState,
    connections: Connections,
    stop: watch::Sender<bool>,
    hears: watch::Sender<bool>,
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
        let listener = listener::listen(address)?;
        let port = listener.local_addr()?.port();
        if let (Some(address), Some(metrics)) = (config.server.metrics_address, metrics) {
            serve_metrics(address, metrics, state.clone())
                .with_context(|| format!("can not listen on {address} for metrics"))?;
            actix_web::rt::spawn(gauges::keep_reading(state.store.clone()));
        }
        let stop = watch::Sender::new(false);
        let (stopping, stopper, mut signals) = (state.stopping.clone(), stop.clone(), StopSignals::listen()?);
        let drain = config.server.shutdown_drain;
        let connections = Connections::new();
        let (accepted, shared) = (connections.clone(), web::Data::new(state.clone()));
        let max_lag = config.limits.max_event_loop_lag;
        // Once for each worker, in its own event loop.
        let server = HttpServer::new(move || {
            let pace = Pace::new(max_lag);
            actix_web::rt::spawn(pace.clone().keep_looking());
            App::new()
                .app_data(shared.clone())
                .app_data(pace)
                .wrap(middleware::from_fn(routes::edge))
                .wrap(middleware::from_fn(routes::shed))
                .configure(routes::configure)
        })
        .on_connect(move |stream, data| accepted.note(stream, data))
        .keep_alive(listener::KEEP_ALIVE)
        .client_request_timeout(listener::HEAD_TIME)
        .client_disconnect_timeout(listener::DISCONNECT_TIME)
        .max_connections(listener::connections_of_worker(config.limits.max_in_flight))
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .shutdown_signal(async move {
            signals.next().await;
            stopping.store(true, Ordering::Relaxed);
            stopper.send_replace(true);
            // A load balancer sees `/readyz` say 503 and sends no more; a second signal means now.
            let _ = timeout(drain, signals.next()).await;
        })
        .listen(listener)?
        .run();
        Ok(Self { server, port, state, connections, stop, hears: watch::Sender::new(false) })
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

    /// Whether changes by other processes are heard of at once: never on SQLite, where nobody tells.
    #[must_use]
    pub fn hears(&self) -> watch::Receiver<bool> {
        self.hears.subscribe()
    }

    /// Serves, and works on what webhooks ask for, until the process is told to stop and what is in flight is finished.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn run(self) -> std::io::Result<()> {
        let Self { server, state, connections, stop, hears, .. } = self;
        let new_history: Arc<Notify> = Arc::default();
        let told = Events::new(state.sources(), new_history.clone());
        let sender = Arc::new(state.sender());
        let mut workers = vec![
            tokio::spawn(worker::run(Arc::new(Inbox(state.webhooks())), state.inbox.clone(), stop.subscribe())),
            tokio::spawn(worker::run(Arc::new(told), state.events.clone(), stop.subscribe())),
            tokio::spawn(worker::run(Arc::new(Histories::new(state.sources())), new_history, stop.subscribe())),
        ];
        workers.extend(
            Destination::ALL
                .map(|destination| tokio::spawn(deliveries::run(sender.clone(), destination, stop.subscribe()))),
        );
        let storing = tokio::spawn(state.refusals.clone().keep_storing(state.store.clone()));
        let tidying = tokio::spawn(keep_tidying(state.limits.clone(), connections, state.shed.clone()));
        let listening = tokio::spawn(state.listening().keep_listening(hears));
        let served = server.await;
        stop.send_replace(true);
        futures_util::future::join_all(workers).await;
        storing.abort();
        listening.abort();
        tidying.abort();
        state.shed.report();
        state.refusals.flush(&state.store).await;
        served
    }
}

/// Forgets idle callers, shuts connections that come to nothing, and says how many requests were turned away, for ever.
async fn keep_tidying(limits: Limits, connections: Connections, shed: Arc<Shed>) {
    let mut every = tokio::time::interval(TIDY_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        limits.forget_idle();
        connections.shut_idle(listener::REQUESTLESS_TIME);
        shed.report();
    }
}

impl std::fmt::Debug for Application {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Application").field("port", &self.port).finish_non_exhaustive()
    }
}

fn serve_metrics(address: std::net::SocketAddr, metrics: PrometheusHandle, state: AppState) -> std::io::Result<()> {
    metrics::gauge!("process_start_time_seconds").set(state.clock.unix_ms() as f64 / 1000.0);
    let upkeep = metrics.clone();
    actix_web::rt::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_secs(5));
        loop {
            every.tick().await;
            upkeep.run_upkeep();
        }
    });
    let render = move |metrics: web::Data<PrometheusHandle>, state: web::Data<AppState>| async move {
        gauges::read_near(&state).await;
        HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics.render())
    };
    let (metrics, state) = (web::Data::new(metrics), web::Data::new(state));
    let app =
        move || App::new().app_data(metrics.clone()).app_data(state.clone()).route("/metrics", web::get().to(render));
    let server = HttpServer::new(app).workers(1).disable_signals().bind(address)?;
    for address in server.addrs() {
        tracing::info!("metrics on http://{address}/metrics");
    }
    let server = server.run();
    actix_web::rt::spawn(server);
    Ok(())
}

/// SIGTERM and Ctrl-C, from the call of `listen` on, so that one that comes before the server runs is not missed.
#[cfg(unix)]
struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl StopSignals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
