//! What Shopify puts into the query of the app's document loads ("Embedded app authorization",
//! <https://shopify.dev/docs/apps/build/authentication-authorization>).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use url::{Url, form_urlencoded};

use super::AdminSite;
use super::staff::StaffMember;
use crate::sandbox::shopify::id_token::{self, Opening};

/// The names Shopify keeps for itself. A page's own copies are dropped.
const SHOPIFYS: [&str; 8] = ["embedded", "hmac", "host", "id_token", "locale", "session", "shop", "timestamp"];
/// Where the app's pages are below its origin.
const APP_PATH: &str = "/admin";

impl AdminSite {
    /// A fresh session token of `staff`.
    pub(super) fn id_token(&self, staff: &StaffMember) -> String {
        let app = &self.config.app;
        let session = self.session_of(staff);
        let opening = Opening { shop: &app.shop, client_id: &app.client_id, staff: staff.id, session: &session };
        id_token::mint(&opening, &self.secrets, app.clock.unix_seconds())
    }

    /// The address of the app's page `rest` (empty, or from its slash on, query included) for the frame, signed.
    /// `None` when the path leaves the app's pages.
    pub(super) fn document_url(&self, rest: &str, staff: &StaffMember) -> Option<Url> {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut url = self.config.app_url.clone();
        url.set_path(&format!("{APP_PATH}{path}"));
        let within = url.path().strip_prefix(APP_PATH)?;
        if !within.is_empty() && !within.starts_with('/') {
            return None;
        }
        let own = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| !SHOPIFYS.contains(&key.as_ref()));
        let app = &self.config.app;
        let values = [
            ("embedded", "1".to_owned()),
            ("host", self.host()),
            ("id_token", self.id_token(staff)),
            ("locale", "en".to_owned()),
            ("session", self.session_of(staff)),
            ("shop", app.shop.to_string()),
            ("timestamp", app.clock.unix_seconds().to_string()),
        ];
        let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = own.collect();
        pairs.extend(values.map(|(key, value)| (key.into(), value.into())));
        let signature = self.secrets.sign_hex(signed_text(&pairs).as_bytes());
        pairs.push(("hmac".into(), signature.into()));
        url.query_pairs_mut().clear().extend_pairs(pairs);
        Some(url)
    }

    /// The name of the shop in the admin's URLs.
    pub(super) fn store_handle(&self) -> &str {
        let shop = self.config.app.shop.as_str();
        shop.split_once('.').map_or(shop, |(handle, _)| handle)
    }

    /// Shopify's `host` parameter: where the frame would be if this were Shopify.
    fn host(&self) -> String {
        STANDARD_NO_PAD.encode(format!("admin.shopify.com/store/{}", self.store_handle()))
    }

    fn session_of(&self, staff: &StaffMember) -> String {
        self.secrets.sign_hex(format!("session {} {}", self.session_seed, staff.id).as_bytes())
    }
}

/// What `hmac` signs: the pairs in order of their names, percent-encoded with `%20` for spaces.
fn signed_text(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let mut texts: Vec<_> = pairs.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
    texts.sort_unstable();
    texts.join("&")
}

#[cfg(test)]
mod tests {
    use super::signed_text;
    use crate::shopify::ClientSecrets;

    #[test]
    fn a_known_query_gets_its_known_hmac() {
        let pairs = [
            ("timestamp", "1739775272"),
            ("shop", "shop-name.myshopify.com"),
            ("embedded", "1"),
            ("host", "YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvc2hvcC1uYW1l"),
            ("locale", "en"),
            ("session", "abc"),
        ]
        .map(|(key, value)| (key.into(), value.into()));
        let hmac = ClientSecrets::new(&["hush".into()]).sign_hex(signed_text(&pairs).as_bytes());
        assert_eq!(hmac, "2e0315479b53f8ff0c34825a6f22fe6b7352f27473a271ac651ab6a3fe19d1c6");
    }
}
