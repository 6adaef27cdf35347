//! What the world tells about itself: to the levers page, to scripts and to tests.

use std::collections::BTreeMap;

use serde::Serialize;

use super::call_log::Call;
use super::events::{EventLevers, SentEvent};
use super::levers::Levers;
use super::state::{Connection, State};
use super::{SubtotalConfig, SubtotalWorld};

/// Everything the levers page knows.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// How calls are answered.
    pub levers: Levers,
    /// Of every project, oldest first.
    pub connections: Vec<Connection>,
    /// How events are sent.
    pub event_levers: EventLevers,
    /// Events that were sent, newest first.
    pub events: Vec<SentEvent>,
    /// In the order they are listed.
    pub retailers: Vec<ReportedRetailer>,
    /// Calls by endpoint since the start or the last reset.
    pub counts: BTreeMap<String, u64>,
    /// The newest calls, newest first.
    pub calls: Vec<Call>,
}

/// A retailer as it is listed now.
#[derive(Debug, Clone, Serialize)]
pub struct ReportedRetailer {
    /// Its slug.
    pub retailer_id: String,
    /// Its name.
    pub name: String,
    /// Its Link URL.
    pub link_url: String,
}

impl SubtotalWorld {
    /// How the world is now.
    #[must_use]
    pub fn report(&self) -> Report {
        self.state().report(self.config())
    }
}

impl State {
    pub(super) fn report(&self, config: &SubtotalConfig) -> Report {
        let retailers = self.retailers.iter().map(|retailer| ReportedRetailer {
            retailer_id: retailer.retailer_id.to_owned(),
            name: retailer.name.to_owned(),
            link_url: retailer.link_url(config),
        });
        Report {
            levers: self.levers.clone(),
            connections: self.connections.values().cloned().collect(),
            event_levers: self.outbox.levers,
            events: self.outbox.sent().cloned().collect(),
            retailers: retailers.collect(),
            counts: self.calls.counts().clone(),
            calls: self.calls.recent().cloned().collect(),
        }
    }
}
