//! Every setting, and the only reader of the environment.
//!
//! Settings are read through a lookup function, so a test or the demo gives its own. All problems are found before any
//! is reported, each with its variable.

mod database;
mod limits;
mod log;
mod records;
mod server;
mod shopify;
mod upstream;

use std::collections::HashMap;
use std::time::Duration;

pub use database::DatabaseConfig;
pub use limits::LimitsConfig;
pub use log::{LogConfig, TracesConfig};
pub use server::{RedirectMode, ServerConfig};
pub use shopify::ShopifyConfig;
pub use upstream::DeliveriesConfig;

pub use crate::settings::{Problem, Problems, Settings};
use crate::store::KeptDays;
use crate::subtotal::SubtotalConfig;

/// What `serve` needs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen, and how to answer.
    pub server: ServerConfig,
    /// What the app is to Shopify.
    pub shopify: ShopifyConfig,
    /// The database and what seals secrets in it.
    pub database: DatabaseConfig,
    /// How Subtotal is reached.
    pub subtotal: SubtotalConfig,
    /// How the merchant's tools are told what happened.
    pub deliveries: DeliveriesConfig,
    /// What the process takes on.
    pub limits: LimitsConfig,
    /// How long a shop may be answered from memory before a change is seen.
    pub shop_cache: Duration,
    /// For how long records are kept.
    pub kept: KeptDays,
    /// How the process logs.
    pub log: LogConfig,
}

/// The process's environment, and under it the file `.env` of the working directory where there is one.
///
/// # Errors
/// [`Problems`] when that file is there and can not be read.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
pub fn environment() -> Result<impl Fn(&str) -> Option<String>, Problems> {
    let file = env_file()?;
    Ok(move |name: &str| std::env::var(name).ok().or_else(|| file.get(name).cloned()))
}

/// The variables of `.env` in the working directory, and of no other folder.
fn env_file() -> Result<HashMap<String, String>, Problems> {
    let read = || match dotenvy::from_path_iter(".env") {
        Err(error) if error.not_found() => Ok(HashMap::new()),
        Err(error) => Err(error),
        Ok(lines) => lines.collect(),
    };
    // The error is not repeated: it holds the line, and with it perhaps a secret.
    read().map_err(|_| {
        let message = "can not be read: a line is NAME=value, with the value in quotes where it holds spaces";
        Problems(vec![Problem { variable: ".env", message: message.to_owned() }])
    })
}

impl Config {
    /// Reads everything `serve` needs.
    ///
    /// # Errors
    /// [`Problems`], all of them at once.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Problems> {
        let (config, problems) = Self::examine(lookup);
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
    }

    /// Reads everything, with something harmless in place of what is missing or wrong, and answers what that is. For
    /// looking at settings, not for running with them.
    pub fn examine(lookup: &dyn Fn(&str) -> Option<String>) -> (Self, Vec<Problem>) {
        let mut settings = Settings::new(lookup);
        let server = settings.server();
        let shopify = settings.shopify();
        let database = settings.database(true);
        let subtotal = settings.subtotal();
        let deliveries = settings.deliveries();
        let limits = settings.limits();
        let shop_cache = settings.seconds("SHOP_CACHE_SECONDS", 5);
        let kept = settings.kept_days();
        let log = settings.log();
        (Self { server, shopify, database, subtotal, deliveries, limits, shop_cache, kept, log }, settings.problems)
    }
}
