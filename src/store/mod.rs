//! The database: the only folder that knows SeaORM. Every query but those in `shops` takes a shop's id first.

mod activity;
mod announcements;
mod attempts;
mod audit;
mod audit_chain;
mod audit_prune;
mod backlog;
mod claims;
mod compliance;
mod connections;
mod copies;
mod customer_redact;
mod data_report;
mod deliveries;
mod delivery_list;
mod disk;
mod entities;
mod entries;
mod event_list;
mod export;
mod export_tables;
mod happenings;
mod histories;
mod inbox;
mod inspect;
mod installs;
mod integrations;
mod known_connections;
mod notices;
mod open;
mod outage;
mod pool;
mod refusals;
mod replace;
mod reseal;
mod retention;
mod rules;
mod schema;
mod sealed;
mod sealed_tables;
mod secrets;
mod shop;
mod shop_cache;
mod shop_redact;
mod shops;
mod subtotal_events;
mod summaries;
mod test_deliveries;
mod tokens;
mod turns;

use std::sync::Arc;

use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode, TransactionOptions,
};
use secrecy::SecretString;
use tokio::sync::Mutex;

use pool::{Pool, Transaction};

pub use activity::{Activity, ActivityEntry, Cursor};
pub use announcements::{Announcement, Announcements};
pub use attempts::{DeliveryEnd, ListedAttempt, Tried};
pub use audit::{Actor, AuditLine, Deed, Trail};
pub use audit_chain::Chain;
pub use backlog::{Backlog, PoolUse, TokenCounts};
pub use claims::{Claim, ClaimKey, ClaimState};
pub use compliance::{ComplianceReceipt, Outcome};
pub use connections::{ListedConnection, ListedConnections};
pub use copies::{CopyError, CopyState, bring_up, examine_copy, fold, with_companions};
pub use data_report::{
    DataReport, ReportedConnection, ReportedCreation, ReportedEvent, ReportedHappening, ReportedRequest,
};
pub use deliveries::DueDelivery;
pub use delivery_list::{ListedDelivery, ReportedDelivery};
pub use disk::{PassingDisk, folder_of, passing_disk};
pub use entries::FoundEntries;
pub use event_list::EventLine;
pub use export::ExportError;
pub use histories::{LeasedHistory, PageEnd};
pub use inbox::{Delivery, DeliveryLine, NewDelivery};
pub use inspect::Unopened;
pub use installs::ShopTold;
pub use integrations::{Destination, Identifier, Integration};
pub use known_connections::{ConnectionCount, KnownConnection, KnownConnections, Order};
pub use notices::Notice;
pub use open::Limits;
pub use refusals::{NewRefusals, Refusal};
pub use replace::{ReplaceError, hold, is_taken, replace_database, sync_folder};
pub use reseal::{ResealPlace, Resealed};
pub use retention::KeptDays;
pub use rules::{FIRST_VERSION, ListChange, ListState, ReplacedList};
pub use schema::Schema;
pub use sealed::{EncryptionKey, Keyring, SealError};
pub use sealed_tables::SealedCount;
pub use secrets::SecretKind;
pub use shop::{Accounts, LinkStyle, Shop, ShopChanges};
pub use shop_cache::ShopCache;
pub use subtotal_events::{EventFate, LeasedEvent, NewEvent};
pub use summaries::ShopSummary;
pub use test_deliveries::TestDelivery;
pub use tokens::StoredTokens;

/// An open database.
#[derive(Debug, Clone)]
pub struct Store {
    db: Pool,
    /// Where a commit must survive a power loss too: SQLite with `synchronous=FULL`; the same pool on PostgreSQL.
    durable: Pool,
    /// Where a listener connects.
    url: SecretString,
    keyring: Keyring,
    /// See [`turns`].
    turns: Arc<Mutex<()>>,
}

/// The database, or what is sealed in it, can not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused, or could not be reached.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// A sealed secret could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Somebody else changed the same thing meanwhile; what was asked for is not done.
    #[error("somebody else changed this meanwhile; look at it and try again")]
    VersionConflict,
    /// The schema was changed by a newer version of this program, in a way that this one can not work with.
    #[error("the database was migrated by a newer version of this program ({0}), which this one can not work with")]
    NewerSchema(String),
    /// A row holds what no version of this program writes.
    #[error("the database holds an unreadable value in {0}")]
    Unreadable(&'static str),
}

impl Store {
    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.db.ping().await?)
    }

    /// Whether the database can be written to. On SQLite this writes, what is there once more, because a full disk shows
    /// in nothing else.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it does not answer.
    pub async fn try_writing(&self) -> Result<bool, StoreError> {
        const READ_ONLY: &str = "SELECT current_setting('transaction_read_only') = 'on' AS read_only";
        if self.db.get_database_backend() == DbBackend::Postgres {
            let row = self.db.query_one_raw(self.statement(READ_ONLY, vec![])).await?;
            return Ok(!row.ok_or(StoreError::Unreadable("transaction_read_only"))?.try_get("", "read_only")?);
        }
        match self.write_once_more().await {
            Ok(()) => Ok(true),
            Err(error) if error.is_outage() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn write_once_more(&self) -> Result<(), StoreError> {
        let transaction = self.begin_write().await?;
        let row = transaction.query_one_raw(self.statement("PRAGMA user_version", vec![])).await?;
        let version: i64 = row.ok_or(StoreError::Unreadable("user_version"))?.try_get("", "user_version")?;
        transaction.execute_unprepared(&format!("PRAGMA user_version = {version}")).await?;
        Ok(transaction.commit().await?)
    }

    /// A transaction that only reads, and sees one state of the database from its first statement to its last.
    async fn begin_snapshot(&self) -> Result<Transaction, StoreError> {
        let options = match self.db.get_database_backend() {
            DbBackend::Postgres => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            },
            _ => TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
                ..TransactionOptions::default()
            },
        };
        Ok(self.db.begin(options).await?)
    }
}
