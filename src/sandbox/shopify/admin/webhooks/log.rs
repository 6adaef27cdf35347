//! The attempts that were made, newest last.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

/// How many attempts are kept.
const KEPT: usize = 200;

/// One attempt of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Counted from 1 since the start.
    pub number: u64,
    /// When it was made, Unix milliseconds.
    pub at_ms: i64,
    /// Such as `app/uninstalled`.
    pub topic: String,
    /// The delivery's id: the same in every attempt and in a duplicate.
    pub webhook_id: String,
    /// Counted from 1 in the delivery.
    pub attempt: u32,
    /// What is not as usual.
    pub remark: String,
    /// The answer's status; `None` while there is none.
    pub status: Option<u16>,
    /// How long the answer took; `None` until then.
    pub milliseconds: Option<u64>,
    /// How long after it the next attempt follows; `None` when there is none to come.
    pub retry_in_ms: Option<u64>,
}

impl Attempt {
    /// What came of it, in a word.
    #[must_use]
    pub fn outcome(&self) -> String {
        match (self.status, self.milliseconds) {
            (Some(status), _) => status.to_string(),
            (None, Some(_)) => "no answer".to_owned(),
            (None, None) => "under way".to_owned(),
        }
    }

    /// Whether it is over and was not taken.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.milliseconds.is_some() && !self.status.is_some_and(|status| (200..300).contains(&status))
    }

    pub(in super::super) fn clock(&self) -> String {
        let second = self.at_ms.div_euclid(1000).rem_euclid(86_400);
        format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }
}

/// What is remembered.
#[derive(Debug, Default)]
pub(in super::super) struct Log {
    attempts: VecDeque<Attempt>,
    total: u64,
    round: u64,
}

impl Log {
    /// Changes when the log is cleared; deliveries of a round before make no more attempts.
    pub(super) fn round(&self) -> u64 {
        self.round
    }

    /// Forgets everything and ends the retries.
    pub(in super::super) fn clear(&mut self) {
        self.attempts.clear();
        self.round += 1;
    }

    pub(super) fn begin(&mut self, at_ms: i64, topic: String, webhook_id: String, attempt: u32, remark: String) -> u64 {
        self.total += 1;
        if self.attempts.len() == KEPT {
            self.attempts.pop_front();
        }
        let (status, milliseconds, retry_in_ms) = (None, None, None);
        let number = self.total;
        let attempt = Attempt { number, at_ms, topic, webhook_id, attempt, remark, status, milliseconds, retry_in_ms };
        self.attempts.push_back(attempt);
        self.total
    }

    pub(super) fn end(&mut self, number: u64, status: Option<u16>, milliseconds: u64, retry_in: Option<Duration>) {
        if let Some(attempt) = self.attempts.iter_mut().rfind(|attempt| attempt.number == number) {
            attempt.status = status;
            attempt.milliseconds = Some(milliseconds);
            attempt.retry_in_ms = retry_in.map(|gap| u64::try_from(gap.as_millis()).unwrap_or(u64::MAX));
        }
    }

    /// Newest first.
    pub(in super::super) fn recent(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().rev()
    }
}
