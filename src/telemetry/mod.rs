//! What the process says of itself: its log, its metrics and its traces.
//!
//! None of them ever holds a secret, a query, or who a customer is. A shop's domain is in logs and traces, never in a
//! metric: `docs/decisions/0016-watching.md`.

mod collector;
mod fields;
mod lines;
mod log;
mod metrics;
mod timestamp;
mod traces;

pub use log::{Log, start_log, subscriber};
pub use metrics::{Kind, Label, METRICS, Metric, start_metrics};
pub use traces::{rename, trace_id};
