//! `rotate-keys`: seals everything that is stored under the newest of `ENCRYPTION_KEYS`, while the service runs. It may
//! be ended at any point and run again, and says what still needs another key.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use tokio::time::sleep;

use super::{open_store, print_json};
use crate::store::{ResealPlace, SealedCount, Store, Unopened};

/// Values that are sealed anew in one step, and how long others may write before the next one.
const PAGE: u32 = 200;
const BETWEEN: Duration = Duration::from_millis(10);
/// How often everything is gone over, and how long others may finish before the next time. The first time does all but
/// what others just held, or sealed under an older key.
const PASSES: u32 = 20;
const BETWEEN_PASSES: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(super) struct RotateKeys {
    /// Change nothing; count what stands under which key. Exit code 1 while anything needs an older one
    #[arg(long)]
    check: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How it stands at the end.
#[derive(Serialize)]
struct Report {
    newest: String,
    resealed: u64,
    /// Values that stand under another key.
    left: i64,
    counts: Vec<SealedCount>,
    unopened: Vec<Shut>,
}

/// Values of a shop that do not open.
#[derive(Serialize)]
struct Shut {
    table: &'static str,
    shop: String,
    reason: String,
    rows: u64,
}

impl RotateKeys {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let store = open_store().await?;
        let newest = store.key_ids().into_iter().next();
        let newest = newest.context("no encryption key is configured: set ENCRYPTION_KEYS, the new key first")?;
        let (mut resealed, mut unopened) = (0, Vec::new());
        if !self.check {
            (resealed, unopened) = rotate(&store, &newest).await?;
        }
        let counts = store.sealed_counts().await?;
        let left = others(&counts, &newest);
        let report = Report { newest, resealed, left, counts, unopened };
        if self.json {
            print_json(&report)?;
        } else {
            report.print();
        }
        if report.left == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        report.explain();
        Ok(ExitCode::FAILURE)
    }
}

/// Answers how many values were sealed anew, and what does not open.
async fn rotate(store: &Store, newest: &str) -> anyhow::Result<(u64, Vec<Shut>)> {
    let total = others(&store.sealed_counts().await?, newest);
    let (mut resealed, mut unopened) = (0, Vec::new());
    for _ in 0..PASSES {
        let mut passed_over = 0;
        unopened.clear();
        let mut place = Some(ResealPlace::default());
        while let Some(start) = place {
            let page = store.reseal(start, PAGE).await?;
            unopened.extend(page.unopened);
            passed_over += page.passed_over;
            place = page.next;
            if page.resealed > 0 {
                resealed += page.resealed;
                show_progress(resealed, total);
                sleep(BETWEEN).await;
            }
        }
        if passed_over == 0 {
            break;
        }
        sleep(BETWEEN_PASSES).await;
    }
    if resealed > 0 && stderr().is_terminal() {
        eprintln!();
    }
    Ok((resealed, by_shop(&unopened)))
}

/// On a terminal, in one line that is written over.
fn show_progress(resealed: u64, total: i64) {
    let mut terminal = stderr();
    if terminal.is_terminal() {
        // Whether it is seen is of no consequence.
        let _ = write!(terminal, "\r{resealed} of {total} sealed anew").and_then(|()| terminal.flush());
    }
}

fn others(counts: &[SealedCount], newest: &str) -> i64 {
    counts.iter().filter(|count| count.key != newest).map(|count| count.rows).sum()
}

fn by_shop(unopened: &[Unopened]) -> Vec<Shut> {
    let mut rows = BTreeMap::<(&'static str, String, String), u64>::new();
    for Unopened { table, shop, reason, .. } in unopened {
        *rows.entry((*table, shop.clone(), reason.to_string())).or_default() += 1;
    }
    rows.into_iter().map(|((table, shop, reason), rows)| Shut { table, shop, reason, rows }).collect()
}

impl Report {
    fn print(&self) {
        let Self { newest, resealed, left, counts, .. } = self;
        for SealedCount { table, key, rows } in counts {
            let age = if key == newest { "newest" } else { "other" };
            println!("{table:<16} {key:<32} {rows:>9}  {age}");
        }
        if *resealed > 0 {
            println!("{resealed} values were sealed anew.");
        }
        if *left == 0 {
            println!("Nothing needs another key than {newest}; older ones can go from ENCRYPTION_KEYS.");
        }
    }

    /// Why the exit code is 1.
    fn explain(&self) {
        let Self { newest, left, unopened, .. } = self;
        for Shut { table, shop, reason, rows } in unopened {
            eprintln!("{table} of {shop}, {rows} values: {reason}");
        }
        eprintln!(
            "error: {left} values stand under other keys, which ENCRYPTION_KEYS must keep. Run rotate-keys once every \
             process seals under {newest}; docs/runbook.md says what to do about values that do not open."
        );
    }
}
