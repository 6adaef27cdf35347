//! The log. Third-party crates may log what they handle, so nothing below `info` of theirs ever reaches it, whatever
//! `RUST_LOG` says.

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, dynamic_filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

use super::fields::PlainFields;
use super::lines::{Lines, Writing};
use super::timestamp::Timestamp;
use super::traces::Traces;
use crate::config::LogConfig;

/// The process's log, and its traces. Dropped, it writes the lines that wait.
#[derive(Debug)]
#[must_use = "without it every line is written by itself"]
pub struct Log {
    traces: Option<Traces>,
    _writing: Writing,
}

/// Sends the process's log to standard error, and its traces where the settings say. Needs tokio's runtime where there are
/// traces.
///
/// # Errors
/// When the filter can not be read, a log was started already, or TLS for the traces can not be set up.
pub fn start_log(config: &LogConfig) -> anyhow::Result<Log> {
    let (lines, writing) = Lines::start(std::io::stderr())?;
    let subscriber = subscriber(config, move || lines.clone())?;
    let Some(traces) = &config.traces else {
        subscriber.try_init()?;
        return Ok(Log { traces: None, _writing: writing });
    };
    let (traces, layer) = Traces::start(traces)?;
    subscriber.with(layer).try_init()?;
    Ok(Log { traces: Some(traces), _writing: writing })
}

impl Log {
    /// Sends the traces that are left, for a few seconds at most, and writes the lines that wait.
    pub async fn stop(self) {
        if let Some(traces) = self.traces {
            traces.stop().await;
        }
    }
}

/// The log of [`start_log`] alone, written to `writer`.
///
/// # Errors
/// When the filter can not be read.
pub fn subscriber<W>(
    config: &LogConfig,
    writer: W,
) -> anyhow::Result<impl Subscriber + Send + Sync + for<'s> tracing_subscriber::registry::LookupSpan<'s>>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.filter)?;
    let level = filter.max_level_hint().unwrap_or(LevelFilter::TRACE);
    // Dynamic, so that each line is asked about anew: a layer's filter remembers a "no" until its next line, and when somebody
    // (sqlx does) asks whether a line would be written and then writes none, that "no" would swallow a line of ours.
    let fit = dynamic_filter_fn(|line, _| is_fit_to_log(line))
        .with_callsite_filter(|callsite| if callsite.is_span() { Interest::never() } else { Interest::sometimes() })
        .with_max_level_hint(level);
    let lines = tracing_subscriber::fmt::layer::<Registry>().with_writer(writer).with_timer(Timestamp).with_ansi(false);
    let lines =
        if config.json { lines.json().flatten_event(true).boxed() } else { lines.fmt_fields(PlainFields).boxed() };
    Ok(tracing_subscriber::registry().with(lines.with_filter(filter.and(fit))))
}

/// Lines of ours at any level, and other people's from `info` up. Spans are for the traces: in the log they would repeat
/// what each line says itself, and where there are no traces nothing is paid for them.
fn is_fit_to_log(line: &Metadata<'_>) -> bool {
    line.is_event() && (line.target().starts_with("subtotal_connect") || *line.level() <= Level::INFO)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    pub(in crate::telemetry) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub(in crate::telemetry) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_written_although_somebody_asked_about_another_and_wrote_none() {
        let written = Written::default();
        let config = LogConfig { json: false, filter: "warn,subtotal_connect=info".to_owned(), traces: None };
        let writer = written.clone();
        let log = subscriber(&config, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(log, || {
            assert!(!tracing::enabled!(target: "somebody", Level::INFO));
            tracing::info!("a line of ours");
        });
        assert!(written.text().contains("a line of ours"), "{}", written.text());
    }
}
