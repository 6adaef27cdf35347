//! `demo`: the whole world on this machine, without any account: this service, Subtotal and a storefront, each on a
//! loopback port of its own. It starts the same each time and leaves nothing behind.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use secrecy::SecretString;
use serde::Serialize;
use url::Url;

use crate::app::Application;
use crate::clock::Clock;
use crate::config::{Config, LogConfig};
use crate::sandbox::klaviyo::Klaviyo;
use crate::sandbox::shopify::admin::{AdminConfig, AdminSite};
use crate::sandbox::shopify::{AdminApi, AppRegistration, Storefront, StorefrontConfig};
use crate::sandbox::shoppers::{ALLOW_LISTED_DOMAIN, DANA, JONAS, MAYA};
use crate::sandbox::subtotal::{
    DEMO_CODE, DEMO_PASSWORD, DEMO_USERNAME, SeededConnection, SubtotalConfig, SubtotalWorld, WebhookDestination,
};
use crate::shopify::{ClientSecrets, ShopDomain};
use crate::store::{Actor, Destination, Identifier, Integration, ListChange, SecretKind, ShopChanges, Store};
use crate::telemetry;
use crate::visibility::{Entry, Scope};

const SHOP: &str = "larkmeadow.myshopify.com";
const CLIENT_ID: &str = "demo-client-id";
const CLIENT_SECRET: &str = "demo-client-secret";
const SUBTOTAL_API_KEY: &str = "demo-subtotal-api-key";
const SUBTOTAL_WEBHOOK_SECRET: &str = "demo-subtotal-webhook-secret";
const ADMIN_TOKEN: &str = "demo-shopify-admin-token";
const KLAVIYO_KEY: &str = "pk_demo-klaviyo-private-key";
const ENCRYPTION_KEYS: &str = "demo:ZGVtby1rZXktdGhhdC1wcm90ZWN0cy1ub3RoaW5nISE=";
/// The gap before the first retry of a webhook.
const WEBHOOK_RETRY: Duration = Duration::from_secs(2);
/// The gap before the first retry of an event, which is five minutes at Subtotal.
const EVENT_RETRY: Duration = Duration::from_secs(1);
/// The retailer that only shoppers at the allow-listed domain see.
const RESTRICTED_RETAILER: &str = "petco";
/// What the shoppers have linked when the demo starts: every status once.
const CONNECTIONS: [(&str, &str, &str); 7] = [
    (MAYA.id, "walmart", "active"),
    (MAYA.id, "target", "unauthenticated"),
    (MAYA.id, "amazon", "disconnected"),
    (MAYA.id, "kroger", "initialized"),
    (MAYA.id, "walgreens", "revoked"),
    (JONAS.id, "walmart", "active"),
    (DANA.id, "target", "active"),
];

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The service's port; the storefront, the Subtotal API, Subtotal Link, the Shopify admin and Klaviyo take the
    /// five after it. 0 takes any
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Print where everything is as JSON
    #[arg(long)]
    json: bool,
    /// Log every request
    #[arg(long)]
    verbose: bool,
}

/// Where everything is.
#[derive(Debug, Serialize)]
struct Places {
    storefront: String,
    admin: String,
    levers: String,
    service: String,
    subtotal_api: String,
    subtotal_link: String,
    klaviyo: String,
    shop: &'static str,
    database_url: String,
}

impl Demo {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let filter = if self.verbose { "info" } else { "warn" }.to_owned();
        let _log = telemetry::start_log(&LogConfig { json: false, filter, traces: None })?;
        let folder = tempfile::Builder::new().prefix("subtotal-connect-demo-").tempdir()?;
        let database_url = format!("sqlite://{}?mode=rwc", folder.path().join("demo.db").display());

        let storefront = self.listen(1)?;
        let api = self.listen(2)?;
        let link = self.listen(3)?;
        let admin = self.listen(4)?;
        let klaviyo = self.listen(5)?;
        let places = self.places(database_url, [&storefront, &api, &link, &admin, &klaviyo])?;
        let config = places.service_config()?;
        let application = Application::build(&config, Clock::system(), None).await.context(BUSY)?;
        seed(&Store::open(&config.database.url, config.database.keyring.clone()).await?).await?;
        start_subtotal(api, link, &places)?;
        actix_web::rt::spawn(Klaviyo::default().serve(klaviyo)?);
        start_shopify(storefront, admin, &places)?;

        if self.json {
            println!("{}", serde_json::to_string(&places)?)
        } else {
            places.print()
        }
        application.run().await?;
        Ok(ExitCode::SUCCESS)
    }

    fn listen(&self, offset: u16) -> anyhow::Result<TcpListener> {
        let port = if self.port == 0 { 0 } else { self.port.checked_add(offset).context(BUSY)? };
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("port {port} is taken; {BUSY}"))
    }

    fn places(
        &self,
        database_url: String,
        [storefront, api, link, admin, klaviyo]: [&TcpListener; 5],
    ) -> anyhow::Result<Places> {
        let origin = |listener: &TcpListener| listener.local_addr().map(|address| format!("http://{address}"));
        Ok(Places {
            storefront: format!("{}/", origin(storefront)?),
            admin: format!("{}/", origin(admin)?),
            levers: format!("{}/levers", origin(link)?),
            // The pages must know their own origin before they are served, so the port is chosen here.
            service: format!("{}/apps/subtotal", origin(&self.listen(0)?)?),
            subtotal_api: origin(api)?,
            subtotal_link: origin(link)?,
            klaviyo: format!("{}/", origin(klaviyo)?),
            shop: SHOP,
            database_url,
        })
    }
}

const BUSY: &str = "choose another port with --port";

impl Places {
    /// Settings for this service, read by the same reader as in production.
    fn service_config(&self) -> anyhow::Result<Config> {
        let app_url = Url::parse(&self.service)?.join("/")?;
        let port = app_url.port().unwrap_or_default().to_string();
        let settings = HashMap::from([
            ("SHOPIFY_API_KEY", CLIENT_ID),
            ("SHOPIFY_API_SECRET", CLIENT_SECRET),
            ("SHOPIFY_APP_URL", "https://demo.invalid"),
            ("SHOPIFY_ADMIN_URL", self.storefront.trim_end_matches('/')),
            ("SUBTOTAL_API_URL", &self.subtotal_api),
            ("KLAVIYO_API_URL", &self.klaviyo),
            ("DELIVERY_RETRY_BASE_MS", "1000"),
            ("DATABASE_URL", &self.database_url),
            ("ENCRYPTION_KEYS", ENCRYPTION_KEYS),
            ("PORT", &port),
        ]);
        let mut config = Config::read(&|name| settings.get(name).map(|value| (*value).to_owned()))?;
        let admin = self.admin.trim_end_matches('/');
        config.shopify.app_url = app_url;
        config.shopify.scripts_url = format!("{admin}/shopifycloud");
        config.shopify.framed_by = Some(admin.to_owned());
        Ok(config)
    }

    fn print(&self) {
        println!("Subtotal Connect demo. Open the storefront and link an account:\n");
        println!("  Storefront     {}    sign in as one of five shoppers", self.storefront);
        println!("  Shopify admin  {}    the merchant's side of the app", self.admin);
        println!("  Levers         {}    change connections, break Subtotal", self.levers);
        println!("  Klaviyo        {}    what it was told; make it fail", self.klaviyo);
        println!("  Subtotal Link  user {DEMO_USERNAME}, password {DEMO_PASSWORD}, code {DEMO_CODE}");
        println!("  This service   {}", self.service);
        println!("\nThe command line reaches the same world with");
        println!("  export DATABASE_URL='{}'", self.database_url);
        println!("  export ENCRYPTION_KEYS='{ENCRYPTION_KEYS}' SHOPIFY_API_SECRET='{CLIENT_SECRET}'");
        println!("for instance: subtotal-connect rules show {SHOP}");
        println!(
            "\nScenarios of events, on the levers' page or by: subtotal-connect scenario --levers {}",
            self.levers
        );
        println!("\nCtrl-C stops it; nothing is kept.");
    }
}

/// Installs the shop and its rules through the service's own functions.
async fn seed(store: &Store) -> anyhow::Result<()> {
    let shop = ShopDomain::parse(SHOP)?;
    let now = super::now();
    let secrets = [
        (SecretKind::SubtotalApiKey, SUBTOTAL_API_KEY),
        (SecretKind::SubtotalWebhook, SUBTOTAL_WEBHOOK_SECRET),
        (SecretKind::ShopifyAdminToken, ADMIN_TOKEN),
    ];
    for (kind, secret) in secrets {
        let changes = ShopChanges { secret: Some((kind, secret.into())), ..ShopChanges::default() };
        store.save_shop(&shop, changes, Actor::CommandLine, now).await?;
    }
    // The demo's customer accounts are on the storefront's loopback address, which a real shop's are not.
    let accounts = Some(vec![Ipv4Addr::LOCALHOST.to_string()]);
    let changes = ShopChanges { redirect_hosts: accounts, ..ShopChanges::default() };
    store.save_shop(&shop, changes, Actor::CommandLine, now).await?;
    let id = store.shop_id(&shop).await?.context("the demo's shop was just stored")?;
    let insiders = vec![Entry::parse(ALLOW_LISTED_DOMAIN)?];
    for (scope, is_on) in [(Scope::Retailer(RESTRICTED_RETAILER.to_owned()), true), (Scope::Global, false)] {
        let change = ListChange { is_on, entries: Some(insiders.clone()), expected_version: None };
        store.set_list(id, &scope, change, Actor::CommandLine, now).await?;
    }
    // Off in a real shop; the demo is there to show it.
    let on = Integration { is_on: true, identifier: Identifier::Email, allow_simulated: true, is_paused: false };
    for destination in Destination::ALL {
        let key = (destination == Destination::Klaviyo).then(|| KLAVIYO_KEY.into());
        store.save_integration(id, destination, &on, key.as_ref(), Actor::CommandLine, now).await?;
    }
    Ok(())
}

fn start_subtotal(api: TcpListener, link: TcpListener, places: &Places) -> anyhow::Result<()> {
    let port = link.local_addr()?.port();
    let mut config = SubtotalConfig::on_port(SUBTOTAL_API_KEY, port);
    config.events = Some(WebhookDestination {
        url: Url::parse(&places.service)?.join(&format!("/webhooks/subtotal/{SHOP}"))?,
        secret: SUBTOTAL_WEBHOOK_SECRET.into(),
        retry_base: EVENT_RETRY,
    });
    config.klaviyo_url = Some(places.klaviyo.clone());
    config.connections = CONNECTIONS
        .iter()
        .map(|(customer, retailer, status)| SeededConnection {
            customer_id: (*customer).to_owned(),
            retailer_id: (*retailer).to_owned(),
            status: (*status).to_owned(),
        })
        .collect();
    // The custom Link host is `localhost`, which some machines look up as an IPv6 address.
    let also_v6 = TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).ok();
    let servers = SubtotalWorld::new(config).serve(api, std::iter::once(link).chain(also_v6).collect())?;
    actix_web::rt::spawn(servers.run());
    Ok(())
}

fn start_shopify(storefront: TcpListener, admin: TcpListener, places: &Places) -> anyhow::Result<()> {
    let shop = ShopDomain::parse(SHOP)?;
    let app = AppRegistration {
        shop: shop.clone(),
        shop_name: "Larkmeadow".to_owned(),
        domains: vec!["larkmeadow.example".to_owned()],
        client_id: CLIENT_ID.to_owned(),
        client_secret: CLIENT_SECRET.into(),
        scopes: "read_customers,write_app_proxy".to_owned(),
        clock: Clock::system(),
    };
    let admin_api = AdminApi::for_app(ADMIN_TOKEN.into(), app.clone());
    let service = Url::parse(&places.service)?;
    let storefront_config = StorefrontConfig {
        shop,
        secrets: ClientSecrets::new(&[SecretString::from(CLIENT_SECRET)]),
        app_proxy_url: service.clone(),
        clock: Clock::system(),
        admin_api: admin_api.clone(),
        image_origins: vec![places.subtotal_link.clone()],
        levers_url: Some(Url::parse(&places.levers)?),
    };
    let admin_config = AdminConfig {
        app,
        admin_api,
        app_url: service.join("/")?,
        webhook_url: service.join("/webhooks/shopify")?,
        retry_base: WEBHOOK_RETRY,
        storefront_url: Some(Url::parse(&places.storefront)?),
        subtotal_levers_url: Some(Url::parse(&places.levers)?),
        klaviyo_url: Some(Url::parse(&places.klaviyo)?),
    };
    actix_web::rt::spawn(Storefront::serve(storefront, storefront_config)?);
    actix_web::rt::spawn(AdminSite::serve(admin, admin_config)?);
    Ok(())
}
