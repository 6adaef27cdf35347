//! Traces over OTLP, where `OTEL_EXPORTER_OTLP_ENDPOINT` says whom to tell: a span for each request and each job, and one
//! for each call they make to somebody else.
//!
//! Spans of other crates, and lines of the log, are never sent: what they hold is not ours to judge. No `traceparent` is
//! read: Shopify sends none, and a stranger's must not decide what is kept. None is sent on either.

use std::time::Duration;

use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanLimits};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::registry::LookupSpan;

use super::collector::{self, Collector};
use crate::config::TracesConfig;

/// How long the last spans may take to be sent once the process stops.
const FLUSH: Duration = Duration::from_secs(3);

/// The traces of the process, as they are sent.
#[derive(Debug)]
pub(super) struct Traces {
    stop: oneshot::Sender<()>,
    sending: JoinHandle<()>,
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts sending, and answers the layer that makes traces of spans.
    pub(super) fn start<S>(config: &TracesConfig) -> anyhow::Result<(Self, impl Layer<S> + use<S>)>
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        // Everything is said here, so that the SDK's own reading of the environment decides nothing.
        let resource = Resource::builder_empty()
            .with_service_name(config.service_name.clone())
            .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let (queue, spans) = collector::queue();
        let collector = Collector::build(&config.endpoint, &resource)?;
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.ratio))))
            .with_span_limits(SpanLimits::default())
            .with_resource(resource)
            .with_span_processor(queue)
            .build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("subtotal-connect"))
            .with_location(false)
            .with_threads(false)
            .with_level(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_ours).with_max_level_hint(LevelFilter::INFO));
        let (stop, stopped) = oneshot::channel();
        let sending = tokio::spawn(collector.keep_sending(spans, stopped));
        Ok((Self { stop, sending, provider }, layer))
    }

    /// Sends what is left, for a few seconds at most.
    pub(super) async fn stop(self) {
        let Self { stop, mut sending, provider } = self;
        let _ = stop.send(());
        if timeout(FLUSH, &mut sending).await.is_err() {
            sending.abort();
            tracing::warn!("the last traces were not sent in time");
        }
        // Nothing is left to be done by it; only now, as it takes no spans from then on.
        let _ = provider.shutdown_with_timeout(Duration::ZERO);
    }
}

/// The id of the trace a span belongs to, if that is sent.
#[must_use]
pub fn trace_id(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let of = context.span().span_context().clone();
    of.is_sampled().then(|| of.trace_id().to_string())
}

/// Names a span anew. The field `otel.name` does so only before the span has others below it.
pub fn rename(span: &Span, name: String) {
    span.context().span().update_name(name);
}

fn is_ours(span: &Metadata<'_>) -> bool {
    span.is_span() && span.target().starts_with("subtotal_connect")
}
