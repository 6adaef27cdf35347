//! A call to somebody else, as it is watched: counted by its outcome, timed, and a span of the trace it belongs to.
//!
//! What is sent and what is answered is never looked at here.

use std::time::Instant;

use tracing::field::Empty;
use tracing::{Instrument, Span};

/// What is known of a call when nobody waited for its end.
const ABANDONED: &str = "abandoned";

/// A call that runs. Dropped before it was ended, it was abandoned: its request went away, or ran out of time.
struct Call {
    upstream: &'static str,
    operation: &'static str,
    started: Instant,
    span: Span,
    outcome: &'static str,
}

/// Makes a call and watches it. `outcome` says how its result is counted, in one of few words; `ok` is a success.
pub async fn watch<T>(
    upstream: &'static str,
    operation: &'static str,
    call: impl Future<Output = T>,
    outcome: impl FnOnce(&T) -> &'static str,
) -> T {
    let span = tracing::info_span!(
        "call",
        otel.name = operation,
        otel.kind = "client",
        otel.status_code = Empty,
        peer.service = upstream,
        outcome = Empty
    );
    let mut running = Call { upstream, operation, started: Instant::now(), span, outcome: ABANDONED };
    let result = call.instrument(running.span.clone()).await;
    running.outcome = outcome(&result);
    result
}

impl Drop for Call {
    fn drop(&mut self) {
        let Self { upstream, operation, outcome, .. } = *self;
        self.span.record("outcome", outcome);
        if outcome != "ok" {
            self.span.record("otel.status_code", "ERROR");
        }
        metrics::counter!("upstream_calls_total", "upstream" => upstream, "operation" => operation, "outcome" => outcome)
            .increment(1);
        metrics::histogram!("upstream_call_duration_seconds", "upstream" => upstream, "operation" => operation)
            .record(self.started.elapsed());
    }
}
