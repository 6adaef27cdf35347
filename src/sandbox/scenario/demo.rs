//! Has a running demo play a scenario, over the HTTP of its levers, and looks at what its Klaviyo was told.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use url::Url;

use super::{Outcome, Scenario, StepReport};
use crate::sandbox::klaviyo::Event;
use crate::sandbox::shoppers;
use crate::sandbox::subtotal::ScenarioReport;

/// How often the demo is asked.
const LOOK: Duration = Duration::from_millis(50);
/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Nobody answers.
    #[error("no demo answers at {0}; start one with `subtotal-connect demo`, or say where it is with --port")]
    NotThere(Url),
    /// Something else is there.
    #[error("what answers at {0} is not a demo")]
    NotADemo(Url),
    /// It does not play the scenario.
    #[error("the demo does not play it: {0}")]
    Refused(String),
}

/// What is worth showing while it is waited for.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A step was done.
    Step(&'a StepReport),
    /// Klaviyo has this many events of so many.
    Told(usize, usize),
    /// An event has been answered, but not as it should in the end.
    Retrying(&'a StepReport),
}

/// A demo that runs.
#[derive(Debug)]
pub struct RunningDemo {
    client: reqwest::Client,
    levers: Url,
}

/// What is needed of the levers' state.
#[derive(Debug, Deserialize)]
struct World {
    scenario: Option<ScenarioReport>,
    klaviyo_url: Option<String>,
}

/// What is needed of Klaviyo's state.
#[derive(Debug, Deserialize)]
struct Told {
    events: Vec<Event>,
}

/// What was seen at one look.
struct Seen {
    run: ScenarioReport,
    told: Vec<Event>,
}

impl RunningDemo {
    /// The demo whose levers are at this URL, such as `http://127.0.0.1:3003/levers`.
    #[must_use]
    pub fn at(levers: Url) -> Self {
        Self { client: super::client(), levers }
    }

    /// Plays a scenario and waits at most `patience` for all that it expects.
    ///
    /// # Errors
    /// When there is no demo, or it does not play the scenario.
    pub async fn play(
        &self,
        scenario: &'static Scenario,
        (customer_id, retailer_id): (&str, &str),
        patience: Duration,
        mut show: impl FnMut(Progress<'_>),
    ) -> Result<Outcome, DemoError> {
        let lever = json!({
            "action": "scenario", "name": scenario.name, "customer_id": customer_id, "retailer_id": retailer_id,
        });
        let world: World = self.call(self.client.post(self.below("levers/api")).json(&lever)).await?;
        let begun = world.scenario.ok_or_else(|| self.not_a_demo())?;
        let klaviyo = world.klaviyo_url.and_then(|url| Url::parse(&url).ok()).ok_or_else(|| self.not_a_demo())?;
        // Klaviyo is told of nobody without an e-mail address.
        let is_told = shoppers::by_id(customer_id).is_none_or(|shopper| shopper.email.is_some());
        let until = Instant::now() + patience;
        let (mut shown, mut counted) = (vec![None; scenario.steps.len()], 0);
        loop {
            let seen = self.look(&begun.connection_id, &klaviyo).await?;
            for ((step, report), shown) in scenario.steps.iter().zip(&seen.run.steps).zip(&mut shown) {
                let answers = Some(report.answers.len());
                if report.done && *shown != answers {
                    *shown = answers;
                    show(Progress::Step(report));
                    if !step.delivery.is_met(&report.answers) {
                        show(Progress::Retrying(report));
                    }
                }
            }
            if seen.told.len() > counted {
                counted = seen.told.len();
                show(Progress::Told(counted, scenario.told.len()));
            }
            let untold = if is_told { scenario.untold(&seen.told) } else { None };
            let unmet = scenario.unmet(&seen.run.steps).or(untold);
            if unmet.is_none() || Instant::now() >= until {
                return Ok(outcome(scenario, seen, unmet, patience));
            }
            sleep(LOOK).await;
        }
    }

    async fn look(&self, connection_id: &str, klaviyo: &Url) -> Result<Seen, DemoError> {
        let world: World = self.call(self.client.get(self.below("levers/api/state"))).await?;
        let run = world.scenario.filter(|run| run.connection_id == connection_id);
        let run = run.ok_or_else(|| DemoError::Refused("something else was begun meanwhile".to_owned()))?;
        let Told { events } = self.call(self.client.get(below(klaviyo, "levers/state"))).await?;
        let is_its = |event: &Event| {
            let purchase = event.properties["purchase_id"].as_str();
            event.properties["connection_id"] == run.connection_id.as_str()
                || purchase.is_some_and(|purchase| run.purchases.iter().any(|bought| bought == purchase))
        };
        let mut told: Vec<_> = events.into_iter().filter(is_its).collect();
        told.sort_by(|one, other| one.time.cmp(&other.time));
        Ok(Seen { run, told })
    }

    async fn call<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, DemoError> {
        let answer = request.timeout(TIMEOUT).send().await;
        let answer = answer.map_err(|_| DemoError::NotThere(self.levers.clone()))?;
        let (status, body) = (answer.status(), answer.json::<Value>().await.map_err(|_| self.not_a_demo())?);
        if let (422, Some(detail)) = (status.as_u16(), body["detail"].as_str()) {
            return Err(DemoError::Refused(detail.to_owned()));
        }
        serde_json::from_value(body).map_err(|_| self.not_a_demo())
    }

    fn not_a_demo(&self) -> DemoError {
        DemoError::NotADemo(self.levers.clone())
    }

    fn below(&self, path: &str) -> Url {
        below(&self.levers, path)
    }
}

fn below(origin: &Url, path: &str) -> Url {
    let mut url = origin.clone();
    url.set_path(path);
    url
}

fn outcome(scenario: &'static Scenario, seen: Seen, unmet: Option<String>, patience: Duration) -> Outcome {
    let problem = unmet.map(|unmet| format!("{unmet}, after {} s", patience.as_secs_f64()));
    Outcome {
        scenario: scenario.name,
        connection_id: seen.run.connection_id,
        steps: seen.run.steps,
        told: Some(seen.told),
        as_expected: problem.is_none(),
        problem,
    }
}
