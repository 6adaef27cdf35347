//! Named scenarios: what can happen to a connection at Subtotal, and how its events can arrive. One table, which the
//! sandbox plays in its own world and `subtotal-connect scenario --url` plays against another service.

pub mod demo;
mod outcome;
pub mod service;
mod table;

pub use outcome::{Outcome, StepReport};
pub use table::SCENARIOS;

use std::time::Duration;

/// In milliseconds.
const A_SECOND: i64 = 1000;

/// A scenario: what is prepared without a word, then what happens and how that is told.
#[derive(Debug)]
pub struct Scenario {
    /// What it is called by.
    pub name: &'static str,
    /// What pages call it.
    pub title: &'static str,
    /// What can be seen in it, in a sentence.
    pub shows: &'static str,
    /// How the connection is before.
    pub before: Before,
    /// What happens, in the order in which it does.
    pub steps: &'static [Step],
    /// The events Klaviyo has in the end, once each.
    pub told: &'static [&'static str],
}

/// How a connection is when a scenario begins. It is a new one each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Just made, with purchases from before that become known once it is active.
    New,
    /// Made some time ago and not active yet; nothing was bought.
    Waiting,
    /// Active for some time; nothing was bought.
    Active,
}

/// One thing that happens.
#[derive(Debug)]
pub struct Step {
    /// What happens, in a sentence.
    pub says: &'static str,
    /// What becomes of the connection.
    pub change: Change,
    /// How the event is delivered.
    pub delivery: Delivery,
    /// How long ago it happened.
    pub ago: Duration,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is made.
    Initialized,
    /// It becomes active, for the first time or again.
    Activated,
    /// Its login is lost.
    Unauthenticated,
    /// It is ended.
    Disconnected,
    /// Something is bought.
    Bought,
}

/// How an event is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// As it should be.
    Plain,
    /// Twice.
    Twice,
    /// After the next one.
    AfterNext,
    /// Not at all.
    Lost,
    /// Signed with another secret first, and right when it is tried again.
    WrongFirst,
}

/// What is to be done next, by the place of the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// It happens.
    Happen(usize),
    /// Its event is sent.
    Send(usize),
}

impl Change {
    /// The type of the event.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Initialized => "connection.initialized",
            Self::Activated => "connection.activated",
            Self::Unauthenticated => "connection.unauthenticated",
            Self::Disconnected => "connection.disconnected",
            Self::Bought => "purchase.created",
        }
    }

    /// The connection's status from now on; `None` when it stays what it was.
    #[must_use]
    pub fn status(self) -> Option<&'static str> {
        match self {
            Self::Initialized => Some("initialized"),
            Self::Activated => Some("active"),
            Self::Unauthenticated => Some("unauthenticated"),
            Self::Disconnected => Some("disconnected"),
            Self::Bought => None,
        }
    }
}

impl Before {
    /// The connection's status.
    #[must_use]
    pub fn status(self) -> &'static str {
        match self {
            Self::New | Self::Waiting => "initialized",
            Self::Active => "active",
        }
    }
}

impl Delivery {
    /// Whether these answers, in order and `None` where there was none, are what is expected of a receiver.
    #[must_use]
    pub fn is_met(self, answers: &[Option<u16>]) -> bool {
        let taken = answers.last().is_some_and(|last| last.is_some_and(|status| (200..300).contains(&status)));
        match self {
            Self::Plain | Self::AfterNext => taken,
            Self::Twice => taken && answers.len() > 1,
            Self::Lost => answers.is_empty(),
            Self::WrongFirst => taken && answers.len() > 1 && answers[0] == Some(401),
        }
    }
}

impl Scenario {
    /// The scenario of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    /// What is to be done, in order. Events go out one after the other, when they happen or after the next one.
    pub(super) fn moves(&self) -> Vec<Move> {
        let (mut moves, mut held) = (Vec::new(), None);
        for (index, step) in self.steps.iter().enumerate() {
            moves.push(Move::Happen(index));
            if step.delivery == Delivery::AfterNext && held.is_none() && index + 1 < self.steps.len() {
                held = Some(index);
                continue;
            }
            moves.push(Move::Send(index));
            moves.extend(held.take().map(Move::Send));
        }
        moves
    }

    /// When a step happened, in Unix milliseconds, in a run that started at `start`. They are seconds apart, because
    /// Subtotal signs with seconds.
    pub(super) fn happened(&self, step: usize, start: i64) -> i64 {
        let ago = i64::try_from(self.steps[step].ago.as_millis()).unwrap_or_default();
        let after = i64::try_from(self.steps.len() - step).unwrap_or_default();
        start - ago - A_SECOND * after
    }
}

/// For calls to what plays a scenario.
fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let client = client.user_agent(concat!("subtotal-connect/", env!("CARGO_PKG_VERSION"), " scenario")).build();
    client.expect("a client needs the system's CA certificates only, which may be none")
}

#[cfg(test)]
mod tests {
    use super::{Move, SCENARIOS, Scenario};

    #[test]
    fn every_scenario_has_a_name_of_its_own_and_steps() {
        for scenario in &SCENARIOS {
            assert!(std::ptr::eq(Scenario::find(scenario.name).unwrap(), scenario), "{}", scenario.name);
            assert!(!scenario.steps.is_empty(), "{}", scenario.name);
        }
    }

    #[test]
    fn an_event_that_is_held_goes_out_after_the_next_one() {
        let moves = Scenario::find("reordered").unwrap().moves();
        use Move::{Happen, Send};
        assert_eq!(moves, [Happen(0), Send(0), Happen(1), Happen(2), Send(2), Send(1)]);
    }

    #[test]
    fn what_happens_later_has_a_later_time() {
        for scenario in &SCENARIOS {
            let times: Vec<_> = (0..scenario.steps.len()).map(|step| scenario.happened(step, 0)).collect();
            assert!(times.is_sorted_by(|one, next| one < next) && times.iter().all(|at| *at < 0), "{times:?}");
        }
    }
}
