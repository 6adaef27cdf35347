//! `cargo bench --bench instructions -- STEP TIMES`: does one pure step so many times, and nothing else; without them it
//! names the steps. `.ci/instructions` runs it under callgrind, twice for each step, and takes the difference.

#![allow(clippy::unwrap_used, reason = "a measurement that can not go on fails")]

#[path = "../steps/step.rs"]
mod step;

use clap::Parser;

#[derive(Parser)]
struct Options {
    /// One of those named
    step: Option<String>,
    /// How often
    #[arg(default_value_t = 1)]
    times: u32,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let Options { step: chosen, times, .. } = Options::parse();
    let steps = step::steps();
    let Some(chosen) = chosen else {
        steps.iter().for_each(|step| println!("{}", step.name));
        return;
    };
    let step = steps.iter().find(|step| step.name == chosen).expect("there is such a step");
    for _ in 0..times {
        (step.run)();
    }
}
