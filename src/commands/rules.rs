//! `rules`: sets, shows and explains a shop's visibility rules.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::app::decide_for;
use crate::shopify::ShopDomain;
use crate::store::{Actor, ListChange, ListState, Store};
use crate::visibility::{Entry, Scope, ShopperEmail};

/// Entries shown of one list; the rest is counted.
const SHOWN_ENTRIES: u64 = 1000;

#[derive(Debug, Subcommand)]
pub(super) enum Rules {
    /// Turn a list on or off, and replace its entries where a file is given
    Set(Set),
    /// Show the lists
    Show {
        /// {name}.myshopify.com
        domain: ShopDomain,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what a shopper with this e-mail would see, and which entry decided
    Explain {
        /// {name}.myshopify.com
        domain: ShopDomain,
        /// The shopper's e-mail address
        #[arg(long)]
        email: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// {name}.myshopify.com
    domain: ShopDomain,
    /// The retailer whose own list is meant; the global list without it
    #[arg(long, value_parser = retailer_id)]
    retailer: Option<String>,
    /// Only the entries may see it
    #[arg(long, required_unless_present = "off", conflicts_with = "off")]
    on: bool,
    /// Everyone may see it
    #[arg(long)]
    off: bool,
    /// One entry a line: an e-mail address or a domain; - is standard input
    #[arg(long)]
    file: Option<PathBuf>,
}

#[derive(Serialize)]
struct ShownList {
    scope: String,
    on: bool,
    total: i64,
    version: i64,
    entries: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explained {
    block_visible: bool,
    restricted_retailer_ids: Vec<String>,
    reasons: Vec<ExplainedList>,
}

#[derive(Serialize)]
struct ExplainedList {
    scope: String,
    hides: bool,
    entry: Option<String>,
}

impl Rules {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Set(set) => set.run().await?,
            Self::Show { domain, json } => show(&domain, json).await?,
            Self::Explain { domain, email, json } => explain(&domain, &email, json).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Set {
    async fn run(self) -> anyhow::Result<()> {
        let entries = self.file.as_ref().map(read_entries).transpose()?;
        let store = super::open_store().await?;
        let shop_id = installed(&store, &self.domain).await?;
        let scope = self.retailer.map_or(Scope::Global, Scope::Retailer);
        if let Some(count) = entries.as_ref().map(Vec::len).filter(|count| *count > 100_000) {
            eprintln!("writing {count} entries…");
        }
        let change = ListChange { is_on: self.on, entries, expected_version: None };
        let list = store.set_list(shop_id, &scope, change, Actor::CommandLine, super::now()).await?;
        let state = if self.on { "on" } else { "off" };
        println!("The list {} of {} is {state}, with {} entries.", scope.name(), self.domain, list.total);
        if self.on && list.total == 0 {
            eprintln!("note: a list that is on and empty hides from everyone");
        }
        Ok(())
    }
}

/// Every line of the file as an entry. Names every bad line, so that all can be mended at once.
fn read_entries(file: &PathBuf) -> anyhow::Result<Vec<Entry>> {
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input could not be read as text")?;
        text
    } else {
        std::fs::read_to_string(file).with_context(|| format!("{} could not be read", file.display()))?
    };
    // Spreadsheets write a byte order mark in front of the first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut entries = Vec::new();
    let mut bad = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match Entry::parse(line) {
            Ok(entry) => entries.push(entry),
            Err(error) => bad.push(format!("  line {number}: {:?} {error}", line.trim())),
        }
    }
    if !bad.is_empty() {
        bail!("nothing was changed; mend these lines:\n{}", bad.join("\n"));
    }
    Ok(entries)
}

async fn show(domain: &ShopDomain, json: bool) -> anyhow::Result<()> {
    let store = super::open_store().await?;
    let shop_id = installed(&store, domain).await?;
    let mut shown = Vec::new();
    for list in store.lists(shop_id).await? {
        shown.push(shown_list(&store, shop_id, list).await?);
    }
    if json {
        return super::print_json(&shown);
    }
    if shown.is_empty() {
        println!("{domain} has no lists: everyone sees everything.");
    }
    for list in &shown {
        println!("{}: {}, {} entries", list.scope, if list.on { "on" } else { "off" }, list.total);
        list.entries.iter().for_each(|entry| println!("  {entry}"));
        let more = list.total - i64::try_from(list.entries.len())?;
        if more > 0 {
            println!("  … and {more} more");
        }
    }
    Ok(())
}

async fn shown_list(store: &Store, shop_id: i64, list: ListState) -> anyhow::Result<ShownList> {
    let entries = store.entries(shop_id, &list, 0, SHOWN_ENTRIES).await?;
    let scope = list.scope.name().to_owned();
    Ok(ShownList { scope, on: list.is_on, total: list.total, version: list.version, entries })
}

async fn explain(domain: &ShopDomain, email: &str, json: bool) -> anyhow::Result<()> {
    let email = ShopperEmail::parse(email).context("--email must be an e-mail address")?;
    let store = super::open_store().await?;
    let shop = store.load_shop(domain).await?.with_context(|| not_installed(domain))?;
    let (decision, reasons) = decide_for(&store, &shop, Some(&email)).await?;
    let list = |reason: crate::visibility::Reason| ExplainedList {
        scope: reason.scope.name().to_owned(),
        hides: reason.hides,
        entry: reason.entry,
    };
    let explained = Explained {
        block_visible: !decision.hides_block,
        restricted_retailer_ids: decision.restricted_retailer_ids,
        reasons: reasons.into_iter().map(list).collect(),
    };
    if json {
        return super::print_json(&explained);
    }
    println!("Subtotal Connect is {}.", if explained.block_visible { "visible" } else { "hidden" });
    match explained.restricted_retailer_ids.as_slice() {
        [] => println!("No retailer is hidden."),
        hidden => println!("Hidden retailers: {}.", hidden.join(", ")),
    }
    for ExplainedList { scope, hides, entry } in &explained.reasons {
        match entry {
            Some(entry) => println!("  {scope}: shown, because of the entry {entry}"),
            None if *hides => println!("  {scope}: hidden, because no entry matches"),
            None => println!("  {scope}: shown"),
        }
    }
    Ok(())
}

async fn installed(store: &Store, domain: &ShopDomain) -> anyhow::Result<i64> {
    store.shop_id(domain).await?.with_context(|| not_installed(domain))
}

fn not_installed(domain: &ShopDomain) -> String {
    format!("{domain} is not installed; shop set installs it")
}

fn retailer_id(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if (1..=64).contains(&length) { Ok(text.to_owned()) } else { Err("expected 1 to 64 characters".to_owned()) }
}
