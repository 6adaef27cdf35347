//! `shop`: installs, changes, shows and removes shops. Keys come by standard input, never on the command line.

use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use secrecy::SecretString;

use crate::limits::{InvalidRateLimit, RateLimit};
use crate::linking::redirect::parse_host;
use crate::shopify::ShopDomain;
use crate::store::{Accounts, Actor, LinkStyle, SecretKind, ShopChanges, ShopSummary};
use crate::visibility::NoEmail;

#[derive(Debug, Subcommand)]
pub(super) enum Shop {
    /// Install a shop, or change what is said of it
    Set(Set),
    /// List every shop
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one shop
    Show {
        /// {name}.myshopify.com
        domain: ShopDomain,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a shop and everything stored of it
    Remove {
        /// {name}.myshopify.com
        domain: ShopDomain,
    },
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// {name}.myshopify.com
    domain: ShopDomain,
    #[command(flatten)]
    secret: Secret,
    /// A host the storefront answers on; repeat for several. Replaces those stored
    #[arg(long = "domain", value_name = "HOST", id = "host", value_parser = host)]
    domains: Option<Vec<String>>,
    /// A further host shoppers may be sent back to; repeat for several. Replaces those stored
    #[arg(long = "redirect-host", value_name = "HOST", value_parser = host)]
    redirect_hosts: Option<Vec<String>>,
    /// Answer hidden retailers like missing ones
    #[arg(long, value_name = "on|off")]
    enforce_visibility: Option<Switch>,
    /// What lists that are on do for a shopper without an e-mail
    #[arg(long, value_name = "hide|show")]
    no_email: Option<NoEmailChoice>,
    /// How the Link URL names the connection
    #[arg(long, value_name = "connection|token")]
    link_style: Option<LinkStyleChoice>,
    /// Which customer accounts the shop uses
    #[arg(long, value_name = "new|classic")]
    accounts: Option<AccountsChoice>,
    /// How often the shop may be called: so many a second, so many at once
    #[arg(long, value_name = "RATE:BURST|off|default", value_parser = rate_limit)]
    rate_limit_shop: Option<RateChoice>,
    /// How often each of its customers may call
    #[arg(long, value_name = "RATE:BURST|off|default", value_parser = rate_limit)]
    rate_limit_customer: Option<RateChoice>,
}

/// A shop's own limit, or the installation's.
#[derive(Debug, Clone, Copy)]
enum RateChoice {
    Own(RateLimit),
    Default,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct Secret {
    /// Read the Subtotal API key from standard input
    #[arg(long)]
    api_key_stdin: bool,
    /// Read the Subtotal webhook secret from standard input
    #[arg(long)]
    webhook_secret_stdin: bool,
    /// Read the Shopify Admin API offline token from standard input
    #[arg(long)]
    admin_token_stdin: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum NoEmailChoice {
    Hide,
    Show,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LinkStyleChoice {
    Connection,
    Token,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AccountsChoice {
    New,
    Classic,
}

impl Shop {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Set(set) => set.run().await?,
            Self::List { json } => {
                let shops = super::open_store().await?.summaries(None).await?;
                if json { super::print_json(&shops)? } else { shops.iter().for_each(print_line) }
            }
            Self::Show { domain, json } => {
                let shops = super::open_store().await?.summaries(Some(&domain)).await?;
                let shop = shops.first().with_context(|| format!("{domain} is not installed; shop set installs it"))?;
                if json { super::print_json(shop)? } else { print_whole(shop) }
            }
            Self::Remove { domain } => {
                if !super::open_store().await?.remove_shop(&domain, Actor::CommandLine, super::now()).await? {
                    bail!("{domain} is not installed");
                }
                println!("{domain} and everything stored of it is removed.");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Set {
    async fn run(self) -> anyhow::Result<()> {
        let kind = self.secret.kind();
        let secret = kind.map(|kind| Ok::<_, anyhow::Error>((kind, read_secret()?))).transpose()?;
        let changes = ShopChanges {
            enforce_visibility: self.enforce_visibility.map(|switch| matches!(switch, Switch::On)),
            no_email: self.no_email.map(|choice| match choice {
                NoEmailChoice::Hide => NoEmail::Hide,
                NoEmailChoice::Show => NoEmail::Show,
            }),
            link_style: self.link_style.map(|choice| match choice {
                LinkStyleChoice::Connection => LinkStyle::Connection,
                LinkStyleChoice::Token => LinkStyle::Token,
            }),
            accounts: self.accounts.map(|choice| match choice {
                AccountsChoice::New => Accounts::New,
                AccountsChoice::Classic => Accounts::Classic,
            }),
            rate_limit_shop: self.rate_limit_shop.map(RateChoice::own),
            rate_limit_customer: self.rate_limit_customer.map(RateChoice::own),
            storefront_hosts: self.domains,
            redirect_hosts: self.redirect_hosts,
            secret,
            expected_version: None,
        };
        super::open_store().await?.save_shop(&self.domain, changes, Actor::CommandLine, super::now()).await?;
        println!("{} is stored.", self.domain);
        Ok(())
    }
}

impl RateChoice {
    fn own(self) -> Option<RateLimit> {
        match self {
            Self::Own(limit) => Some(limit),
            Self::Default => None,
        }
    }
}

impl Secret {
    fn kind(&self) -> Option<SecretKind> {
        match self {
            Self { api_key_stdin: true, .. } => Some(SecretKind::SubtotalApiKey),
            Self { webhook_secret_stdin: true, .. } => Some(SecretKind::SubtotalWebhook),
            Self { admin_token_stdin: true, .. } => Some(SecretKind::ShopifyAdminToken),
            _ => None,
        }
    }
}

/// The whole of standard input less the line end.
pub(super) fn read_secret() -> anyhow::Result<SecretString> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("standard input could not be read as text")?;
    let secret = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("standard input must hold the secret: one line of visible ASCII characters without spaces");
    }
    Ok(secret.into())
}

fn host(text: &str) -> Result<String, String> {
    parse_host(text)
        .ok_or_else(|| "expected a host name such as shop.example.com, without scheme, port or path".to_owned())
}

fn rate_limit(text: &str) -> Result<RateChoice, String> {
    if text == "default" {
        return Ok(RateChoice::Default);
    }
    text.parse().map(RateChoice::Own).map_err(|error: InvalidRateLimit| format!("{error}, or default"))
}

fn print_line(shop: &ShopSummary) {
    println!("{}\t{}", shop.domain, if shop.configured { "configured" } else { "no Subtotal API key" });
}

fn print_whole(shop: &ShopSummary) {
    let hint = |hint: &Option<String>| match hint.as_deref() {
        None => "none".to_owned(),
        Some("") => "stored".to_owned(),
        Some(end) => format!("stored, ends in {end}"),
    };
    let hosts = |hosts: &[String]| if hosts.is_empty() { "none".to_owned() } else { hosts.join(", ") };
    println!("{}", shop.domain);
    println!("  Subtotal API key         {}", hint(&shop.api_key_hint));
    println!("  Subtotal webhook secret  {}", hint(&shop.webhook_secret_hint));
    println!("  Shopify Admin API token  {}", hint(&shop.admin_token_hint));
    println!("  storefront domains       {}", hosts(&shop.domains));
    println!("  redirect hosts           {}", hosts(&shop.redirect_hosts));
    println!("  enforce visibility       {}", if shop.enforce_visibility { "on" } else { "off" });
    println!("  without an e-mail        {}", shop.no_email);
    println!("  link style               {}", shop.link_style);
    println!("  customer accounts        {}", shop.accounts);
    println!("  rate limit of the shop   {}", shop.rate_limit_shop);
    println!("  of each customer         {}", shop.rate_limit_customer);
}
