//! How the process logs, and whom it sends traces.

use url::Url;

use crate::settings::{Settings, is_http_url};

/// How the process logs.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// `LOG_FORMAT`: one JSON object a line instead of text.
    pub json: bool,
    /// `RUST_LOG`
    pub filter: String,
    /// Where traces go, if anywhere.
    pub traces: Option<TracesConfig>,
}

/// Where traces go.
#[derive(Debug, Clone)]
pub struct TracesConfig {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`; `v1/traces` is added to its path.
    pub endpoint: Url,
    /// `OTEL_SERVICE_NAME`
    pub service_name: String,
    /// `OTEL_TRACES_SAMPLER_ARG`: the share of requests and jobs that is traced, 0 to 1.
    pub ratio: f64,
}

impl Settings<'_> {
    /// `LOG_FORMAT`, `RUST_LOG` and `OTEL_…`.
    pub fn log(&mut self) -> LogConfig {
        let json = self.choice("LOG_FORMAT", [("text", false), ("json", true)]);
        let filter = self.text("RUST_LOG").unwrap_or_else(|| "info".to_owned());
        if tracing_subscriber::EnvFilter::try_new(&filter).is_err() {
            self.problem("RUST_LOG", "must be a level (info) or a list of target=level");
        }
        LogConfig { json, filter, traces: self.traces() }
    }

    fn traces(&mut self) -> Option<TracesConfig> {
        let service_name = self.text("OTEL_SERVICE_NAME").unwrap_or_else(|| "subtotal-connect".to_owned());
        let ratio = self.parsed("OTEL_TRACES_SAMPLER_ARG", "a number from 0 to 1", 1.0);
        if !(0.0..=1.0).contains(&ratio) {
            self.problem("OTEL_TRACES_SAMPLER_ARG", "must be a number from 0 to 1");
        }
        let text = self.text("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        match Url::parse(&text).ok().filter(|url| is_http_url(&text) && url.query().is_none() && has_no_password(url)) {
            Some(endpoint) => Some(TracesConfig { endpoint, service_name, ratio }),
            None => {
                let shape = "must be an http(s) URL without user, password and query, such as http://127.0.0.1:4318";
                self.problem("OTEL_EXPORTER_OTLP_ENDPOINT", shape);
                None
            }
        }
    }
}

fn has_no_password(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}
