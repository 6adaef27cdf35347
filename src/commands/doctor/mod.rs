//! `doctor`: looks at everything a working installation needs, and says what to do about what it finds. It changes
//! nothing, every look is over within seconds, and no secret is ever printed.

mod app_file;
mod reach;
mod scopes;
mod stored;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::config::{Config, Problem, environment};

/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Where Shopify's CLI keeps what it tells Shopify about the app.
const APP_FILE: &str = "shopify.app.toml";

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    status: Status,
    message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// It works, or could not be checked; somebody should look.
    Warning,
    /// Something will not work.
    Problem,
}

impl Doctor {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let lookup = environment()?;
        let (config, problems) = Config::examine(&lookup);
        let mut findings = settings(&problems);
        let file = std::fs::read_to_string(APP_FILE).ok();
        findings.extend(app_file::check(file.as_deref(), &config, &problems));
        findings.extend(scopes::asked(&config.shopify.scopes));
        let stored = stored::Stored::open(&config, &problems).await;
        let (in_database, outside) =
            tokio::join!(stored.check(&config), reach::check(&config, stored.shop(), &problems));
        findings.extend(in_database);
        findings.extend(outside);
        let sound = findings.iter().all(|finding| finding.status != Status::Problem);
        if self.json {
            super::print_json(&serde_json::json!({ "ok": sound, "findings": findings }))?;
        } else {
            findings.iter().for_each(Finding::print);
        }
        Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Finding {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, message: message.into(), advice: None }
    }

    fn warning(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, status: Status::Warning, message: message.into(), advice: Some(advice.into()) }
    }

    fn problem(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, status: Status::Problem, message: message.into(), advice: Some(advice.into()) }
    }

    fn print(&self) {
        let word = match self.status {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Problem => "PROBLEM",
        };
        println!("{word:<8} {:<13} {}", self.check, self.message);
        if let Some(advice) = &self.advice {
            println!("{:<8} {:<13} → {advice}", "", "");
        }
    }
}

fn settings(problems: &[Problem]) -> Vec<Finding> {
    if problems.is_empty() {
        return vec![Finding::ok("settings", "every setting can be read")];
    }
    let found = problems.iter().map(|Problem { variable, message }| {
        let advice = format!("set {variable} in the environment or in .env; README.md explains every setting");
        Finding::problem("settings", format!("{variable} {message}"), advice)
    });
    found.collect()
}

/// Whether a setting is missing or wrong, so that what hangs on it can not be checked.
fn is_broken(problems: &[Problem], variable: &str) -> bool {
    problems.iter().any(|problem| problem.variable == variable)
}
