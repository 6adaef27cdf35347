//! `shopify.app.toml`, which tells Shopify where this service answers, against the settings and the routes.

use serde::Deserialize;
use url::Url;

use super::scopes::{self, split};
use super::{APP_FILE, Finding, is_broken};
use crate::config::{Config, Problem};
use crate::shopify::notice::{COMPLIANCE_TOPICS, TOPICS};

const CHECK: &str = "app file";
const DEPLOY: &str = "mend shopify.app.toml and run: shopify app deploy";
const WEBHOOKS: &str = "/webhooks/shopify";
const PROXY: &str = "/apps/subtotal";

#[derive(Default, Deserialize)]
#[serde(default)]
struct AppFile {
    client_id: String,
    application_url: String,
    embedded: bool,
    access_scopes: AccessScopes,
    webhooks: Webhooks,
    app_proxy: AppProxy,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AccessScopes {
    scopes: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Webhooks {
    api_version: String,
    subscriptions: Vec<Subscription>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Subscription {
    topics: Vec<String>,
    compliance_topics: Vec<String>,
    uri: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AppProxy {
    url: String,
    prefix: String,
    subpath: String,
}

/// The file's text, where there is one, against the settings.
pub(super) fn check(text: Option<&str>, config: &Config, problems: &[Problem]) -> Vec<Finding> {
    let Some(text) = text else {
        let message = format!("{APP_FILE} is not in this folder, so it is not compared with the routes");
        return vec![Finding::warning(CHECK, message, format!("run doctor where {APP_FILE} is"))];
    };
    let file: AppFile = match basic_toml::from_str(text) {
        Ok(file) => file,
        // The parser's own words would repeat the line.
        Err(_) => {
            return vec![Finding::problem(
                CHECK,
                format!("{APP_FILE} is not the TOML that Shopify's CLI writes"),
                DEPLOY,
            )];
        }
    };
    let client_id = (!is_broken(problems, "SHOPIFY_API_KEY")).then_some(config.shopify.client_id.as_str());
    let origin = (!is_broken(problems, "SHOPIFY_APP_URL")).then_some(&config.shopify.app_url);
    let wrong = file.wrong(client_id, origin, &config.shopify.admin_api.version);
    let mut findings: Vec<_> = wrong.into_iter().map(|message| Finding::problem(CHECK, message, DEPLOY)).collect();
    let granted = split(&file.access_scopes.scopes);
    let more = scopes::beyond(&granted);
    if !more.is_empty() {
        let message = format!("access_scopes asks for {}, which nothing here uses", more.join(", "));
        findings.push(Finding::warning(CHECK, message, DEPLOY));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, format!("{APP_FILE} agrees with the settings and the routes")));
    }
    findings
}

impl AppFile {
    /// Everything that does not fit. A setting that is broken itself is not compared.
    fn wrong(&self, client_id: Option<&str>, origin: Option<&Url>, version: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut must = |holds: bool, message: &str| {
            if !holds {
                wrong.push(message.to_owned());
            }
        };
        must(client_id.is_none_or(|id| id == self.client_id), "client_id is not SHOPIFY_API_KEY");
        must(
            stands_at(&self.application_url, "/admin", None),
            "application_url must be an https URL that ends in /admin",
        );
        must(
            origin.is_none() || stands_at(&self.application_url, "/admin", origin),
            "application_url is not on SHOPIFY_APP_URL",
        );
        must(self.embedded, "embedded must be true: the admin pages are framed by Shopify");
        must(
            stands_at(&self.app_proxy.url, PROXY, None),
            "app_proxy.url must be an https URL that ends in /apps/subtotal",
        );
        must(
            origin.is_none() || stands_at(&self.app_proxy.url, PROXY, origin),
            "app_proxy.url is not on SHOPIFY_APP_URL",
        );
        must(
            ["a", "apps", "community", "tools"].contains(&self.app_proxy.prefix.as_str()),
            "app_proxy.prefix must be one of a, apps, community, tools",
        );
        let subpath = &self.app_proxy.subpath;
        let plain = subpath.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        must((1..=30).contains(&subpath.len()) && plain, "app_proxy.subpath must be 1 to 30 letters, digits, - or _");
        let missing = scopes::missing(&split(&self.access_scopes.scopes));
        must(missing.is_empty(), &format!("access_scopes does not ask for {}", missing.join(", ")));
        must(self.webhooks.api_version == version, "webhooks.api_version is not SHOPIFY_API_VERSION");
        self.webhooks.check(origin, &mut must);
        wrong
    }
}

impl Webhooks {
    fn check(&self, origin: Option<&Url>, must: &mut impl FnMut(bool, &str)) {
        let (mut named, mut compliance): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for Subscription { topics, compliance_topics, uri } in &self.subscriptions {
            named.extend(topics.iter().map(String::as_str));
            compliance.extend(compliance_topics.iter().map(String::as_str));
            must(
                stands_at(uri, WEBHOOKS, origin),
                "every uri of webhooks.subscriptions must be https://…/webhooks/shopify on SHOPIFY_APP_URL in full: \
                 Shopify puts a relative one behind application_url, which ends in /admin",
            );
        }
        for topic in TOPICS {
            let at = if COMPLIANCE_TOPICS.contains(&topic) { &compliance } else { &named };
            must(at.contains(&topic), &format!("webhooks.subscriptions lacks {topic}"));
        }
        for topic in named.iter().chain(&compliance).filter(|topic| !TOPICS.contains(topic)) {
            must(false, &format!("webhooks.subscriptions names {topic}, which nothing here handles"));
        }
    }
}

/// Whether a URL is https, has this path, and is on this origin where one is given.
fn stands_at(text: &str, path: &str, origin: Option<&Url>) -> bool {
    Url::parse(text).is_ok_and(|url| {
        url.scheme() == "https" && url.path() == path && origin.is_none_or(|origin| origin.origin() == url.origin())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = include_str!("../../../shopify.app.toml");

    fn wrong(text: &str) -> Vec<String> {
        let file: AppFile = basic_toml::from_str(text).unwrap();
        let origin = Url::parse("https://app.example.com").unwrap();
        file.wrong(Some("0123456789abcdef0123456789abcdef"), Some(&origin), "2026-10")
    }

    #[test]
    fn our_own_file_agrees_with_the_routes() {
        assert_eq!(wrong(OWN), Vec::<String>::new());
    }

    #[test]
    fn every_difference_is_named() {
        for (from, to, expected) in [
            ("example.com/admin\"\nembedded", "example.com/\"\nembedded", "ends in /admin"),
            (
                "https://app.example.com/admin\"\nembedded",
                "https://other.example.com/admin\"\nembedded",
                "SHOPIFY_APP_URL",
            ),
            ("embedded = true", "embedded = false", "embedded"),
            ("0123456789abcdef0", "1123456789abcdef0", "SHOPIFY_API_KEY"),
            (
                "url = \"https://app.example.com/apps/subtotal\"",
                "url = \"https://app.example.com/proxy\"",
                "app_proxy.url",
            ),
            ("\nurl = \"https", "\nurl = \"http", "app_proxy.url"),
            ("prefix = \"apps\"", "prefix = \"app\"", "prefix"),
            ("subpath = \"subtotal\"", "subpath = \"sub/total\"", "subpath"),
            ("read_customers,", "", "read_customers"),
            ("api_version = \"2026-10\"", "api_version = \"2025-01\"", "api_version"),
            ("\"shop/redact\"", "\"shop/redacted\"", "lacks shop/redact"),
            ("\"shop/redact\"", "\"shop/redacted\"", "names shop/redacted"),
            ("\"app/uninstalled\", ", "", "lacks app/uninstalled"),
            ("uri = \"https://app.example.com/webhooks/shopify\"", "uri = \"/webhooks/shopify\"", "a relative one"),
            ("app.example.com/webhooks/shopify\"", "app.example.com/webhooks\"", "every uri"),
            ("app.example.com/webhooks", "other.example.com/webhooks", "every uri"),
        ] {
            let changed = OWN.replacen(from, to, 1);
            assert_ne!(changed, OWN, "{from}");
            assert!(
                wrong(&changed).iter().any(|message| message.contains(expected)),
                "{expected}: {:?}",
                wrong(&changed)
            );
        }
    }
}
