//! Encryption of secrets at rest: XChaCha20-Poly1305 under the operator's keys.
//!
//! A sealed value is `version (1) | length of key id (1) | key id | nonce (24) | ciphertext`. The shop's id and the kind
//! of secret are bound in as associated data, so a row copied to another shop or column does not open.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use rand::Rng;
use secrecy::{ExposeSecret, SecretBox, SecretString};

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// One of the operator's encryption keys.
#[derive(Clone)]
pub struct EncryptionKey {
    /// A short name that is stored beside what the key sealed.
    pub id: String,
    /// 32 random bytes.
    pub key: std::sync::Arc<SecretBox<[u8; 32]>>,
}

impl std::fmt::Debug for EncryptionKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "EncryptionKey({})", self.id)
    }
}

/// The operator's encryption keys, newest first. The first seals, all of them open.
#[derive(Debug, Clone)]
pub struct Keyring(Vec<EncryptionKey>);

/// Where a secret belongs; bound into the seal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) shop_id: i64,
    pub(crate) kind: &'a str,
}

/// A sealed secret could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No key at all, so nothing can be sealed or opened.
    #[error("no encryption key is configured: set ENCRYPTION_KEYS")]
    NoKey,
    /// Sealed under a key that is not configured.
    #[error("a stored secret was sealed under the encryption key {0:?}, which ENCRYPTION_KEYS does not name")]
    UnknownKey(String),
    /// Damaged, or moved from another shop or column.
    #[error("a stored secret does not open: it is damaged or was moved from another shop")]
    DoesNotOpen,
}

impl Keyring {
    /// Keys newest first; none is allowed for commands that touch no secret.
    #[must_use]
    pub fn new(keys: Vec<EncryptionKey>) -> Self {
        Self(keys)
    }

    /// The ids of the keys, that of the one which seals first.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id.as_str())
    }

    /// Seals `secret` for its place; answers the bytes and the id of the key used.
    pub(crate) fn seal(&self, place: Place<'_>, secret: &SecretString) -> Result<(Vec<u8>, String), SealError> {
        let key = self.0.first().ok_or(SealError::NoKey)?;
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: &associated_data(place) };
        let ciphertext = cipher(key)
            .encrypt(&XNonce::from(nonce), payload)
            .expect("encryption in memory fails only for messages of many gigabytes");
        let id_length = u8::try_from(key.id.len()).expect("settings keep key ids short");
        let mut sealed = vec![VERSION, id_length];
        sealed.extend_from_slice(key.id.as_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok((sealed, key.id.clone()))
    }

    /// Opens what [`Keyring::seal`] made for the same place.
    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretString, SealError> {
        let (id, nonce, ciphertext) = split(sealed).ok_or(SealError::DoesNotOpen)?;
        let key = self.0.iter().find(|key| key.id.as_bytes() == id);
        let key = key.ok_or_else(|| SealError::UnknownKey(String::from_utf8_lossy(id).into_owned()))?;
        let payload = Payload { msg: ciphertext, aad: &associated_data(place) };
        let opened = cipher(key).decrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::DoesNotOpen)?;
        String::from_utf8(opened).map(SecretString::from).map_err(|_| SealError::DoesNotOpen)
    }
}

fn cipher(key: &EncryptionKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.key.expose_secret().into())
}

fn associated_data(place: Place<'_>) -> Vec<u8> {
    format!("subtotal-connect\0{}\0{}", place.shop_id, place.kind).into_bytes()
}

/// The id of the key that a value's first bytes name; `None` where they are no sealed value's.
pub(crate) fn key_id(sealed: &[u8]) -> Option<&str> {
    let (&[version, id_length], rest) = sealed.split_first_chunk::<2>()?;
    let (id, _) = rest.split_at_checked(usize::from(id_length))?;
    (version == VERSION).then(|| std::str::from_utf8(id).ok()).flatten()
}

fn split(sealed: &[u8]) -> Option<(&[u8], [u8; NONCE_BYTES], &[u8])> {
    let (&[version, id_length], rest) = sealed.split_first_chunk::<2>()?;
    let (id, rest) = rest.split_at_checked(usize::from(id_length))?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>()?;
    (version == VERSION).then_some((id, *nonce, ciphertext))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(ids: &[&str]) -> Keyring {
        let key = |id: &&str| EncryptionKey {
            id: (*id).to_owned(),
            key: std::sync::Arc::new(SecretBox::new(Box::new([id.len() as u8; 32]))),
        };
        Keyring::new(ids.iter().map(key).collect())
    }

    const HERE: Place<'_> = Place { shop_id: 7, kind: "subtotal_api_key" };

    #[test]
    fn a_secret_opens_only_in_its_own_place() {
        let keyring = keyring(&["k1"]);
        let (sealed, key_id) = keyring.seal(HERE, &"sk_live".into()).unwrap();
        assert_eq!(key_id, "k1");
        assert_eq!(keyring.open(HERE, &sealed).unwrap().expose_secret(), "sk_live");
        for elsewhere in [Place { shop_id: 8, ..HERE }, Place { kind: "shopify_admin_token", ..HERE }] {
            assert_eq!(keyring.open(elsewhere, &sealed).unwrap_err(), SealError::DoesNotOpen);
        }
    }

    #[test]
    fn no_changed_byte_opens_and_no_secret_is_sealed_twice_alike() {
        let keyring = keyring(&["k1"]);
        let (sealed, _) = keyring.seal(HERE, &"sk_live".into()).unwrap();
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(keyring.open(HERE, &changed).is_err(), "byte {index}");
        }
        for length in 0..sealed.len() {
            assert!(keyring.open(HERE, &sealed[..length]).is_err(), "length {length}");
        }
        assert_ne!(keyring.seal(HERE, &"sk_live".into()).unwrap().0, sealed);
    }

    #[test]
    fn the_newest_key_seals_and_older_ones_still_open() {
        let old = keyring(&["old"]).seal(HERE, &"sk_live".into()).unwrap().0;
        let both = keyring(&["newer", "old"]);
        assert_eq!(both.open(HERE, &old).unwrap().expose_secret(), "sk_live");
        assert_eq!(both.seal(HERE, &"x".into()).unwrap().1, "newer");
        assert_eq!(keyring(&["newer"]).open(HERE, &old).unwrap_err(), SealError::UnknownKey("old".into()));
    }
}
