//! The scenarios themselves.

use std::time::Duration;

use super::{Before, Change, Delivery, Scenario, Step};

// What Klaviyo calls them.
const CONNECTED: &str = "Connected an Account";
const REAUTHENTICATED: &str = "Reauthenticated Connection";
const UNAUTHENTICATED: &str = "Unauthenticated Connection";
const DISCONNECTED: &str = "Disconnected an Account";
const PURCHASED: &str = "Purchased at Retailer";

/// About as late as the last of Subtotal's attempts.
const LATE: Duration = Duration::from_secs(15 * 60 * 60);

const fn step(says: &'static str, change: Change, delivery: Delivery) -> Step {
    Step { says, change, delivery, ago: Duration::ZERO }
}

/// Every scenario, in the order in which they are listed.
pub static SCENARIOS: [Scenario; 11] = [
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
