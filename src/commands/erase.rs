//! `erase`: deletes everything that is stored about a shop, as a redaction by Shopify does.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::print_json;
use crate::shopify::ShopDomain;
use crate::store::Actor;

#[derive(Debug, Args)]
pub(super) struct Erase {
    /// {name}.myshopify.com
    domain: ShopDomain,
    /// Do not ask for the domain to be typed
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Erase {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self { domain, yes, json } = self;
        let store = super::open_store().await?;
        if !yes && !typed(&domain)? {
            bail!("the domain was not typed; nothing is erased");
        }
        let rows = store.erase_shop(&domain, Actor::CommandLine, super::now()).await?;
        if rows.is_empty() {
            bail!("nothing is stored about {domain}");
        }
        if json {
            print_json(&json!({ "shop": domain.as_str(), "erased": rows }))?;
        } else {
            let total: i64 = rows.values().sum();
            println!(
                "Everything stored about {domain} is erased: {total} rows. The installation's audit trail says so."
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn typed(domain: &ShopDomain) -> anyhow::Result<bool> {
    eprint!("This can not be undone. Type {domain} to erase everything stored about it: ");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim_end() == domain.as_str())
}
