//! The database, the disk under it, and what is stored there.

use std::path::Path;

use tokio::time::timeout;

use super::{Finding, PATIENCE, is_broken, scopes};
use crate::config::{Config, Problem};
use crate::shopify::ShopDomain;
use crate::store::{PassingDisk, SealError, Store, StoreError, folder_of, passing_disk};

/// Free space below which SQLite is about to stop, and below which somebody should look, in bytes.
const LITTLE: u64 = 100 * 1024 * 1024;
const SOME: u64 = 1024 * 1024 * 1024;
/// Shops that one finding names.
const NAMED: usize = 5;

/// The opened database, or why there is none.
pub(super) struct Stored {
    store: Result<Store, Finding>,
    /// Of each installed shop: domain, granted scopes, and what is wrong with its tokens.
    grants: Vec<(String, String, Option<String>)>,
}

impl Stored {
    pub(super) async fn open(config: &Config, problems: &[Problem]) -> Self {
        let store = open(config, problems).await;
        let grants = match &store {
            Ok(store) => timeout(PATIENCE, store.grants()).await.ok().and_then(Result::ok),
            Err(_) => None,
        };
        Self { store, grants: grants.unwrap_or_default() }
    }

    /// An installed shop to ask Shopify with.
    pub(super) fn shop(&self) -> Option<ShopDomain> {
        self.grants.iter().find_map(|(domain, ..)| domain.parse().ok())
    }

    pub(super) async fn check(&self, config: &Config) -> Vec<Finding> {
        let mut findings = Vec::new();
        match &self.store {
            Err(finding) => findings.push(finding.clone()),
            Ok(store) => {
                let migrates = config.server.migrate_on_start;
                findings.push(bounded("database", schema(store, migrates)).await);
                findings.push(bounded("secrets", secrets(store)).await);
                findings.extend(self.granted());
            }
        }
        match config.database.sqlite_file() {
            Some(file) => findings.push(disk(&file)),
            None => findings.push(Finding::ok("disk", "the disk is the PostgreSQL server's and not seen from here")),
        }
        findings
    }

    fn granted(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let told = |lacking: Vec<String>, what: &str, advice: &str| {
            let named = lacking.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            let message = format!("{} of {} shops {what}: {named}", lacking.len(), self.grants.len());
            (!lacking.is_empty()).then(|| Finding::warning("grants", message, advice))
        };
        let lacks = |scopes: &str| !scopes.is_empty() && !scopes::missing(&scopes::split(scopes)).is_empty();
        let domains = |chosen: &dyn Fn(&str, bool) -> bool| {
            let chosen = self.grants.iter().filter(|(_, scopes, problem)| chosen(scopes, problem.is_some()));
            chosen.map(|(domain, ..)| domain.clone()).collect::<Vec<_>>()
        };
        findings.extend(told(
            domains(&|scopes, _| lacks(scopes)),
            "have not granted every scope",
            "deploy shopify.app.toml, then open the app in the shop's admin; Shopify asks for what is missing",
        ));
        findings.extend(told(
            domains(&|_, dead| dead),
            "have access tokens that Shopify does not renew",
            "the merchant opens the app once; it gets new ones",
        ));
        if findings.is_empty() {
            let message = format!("{} installed shops, nothing known to be missing", self.grants.len());
            findings.push(Finding::ok("grants", message));
        }
        findings
    }
}

async fn open(config: &Config, problems: &[Problem]) -> Result<Store, Finding> {
    if is_broken(problems, "DATABASE_URL") {
        return Err(Finding::problem("database", "not checked: DATABASE_URL is wrong", "set DATABASE_URL"));
    }
    if let Some(file) = config.database.sqlite_file().filter(|file| !file.exists()) {
        let message = format!("{} is not there yet", file.display());
        return Err(Finding::warning("database", message, "serve or migrate creates it"));
    }
    match timeout(PATIENCE, Store::open(&config.database.url, config.database.keyring.clone())).await {
        Ok(Ok(store)) => Ok(store),
        // What the driver says may name the user, so only its kind is told.
        Ok(Err(_)) | Err(_) => Err(Finding::problem(
            "database",
            "the database at DATABASE_URL can not be opened",
            "check that the server runs, that the file may be written, and user, password and database in DATABASE_URL",
        )),
    }
}

async fn bounded(check: &'static str, look: impl Future<Output = Result<Finding, StoreError>>) -> Finding {
    match timeout(PATIENCE, look).await {
        Ok(Ok(finding)) => finding,
        Ok(Err(_)) => {
            Finding::problem(check, "the database did not answer as expected", "run migrate, then doctor again")
        }
        Err(_) => {
            Finding::warning(check, format!("not done within {PATIENCE:?}"), "run doctor again when it is less busy")
        }
    }
}

async fn schema(store: &Store, migrates: bool) -> Result<Finding, StoreError> {
    let schema = match store.schema().await {
        Err(StoreError::NewerSchema(_)) => {
            let message = "its schema is of a newer version, which this one can not work with";
            return Ok(Finding::problem("database", message, "run the newer version, or restore a backup"));
        }
        schema => schema?,
    };
    Ok(match schema.pending {
        0 if !schema.unknown.is_empty() => {
            Finding::ok("database", "it answers; a newer version extended its schema, which this one can work with")
        }
        0 => Finding::ok("database", "it answers, and its schema is current"),
        lacking if migrates => {
            let message = format!("it answers; its schema lacks {lacking} migrations");
            Finding::warning("database", message, "serve applies them when it starts; migrate does so now")
        }
        lacking => {
            let message = format!("its schema lacks {lacking} migrations, and MIGRATE_ON_START is false");
            Finding::problem("database", message, "run: subtotal-connect migrate")
        }
    })
}

async fn secrets(store: &Store) -> Result<Finding, StoreError> {
    let (total, shut) = store.unopened().await?;
    let Some(first) = shut.first() else {
        return Ok(Finding::ok("secrets", format!("the encryption keys open all {total} sealed values")));
    };
    let named: Vec<_> = shut.iter().take(NAMED).map(|secret| format!("{} of {}", secret.kind, secret.shop)).collect();
    let message = format!("{} of {total} sealed values do not open: {}", shut.len(), named.join(", "));
    let advice = match &first.reason {
        SealError::NoKey => "set ENCRYPTION_KEYS to the key they were sealed under".to_owned(),
        SealError::UnknownKey(id) => format!("add the key {id} to ENCRYPTION_KEYS, behind the newest"),
        SealError::DoesNotOpen => {
            "ENCRYPTION_KEYS holds another key under the same id, or the rows are damaged: put the right key back, or \
             store these secrets again"
                .to_owned()
        }
    };
    Ok(Finding::problem("secrets", message, advice))
}

#[cfg(unix)]
fn disk(file: &Path) -> Finding {
    let folder = folder_of(file);
    let Ok(seen) = rustix::fs::statvfs(folder) else {
        let message = format!("the folder {} is not there", folder.display());
        return Finding::problem("disk", message, "make the folder, or name another in DATABASE_URL");
    };
    let free = seen.f_bavail.saturating_mul(seen.f_frsize);
    let megabytes = free / (1024 * 1024);
    if free < LITTLE {
        let message = format!("only {megabytes} MB are free where the database is");
        return Finding::problem("disk", message, "make room; without it nothing can be stored");
    }
    if let Some(PassingDisk { what, advice }) = passing_disk(file) {
        return Finding::warning("disk", format!("the database is on {what}"), advice);
    }
    if free < SOME {
        return Finding::warning("disk", format!("{megabytes} MB are free where the database is"), "make room soon");
    }
    Finding::ok("disk", format!("{megabytes} MB are free where the database is"))
}

#[cfg(not(unix))]
fn disk(_: &Path) -> Finding {
    Finding::warning("disk", "free space is not checked on this system", "see that there is room for the database")
}
