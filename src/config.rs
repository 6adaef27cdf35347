//! Every setting, and the only reader of the environment.
//!
//! Settings are read through a lookup function, so a test or the demo gives its own. All problems are found before any
//! is reported, each with its variable.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use url::Url;

use crate::events::klaviyo::KlaviyoConfig;
use crate::settings::is_http_url;
pub use crate::settings::{Problem, Problems, Settings};
use crate::shopify::AdminApiConfig;
use crate::store::{EncryptionKey, Keyring};
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
    /// How long a shop may be answered from memory before a change is seen.
    pub shop_cache: Duration,
    /// How the process logs.
    pub log: LogConfig,
}

/// Where to listen, and how to answer.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// `BIND_ADDR` and `PORT`; port 0 takes any free one.
    pub address: SocketAddr,
    /// `METRICS_ADDR`: a listener of its own for `/metrics`.
    pub metrics_address: Option<SocketAddr>,
    /// `MIGRATE_ON_START`
    pub migrate_on_start: bool,
    /// `REDIRECT_MODE`
    pub redirect_mode: RedirectMode,
}

/// How a browser is sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectMode {
    /// A 302 answer.
    Found,
    /// A 200 page that refreshes, for a proxy that would follow redirects itself.
    Html,
}

/// What the app is to Shopify.
#[derive(Debug, Clone)]
pub struct ShopifyConfig {
    /// `SHOPIFY_API_KEY`: the client id.
    pub client_id: String,
    /// `SHOPIFY_API_SECRET`: the client secrets, newest first.
    pub client_secrets: Vec<SecretString>,
    /// `SHOPIFY_APP_URL`: the public https origin.
    pub app_url: Url,
    /// `SCOPES`: what the app asks of each shop, as Shopify's CLI tells it.
    pub scopes: Vec<String>,
    /// How the Admin API is reached.
    pub admin_api: AdminApiConfig,
    /// Where App Bridge and the Polaris script come from. Always Shopify's, but in the demo.
    pub scripts_url: String,
    /// Who may frame the admin besides the shop and Shopify's admin. Nobody, but in the demo.
    pub framed_by: Option<String>,
}

/// The database and what seals secrets in it.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `DATABASE_URL`; it may hold a password.
    pub url: SecretString,
    /// `ENCRYPTION_KEYS`
    pub keyring: Keyring,
}

impl DatabaseConfig {
    /// The file of a SQLite database; `None` for another kind.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        let path = self.url.expose_secret().strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        Some(path.split('?').next().unwrap_or_default().into())
    }
}

/// How the merchant's tools are told what happened.
#[derive(Debug, Clone)]
pub struct DeliveriesConfig {
    /// How Klaviyo is reached.
    pub klaviyo: KlaviyoConfig,
    /// `DELIVERY_RETRY_BASE_MS`: the first gap between tries; it grows from there.
    pub retry_base: Duration,
    /// `DELIVERY_ATTEMPT_TIMEOUT_MS`: how long one try may take.
    pub attempt_timeout: Duration,
}

/// How the process logs.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// `LOG_FORMAT`: one JSON object a line instead of text.
    pub json: bool,
    /// `RUST_LOG`
    pub filter: String,
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
        let shop_cache = settings.seconds("SHOP_CACHE_SECONDS", 5);
        let log = settings.log();
        (Self { server, shopify, database, subtotal, deliveries, shop_cache, log }, settings.problems)
    }
}

impl Settings<'_> {
    /// `DATABASE_URL` and `ENCRYPTION_KEYS`.
    pub fn database(&mut self, keys_required: bool) -> DatabaseConfig {
        let url = self.text("DATABASE_URL").unwrap_or_else(|| "sqlite://subtotal-connect.db?mode=rwc".to_owned());
        let known = ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme));
        if !known || url.contains(":memory:") {
            self.problem("DATABASE_URL", "must be sqlite://path?mode=rwc (a file) or postgres://user@host/database");
        }
        DatabaseConfig { url: url.into(), keyring: Keyring::new(self.encryption_keys(keys_required)) }
    }

    /// `SHOPIFY_API_SECRET`.
    pub fn client_secrets(&mut self) -> Vec<SecretString> {
        let secrets: Vec<_> = self.list("SHOPIFY_API_SECRET").into_iter().map(SecretString::from).collect();
        if secrets.is_empty() {
            self.problem(
                "SHOPIFY_API_SECRET",
                "is missing: the app's client secret, or several, newest first, separated by commas",
            );
        }
        secrets
    }

    /// `LOG_FORMAT` and `RUST_LOG`.
    pub fn log(&mut self) -> LogConfig {
        let json = self.choice("LOG_FORMAT", [("text", false), ("json", true)]);
        let filter = self.text("RUST_LOG").unwrap_or_else(|| "info".to_owned());
        if tracing_subscriber::EnvFilter::try_new(&filter).is_err() {
            self.problem("RUST_LOG", "must be a level (info) or a list of target=level");
        }
        LogConfig { json, filter }
    }

    fn server(&mut self) -> ServerConfig {
        let ip = self.parsed("BIND_ADDR", "an IP address", IpAddr::V4(Ipv4Addr::LOCALHOST));
        let port = self.parsed("PORT", "a port from 0 to 65535", 3000);
        let metrics_address = self.text("METRICS_ADDR").and_then(|text| self.parse("METRICS_ADDR", "ip:port", &text));
        ServerConfig {
            address: SocketAddr::new(ip, port),
            metrics_address,
            migrate_on_start: self.choice("MIGRATE_ON_START", [("true", true), ("false", false)]),
            redirect_mode: self.choice("REDIRECT_MODE", [("302", RedirectMode::Found), ("html", RedirectMode::Html)]),
        }
    }

    fn shopify(&mut self) -> ShopifyConfig {
        let client_id = self.text("SHOPIFY_API_KEY").unwrap_or_else(|| {
            self.problem("SHOPIFY_API_KEY", "is missing: the app's client id");
            String::new()
        });
        let client_secrets = self.client_secrets();
        let app_url = self.app_url();
        let url_template = self.text("SHOPIFY_ADMIN_URL").unwrap_or_else(|| "https://{shop}".to_owned());
        if !is_http_url(&url_template.replace("{shop}", "shop.myshopify.com")) {
            self.problem("SHOPIFY_ADMIN_URL", "must be an http(s) URL, with {shop} where the shop's domain goes");
        }
        let version = self.text("SHOPIFY_API_VERSION").unwrap_or_else(|| "2026-10".to_owned());
        let shaped = version == "unstable"
            || (version.len() == 7
                && version.bytes().enumerate().all(|(nth, b)| if nth == 4 { b == b'-' } else { b.is_ascii_digit() }));
        if !shaped {
            self.problem("SHOPIFY_API_VERSION", "must be a version such as 2026-10");
        }
        let admin_api = AdminApiConfig {
            url_template,
            version,
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(2),
        };
        let mut scopes = self.list("SCOPES");
        if scopes.is_empty() {
            scopes = ["read_customers", "write_app_proxy"].map(str::to_owned).into();
        }
        ShopifyConfig {
            client_id,
            client_secrets,
            app_url,
            scopes,
            admin_api,
            scripts_url: "https://cdn.shopify.com/shopifycloud".to_owned(),
            framed_by: None,
        }
    }

    fn app_url(&mut self) -> Url {
        const NAME: &str = "SHOPIFY_APP_URL";
        let origin = Url::parse("https://example.com").expect("a constant URL");
        let Some(text) = self.text(NAME) else {
            self.problem(NAME, "is missing: the app's public https origin");
            return origin;
        };
        match Url::parse(&text) {
            Ok(url)
                if url.scheme() == "https" && url.as_str() == format!("{}/", url.origin().ascii_serialization()) =>
            {
                url
            }
            _ => {
                self.problem(NAME, "must be the app's public https origin, without a path: https://app.example.com");
                origin
            }
        }
    }

    fn subtotal(&mut self) -> SubtotalConfig {
        SubtotalConfig {
            base_url: self.url("SUBTOTAL_API_URL", "https://api.subtotal.com"),
            connect_timeout: self.milliseconds("UPSTREAM_CONNECT_TIMEOUT_MS", 1000),
            attempt_timeout: self.milliseconds("UPSTREAM_ATTEMPT_TIMEOUT_MS", 2000),
            storefront_deadline: self.milliseconds("STOREFRONT_DEADLINE_MS", 4000),
            retailers_fresh: self.seconds("RETAILERS_FRESH_SECONDS", 60),
        }
    }

    fn deliveries(&mut self) -> DeliveriesConfig {
        let attempt_timeout = self.milliseconds("DELIVERY_ATTEMPT_TIMEOUT_MS", 10_000);
        DeliveriesConfig {
            klaviyo: KlaviyoConfig {
                base_url: self.url("KLAVIYO_API_URL", "https://a.klaviyo.com"),
                connect_timeout: attempt_timeout.min(Duration::from_secs(3)),
                timeout: attempt_timeout,
            },
            retry_base: self.milliseconds("DELIVERY_RETRY_BASE_MS", 5000),
            attempt_timeout,
        }
    }

    fn encryption_keys(&mut self, required: bool) -> Vec<EncryptionKey> {
        const NAME: &str = "ENCRYPTION_KEYS";
        const SHAPE: &str = "must be id:key, where id is 1 to 32 letters, digits, - or _ and key is 32 bytes in base64 \
             (openssl rand -base64 32); several, newest first, separated by commas";
        let mut keys: Vec<EncryptionKey> = Vec::new();
        for item in self.list(NAME) {
            match parse_encryption_key(&item) {
                Some(key) if keys.iter().any(|other| other.id == key.id) => {
                    self.problem(NAME, "names a key twice");
                }
                Some(key) => keys.push(key),
                None => self.problem(NAME, SHAPE),
            }
        }
        if required && keys.is_empty() && !self.problems.iter().any(|problem| problem.variable == NAME) {
            self.problem(NAME, &format!("is missing: it {SHAPE}"));
        }
        keys
    }
}

fn parse_encryption_key(item: &str) -> Option<EncryptionKey> {
    let (id, key) = item.split_once(':')?;
    let named = (1..=32).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let bytes = base64::engine::general_purpose::STANDARD.decode(key).ok()?;
    let key: [u8; 32] = bytes.try_into().ok()?;
    named.then(|| EncryptionKey { id: id.to_owned(), key: Arc::new(SecretBox::new(Box::new(key))) })
}
