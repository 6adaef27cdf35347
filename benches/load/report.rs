//! The table, and where it is kept.

use std::fmt::Write;
use std::process::Command;

use serde_json::{Value, json};

use crate::rounds::Rounds;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");
const FROM: &str = "<!-- Written by `just bench --write`, from here -->";
const TO: &str = "<!-- to here -->";

/// What came of a goal.
struct Goal {
    what: String,
    goal: &'static str,
    figure: String,
    kept: bool,
}

/// Goals and figures, in the order they were measured.
#[derive(Default)]
pub(crate) struct Report {
    goals: Vec<Goal>,
    figures: Vec<(String, [&'static str; 2], Value)>,
}

impl Report {
    /// Judges a goal, and says so.
    pub(crate) fn judge(&mut self, what: &str, goal: &'static str, figure: String, kept: bool) {
        eprintln!("{} {what}: {figure} (goal: {goal})", if kept { "kept  " } else { "MISSED" });
        self.goals.push(Goal { what: what.to_owned(), goal, figure, kept });
    }

    /// Notes what stands behind goals.
    pub(crate) fn note(&mut self, what: &str, sides: [&'static str; 2], rounds: &Rounds) {
        self.figures.push((what.to_owned(), sides, rounds.shown()));
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.goals.iter().all(|goal| goal.kept)
    }

    pub(crate) fn json(&self) -> Value {
        let goal = |of: &Goal| json!({ "what": of.what, "goal": of.goal, "figure": of.figure, "kept": of.kept });
        let figure = |(what, [one, other], figures): &(String, [&str; 2], Value)| json!({ "what": what, "sides": { "one": one, "other": other }, "figures": figures });
        json!({
            "goals": self.goals.iter().map(goal).collect::<Vec<_>>(),
            "figures": self.figures.iter().map(figure).collect::<Vec<_>>(),
        })
    }

    /// Both tables, as Markdown.
    pub(crate) fn tables(&self) -> String {
        let mut text = "| | goal | measured | |\n|---|---|---|---|\n".to_owned();
        for Goal { what, goal, figure, kept } in &self.goals {
            let kept = if *kept { "kept" } else { "**missed**" };
            writeln!(text, "| {what} | {goal} | {figure} | {kept} |").unwrap();
        }
        text += "\n| medians of the rounds | | requests/s | p50 ms | p99 ms | CPU a request, µs |\n|---|---|---|---|---|---|\n";
        for (what, sides, figures) in &self.figures {
            for (name, side) in sides.iter().zip(["one", "other"]) {
                let of = |figure: &str| figures[side][figure].as_f64().unwrap_or_default();
                let (rate, p50, p99, cpu) = (of("rate"), of("p50_ms"), of("p99_ms"), of("cpu_us"));
                writeln!(text, "| {what} | {name} | {rate:.0} | {p50:.2} | {p99:.2} | {cpu:.1} |").unwrap();
            }
        }
        text
    }

    /// Puts the tables in the place of the former ones on the page.
    pub(crate) fn write(&self, how: &str) {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (before, rest) = page.split_once(FROM).expect("the page says where the figures go");
        let (_, behind) = rest.split_once(TO).expect("the page says where the figures end");
        std::fs::write(PAGE, format!("{before}{FROM}\n\n{how}\n\n{}\n{TO}{behind}", self.tables())).unwrap();
    }
}

/// The machine, the commit and the command of this run.
pub(crate) fn circumstances() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.split_once(": ")?.1.to_owned()));
    let cores = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default().matches("processor\t").count();
    let kernel = read("/proc/sys/kernel/osrelease");
    let git = |arguments: &[&str]| {
        let said = Command::new("git").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned()).unwrap_or_default()
    };
    let changed = if git(&["status", "--porcelain", "--", "src", "benches", "Cargo.lock"]).is_empty() {
        ""
    } else {
        " and changes"
    };
    // target/{profile}/deps/load-…
    let binary = std::env::current_exe().unwrap();
    let profile = binary.ancestors().nth(2).and_then(|folder| folder.file_name()).unwrap_or_default();
    let flags: Vec<String> = std::env::args().skip(1).filter(|flag| flag != "--bench").collect();
    format!(
        "Machine: {} ({cores} cores), Linux {}. Commit: {}{changed}.\nCommand: `cargo bench --profile {} --bench load -- {}`.",
        cpu.unwrap_or_default(),
        kernel.trim(),
        git(&["rev-parse", "--short", "HEAD"]),
        profile.display(),
        flags.join(" ")
    )
}
