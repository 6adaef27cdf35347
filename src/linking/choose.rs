//! Which of a shopper's connections to show and to use. Pure.
//!
//! Subtotal may hold several connections of one shopper for one retailer. A disconnected one is used again, because a
//! Link URL with its id reconnects it, and a fresh id would let loyalty programmes pay twice.

use std::cmp::Reverse;

use crate::subtotal::wire::Connection;

/// What to do about a shopper who wants to link a retailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice<'a> {
    /// Use the connection with this id.
    Reuse(&'a str),
    /// There is none that can be used.
    Create,
}

/// The connection a request named is not one of this shopper's for this retailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the named connection is not one of this customer's for this retailer")]
pub struct ConnectionNotFound;

/// Statuses a connection can be used again in, best first.
const USABLE: [&str; 4] = ["active", "unauthenticated", "initialized", "disconnected"];

/// The connection to show for a retailer: the best status, and the newest among equals.
#[must_use]
pub fn shown<'a>(connections: &'a [Connection], retailer_id: &str) -> Option<&'a Connection> {
    connections
        .iter()
        .filter(|connection| connection.retailer_id == retailer_id)
        .min_by_key(|connection| (rank(&connection.status), Reverse(&connection.connection_id)))
}

/// The connection to use for a retailer. `named` is the one the page asked for, if it asked for one.
pub(super) fn choose<'a>(
    connections: &'a [Connection],
    retailer_id: &str,
    named: Option<&str>,
) -> Result<Choice<'a>, ConnectionNotFound> {
    if let Some(id) = named {
        let of_retailer = |connection: &&Connection| connection.retailer_id == retailer_id;
        let mut candidates = connections.iter().filter(of_retailer);
        let found = candidates.find(|connection| connection.connection_id == id).ok_or(ConnectionNotFound)?;
        if is_usable(found) {
            return Ok(Choice::Reuse(&found.connection_id));
        }
    }
    Ok(match shown(connections, retailer_id) {
        Some(best) if is_usable(best) => Choice::Reuse(&best.connection_id),
        _ => Choice::Create,
    })
}

fn is_usable(connection: &Connection) -> bool {
    rank(&connection.status) < USABLE.len()
}

fn rank(status: &str) -> usize {
    USABLE.iter().position(|usable| *usable == status).unwrap_or(USABLE.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(id: &str, retailer: &str, status: &str) -> Connection {
        Connection {
            connection_id: id.into(),
            customer_id: "1".into(),
            retailer_id: retailer.into(),
            status: status.into(),
        }
    }

    #[test]
    fn the_best_status_wins_and_the_newest_among_equals() {
        let mut connections = vec![
            connection("06", "walmart", "frozen"),
            connection("07", "walmart", "revoked"),
            connection("01", "walmart", "disconnected"),
            connection("02", "walmart", "initialized"),
            connection("03", "walmart", "unauthenticated"),
            connection("05", "walmart", "active"),
            connection("04", "walmart", "active"),
            connection("09", "amazon", "active"),
        ];
        for expected in ["05", "04", "03", "02", "01"] {
            assert_eq!(choose(&connections, "walmart", None), Ok(Choice::Reuse(expected)));
            connections.retain(|connection| connection.connection_id != expected);
        }
        assert_eq!(choose(&connections, "walmart", None), Ok(Choice::Create));
        assert_eq!(shown(&connections, "walmart").unwrap().connection_id, "07");
        assert_eq!(shown(&connections, "kroger"), None);
    }

    #[test]
    fn a_named_connection_must_be_of_this_retailer_and_usable() {
        let connections = [
            connection("01", "walmart", "disconnected"),
            connection("02", "walmart", "active"),
            connection("03", "walmart", "revoked"),
            connection("04", "amazon", "active"),
        ];
        assert_eq!(choose(&connections, "walmart", Some("01")), Ok(Choice::Reuse("01")));
        assert_eq!(choose(&connections, "walmart", Some("03")), Ok(Choice::Reuse("02")), "as if not named");
        assert_eq!(choose(&connections, "walmart", Some("04")), Err(ConnectionNotFound));
        assert_eq!(choose(&connections, "walmart", Some("99")), Err(ConnectionNotFound));
    }
}
