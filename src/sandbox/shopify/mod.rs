//! Shopify's side of the demo: on one listener a storefront with the app proxy, customer accounts and the Admin API; on
//! another the [`admin`], where staff open the app.
//!
//! It does what Shopify documents and no more; where that is silent it does what lets the service's own refusals be
//! seen. It checks nothing on the service's behalf.

pub mod admin;
mod admin_api;
mod assets;
mod customer_account;
mod graphql;
mod id_token;
mod installation;
mod login;
mod pages;
mod proxy;
mod return_path;
mod signing;
mod theme;
mod token_endpoint;
mod world;

use std::io;
use std::net::TcpListener;

use actix_web::dev::Server;
use actix_web::{App, HttpServer, web};
use url::Url;

use crate::clock::Clock;
use crate::shopify::{ClientSecrets, ShopDomain};

pub use admin_api::{AdminApi, AdminApiMode};
pub use token_endpoint::{TokenCalls, TokenEndpointMode};
pub use world::{Accounts, AppRegistration, Trigger};

/// Where the demo shop mounts the app's proxy; Shopify calls this the path prefix.
pub const PATH_PREFIX: &str = "/apps/subtotal";

/// What a storefront has to be told.
#[derive(Debug, Clone)]
pub struct StorefrontConfig {
    /// The shop's permanent domain, signed into every proxied request.
    pub shop: ShopDomain,
    /// The app's client secrets; the first one signs.
    pub secrets: ClientSecrets,
    /// `app_proxy.url` of `shopify.app.toml`, e.g. `http://127.0.0.1:3000/apps/subtotal`.
    pub app_proxy_url: Url,
    /// The time that is signed into proxied requests.
    pub clock: Clock,
    /// The Admin API this listener answers. Keep a clone to set its mode.
    pub admin_api: AdminApi,
    /// Origins retailer logos may be loaded from, e.g. `http://127.0.0.1:3001`.
    pub image_origins: Vec<String>,
    /// The page with the demo's levers, linked from the demo bar.
    pub levers_url: Option<Url>,
}

/// The demo shop.
#[derive(Debug, Clone)]
pub struct Storefront {
    config: StorefrontConfig,
    client: reqwest::Client,
}

impl Storefront {
    /// Starts the shop on `listener` with one worker. The caller owns the returned [`Server`]: it runs while polled and
    /// stops through its handle. Signals are left alone.
    ///
    /// # Errors
    /// When the listener can not be used or the HTTP client can not be built.
    pub fn serve(listener: TcpListener, config: StorefrontConfig) -> io::Result<Server> {
        let admin_api = web::Data::new(config.admin_api.clone());
        let storefront = web::Data::new(Self { client: proxy::client()?, config });
        let server = HttpServer::new(move || {
            App::new()
                .app_data(storefront.clone())
                .app_data(admin_api.clone())
                .app_data(web::PayloadConfig::new(proxy::MAX_BODY_BYTES))
                .configure(proxy::routes)
                .configure(admin_api::routes)
                .configure(token_endpoint::routes)
                .configure(pages::routes)
                .configure(customer_account::routes)
                .configure(login::routes)
                .configure(assets::routes)
                .default_service(web::to(pages::not_found))
        });
        Ok(server.workers(1).disable_signals().listen(listener)?.run())
    }

    pub(crate) fn config(&self) -> &StorefrontConfig {
        &self.config
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }
}

#[cfg(test)]
mod tests;
