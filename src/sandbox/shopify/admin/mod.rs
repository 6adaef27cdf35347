//! Shopify's admin: the frame in which staff open the app, stand-ins for App Bridge and the Polaris script so that no
//! page needs the internet, and levers that deliver webhooks and take tokens away.
//!
//! It is drawn for this repository and is no copy of Shopify's. What the app can see of it (the query of a document
//! load, session tokens, webhook headers) is as Shopify documents it.

mod assets;
mod document;
mod flow_page;
mod frame;
mod levers;
mod levers_page;
mod staff;
mod webhooks;

#[cfg(test)]
mod tests;

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use url::Url;

use super::{AdminApi, AppRegistration};
use crate::sandbox::same_origin;
use crate::shopify::ClientSecrets;
use webhooks::Webhooks;

pub use levers::{Lever, TOPICS};
pub use staff::{STAFF, StaffMember};
pub use webhooks::{Attempt, Delivery, HeaderFamily};

/// The app's handle in the admin's URLs.
pub const APP_HANDLE: &str = "subtotal-connect";

/// What the admin has to be told.
#[derive(Debug, Clone)]
pub struct AdminConfig {
    /// The app and the shop.
    pub app: AppRegistration,
    /// The Admin API of the same shop: it knows whether the app is installed.
    pub admin_api: AdminApi,
    /// The service's origin, e.g. `http://127.0.0.1:3000`; the app's pages are below its `/admin`.
    pub app_url: Url,
    /// Where webhooks are delivered, e.g. `http://127.0.0.1:3000/webhooks/shopify`.
    pub webhook_url: Url,
    /// The gap before the first retry of a delivery; each further one is twice as long. Shopify takes four hours for
    /// its eight retries, nobody waits that long for a demo.
    pub retry_base: Duration,
    /// The shop's storefront, linked from the navigation.
    pub storefront_url: Option<Url>,
    /// The levers of the sandbox's Subtotal, linked from the navigation.
    pub subtotal_levers_url: Option<Url>,
    /// The sandbox's Klaviyo, linked from the navigation.
    pub klaviyo_url: Option<Url>,
}

/// The demo shop's admin.
#[derive(Debug)]
pub struct AdminSite {
    config: AdminConfig,
    secrets: ClientSecrets,
    webhooks: Webhooks,
    /// The staff's sessions end with the process.
    session_seed: String,
}

impl AdminSite {
    /// Starts the admin on `listener` with one worker. The caller owns the returned [`Server`]: it runs while polled
    /// and stops through its handle. Signals are left alone.
    ///
    /// # Errors
    /// When the listener can not be used or the HTTP client can not be built.
    pub fn serve(listener: TcpListener, config: AdminConfig) -> io::Result<Server> {
        let secrets = config.app.secrets();
        let webhooks = Webhooks::new(&config, secrets.clone())?;
        let session_seed = ulid::Ulid::generate().to_string();
        let site = web::Data::new(Self { config, secrets, webhooks, session_seed });
        let server = HttpServer::new(move || {
            App::new()
                .app_data(site.clone())
                .wrap(from_fn(same_origin::refuse_foreign_posts))
                .configure(assets::routes)
                .configure(levers_page::routes)
                .configure(flow_page::routes)
                .configure(frame::routes)
        });
        Ok(server.workers(1).disable_signals().shutdown_timeout(1).listen(listener)?.run())
    }

    pub(super) fn config(&self) -> &AdminConfig {
        &self.config
    }
}
