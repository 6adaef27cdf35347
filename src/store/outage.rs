//! Which errors say that the database is in trouble: it can not be reached, does not answer in time, is locked, full, may
//! only be read or is stopping. Those pass without a restart, so callers are asked to come back. Everything else is a
//! mistake of ours, or of whoever wrote to the database, and coming back does not help.

use sea_orm::sqlx::error::{DatabaseError, Error};
use sea_orm::{DbErr, RuntimeErr};

use super::StoreError;

/// PostgreSQL's codes (<https://www.postgresql.org/docs/current/errcodes-appendix.html>), or their beginnings: connection,
/// resources, cancelled by a timeout, stopping or starting, not to be had under a lock, read-only, left idle in a
/// transaction, deadlock and serialisation, input and output.
const POSTGRES: [&str; 14] = [
    "08", "53", "57014", "57P01", "57P02", "57P03", "57P05", "55P03", "25006", "25P03", "25P04", "40001", "40P01",
    "58030",
];

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>): busy, locked, out of memory, read-only, input
/// and output, full, can not be opened.
const SQLITE: [u32; 7] = [5, 6, 7, 8, 10, 13, 14];

impl StoreError {
    /// Whether the database is in trouble that may pass, so that trying again later may help.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Database(DbErr::ConnectionAcquire(_) | DbErr::Conn(RuntimeErr::Internal(_))) => true,
            Self::Database(
                DbErr::Conn(RuntimeErr::SqlxError(error))
                | DbErr::Exec(RuntimeErr::SqlxError(error))
                | DbErr::Query(RuntimeErr::SqlxError(error)),
            ) => is_outage(error),
            Self::Database(_) | Self::Seal(_) | Self::VersionConflict | Self::NewerSchema(_) | Self::Unreadable(_) => {
                false
            }
        }
    }
}

fn is_outage(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Tls(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed => true,
        Error::Database(error) => code_is_outage(error.as_ref()),
        _ => false,
    }
}

fn code_is_outage(error: &dyn DatabaseError) -> bool {
    let Some(code) = error.code() else { return false };
    if error.try_downcast_ref::<sea_orm::sqlx::postgres::PgDatabaseError>().is_some() {
        return POSTGRES.iter().any(|known| code.starts_with(known));
    }
    // Extended codes hold the primary one in their last byte.
    code.parse::<u32>().is_ok_and(|code| SQLITE.contains(&(code & 0xff)))
}
