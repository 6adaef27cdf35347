//! What came of a scenario, for people and for machines.

use serde::{Deserialize, Serialize};

use super::Scenario;
use crate::sandbox::klaviyo::Event;

/// A step, and how its event was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepReport {
    /// What happens.
    pub says: String,
    /// The type of the event.
    pub kind: String,
    /// The event's id, once it happened.
    pub event_id: Option<String>,
    /// The status of each attempt at delivering it, `None` where there was no answer.
    pub answers: Vec<Option<u16>>,
    /// Whether it was tried, if it was to be.
    pub done: bool,
}

/// What came of a scenario.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Its name.
    pub scenario: &'static str,
    /// The connection it was about.
    pub connection_id: String,
    /// Step by step.
    pub steps: Vec<StepReport>,
    /// What the demo's Klaviyo has of it; `None` where no demo was asked.
    pub told: Option<Vec<Event>>,
    /// Whether all of it is as the scenario expects.
    pub as_expected: bool,
    /// What is not.
    pub problem: Option<String>,
}

impl StepReport {
    /// A step nothing was done for yet.
    #[must_use]
    pub fn new(step: &super::Step) -> Self {
        let (says, kind) = (step.says.to_owned(), step.change.kind().to_owned());
        Self { says, kind, event_id: None, answers: Vec::new(), done: false }
    }

    /// The answers as people read them.
    #[must_use]
    pub fn answered(&self) -> String {
        let word = |answer: &Option<u16>| answer.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        match self.answers.as_slice() {
            [] => "not sent".to_owned(),
            answers => answers.iter().map(word).collect::<Vec<_>>().join(", then "),
        }
    }
}

impl Scenario {
    /// Steps nothing was done for yet.
    pub(in crate::sandbox) fn begun(&self) -> Vec<StepReport> {
        self.steps.iter().map(StepReport::new).collect()
    }

    /// The first step that was not answered as expected, in words.
    pub(super) fn unmet(&self, steps: &[StepReport]) -> Option<String> {
        let mut both = self.steps.iter().zip(steps);
        let (_, report) = both.find(|(step, report)| !(report.done && step.delivery.is_met(&report.answers)))?;
        let answered = if report.done { report.answered() } else { "not done yet".to_owned() };
        let advice = match report.answers.last() {
            Some(Some(401)) => {
                ". The webhook secret is not the shop's, the shop is unknown there, or the clocks are more than five \
                 minutes apart"
            }
            _ => "",
        };
        Some(format!("{} ({}): {answered}{advice}", report.says, report.kind))
    }

    /// How what was told differs from what is expected, in words.
    pub(super) fn untold(&self, told: &[Event]) -> Option<String> {
        let sorted = |mut names: Vec<&str>| {
            names.sort_unstable();
            names.join(", ")
        };
        let expected = sorted(self.told.to_vec());
        let found = sorted(told.iter().map(|event| event.metric.as_str()).collect());
        if found == expected {
            return None;
        }
        let or_nothing = |names: String| if names.is_empty() { "nothing".to_owned() } else { names };
        Some(format!("Klaviyo was told {}, and not {}", or_nothing(found), or_nothing(expected)))
    }
}
