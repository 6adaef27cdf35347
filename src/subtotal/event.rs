//! What an event says, as far as the public reference shows it (<https://www.subtotal.com/docs/webhooks/events>). What is
//! not as described there is kept and shown, never guessed at.

use serde_json::Value;
use sha2::{Digest, Sha256};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};
use ulid::Ulid;

/// Longest id that is taken as one, in bytes.
const MAX_ID: usize = 128;
/// Longest type that is kept, in characters.
const MAX_TYPE: usize = 64;
/// How far ahead of its arrival an event may be dated, in milliseconds.
const SKEW_MS: i64 = 300_000;
/// No event is from before 2020; an id that says so is no ULID.
const FIRST_MS: i64 = 1_577_836_800_000;

/// An event as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The same over repeats. For an event without a good one, a digest of its body.
    pub id: String,
    /// Such as `connection.activated`; empty where there is none.
    pub kind: String,
    /// When it happened, Unix milliseconds.
    pub at: i64,
    /// Whether the event itself says when it happened. Otherwise `at` is when it was sent, which may be much later.
    pub is_dated: bool,
    /// Made by Subtotal's simulator.
    pub is_simulated: bool,
    /// What it tells.
    pub news: News,
}

/// What an event tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A connection has another status.
    Connection(Status, ToldConnection),
    /// A purchase was collected.
    Purchase(String, ToldConnection),
    /// It is documented, and nothing follows from it.
    Nothing,
    /// It is not documented, or not as documented; why.
    Unreadable(&'static str),
}

/// A status that is told of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Purchases are collected.
    Active,
    /// The shopper has to sign in again.
    Unauthenticated,
    /// The shopper ended it.
    Disconnected,
}

/// The connection an event is about. Its `Debug` form shows ids only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ToldConnection {
    /// A ULID.
    pub connection_id: String,
    /// The merchant's id of the customer.
    pub customer_id: Option<String>,
    /// The retailer's slug; empty only in a purchase's event.
    pub retailer_id: String,
    /// The customer's e-mail address.
    pub email: Option<String>,
    /// The customer's phone number.
    pub mobile: Option<String>,
}

impl Status {
    /// Subtotal's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Unauthenticated => "unauthenticated",
            Self::Disconnected => "disconnected",
        }
    }
}

impl std::fmt::Debug for ToldConnection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ToldConnection")
            .field("connection_id", &self.connection_id)
            .field("customer_id", &self.customer_id)
            .field("retailer_id", &self.retailer_id)
            .finish_non_exhaustive()
    }
}

impl Event {
    /// Reads a verified body that was sent at `sent_at`, Unix milliseconds. Every body is some event.
    #[must_use]
    pub fn read(body: &[u8], sent_at: i64) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let given = text(&value["id"]).filter(|id| !id.starts_with("purchase:"));
        let kind = text(&value["type"]).unwrap_or_default();
        let (payload, kind) = (&value["payload"], kind.chars().take(MAX_TYPE).collect::<String>());
        let dated = date(&value["created_at"]).or_else(|| given.as_deref().and_then(ulid_time));
        let dated = dated.filter(|at| (FIRST_MS..=sent_at + SKEW_MS).contains(at)).map(|at| at.min(sent_at));
        let marks = [&value, payload, &payload["connection"], &payload["purchase"]];
        let news = match (&value, &given) {
            (Value::Object(_), Some(_)) => news(&kind, payload),
            (Value::Object(_), None) => News::Unreadable("it has no id"),
            _ => News::Unreadable("it is not a JSON object"),
        };
        Self {
            id: given.unwrap_or_else(|| format!("sha256:{}", hex::encode(Sha256::digest(body)))),
            kind,
            at: dated.unwrap_or(sent_at),
            is_dated: dated.is_some(),
            is_simulated: marks.iter().any(|value| value["is_simulated"] == true),
            news,
        }
    }

    /// The connection it is about, where it is about one.
    #[must_use]
    pub fn connection(&self) -> Option<&ToldConnection> {
        match &self.news {
            News::Connection(_, connection) | News::Purchase(_, connection) => Some(connection),
            News::Nothing | News::Unreadable(_) => None,
        }
    }
}

fn news(kind: &str, payload: &Value) -> News {
    let status = match kind {
        "connection.activated" => Some(Status::Active),
        "connection.unauthenticated" => Some(Status::Unauthenticated),
        "connection.disconnected" => Some(Status::Disconnected),
        "purchase.created" => None,
        "connection.initialized" | "connection.deleted" | "connection.profile.created" => return News::Nothing,
        _ => return News::Unreadable("its type is not known"),
    };
    let purchase = &payload["purchase"];
    let about = [&payload["connection"], payload, purchase];
    let of = |name: &str| about.iter().find_map(|value| text(&value[name]));
    let Some(connection_id) = of("connection_id") else { return News::Unreadable("it names no connection") };
    let connection = ToldConnection {
        connection_id,
        customer_id: of("customer_id"),
        retailer_id: of("retailer_id").unwrap_or_default(),
        email: of("email"),
        mobile: of("mobile"),
    };
    match (status, text(&purchase["purchase_id"]).or_else(|| text(&payload["purchase_id"]))) {
        (Some(_), _) if connection.retailer_id.is_empty() => News::Unreadable("it names no retailer"),
        (Some(status), _) => News::Connection(status, connection),
        (None, Some(purchase)) => News::Purchase(purchase, connection),
        (None, None) => News::Unreadable("it names no purchase"),
    }
}

/// Text that can be an id: not empty, not long, no control characters.
fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let good = !text.is_empty() && text.len() <= MAX_ID && !text.chars().any(char::is_control);
    good.then(|| text.to_owned())
}

/// A point in time as ISO 8601, in Unix milliseconds. Nothing where it is before the year 0 or behind 9999 in UTC, which
/// could not be written as ISO 8601 again.
pub(crate) fn date(value: &Value) -> Option<i64> {
    let time = OffsetDateTime::parse(value.as_str()?, &Rfc3339).ok()?;
    let time = time.checked_to_offset(UtcOffset::UTC).filter(|time| time.year() >= 0)?;
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
}

/// When a ULID was made, in Unix milliseconds. Subtotal's ids are ULIDs, and an event's id is made once.
fn ulid_time(id: &str) -> Option<i64> {
    i64::try_from(Ulid::from_string(id).ok()?.timestamp_ms()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SENT: i64 = 1_795_237_200_000;

    fn read(value: &Value) -> Event {
        Event::read(value.to_string().as_bytes(), SENT)
    }

    fn activated() -> Value {
        json!({ "type": "connection.activated", "id": "evt_1", "payload": { "connection": {
            "connection_id": "01C", "customer_id": "7001", "retailer_id": "walmart", "email": "a@b.example",
            "mobile": null, "status": "active",
        } } })
    }

    #[test]
    fn a_documented_event_is_read() {
        let event = read(&activated());
        let News::Connection(Status::Active, connection) = &event.news else { panic!("{event:?}") };
        assert_eq!((connection.connection_id.as_str(), connection.mobile.as_deref()), ("01C", None));
        assert_eq!((event.at, event.is_dated, event.is_simulated), (SENT, false, false));
        assert!(!format!("{event:?}").contains("a@b"));
    }

    #[test]
    fn it_is_dated_by_itself_or_by_its_id() {
        let mut event = activated();
        event["id"] = Ulid::from_parts(1_795_237_100_000, 1).to_string().into();
        assert_eq!((read(&event).at, read(&event).is_dated), (1_795_237_100_000, true));
        event["created_at"] = "2026-11-21T04:58:00Z".into();
        assert_eq!(read(&event).at, 1_795_237_080_000);
        for nonsense in ["2036-11-21T04:58:00Z", "1999-01-01T00:00:00Z"] {
            event["created_at"] = nonsense.into();
            assert!(!read(&event).is_dated, "{nonsense}");
        }
    }

    #[test]
    fn a_date_that_could_not_be_written_again_is_none() {
        let read = |text: &str| date(&Value::from(text));
        assert_eq!(read("1970-01-01T00:00:01+00:00"), Some(1000));
        for (good, bad) in [
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00+00:01"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-00:01"),
        ] {
            assert!(read(good).is_some_and(|at| OffsetDateTime::from_unix_timestamp(at / 1000).is_ok()), "{good}");
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_simulators_mark_is_found_wherever_it_stands() {
        for pointer in ["", "/payload", "/payload/connection"] {
            let mut event = activated();
            event.pointer_mut(pointer).unwrap()["is_simulated"] = true.into();
            assert!(read(&event).is_simulated, "{pointer}");
        }
    }

    #[test]
    fn what_is_not_as_documented_is_some_event_all_the_same() {
        let purchase = |payload: Value| json!({ "type": "purchase.created", "id": "e", "payload": payload });
        for (event, why) in [
            (json!([]), "it is not a JSON object"),
            (json!({ "type": "connection.activated" }), "it has no id"),
            (json!({ "type": "connection.activated", "id": 5 }), "it has no id"),
            (json!({ "type": "connection.activated", "id": "purchase:1" }), "it has no id"),
            (json!({ "type": "connection.upgraded", "id": "e" }), "its type is not known"),
            (json!({ "id": "e" }), "its type is not known"),
            (json!({ "type": "connection.activated", "id": "e", "payload": "x" }), "it names no connection"),
            (purchase(json!({ "connection": { "connection_id": "01C" } })), "it names no purchase"),
            (purchase(json!({ "purchase": { "purchase_id": "a\0" }, "connection_id": "01C" })), "it names no purchase"),
        ] {
            assert_eq!(read(&event).news, News::Unreadable(why), "{event}");
        }
        assert_eq!(Event::read(b"\xff", SENT).id.len(), 71);
    }

    #[test]
    fn a_purchase_is_found_in_either_place() {
        for payload in [
            json!({ "connection": { "connection_id": "01C" }, "purchase": { "purchase_id": "01P" } }),
            json!({ "connection_id": "01C", "purchase_id": "01P" }),
        ] {
            let event = read(&json!({ "type": "purchase.created", "id": "e", "payload": payload }));
            let News::Purchase(purchase, connection) = event.news else { panic!("{event:?}") };
            assert_eq!((purchase.as_str(), connection.connection_id.as_str()), ("01P", "01C"));
        }
    }
}
