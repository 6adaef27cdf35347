//! The calls the API received: methods, paths and answers, never queries, headers or bodies.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use time::OffsetDateTime;

/// How many calls are kept; the counts go on.
const KEPT: usize = 200;

/// One call the API received.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// Counted from 1 since the start or the last reset.
    pub number: u64,
    /// When it arrived.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// E.g. `GET`.
    pub method: String,
    /// Without its query.
    pub path: String,
    /// Method and path template, e.g. `GET /connections/{connection_id}`.
    pub endpoint: String,
    /// `None` while it is being answered, and for good when it never was.
    pub status: Option<u16>,
    /// From its arrival to its answer.
    pub milliseconds: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct CallLog {
    kept: VecDeque<Call>,
    counts: BTreeMap<String, u64>,
    total: u64,
}

impl CallLog {
    /// Notes a call's arrival, and returns its number.
    pub(super) fn arrive(&mut self, at: OffsetDateTime, method: &str, path: &str, endpoint: &str) -> u64 {
        self.total += 1;
        *self.counts.entry(endpoint.to_owned()).or_default() += 1;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Call {
            number: self.total,
            at,
            method: method.to_owned(),
            path: path.to_owned(),
            endpoint: endpoint.to_owned(),
            status: None,
            milliseconds: None,
        });
        self.total
    }

    /// Notes the answer of the call with this number, unless it was forgotten meanwhile.
    pub(super) fn answer(&mut self, number: u64, status: u16, milliseconds: u64) {
        if let Some(call) = self.kept.iter_mut().rfind(|call| call.number == number) {
            call.status = Some(status);
            call.milliseconds = Some(milliseconds);
        }
    }

    /// Newest first.
    pub(super) fn recent(&self) -> impl Iterator<Item = &Call> {
        self.kept.iter().rev()
    }

    /// Calls by endpoint since the start or the last reset.
    pub(super) fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }
}
