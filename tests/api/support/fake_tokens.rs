//! A fake of Shopify's token endpoint: every grant gives a new pair, and the refresh token before it works until the
//! new pair is first used.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use wiremock::ResponseTemplate;

/// What the endpoint does with every grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenFault {
    None,
    /// Nothing is granted.
    Status(u16),
    /// Nothing is granted, and no answer comes.
    Hang,
    /// A pair is granted, but the answer never comes.
    GrantThenHang,
    /// A pair is granted, but the answer takes so many milliseconds.
    Slow(u64),
}

/// The tokens of every shop.
#[derive(Debug)]
pub(crate) struct FakeTokens {
    shops: HashMap<String, Pair>,
    serial: usize,
    pub(crate) fault: TokenFault,
    pub(crate) access_lives: i64,
    /// The grant types asked for, in order.
    pub(crate) grants: Vec<String>,
}

#[derive(Debug, Clone)]
struct Pair {
    access: String,
    refresh: String,
    /// Good until `access` or `refresh` is first used.
    refresh_before: Option<String>,
}

impl FakeTokens {
    pub(crate) fn new() -> Self {
        Self { shops: HashMap::new(), serial: 0, fault: TokenFault::None, access_lives: 3600, grants: Vec::new() }
    }

    /// A new pair of a shop, as an exchange gives it.
    pub(crate) fn grant(&mut self, shop: &str) -> (String, String) {
        self.serial += 1;
        let serial = self.serial;
        let refresh_before = self.shops.get(shop).map(|pair| pair.refresh.clone());
        let (access, refresh) = (format!("shpat_{serial:04}_{shop}"), format!("shprt_{serial:04}_{shop}"));
        let pair = Pair { access: access.clone(), refresh: refresh.clone(), refresh_before };
        self.shops.insert(shop.to_owned(), pair);
        (access, refresh)
    }

    /// The app is uninstalled: no token of the shop works any more.
    pub(crate) fn revoke(&mut self, shop: &str) {
        self.shops.remove(shop);
    }

    /// Whether the pair works, or renews to one that does.
    pub(crate) fn works(&self, shop: &str, refresh: &str) -> bool {
        self.shops
            .get(shop)
            .is_some_and(|pair| pair.refresh == refresh || pair.refresh_before.as_deref() == Some(refresh))
    }

    /// The shop's newest pair.
    pub(crate) fn newest(&self, shop: &str) -> (String, String) {
        let pair = &self.shops[shop];
        (pair.access.clone(), pair.refresh.clone())
    }

    /// Whether the shop has another access token than this one.
    pub(crate) fn is_renewed(&self, shop: &str, access: &str) -> bool {
        self.shops.get(shop).is_some_and(|pair| pair.access != access)
    }

    /// The Admin API was asked with this token.
    pub(crate) fn used(&mut self, shop: &str, access: &str) {
        if let Some(pair) = self.shops.get_mut(shop).filter(|pair| pair.access == access) {
            pair.refresh_before = None;
        }
    }

    pub(crate) fn respond(&mut self, shop: &str, form: &[u8]) -> ResponseTemplate {
        let form: HashMap<String, String> = url::form_urlencoded::parse(form).into_owned().collect();
        let grant_type = form.get("grant_type").cloned().unwrap_or_default();
        self.grants.push(grant_type.clone());
        if let TokenFault::Status(status) = self.fault {
            return ResponseTemplate::new(status);
        }
        if self.fault == TokenFault::Hang {
            return ResponseTemplate::new(503).set_delay(Duration::from_secs(30));
        }
        if grant_type == "refresh_token" {
            let refresh = form.get("refresh_token").cloned().unwrap_or_default();
            if !self.works(shop, &refresh) {
                return ResponseTemplate::new(400).set_body_json(json!({ "error": "invalid_grant" }));
            }
        }
        let before = self.shops.get(shop).map(|pair| pair.refresh.clone());
        let repeated = form.get("refresh_token").filter(|used| before.as_ref() != Some(*used)).cloned();
        let (access, refresh) = self.grant(shop);
        // A refresh token that is used again after a lost answer stays good until the newest pair is used.
        if let (Some(repeated), Some(pair)) = (repeated, self.shops.get_mut(shop)) {
            pair.refresh_before = Some(repeated);
        }
        let answer = ResponseTemplate::new(200).set_body_json(json!({
            "access_token": access, "expires_in": self.access_lives, "refresh_token": refresh,
            "refresh_token_expires_in": 7_776_000, "scope": "read_customers,write_app_proxy",
        }));
        match self.fault {
            TokenFault::GrantThenHang => answer.set_delay(Duration::from_secs(30)),
            TokenFault::Slow(delay) => answer.set_delay(Duration::from_millis(delay)),
            _ => answer,
        }
    }
}
