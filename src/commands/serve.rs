//! `serve`: the service, in production.

use std::process::ExitCode;

use crate::app::Application;
use crate::clock::Clock;
use crate::config::{Config, environment};
use crate::store::passing_disk;
use crate::telemetry;

pub(super) async fn run() -> anyhow::Result<ExitCode> {
    let lookup = environment()?;
    let config = Config::read(&lookup)?;
    let log = telemetry::start_log(&config.log)?;
    if let Some(disk) = config.database.sqlite_file().and_then(|file| passing_disk(&file)) {
        tracing::warn!(advice = disk.advice, "the database will not last: it is on {}", disk.what);
    }
    let metrics = config.server.metrics_address.map(|_| telemetry::start_metrics()).transpose()?;
    let application = Application::build(&config, Clock::system(), metrics).await?;
    let address = std::net::SocketAddr::new(config.server.address.ip(), application.port());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "listening on http://{address}");
    let served = application.run().await;
    tracing::info!("stopped");
    log.stop().await;
    served?;
    Ok(ExitCode::SUCCESS)
}
