//! Sending spans to the collector, `POST {endpoint}/v1/traces` in OTLP's protobuf form, behind the requests' backs.
//!
//! Whoever ends a span puts it into a queue of bounded length and goes on. What does not fit, or is not taken, is dropped
//! and counted, never kept for later: traces are a sample anyway, and memory is for requests.

use std::mem;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prost::Message;
use reqwest::header::CONTENT_TYPE;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use url::Url;

/// Spans that may wait.
const WAITING: usize = 4096;
/// Spans of one message.
const BATCH: usize = 512;
/// How long spans are gathered for a message that is not full.
const GATHER: Duration = Duration::from_secs(1);
/// How long one message may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long to rest after one that was not taken, while the queue fills.
const REST: Duration = Duration::from_secs(2);
/// How often trouble is worth a line in the log.
const SAY_EVERY: Duration = Duration::from_mins(1);

/// Where spans go when they end.
#[derive(Debug)]
pub(super) struct Queue(mpsc::Sender<SpanData>);

/// Whom spans are told.
#[derive(Debug)]
pub(super) struct Collector {
    http: reqwest::Client,
    url: Url,
    resource: ResourceAttributesWithSchema,
    said: Option<Instant>,
}

/// A queue and its other end.
pub(super) fn queue() -> (Queue, mpsc::Receiver<SpanData>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Queue(sender), receiver)
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.0.try_send(span).is_err() {
            count("dropped", 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Collector {
    /// # Errors
    /// When TLS can not be set up.
    pub(super) fn build(endpoint: &Url, resource: &Resource) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("subtotal-connect/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let mut url = endpoint.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["v1", "traces"]);
        }
        Ok(Self { http, url, resource: resource.into(), said: None })
    }

    /// Sends until it is told to stop, and then what is left.
    pub(super) async fn keep_sending(
        mut self,
        mut spans: mpsc::Receiver<SpanData>,
        mut stopped: oneshot::Receiver<()>,
    ) {
        let mut batch = Vec::new();
        while gather(&mut spans, &mut batch, &mut stopped).await {
            let taken = self.send(mem::take(&mut batch)).await;
            if !taken && timeout(REST, &mut stopped).await.is_ok() {
                break;
            }
        }
        spans.close();
        loop {
            while batch.len() < BATCH
                && let Ok(span) = spans.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() || !self.send(mem::take(&mut batch)).await {
                break;
            }
        }
    }

    /// Answers whether the collector took them.
    async fn send(&mut self, batch: Vec<SpanData>) -> bool {
        let spans = batch.len() as u64;
        let message =
            ExportTraceServiceRequest { resource_spans: group_spans_by_resource_and_scope(batch, &self.resource) };
        let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/x-protobuf");
        let problem = match request.body(message.encode_to_vec()).send().await {
            Ok(answer) if answer.status().is_success() => {
                count("sent", spans);
                return true;
            }
            Ok(answer) => format!("it answered {}", answer.status().as_u16()),
            Err(error) if error.is_timeout() => "it did not answer in time".to_owned(),
            Err(error) if error.is_connect() => "it can not be reached".to_owned(),
            Err(_) => "the connection broke".to_owned(),
        };
        count("failed", spans);
        if self.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            self.said = Some(Instant::now());
            tracing::warn!(problem, spans, "the collector of OTEL_EXPORTER_OTLP_ENDPOINT took no traces");
        }
        false
    }
}

/// Waits for spans, and a while for more of them. Answers false once it is told to stop.
async fn gather(
    spans: &mut mpsc::Receiver<SpanData>,
    batch: &mut Vec<SpanData>,
    stopped: &mut oneshot::Receiver<()>,
) -> bool {
    let gathered = async {
        spans.recv_many(batch, BATCH).await;
        let more = async { while batch.len() < BATCH && spans.recv_many(batch, BATCH - batch.len()).await > 0 {} };
        let _ = timeout(GATHER, more).await;
    };
    tokio::select! {
        _ = stopped => false,
        () = gathered => true,
    }
}

fn count(outcome: &'static str, spans: u64) {
    metrics::counter!("trace_spans_total", "outcome" => outcome).increment(spans);
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;
    use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

    use super::*;

    #[test]
    fn what_finds_no_room_is_dropped_and_counted_and_nobody_waits() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = recorder.handle();
        let (queue, spans) = queue();
        let provider = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOn).with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        metrics::with_local_recorder(&recorder, || {
            for _ in 0..WAITING + 10 {
                tracer.start("span").end();
            }
        });
        assert_eq!(spans.len(), WAITING);
        let shown = shown.render();
        assert!(shown.contains("trace_spans_total{outcome=\"dropped\"} 10\n"), "{shown}");
    }
}
