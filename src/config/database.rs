//! The database, and the keys that seal secrets in it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use secrecy::{ExposeSecret, SecretBox, SecretString};

use crate::settings::Settings;
use crate::store::{EncryptionKey, Keyring, Limits};

/// The database and what seals secrets in it.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `DATABASE_URL`; it may hold a password.
    pub url: SecretString,
    /// `ENCRYPTION_KEYS`
    pub keyring: Keyring,
    /// `DATABASE_MAX_CONNECTIONS` and `DATABASE_STATEMENT_TIMEOUT_MS`: for `serve`, on PostgreSQL.
    pub limits: Limits,
}

impl DatabaseConfig {
    /// The file of a SQLite database; `None` for another kind.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        let path = self.url.expose_secret().strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        Some(path.split('?').next().unwrap_or_default().into())
    }
}

impl Settings<'_> {
    /// `DATABASE_URL`, `ENCRYPTION_KEYS` and the limits.
    pub fn database(&mut self, keys_required: bool) -> DatabaseConfig {
        let url = self.text("DATABASE_URL").unwrap_or_else(|| "sqlite://subtotal-connect.db?mode=rwc".to_owned());
        let known = ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme));
        if !known || url.contains(":memory:") {
            self.problem("DATABASE_URL", "must be sqlite://path?mode=rwc (a file) or postgres://user@host/database");
        }
        let keyring = Keyring::new(self.encryption_keys(keys_required));
        DatabaseConfig { url: url.into(), keyring, limits: self.database_limits() }
    }

    fn database_limits(&mut self) -> Limits {
        const CONNECTIONS: &str = "DATABASE_MAX_CONNECTIONS";
        const STATEMENT: &str = "DATABASE_STATEMENT_TIMEOUT_MS";
        let connections = self.parsed(CONNECTIONS, "a number from 2 to 1000", 16);
        if !(2..=1000).contains(&connections) {
            self.problem(CONNECTIONS, "must be a number from 2 to 1000");
        }
        let statement = self.milliseconds(STATEMENT, 3000);
        if statement < Duration::from_millis(100) {
            self.problem(STATEMENT, "must be at least 100 milliseconds");
        }
        Limits { connections, statement }
    }

    fn encryption_keys(&mut self, required: bool) -> Vec<EncryptionKey> {
        const NAME: &str = "ENCRYPTION_KEYS";
        const SHAPE: &str = "must be id:key, where id is 1 to 32 letters, digits, - or _ and key is 32 bytes in base64 \
             (openssl rand -base64 32); several, newest first, separated by commas";
        let mut keys: Vec<EncryptionKey> = Vec::new();
        for item in self.list(NAME) {
            match parse_encryption_key(&item) {
                Some(key) if keys.iter().any(|other| other.id == key.id) => {
                    self.problem(NAME, "names a key twice");
                }
                Some(key) => keys.push(key),
                None => self.problem(NAME, SHAPE),
            }
        }
        if required && keys.is_empty() && !self.problems.iter().any(|problem| problem.variable == NAME) {
            self.problem(NAME, &format!("is missing: it {SHAPE}"));
        }
        keys
    }
}

fn parse_encryption_key(item: &str) -> Option<EncryptionKey> {
    let (id, key) = item.split_once(':')?;
    let named = (1..=32).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let bytes = base64::engine::general_purpose::STANDARD.decode(key).ok()?;
    let key: [u8; 32] = bytes.try_into().ok()?;
    named.then(|| EncryptionKey { id: id.to_owned(), key: Arc::new(SecretBox::new(Box::new(key))) })
}
