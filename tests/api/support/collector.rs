//! A collector of traces: takes OTLP over HTTP, in its protobuf form, and keeps what it was sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// A span as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct SentSpan {
    pub(crate) name: String,
    /// In hex, as the log has it.
    pub(crate) trace: String,
    pub(crate) id: Vec<u8>,
    /// Empty for the first span of a trace.
    pub(crate) parent: Vec<u8>,
    /// 2 is a server's, 3 a client's, 5 a consumer's.
    pub(crate) kind: i32,
    /// 2 is an error.
    pub(crate) status: i32,
    pub(crate) nanoseconds: u64,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) events: usize,
    pub(crate) service: String,
}

/// The running collector.
pub(crate) struct Collector {
    pub(crate) url: String,
    _server: MockServer,
    messages: Messages,
}

/// Each message as it came.
type Messages = Arc<Mutex<Vec<Vec<u8>>>>;

struct Taking(Messages);

impl Collector {
    pub(crate) async fn start() -> Self {
        let messages = Messages::default();
        let server = MockServer::builder().disable_request_recording().start().await;
        Mock::given(any()).respond_with(Taking(messages.clone())).mount(&server).await;
        Self { url: server.uri(), _server: server, messages }
    }

    /// Everything that was sent, as bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.messages.lock().unwrap().concat()
    }

    pub(crate) fn spans(&self) -> Vec<SentSpan> {
        let messages = self.messages.lock().unwrap();
        let messages = messages.iter().map(|bytes| ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap());
        let mut spans = Vec::new();
        for of in messages.flat_map(|message| message.resource_spans) {
            let service = attributes(&of.resource.unwrap().attributes)["service.name"].clone();
            for span in of.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                spans.push(SentSpan {
                    name: span.name,
                    trace: hex::encode(span.trace_id),
                    id: span.span_id,
                    parent: span.parent_span_id,
                    kind: span.kind,
                    status: span.status.map_or(0, |status| status.code),
                    nanoseconds: span.end_time_unix_nano - span.start_time_unix_nano,
                    attributes: attributes(&span.attributes),
                    events: span.events.len(),
                    service: service.clone(),
                });
            }
        }
        spans
    }

    /// The span of the request that was answered with this id.
    pub(crate) fn request(&self, request_id: &str) -> Option<SentSpan> {
        self.spans().into_iter().find(|span| span.attributes.get("request_id").is_some_and(|id| id == request_id))
    }

    /// The spans below this one.
    pub(crate) fn below(&self, parent: &SentSpan) -> Vec<SentSpan> {
        self.spans().into_iter().filter(|span| span.parent == parent.id && span.trace == parent.trace).collect()
    }
}

impl Respond for Taking {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        assert_eq!((request.method.as_str(), request.url.path()), ("POST", "/v1/traces"));
        assert_eq!(request.headers["content-type"], "application/x-protobuf");
        self.0.lock().unwrap().push(request.body.clone());
        ResponseTemplate::new(200).insert_header("content-type", "application/x-protobuf")
    }
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("an attribute of another kind: {other:?}"),
    };
    pairs.iter().map(|pair| (pair.key.clone(), text(&pair.value))).collect()
}
