//! HMAC-SHA256 under the app's client secrets, compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The app's client secrets, newest first. More than one is valid while a secret is being rotated.
///
/// The keyed HMAC states are prepared once, so verifying costs no key set-up.
#[derive(Clone)]
pub struct ClientSecrets(Vec<Hmac<Sha256>>);

impl ClientSecrets {
    /// Prepares the secrets, newest first. Signing uses the first.
    ///
    /// # Panics
    /// When `secrets` is empty; settings are checked before this is called.
    #[must_use]
    pub fn new(secrets: &[SecretString]) -> Self {
        assert!(!secrets.is_empty(), "settings guarantee at least one client secret");
        Self(secrets.iter().map(|secret| keyed(secret.expose_secret())).collect())
    }

    /// The index of the secret whose HMAC-SHA256 of `message` is `digest`, or `None`.
    ///
    /// Every secret is tried, whichever matches, so the time does not tell which one is in use.
    #[must_use]
    pub fn verify(&self, message: &[u8], digest: &[u8]) -> Option<usize> {
        let mut found = None;
        for (index, keyed) in self.0.iter().enumerate() {
            let matches = keyed.clone().chain_update(message).verify_slice(digest).is_ok();
            if matches && found.is_none() {
                found = Some(index);
            }
        }
        if let Some(index) = found {
            let index = ["0", "1", "2"].get(index).copied().unwrap_or("more");
            metrics::counter!("client_secret_uses_total", "index" => index).increment(1);
        }
        found
    }

    /// The HMAC-SHA256 of `message` under the newest secret, in lower-case hex.
    #[must_use]
    pub fn sign_hex(&self, message: &[u8]) -> String {
        hex::encode(self.0[0].clone().chain_update(message).finalize().into_bytes())
    }
}

impl std::fmt::Debug for ClientSecrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ClientSecrets({})", self.0.len())
    }
}

fn keyed(secret: &str) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length")
}
