//! Named scenarios: what can happen to a connection at Subtotal, and how its events can arrive. One table, which the
//! sandbox plays in its own world and `subtotal-connect scenario --url` plays against another service.

pub mod demo;
mod outcome;
pub mod service;

pub use outcome::{Outcome, StepReport};

use std::time::Duration;

/// "Connected an Account" and the others are what Klaviyo calls them.
const CONNECTED: &str = "Connected an Account";
const REAUTHENTICATED: &str = "Reauthenticated Connection";
const UNAUTHENTICATED: &str = "Unauthenticated Connection";
const DISCONNECTED: &str = "Disconnected an Account";
const PURCHASED: &str = "Purchased at Retailer";

/// As late as the last of Subtotal's documented attempts, about.
const LATE: Duration = Duration::from_secs(15 * 60 * 60);

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

const fn step(says: &'static str, change: Change, delivery: Delivery) -> Step {
    Step { says, change, delivery, ago: Duration::ZERO }
}

/// Every scenario, in the order in which they are listed.
pub const SCENARIOS: [Scenario; 11] = [
    Scenario {
        name: "link",
        title: "Link",
        shows: "A shopper links an account: it is connected, and what was bought before becomes known.",
        before: Before::New,
        steps: &[
            step("The shopper begins to link an account", Change::Initialized, Delivery::Plain),
            step("The account is linked", Change::Activated, Delivery::Plain),
        ],
        told: &[CONNECTED, PURCHASED, PURCHASED, PURCHASED],
    },
    Scenario {
        name: "activate",
        title: "Activate",
        shows: "A connection that waited for its login becomes active. Nothing was bought there yet.",
        before: Before::Waiting,
        steps: &[step("The connection becomes active", Change::Activated, Delivery::Plain)],
        told: &[CONNECTED],
    },
    Scenario {
        name: "purchases",
        title: "Purchases",
        shows: "Three baskets are bought on an active connection.",
        before: Before::Active,
        steps: &[
            step("A first basket is bought", Change::Bought, Delivery::Plain),
            step("A second basket is bought", Change::Bought, Delivery::Plain),
            step("A third basket is bought", Change::Bought, Delivery::Plain),
        ],
        told: &[PURCHASED, PURCHASED, PURCHASED],
    },
    Scenario {
        name: "lose-login",
        title: "Lose the login",
        shows: "The retailer asks for a new login, so that the connection is unauthenticated.",
        before: Before::Active,
        steps: &[step("The login is lost", Change::Unauthenticated, Delivery::Plain)],
        told: &[UNAUTHENTICATED],
    },
    Scenario {
        name: "relink",
        title: "Relink",
        shows: "The login is lost and given again: a reauthentication, not a second connection.",
        before: Before::Active,
        steps: &[
            step("The login is lost", Change::Unauthenticated, Delivery::Plain),
            step("The shopper signs in again", Change::Activated, Delivery::Plain),
        ],
        told: &[UNAUTHENTICATED, REAUTHENTICATED],
    },
    Scenario {
        name: "disconnect",
        title: "Disconnect",
        shows: "The shopper ends the connection.",
        before: Before::Active,
        steps: &[step("The connection is ended", Change::Disconnected, Delivery::Plain)],
        told: &[DISCONNECTED],
    },
    Scenario {
        name: "late",
        title: "Late",
        shows: "An event arrives 15 hours after it happened, and is told with the time it happened at.",
        before: Before::Active,
        steps: &[Step {
            says: "What happened 15 hours ago arrives",
            change: Change::Activated,
            delivery: Delivery::Plain,
            ago: LATE,
        }],
        told: &[CONNECTED],
    },
    Scenario {
        name: "doubled",
        title: "Doubled",
        shows: "Every event arrives twice, and is told once.",
        before: Before::Waiting,
        steps: &[
            step("The connection becomes active, said twice", Change::Activated, Delivery::Twice),
            step("A basket is bought, said twice", Change::Bought, Delivery::Twice),
        ],
        told: &[CONNECTED, PURCHASED],
    },
    Scenario {
        name: "reordered",
        title: "Reordered",
        shows: "A lost login is heard of after the new login, and both are told, each with its own time.",
        before: Before::Waiting,
        steps: &[
            step("The connection becomes active", Change::Activated, Delivery::Plain),
            step("The login is lost, said too late", Change::Unauthenticated, Delivery::AfterNext),
            step("The shopper signs in again, said first", Change::Activated, Delivery::Plain),
        ],
        told: &[CONNECTED, UNAUTHENTICATED, REAUTHENTICATED],
    },
    Scenario {
        name: "lost",
        title: "Lost",
        shows: "The login is lost, but its event never arrives, and nothing is told.",
        before: Before::Active,
        steps: &[step("The login is lost, and nobody is told", Change::Unauthenticated, Delivery::Lost)],
        told: &[],
    },
    Scenario {
        name: "wrong-signature",
        title: "Wrong signature",
        shows: "An event under a wrong signature is refused with 401, and taken when it comes again signed right.",
        before: Before::Active,
        steps: &[step("The login is lost, signed wrongly at first", Change::Unauthenticated, Delivery::WrongFirst)],
        told: &[UNAUTHENTICATED],
    },
];

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
