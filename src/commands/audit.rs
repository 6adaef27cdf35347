//! `audit`: whether the audit trail is as it was written.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde::Serialize;

use crate::shopify::ShopDomain;
use crate::store::{Chain, Store, Trail};

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Check the chain of a shop's trail, or of every trail; exit code 1 names the first line that does not fit
    Verify {
        /// {name}.myshopify.com
        domain: Option<ShopDomain>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    /// The shop's domain, or `service` for the trail of the installation itself.
    trail: String,
    whole: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_at: Option<i64>,
    /// Kept elsewhere, it shows later that nobody wrote the whole chain anew.
    head: String,
}

impl Audit {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self::Verify { domain, json } = self;
        let store = super::open_store().await?;
        let mut verified = Vec::new();
        for (name, trail) in trails(&store, domain.as_ref()).await? {
            verified.push(verify(&store, name, trail).await?);
        }
        let broken: Vec<String> = verified.iter().filter_map(Verified::break_line).collect();
        if json {
            super::print_json(&serde_json::json!({ "whole": broken.is_empty(), "trails": verified }))?;
        }
        if !broken.is_empty() {
            bail!("{}", broken.join("\n"));
        }
        if !json {
            for Verified { trail, lines, head, .. } in &verified {
                println!("{trail}: whole, {} lines, head {head}", lines.unwrap_or_default());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Verified {
    fn break_line(&self) -> Option<String> {
        let line = self.broken_at?;
        let trail = &self.trail;
        Some(format!("{trail}: line {line} of the audit trail is not as it was written, or is not there"))
    }
}

async fn trails(store: &Store, domain: Option<&ShopDomain>) -> anyhow::Result<Vec<(String, Trail)>> {
    if let Some(domain) = domain {
        let id = store.shop_id(domain).await?.with_context(|| format!("{domain} is not known here"))?;
        return Ok(vec![(domain.to_string(), Trail::Shop(id))]);
    }
    Ok(store.trails().await?)
}

async fn verify(store: &Store, trail: String, of: Trail) -> anyhow::Result<Verified> {
    let (chain, head) = store.verify_trail(of).await?;
    let (lines, broken_at) = match chain {
        Chain::Whole(lines) => (Some(lines), None),
        Chain::BrokenAt(line) => (None, Some(line)),
    };
    Ok(Verified { trail, whole: broken_at.is_none(), lines, broken_at, head })
}
