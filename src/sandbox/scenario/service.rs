//! Plays a scenario against any service whose webhook secret is known: its events are signed here and posted, about a
//! connection and purchases that do not exist.

use secrecy::SecretString;
use serde_json::json;
use ulid::Ulid;
use url::Url;

use super::{Change, Delivery, Move, Outcome, Scenario, Step, StepReport};
use crate::clock::Clock;
use crate::sandbox::courier::{self, Parcel, Said, Signed};

/// Who events are sent to, and what about.
#[derive(Debug)]
pub struct Service {
    /// Where the shop's events are posted to.
    pub url: Url,
    /// The shop's webhook secret.
    pub secret: SecretString,
    /// The merchant's own id of the shopper.
    pub customer_id: String,
    /// The retailer's slug.
    pub retailer_id: String,
    /// Whether the events have the simulator's mark.
    pub mark: Mark,
}

/// Whether an event says that it is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It does, so that a shop's tools are told nothing, unless the merchant allows it.
    Simulated,
    /// It looks like one of Subtotal's own.
    Real,
}

impl Service {
    /// Sends a scenario's events, each tried as often as the scenario has it, and no more.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn play(
        &self,
        scenario: &'static Scenario,
        clock: &Clock,
        mut show: impl FnMut(&StepReport),
    ) -> reqwest::Result<Outcome> {
        let (client, started) = (super::client(), clock.unix_ms());
        let connection_id = Ulid::generate().to_string();
        let mut steps = scenario.begun();
        let mut parcels: Vec<Option<Parcel>> = vec![None; steps.len()];
        let mut status = scenario.before.status();
        for next in scenario.moves() {
            match next {
                Move::Happen(index) => {
                    let step = &scenario.steps[index];
                    status = step.change.status().unwrap_or(status);
                    let parcel = self.write(step, &connection_id, status, scenario.happened(index, started));
                    steps[index].event_id = Some(parcel.id.clone());
                    parcels[index] = Some(parcel);
                }
                Move::Send(index) => {
                    let Some(parcel) = parcels[index].take() else { continue };
                    for signed in attempts(scenario.steps[index].delivery) {
                        let (to, now) = ((&self.url, &self.secret), clock.unix_seconds());
                        let answer = courier::post(&client, to, &parcel, *signed, now).await;
                        steps[index].answers.push(Some(answer.map_err(reqwest::Error::without_url)?));
                    }
                    steps[index].done = true;
                    show(&steps[index]);
                }
            }
        }
        let problem = scenario.unmet(&steps);
        let as_expected = problem.is_none();
        Ok(Outcome { scenario: scenario.name, connection_id, steps, told: None, as_expected, problem })
    }

    fn write(&self, step: &Step, connection_id: &str, status: &str, at: i64) -> Parcel {
        let connection = json!({
            "connection_id": connection_id, "customer_id": self.customer_id, "retailer_id": self.retailer_id,
            "status": status, "email": null, "mobile": null,
        });
        let purchase = (step.change == Change::Bought).then(|| Ulid::generate().to_string());
        let is_simulated = self.mark == Mark::Simulated;
        Said { kind: step.change.kind(), at, connection, purchase: purchase.as_deref(), is_simulated }.written()
    }
}

/// How the attempts at an event are signed.
fn attempts(delivery: Delivery) -> &'static [Signed] {
    match delivery {
        Delivery::Plain | Delivery::AfterNext => &[Signed::Rightly],
        Delivery::Twice => &[Signed::Rightly, Signed::Rightly],
        Delivery::Lost => &[],
        Delivery::WrongFirst => &[Signed::Wrongly, Signed::Rightly],
    }
}
