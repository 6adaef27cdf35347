//! Plays a scenario of the table in this world: on a connection of its own, with its own faults, whatever the levers of
//! events say. Those levers stay as they are.

use serde::{Deserialize, Serialize};
use time::Duration;

use super::SubtotalWorld;
use super::events::EventLevers;
use super::levers::LeverRefusal;
use super::state::{Project, State};
use crate::sandbox::courier::Parcel;
use crate::sandbox::scenario::{Before, Change, Delivery, Move, Scenario, StepReport};
use crate::sandbox::shoppers;
use crate::subtotal::wire;

/// A scenario that is played, or was.
#[derive(Debug)]
pub(super) struct Run {
    scenario: &'static Scenario,
    connection_id: String,
    /// When it began, in Unix milliseconds.
    started: i64,
    /// The answers are in the outbox.
    steps: Vec<StepReport>,
    is_over: bool,
}

/// What a scenario did so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScenarioReport {
    /// Its name.
    pub name: String,
    /// What pages call it.
    pub title: String,
    /// The connection it is about.
    pub connection_id: String,
    /// The connection's purchases, newest first.
    pub purchases: Vec<String>,
    /// Step by step.
    pub steps: Vec<StepReport>,
    /// Whether every step was done. Events that were refused may still be tried again.
    pub is_over: bool,
}

impl Run {
    pub(super) fn report(&self, state: &State) -> ScenarioReport {
        let bought = state.purchases.get(&self.connection_id).map_or(&[][..], Vec::as_slice);
        let answered = |step: &StepReport| {
            let answers = step.event_id.as_deref().map_or(&[][..], |id| state.outbox.answers(id));
            StepReport { answers: answers.to_vec(), ..step.clone() }
        };
        ScenarioReport {
            name: self.scenario.name.to_owned(),
            title: self.scenario.title.to_owned(),
            connection_id: self.connection_id.clone(),
            purchases: bought.iter().map(|purchase| purchase.id().to_owned()).collect(),
            steps: self.steps.iter().map(answered).collect(),
            is_over: self.is_over,
        }
    }
}

impl SubtotalWorld {
    /// Prepares a scenario and begins it; what it shows, in a sentence.
    pub(super) fn play(
        &self,
        state: &mut State,
        name: &str,
        customer_id: &str,
        retailer_id: &str,
    ) -> Result<String, LeverRefusal> {
        let scenario = Scenario::find(name).ok_or(LeverRefusal::Scenario)?;
        let shopper = shoppers::by_id(customer_id).ok_or(LeverRefusal::Shopper)?;
        state.retailer(retailer_id).ok_or(LeverRefusal::Retailer)?;
        if self.config().events.is_none() {
            return Err(LeverRefusal::NoDestination);
        }
        if state.scenario.as_ref().is_some_and(|run| !run.is_over) {
            return Err(LeverRefusal::Busy);
        }
        state.forget(customer_id, retailer_id);
        let new = wire::NewConnection {
            customer_id: customer_id.to_owned(),
            retailer_id: retailer_id.to_owned(),
            email: shopper.email.map(str::to_owned),
            mobile: shopper.phone.map(str::to_owned),
        };
        let connection_id = state.connect(Project::FIRST, new).connection_id;
        state.prepare(&connection_id, scenario.before);
        let steps = scenario.begun();
        state.scenario = Some(Run {
            scenario,
            connection_id: connection_id.clone(),
            started: self.unix_ms(),
            steps,
            is_over: false,
        });
        let world = self.clone();
        tokio::spawn(async move { world.walk(scenario, &connection_id).await });
        Ok(format!("{}. {}", scenario.title, scenario.shows))
    }

    async fn walk(&self, scenario: &'static Scenario, connection_id: &str) {
        let mut parcels: Vec<Option<Parcel>> = vec![None; scenario.steps.len()];
        for next in scenario.moves() {
            match next {
                Move::Happen(step) => parcels[step] = self.happen(scenario, connection_id, step),
                Move::Send(step) => {
                    if let Some(parcel) = parcels[step].take() {
                        self.send(scenario.steps[step].delivery, parcel).await;
                    }
                    self.update(connection_id, |run| run.steps[step].done = true);
                }
            }
        }
        self.update(connection_id, |run| run.is_over = true);
    }

    /// Makes a step's change; its event, where it still is about something.
    fn happen(&self, scenario: &Scenario, connection_id: &str, step: usize) -> Option<Parcel> {
        let change = scenario.steps[step].change;
        let mut state = self.state();
        let started = state.scenario.as_ref().filter(|run| run.connection_id == connection_id)?.started;
        let at = scenario.happened(step, started);
        let connection = state.connections.get_mut(connection_id)?;
        if let Some(status) = change.status() {
            status.clone_into(&mut connection.status);
        }
        let date = self.now() - Duration::milliseconds(self.unix_ms() - at);
        let is_simulated = state.outbox.levers.simulated;
        let bought = (change == Change::Bought).then(|| state.add_purchase(connection_id, date, is_simulated));
        if change == Change::Activated {
            state.remember_purchases(connection_id, date);
        }
        let parcel = self.note(&mut state, change.kind(), connection_id, bought.as_deref(), at)?;
        if let Some(run) = &mut state.scenario {
            run.steps[step].event_id = Some(parcel.id.clone());
        }
        Some(parcel)
    }

    async fn send(&self, delivery: Delivery, parcel: Parcel) {
        let plain = EventLevers::default();
        let first = match delivery {
            Delivery::Lost => return,
            Delivery::Plain | Delivery::AfterNext => plain,
            Delivery::Twice => EventLevers { duplicate: true, ..plain },
            Delivery::WrongFirst => EventLevers { wrong_signature: true, ..plain },
        };
        self.deliver(parcel, first, plain).await;
    }

    /// Changes the run about this connection, unless the world was reset meanwhile.
    fn update(&self, connection_id: &str, change: impl FnOnce(&mut Run)) {
        if let Some(run) = self.state().scenario.as_mut().filter(|run| run.connection_id == connection_id) {
            change(run);
        }
    }
}

impl State {
    /// Removes the connections a shopper has at a retailer without a word.
    fn forget(&mut self, customer_id: &str, retailer_id: &str) {
        let gone = self.connections.extract_if(.., |_, connection| {
            connection.project == Project::FIRST
                && connection.customer_id == customer_id
                && connection.retailer_id == retailer_id
        });
        for (id, _) in gone {
            self.purchases.remove(&id);
        }
    }

    fn prepare(&mut self, connection_id: &str, before: Before) {
        if let Some(connection) = self.connections.get_mut(connection_id) {
            before.status().clone_into(&mut connection.status);
        }
        // A list that is there keeps the history from being made up.
        if before != Before::New {
            self.purchases.insert(connection_id.to_owned(), Vec::new());
        }
    }
}
