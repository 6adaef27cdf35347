//! `explain-proxy`: says which check a signed URL fails. Prints neither a secret nor the digest that would be right.

use std::process::ExitCode;

use clap::Args;

use crate::clock::Clock;
use crate::config::{Settings, environment};
use crate::shopify::proxy::{self, ProxyRefusal};
use crate::shopify::{ClientSecrets, CustomerId};

#[derive(Debug, Args)]
pub(super) struct ExplainProxy {
    /// The URL as this service received it, or only its query
    url: String,
}

impl ExplainProxy {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let lookup = environment()?;
        let mut settings = Settings::new(&lookup);
        let secrets = settings.client_secrets();
        settings.finish()?;
        let query = self.url.split_once('?').map_or(self.url.as_str(), |(_, query)| query);
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        let now = Clock::system().unix_seconds();
        match proxy::verify(query, &ClientSecrets::new(&secrets), now) {
            Ok(verified) => {
                let customer = verified.customer().map_or("nobody", CustomerId::as_str);
                println!(
                    "accepted: shop {}, customer {customer}, path prefix {}",
                    verified.shop(),
                    verified.path_prefix()
                );
                println!("signed with client secret {} of {}", verified.secret_index() + 1, secrets.len());
                Ok(ExitCode::SUCCESS)
            }
            Err(refusal) => {
                eprintln!("refused ({}): {refusal}", refusal.reason());
                eprintln!("{}", advice(refusal, query, now));
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

fn advice(refusal: ProxyRefusal, query: &str, now: i64) -> String {
    match refusal {
        ProxyRefusal::StaleTimestamp => {
            let age = proxy::age_seconds(query, now).unwrap_or_default();
            let (distance, side) = (age.unsigned_abs(), if age < 0 { "ahead of" } else { "behind" });
            format!(
                "The timestamp is {distance} s {side} this machine's clock; {} s are allowed. Repeat the call, and check the clock.",
                proxy::FRESHNESS_SECONDS
            )
        }
        ProxyRefusal::WrongSignature => {
            "Check that SHOPIFY_API_SECRET is this app's client secret, that nothing between Shopify and here rewrites the query, and that the URL was copied whole.".to_owned()
        }
        ProxyRefusal::Missing(_) | ProxyRefusal::MalformedSignature => {
            "Shopify's app proxy adds shop, logged_in_customer_id, path_prefix, timestamp and signature. Call through the storefront, or use the sign command.".to_owned()
        }
        ProxyRefusal::Repeated(_) | ProxyRefusal::HmacParameter | ProxyRefusal::HiddenPathPrefix | ProxyRefusal::HiddenIdentity(_) | ProxyRefusal::KeyHoldsEquals => {
            "Pages must not send Shopify's own parameters themselves; rename the page's parameter.".to_owned()
        }
        _ => "See docs/errors.md for what an app-proxy request must look like.".to_owned(),
    }
}
