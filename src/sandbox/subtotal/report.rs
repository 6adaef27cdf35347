//! What the world tells about itself: to the levers page, to scripts and to tests.

use std::collections::BTreeMap;

use serde::Serialize;

use super::SubtotalWorld;
use super::call_log::Call;
use super::events::{EventLevers, SentEvent};
use super::levers::Levers;
use super::scenario_run::ScenarioReport;
use super::state::{Connection, State};

/// Everything the levers page knows.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// How calls are answered.
    pub levers: Levers,
    /// Of every project, oldest first.
    pub connections: Vec<Connection>,
    /// How events are sent.
    pub event_levers: EventLevers,
    /// The gap after an event's first attempt, in milliseconds.
    pub retry_base_ms: u128,
    /// The scenario that is played, or the last one that was.
    pub scenario: Option<ScenarioReport>,
    /// Where people see what became of events.
    pub klaviyo_url: Option<String>,
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
        self.report_of(&self.state())
    }
    pub(super) fn report_of(&self, state: &State) -> Report {
        let config = self.config();
        let retailers = state.retailers.iter().map(|retailer| ReportedRetailer {
            retailer_id: retailer.retailer_id.to_owned(),
            name: retailer.name.to_owned(),
            link_url: retailer.link_url(config),
        });
        Report {
            levers: state.levers.clone(),
            connections: state.connections.values().cloned().collect(),
            event_levers: state.outbox.levers,
            retry_base_ms: self.retry_base().borrow().as_millis(),
            scenario: state.scenario.as_ref().map(|run| run.report(state)),
            klaviyo_url: config.klaviyo_url.clone(),
            events: state.outbox.sent().cloned().collect(),
            retailers: retailers.collect(),
            counts: state.calls.counts().clone(),
            calls: state.calls.recent().cloned().collect(),
        }
    }
}
