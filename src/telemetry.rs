//! Logs and metrics. Third-party crates may log what they handle, so nothing below `info` of theirs ever reaches the
//! log, whatever `RUST_LOG` says.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::LogConfig;

/// Sends the process's log to standard error.
///
/// # Errors
/// When the filter can not be read, or a log was started already.
pub fn start_log(config: &LogConfig) -> anyhow::Result<()> {
    subscriber(config, std::io::stderr)?.try_init()?;
    Ok(())
}

/// What [`start_log`] starts, writing to `writer`.
///
/// # Errors
/// When the filter can not be read.
pub fn subscriber<W>(config: &LogConfig, writer: W) -> anyhow::Result<impl Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.filter)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let lines = if config.json { lines.json().flatten_event(true).boxed() } else { lines.boxed() };
    Ok(tracing_subscriber::registry().with(lines.with_filter(filter_fn(is_fit_to_log))).with(filter))
}

/// Collects the process's metrics; the handle renders them.
///
/// # Errors
/// When metrics are collected already.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    Ok(PrometheusBuilder::new().install_recorder()?)
}

/// Lines of ours at any level, and other people's from `info` up.
fn is_fit_to_log(line: &Metadata<'_>) -> bool {
    line.target().starts_with("subtotal_connect") || *line.level() <= Level::INFO
}
