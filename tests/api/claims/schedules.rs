//! The whole service against the machine: two requests for one shopper and retailer, and every order in which Subtotal can
//! work on their calls and answer them, or not answer.

use std::time::Duration;

use futures_util::future::join_all;
use subtotal_connect::clock::Clock;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use crate::support::app::{Answer, TestApp};
use crate::support::fake_subtotal::{Call, HeldCall, HeldEnd};
use crate::support::linking::{linked, linking};
use crate::support::process::PATIENCE;

/// Nobody's time runs out while the test decides.
const UNHURRIED: [(&str, &str); 2] = [("UPSTREAM_ATTEMPT_TIMEOUT_MS", "60000"), ("STOREFRONT_DEADLINE_MS", "60000")];

/// What happens to the calls of the request that creates, and to the list that the other one asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// Subtotal does, or refuses to do, what the creation asks.
    CreationWorks,
    CreationEnds,
    /// Subtotal looks up what it lists to the other request.
    OthersListWorks,
    OthersListEnds,
}

/// How the creation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fate {
    works: bool,
    end: HeldEnd,
}

const FATES: [Fate; 4] = [
    Fate { works: true, end: HeldEnd::Answered },
    Fate { works: false, end: HeldEnd::Answered },
    Fate { works: true, end: HeldEnd::Lost },
    Fate { works: false, end: HeldEnd::Lost },
];

/// Every order of the events in which calls work before they end.
fn orders() -> Vec<[Event; 4]> {
    use Event::{CreationEnds, CreationWorks, OthersListEnds, OthersListWorks};
    let (creation, list) = ([CreationWorks, CreationEnds], [OthersListWorks, OthersListEnds]);
    let mut orders = Vec::new();
    for first in 0..4 {
        for second in first + 1..4 {
            let (mut lists, mut creations) = (list.into_iter(), creation.into_iter());
            orders.push([0, 1, 2, 3].map(|place| {
                let next = if place == first || place == second { lists.next() } else { creations.next() };
                next.unwrap()
            }));
        }
    }
    orders
}

async fn next(calls: &mut UnboundedReceiver<HeldCall>, call: Call) -> HeldCall {
    let held = timeout(PATIENCE, calls.recv()).await.unwrap_or_else(|_| panic!("{call:?} does not come")).unwrap();
    assert_eq!(held.call, call);
    held
}

/// Lets the first request create and ends its call so, and the other one's list, in this order. `early` says whether the
/// other one's list is looked up before the first request knows that there is nothing.
async fn play(app: &TestApp, customer: &str, order: [Event; 4], fate: Fate, early: bool) {
    let shown = format!("{order:?} {fate:?} early: {early}");
    let mut calls = app.subtotal.hold(customer);
    let body = linking("walmart");
    let ask = || app.post("/connections", customer, &body);
    let direct = async {
        let (mut own, other) = (next(&mut calls, Call::Connections).await, next(&mut calls, Call::Connections).await);
        let mut other = Some(other);
        own.work(true);
        if early {
            other.as_mut().unwrap().work(true);
        }
        own.end(HeldEnd::Answered);
        let mut creation = Some(next(&mut calls, Call::Create).await);
        for event in order {
            match event {
                Event::CreationWorks => creation.as_mut().unwrap().work(fate.works),
                Event::CreationEnds => creation.take().unwrap().end(fate.end),
                Event::OthersListWorks if early => {}
                Event::OthersListWorks => other.as_mut().unwrap().work(true),
                Event::OthersListEnds => other.take().unwrap().end(HeldEnd::Answered),
            }
        }
        // What nobody knows the end of keeps everybody away until the lease runs out, of which there is no need to wait.
        if fate.end == HeldEnd::Lost {
            let lapse = "UPDATE connection_claims SET lease_until = {clock} - 1 WHERE customer_id =";
            app.database.execute(&format!("{lapse} '{customer}'")).await;
        }
        // Whoever comes back to Subtotal now is answered as usual.
        app.subtotal.let_go(customer);
        while let Some(mut held) = calls.recv().await {
            held.work(true);
            held.end(HeldEnd::Answered);
        }
    };
    let (first, second, ()) = tokio::join!(ask(), ask(), direct);
    let third = ask().await;
    check(app, customer, &[first, second, third], fate, &shown);
}

/// Everybody who got a connection got the one there is; who did not, was refused, or is the one whose call was lost.
fn check(app: &TestApp, customer: &str, answers: &[Answer; 3], fate: Fate, shown: &str) {
    let made = app.subtotal.connections();
    let made: Vec<&str> = made
        .iter()
        .filter(|connection| connection["customer_id"] == customer)
        .map(|connection| connection["connection_id"].as_str().unwrap())
        .collect();
    assert_eq!(made.len(), 1, "{shown}: {answers:?}");
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        assert_eq!(linked(answer), made[0], "{shown}");
    }
    assert_eq!(answers[2].status, 200, "{shown}: {:?}", answers[2]);
    let mut others: Vec<String> = answers.iter().filter(|answer| answer.status != 200).map(Answer::code).collect();
    others.dedup();
    let expected: &[&str] = match (fate.works, fate.end) {
        (true, HeldEnd::Answered) => &[],
        (false, HeldEnd::Answered) => &["subtotal_rejected_request"],
        (_, HeldEnd::Lost) => &["subtotal_unavailable"],
    };
    assert_eq!(others, expected, "{shown}: {answers:?}");
}

#[actix_web::test]
async fn two_requests_get_one_connection_in_whatever_order_subtotal_works_and_answers() {
    let app = TestApp::start_with(&UNHURRIED, Clock::system()).await;
    app.get("/retailers", "1").await;
    let mut plays = Vec::new();
    for order in orders() {
        for fate in FATES {
            plays.extend([false, true].map(|early| (order, fate, early)));
        }
    }
    assert_eq!(plays.len(), 48);
    let customers: Vec<String> = (5000..).take(plays.len()).map(|customer: u32| customer.to_string()).collect();
    for (plays, customers) in plays.chunks(12).zip(customers.chunks(12)) {
        let all = plays
            .iter()
            .zip(customers)
            .map(|((order, fate, early), customer)| play(&app, customer, *order, *fate, *early));
        timeout(Duration::from_secs(60), join_all(all)).await.expect("nobody is kept waiting");
    }
}
