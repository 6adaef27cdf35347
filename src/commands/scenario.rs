//! `scenario`: has a running demo play one of the named scenarios, or sends its events to another service, and says how
//! each was answered and what came of it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use clap::builder::PossibleValuesParser;
use url::Url;

use crate::clock::Clock;
use crate::sandbox::klaviyo::Event;
use crate::sandbox::scenario::demo::{Progress, RunningDemo};
use crate::sandbox::scenario::service::{Mark, Service};
use crate::sandbox::scenario::{Outcome, SCENARIOS, Scenario, StepReport};
use crate::sandbox::shoppers::THEO;
use crate::shopify::{CustomerId, ShopDomain};

/// Where a demo's levers are, counted from its first port.
const LEVERS_AFTER: u16 = 3;

#[derive(Debug, Args)]
pub(super) struct Play {
    /// Which one; without it they are listed
    #[arg(value_parser = PossibleValuesParser::new(SCENARIOS.iter().map(|scenario| scenario.name)), hide_possible_values = true)]
    name: Option<String>,
    /// List the scenarios
    #[arg(long, conflicts_with = "name")]
    list: bool,
    /// The port of the running demo, as it was given to `demo`
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u16).range(1..=65_530))]
    port: u16,
    /// The levers of the running demo, as it prints them, instead of its port
    #[arg(long, conflicts_with_all = ["port", "url"], value_parser = web_url)]
    levers: Option<Url>,
    /// Send the events to the service at this URL instead of playing them in the demo
    #[arg(long, requires_all = ["name", "shop", "webhook_secret_stdin"], conflicts_with_all = ["port", "wait"], value_parser = web_url)]
    url: Option<Url>,
    /// The shop at that service, {name}.myshopify.com
    #[arg(long, requires = "url")]
    shop: Option<ShopDomain>,
    /// Read the shop's Subtotal webhook secret from standard input
    #[arg(long, requires = "url")]
    webhook_secret_stdin: bool,
    /// Send events without the simulator's mark: the shop's tools are told of them
    #[arg(long, requires = "url")]
    not_simulated: bool,
    /// The shopper; one of the demo's, if the demo plays it
    #[arg(long, default_value = THEO.id)]
    customer: CustomerId,
    /// The retailer
    #[arg(long, default_value = "walmart")]
    retailer: String,
    /// Seconds to wait for what the demo's Klaviyo is told
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    wait: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Play {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Some(scenario) = self.name.as_deref().and_then(Scenario::find) else {
            return self.print_list();
        };
        if !self.json {
            println!("{}: {}\n", scenario.name, scenario.shows);
        }
        let outcome = match &self.url {
            Some(url) => self.in_service(url, scenario).await?,
            None => self.in_demo(scenario).await?,
        };
        if self.json {
            super::print_json(&outcome)?;
        } else {
            print_told(&outcome);
        }
        Ok(match &outcome.problem {
            None => ExitCode::SUCCESS,
            Some(problem) => {
                eprintln!("error: {problem}");
                ExitCode::FAILURE
            }
        })
    }

    async fn in_demo(&self, scenario: &'static Scenario) -> anyhow::Result<Outcome> {
        let by_port = || Url::parse(&format!("http://127.0.0.1:{}/levers", self.port + LEVERS_AFTER));
        let levers = self.levers.clone().map_or_else(by_port, Ok)?;
        let demo = RunningDemo::at(levers);
        let whose = (self.customer.as_str(), self.retailer.as_str());
        let show = |progress: Progress<'_>| match progress {
            _ if self.json => {}
            Progress::Step(step) => print_step(step),
            Progress::Retrying(step) => eprintln!("  waiting until it is tried again: {} ({})", step.says, step.kind),
            Progress::Told(count, expected) => eprintln!("  Klaviyo was told {count} of {expected}"),
        };
        Ok(demo.play(scenario, whose, Duration::from_secs(self.wait), show).await?)
    }

    async fn in_service(&self, url: &Url, scenario: &'static Scenario) -> anyhow::Result<Outcome> {
        let shop = self.shop.as_ref().context("--url needs --shop")?;
        let mut to = url.clone();
        to.set_path(&format!("{}/webhooks/subtotal/{shop}", url.path().trim_end_matches('/')));
        let service = Service {
            url: to,
            secret: super::shop::read_secret()?,
            customer_id: self.customer.as_str().to_owned(),
            retailer_id: self.retailer.clone(),
            mark: if self.not_simulated { Mark::Real } else { Mark::Simulated },
        };
        let show = |step: &StepReport| {
            if !self.json {
                print_step(step);
            }
        };
        let played = service.play(scenario, &Clock::system(), show).await;
        played.with_context(|| format!("{} does not answer", url.origin().ascii_serialization()))
    }

    fn print_list(&self) -> anyhow::Result<ExitCode> {
        if self.json {
            let of = |one: &Scenario| serde_json::json!({ "name": one.name, "shows": one.shows, "told": one.told });
            super::print_json(&SCENARIOS.iter().map(of).collect::<Vec<_>>())?;
        } else {
            SCENARIOS.iter().for_each(|scenario| println!("{:<16} {}", scenario.name, scenario.shows));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    match matches!(url.scheme(), "http" | "https") && is_plain {
        true => Ok(url),
        false => Err("expected a URL such as https://app.example.com, without query or user".to_owned()),
    }
}

fn print_step(step: &StepReport) {
    println!("  {:<44} {:<27} {}", step.says, step.kind, step.answered());
}

fn print_told(outcome: &Outcome) {
    if let Some(told) = &outcome.told {
        println!("\nKlaviyo was told{}", if told.is_empty() { " nothing." } else { ":" });
        told.iter().for_each(print_event);
    }
    if outcome.as_expected {
        println!("\nAll of it as expected.");
    }
}

fn print_event(event: &Event) {
    let profile = event.profile.as_object().and_then(|profile| profile.values().next()?.as_str());
    let times = if event.times > 1 { format!("  came {} times, kept once", event.times) } else { String::new() };
    println!("  {:<27} {}  {}{times}", event.metric, event.time, profile.unwrap_or_default());
}
