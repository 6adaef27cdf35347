//! `sign`: adds to a URL what Shopify's app proxy would, for trying things out with curl.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::clock::Clock;
use crate::config::{Settings, environment};
use crate::shopify::{ClientSecrets, CustomerId, ShopDomain, proxy};

#[derive(Debug, Args)]
pub(super) struct Sign {
    /// The URL of this service, such as <http://127.0.0.1:3000/apps/subtotal/retailers>
    url: Url,
    /// The shop, {name}.myshopify.com
    #[arg(long)]
    shop: ShopDomain,
    /// The signed-in customer's number; nobody is signed in without it
    #[arg(long)]
    customer: Option<CustomerId>,
    /// Where the app proxy stands on the storefront
    #[arg(long, default_value = "/apps/subtotal")]
    path_prefix: String,
}

impl Sign {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let lookup = environment()?;
        let mut settings = Settings::new(&lookup);
        let secrets = settings.client_secrets();
        settings.finish()?;
        println!("{}", self.signed(&ClientSecrets::new(&secrets), Clock::system().unix_seconds())?);
        Ok(ExitCode::SUCCESS)
    }

    fn signed(mut self, secrets: &ClientSecrets, now: i64) -> anyhow::Result<Url> {
        let customer = self.customer.as_ref().map_or("", CustomerId::as_str);
        let added = Serializer::new(String::new())
            .append_pair("shop", self.shop.as_str())
            .append_pair("logged_in_customer_id", customer)
            .append_pair("path_prefix", &self.path_prefix)
            .append_pair("timestamp", &now.to_string())
            .finish();
        let query = match self.url.query() {
            Some(own) if !own.is_empty() => format!("{own}&{added}"),
            _ => added,
        };
        let signature = proxy::sign(&query, secrets).context("the URL's own query can not be signed")?;
        let query = format!("{query}&signature={signature}");
        proxy::verify(&query, secrets, now).context("the URL would be refused")?;
        self.url.set_query(Some(&query));
        Ok(self.url)
    }
}
