//! `rotate-keys`: seals everything that is stored under the newest of `ENCRYPTION_KEYS`, while the service runs.

use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;

use super::{open_store, print_json};
use crate::store::{ResealPlace, SealedCount, Store};

/// Rows read at a time.
const PAGE: u64 = 500;

#[derive(Debug, Args)]
pub(super) struct RotateKeys {
    /// Change nothing; say what stands under which key. Exit code 1 while anything stands under an older one
    #[arg(long)]
    check: bool,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

impl RotateKeys {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let store = open_store().await?;
        let newest = store.newest_key().map(str::to_owned);
        ensure!(newest.is_some(), "no encryption key is configured: set ENCRYPTION_KEYS, the new key first");
        let newest = newest.unwrap_or_default();
        let mut done = Done::default();
        if !self.check {
            done = rotate(&store, self.json).await?;
        }
        let counts = store.sealed_counts().await?;
        let left: i64 = counts.iter().filter(|count| count.key_id != newest).map(|count| count.rows).sum();
        if self.json {
            print_json(&serde_json::json!({
                "newest": newest, "resealed": done.resealed, "unopened": done.unopened, "left": left, "counts": counts,
            }))?;
        } else {
            print(&counts, &newest, left);
        }
        Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What a run did.
#[derive(Default)]
struct Done {
    resealed: u64,
    unopened: u64,
}

async fn rotate(store: &Store, quiet: bool) -> anyhow::Result<Done> {
    let mut done = Done::default();
    let mut place = Some(ResealPlace::default());
    while let Some(start) = place {
        let page = store.reseal(start, PAGE).await?;
        done.resealed += page.resealed;
        for (table, shop_id, error) in &page.unopened {
            done.unopened += 1;
            eprintln!("{table}, shop {shop_id}: {error}");
        }
        if !quiet && page.resealed > 0 {
            eprintln!("{} sealed anew", done.resealed);
        }
        place = page.next;
    }
    Ok(done)
}

fn print(counts: &[SealedCount], newest: &str, left: i64) {
    for SealedCount { table, key_id, rows } in counts {
        let mark = if key_id == newest { "newest" } else { "older" };
        println!("{table:<20} {key_id:<32} {rows:>9}  {mark}");
    }
    if left == 0 {
        println!("everything stands under {newest}; older keys can go from ENCRYPTION_KEYS");
    } else {
        println!(
            "{left} values stand under older keys, which ENCRYPTION_KEYS must keep; run: subtotal-connect rotate-keys"
        );
    }
}
