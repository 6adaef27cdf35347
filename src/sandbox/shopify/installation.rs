//! The app on the demo shop: whether it is installed, and the tokens it was given there.
//!
//! Offline tokens expire and are renewed in pairs. After a refresh the token before is accepted until the new one is
//! first used, so a lost answer loses nothing ("Offline access tokens",
//! <https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens>).

use serde_json::{Value, json};

/// Seconds an access token lives.
pub(super) const ACCESS_LIVES: i64 = 3600;
/// Seconds a refresh token lives: 90 days.
pub(super) const REFRESH_LIVES: i64 = 7_776_000;

/// Times are Unix seconds.
#[derive(Debug)]
pub(super) struct Installation {
    /// When it was installed; `None` while it is not.
    since: Option<i64>,
    access: Vec<Token>,
    refresh: Option<Token>,
    /// Spent, but good until the one that replaced it is used.
    previous: Option<Token>,
}

#[derive(Debug, Clone)]
struct Token {
    text: String,
    expires: i64,
}

/// A new pair, as the token endpoint answers it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) access: String,
    pub(super) refresh: String,
}

impl Installation {
    /// Installed at `now`, with no token yet.
    pub(super) fn new(now: i64) -> Self {
        Self { since: Some(now), access: Vec::new(), refresh: None, previous: None }
    }

    pub(super) fn is_installed(&self) -> bool {
        self.since.is_some()
    }

    /// Installs it again. Tokens of the time before stay dead.
    pub(super) fn install(&mut self, now: i64) {
        if self.since.is_none() {
            *self = Self::new(now);
        }
    }

    /// Removes it, and every token with it.
    pub(super) fn uninstall(&mut self) {
        *self = Self { since: None, ..Self::new(0) };
    }

    /// Whether `token` opens the Admin API now.
    pub(super) fn accepts(&self, token: &[u8], now: i64) -> bool {
        self.is_installed() && self.access.iter().any(|known| known.text.as_bytes() == token && now < known.expires)
    }

    /// The pair for a verified session token: earlier refresh tokens are worth nothing any more.
    pub(super) fn exchange(&mut self, now: i64) -> Option<Granted> {
        self.is_installed().then(|| {
            self.previous = None;
            self.grant(now)
        })
    }

    /// The pair for a refresh token; `None` when it is not good.
    pub(super) fn refresh(&mut self, token: &str, now: i64) -> Option<Granted> {
        let is = |known: &Option<Token>| known.as_ref().is_some_and(|known| known.text == token && now < known.expires);
        if is(&self.refresh) {
            self.previous = self.refresh.take();
        } else if !is(&self.previous) {
            return None;
        }
        Some(self.grant(now))
    }

    fn grant(&mut self, now: i64) -> Granted {
        let granted = Granted { access: random("shpat_"), refresh: random("shprt_") };
        self.access.retain(|token| now < token.expires);
        self.access.push(Token { text: granted.access.clone(), expires: now + ACCESS_LIVES });
        self.refresh = Some(Token { text: granted.refresh.clone(), expires: now + REFRESH_LIVES });
        granted
    }

    /// Ends every access token, as an hour would.
    pub(super) fn expire_access(&mut self) {
        self.access.clear();
    }

    /// Ends every refresh token, as ninety idle days would.
    pub(super) fn kill_refresh(&mut self) {
        self.refresh = None;
        self.previous = None;
    }

    /// What the levers show; never a whole token.
    pub(super) fn report(&self, now: i64) -> Value {
        let shown = |token: &Token| {
            let hint = token.text.get(token.text.len() - 4..).unwrap_or_default();
            json!({ "ends_in": hint, "lives_seconds": (token.expires - now).max(0) })
        };
        json!({
            "installed": self.is_installed(),
            "installed_at": self.since,
            "access_token": self.access.last().filter(|token| now < token.expires).map(shown),
            "refresh_token": self.refresh.as_ref().map(shown),
            "previous_refresh_token": self.previous.as_ref().map(shown),
        })
    }
}

fn random(prefix: &str) -> String {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes);
    format!("{prefix}{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_before_is_good_until_its_replacement_is_used() {
        let mut app = Installation::new(0);
        let first = app.exchange(0).unwrap();
        let second = app.refresh(&first.refresh, 1).unwrap();
        let third = app.refresh(&first.refresh, 2).unwrap();
        assert_eq!(app.refresh(&second.refresh, 3), None, "never used, and replaced");
        let fourth = app.refresh(&third.refresh, 3).unwrap();
        assert_eq!(app.refresh(&first.refresh, 4), None, "its replacement has been used");
        for granted in [&first, &second, &third, &fourth] {
            assert!(app.accepts(granted.access.as_bytes(), 5), "access tokens live until they expire");
        }
        assert!(!app.accepts(first.access.as_bytes(), ACCESS_LIVES));
        assert!(app.accepts(fourth.access.as_bytes(), ACCESS_LIVES));
    }

    #[test]
    fn an_exchange_ends_every_refresh_token_before_it() {
        let mut app = Installation::new(0);
        let first = app.exchange(0).unwrap();
        let second = app.refresh(&first.refresh, 1).unwrap();
        app.exchange(2).unwrap();
        assert_eq!((app.refresh(&first.refresh, 3), app.refresh(&second.refresh, 3)), (None, None));
    }

    #[test]
    fn no_token_survives_an_uninstall_or_comes_back_with_an_install() {
        let mut app = Installation::new(0);
        let granted = app.exchange(0).unwrap();
        app.uninstall();
        assert_eq!((app.exchange(1), app.refresh(&granted.refresh, 1)), (None, None));
        assert!(!app.accepts(granted.access.as_bytes(), 1));
        app.install(2);
        assert!(!app.accepts(granted.access.as_bytes(), 3));
        assert_eq!(app.refresh(&granted.refresh, 3), None);
        assert!(app.exchange(3).is_some());
    }
}
