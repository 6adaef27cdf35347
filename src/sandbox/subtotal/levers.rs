//! The levers: what the world can be told to do wrong.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SubtotalWorld;
use super::events::{EventLevers, SUBTOTALS_RETRY_BASE};
use super::mode::Mode;
use super::state::State;

/// Every call a lever can be limited to: method and path template.
pub const ENDPOINTS: [&str; 9] = [
    "GET /retailers",
    "GET /connections",
    "POST /connections",
    "GET /connections/{connection_id}",
    "PATCH /connections/{connection_id}",
    "DELETE /connections/{connection_id}",
    "POST /connections/{connection_id}/token",
    "GET /purchases",
    "GET /purchases/{purchase_id}",
];

const LONGEST_LATENCY_MILLISECONDS: u64 = 30_000;
const LONGEST_STATUS: usize = 64;

/// How calls are answered at present.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Levers {
    /// What happens to the calls below.
    pub mode: Mode,
    /// One of [`ENDPOINTS`], or `None` for all of them.
    pub endpoint: Option<String>,
    /// How many more calls it happens to, or `None` for no end.
    pub times: Option<u32>,
    /// Whether the call takes effect first, so that only its answer is lost.
    pub performs: bool,
    /// Seconds a 429 or 503 asks for in `Retry-After`.
    pub retry_after: Option<u64>,
    /// Waited before every call, whatever the mode.
    pub latency_ms: u64,
}

/// One pull of a lever.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Lever {
    /// Sets how calls are answered. What is left out returns to normal, but for the latency.
    Answer {
        /// See [`Levers`].
        mode: Mode,
        /// See [`Levers`].
        #[serde(default)]
        endpoint: Option<String>,
        /// See [`Levers`].
        #[serde(default)]
        times: Option<u32>,
        /// See [`Levers`].
        #[serde(default)]
        performs: bool,
        /// See [`Levers`].
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Makes every call wait, for at most 30 s.
    Latency {
        /// 0 for none.
        milliseconds: u64,
    },
    /// Gives a connection any status.
    Status {
        /// Whose status.
        connection_id: String,
        /// Known or not.
        status: String,
    },
    /// Makes a purchase on a connection, dated now.
    Purchase {
        /// Whose.
        connection_id: String,
    },
    /// Sets how events are sent. What is left out returns to normal.
    Events {
        /// See [`EventLevers`].
        #[serde(flatten)]
        levers: EventLevers,
    },
    /// Sets the clock of the retries of events.
    Schedule {
        /// The gap after the first attempt, 1 ms to five minutes, which is Subtotal's own; the further ones are
        /// multiples of it. Those that wait now wait by it, too.
        retry_base_ms: u64,
    },
    /// Plays a scenario on a new connection, in place of those the shopper has at the retailer.
    Scenario {
        /// One of [`SCENARIOS`](crate::sandbox::scenario::SCENARIOS).
        name: String,
        /// One of the demo's shoppers.
        customer_id: String,
        /// The retailer's slug.
        retailer_id: String,
    },
    /// Gives a retailer a new Link URL, as switching it off and on does. The old one stops working.
    NewLinkUrl {
        /// Which retailer.
        retailer_id: String,
    },
    /// Ends every connection token, as half an hour would.
    ExpireTokens,
    /// Returns the world to its start.
    Reset,
}

/// A lever was pulled at something that is not there or not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeverRefusal {
    /// The endpoint is not one of [`ENDPOINTS`].
    #[error("no such endpoint")]
    Endpoint,
    /// No connection has this id.
    #[error("no such connection")]
    Connection,
    /// No retailer has this id.
    #[error("no such retailer")]
    Retailer,
    /// No shopper has this id.
    #[error("no such shopper")]
    Shopper,
    /// No scenario has this name.
    #[error("no such scenario")]
    Scenario,
    /// One scenario at a time.
    #[error("another scenario is being played")]
    Busy,
    /// Events go nowhere.
    #[error("events go nowhere in this world")]
    NoDestination,
    /// A latency over 30 s, a gap that is none or over five minutes, or a status that is empty or over 64 characters.
    #[error("the value is out of range")]
    Value,
}

impl SubtotalWorld {
    /// Pulls a lever. Answers with a sentence that says what changed.
    ///
    /// # Errors
    /// When the lever points at nothing; then nothing changes.
    pub fn pull(&self, lever: Lever) -> Result<String, LeverRefusal> {
        let mut state = self.state();
        let (changes_answers, notice) = match lever {
            Lever::Answer { mode, endpoint, times, performs, retry_after } => {
                if endpoint.as_deref().is_some_and(|endpoint| !ENDPOINTS.contains(&endpoint)) {
                    return Err(LeverRefusal::Endpoint);
                }
                let latency_ms = state.levers.latency_ms;
                state.levers = Levers { mode, endpoint, times, performs, retry_after, latency_ms };
                (true, "The answers have changed.".to_owned())
            }
            Lever::Latency { milliseconds } => {
                if milliseconds > LONGEST_LATENCY_MILLISECONDS {
                    return Err(LeverRefusal::Value);
                }
                state.levers.latency_ms = milliseconds;
                (false, format!("Every call now waits {milliseconds} ms."))
            }
            Lever::Status { connection_id, status } => {
                if status.is_empty() || status.chars().count() > LONGEST_STATUS {
                    return Err(LeverRefusal::Value);
                }
                self.set_status(&mut state, &connection_id, &status).ok_or(LeverRefusal::Connection)?;
                (false, format!("{connection_id} is now {status}."))
            }
            Lever::Purchase { connection_id } => {
                self.buy(&mut state, &connection_id).ok_or(LeverRefusal::Connection)?;
                (false, format!("{connection_id} bought something."))
            }
            Lever::Events { levers } => {
                state.outbox.levers = levers;
                (false, "Events are sent otherwise from now on.".to_owned())
            }
            Lever::Schedule { retry_base_ms } => {
                let base = Duration::from_millis(retry_base_ms);
                if base.is_zero() || base > SUBTOTALS_RETRY_BASE {
                    return Err(LeverRefusal::Value);
                }
                self.retry_base().send_replace(base);
                (false, format!("Events are tried again after {retry_base_ms} ms."))
            }
            Lever::Scenario { name, customer_id, retailer_id } => {
                (false, self.play(&mut state, &name, &customer_id, &retailer_id)?)
            }
            Lever::NewLinkUrl { retailer_id } => {
                let retailer = state.renew_link_id(&retailer_id).ok_or(LeverRefusal::Retailer)?;
                (false, format!("{} now links at /{}.", retailer.name, retailer.link_id))
            }
            Lever::ExpireTokens => {
                state.tokens.expire();
                (false, "Every connection token has expired.".to_owned())
            }
            Lever::Reset => {
                *state = State::new(self.config());
                self.retry_base().send_replace(self.config().retry_base());
                (true, "The world is as it was at the start.".to_owned())
            }
        };
        state.notice = Some(notice.clone());
        drop(state);
        if changes_answers {
            self.answering().send_replace(());
        }
        Ok(notice)
    }
}

impl Levers {
    /// What becomes of one call to `endpoint` that arrives now. Counts it where there is a limit.
    pub(super) fn meet(&mut self, endpoint: &str) -> (Duration, Levers) {
        let latency = Duration::from_millis(self.latency_ms);
        let elsewhere = self.endpoint.as_deref().is_some_and(|only| only != endpoint);
        if elsewhere || self.mode == Mode::Normal || self.times == Some(0) {
            return (latency, Self::default());
        }
        let met = self.clone();
        self.times = self.times.map(|times| times - 1);
        (latency, met)
    }

    /// Whether calls are answered otherwise than normally.
    pub(super) fn troubled(&self) -> bool {
        self.mode != Mode::Normal && self.times != Some(0)
    }

    /// What the levers page says of them.
    pub(super) fn sentence(&self) -> String {
        if !self.troubled() {
            return "Every call is answered normally.".to_owned();
        }
        let which = self.endpoint.as_deref().unwrap_or("Every call");
        let effect = if self.performs { " after taking effect" } else { "" };
        let times = match self.times {
            None => String::new(),
            Some(1) => ", once more".to_owned(),
            Some(times) => format!(", {times} more times"),
        };
        format!("{which} {}{effect}{times}.", self.mode.predicate())
    }
}
