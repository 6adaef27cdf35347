//! What the app is to Shopify.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::settings::{Settings, is_http_url};
use crate::shopify::AdminApiConfig;

/// What the app is to Shopify.
#[derive(Debug, Clone)]
pub struct ShopifyConfig {
    /// `SHOPIFY_API_KEY`: the client id.
    pub client_id: String,
    /// `SHOPIFY_API_SECRET`: the client secrets, newest first.
    pub client_secrets: Vec<SecretString>,
    /// `SHOPIFY_APP_URL`, or else `HOST`: the public https origin.
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

impl Settings<'_> {
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

    pub(super) fn shopify(&mut self) -> ShopifyConfig {
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
        // Shopify's CLI says in HOST where its tunnel begins. Some shells have the machine's name there.
        let tunnel = || self.text("HOST").filter(|text| text.starts_with("https://"));
        let Some(text) = self.text(NAME).or_else(tunnel) else {
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
}
