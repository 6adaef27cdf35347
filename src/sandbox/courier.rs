//! How an event of Subtotal is written, signed and posted: one way for the sandbox's own and for those that are sent to
//! another service by hand.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;
use ulid::Ulid;
use url::Url;

/// Subtotal waits ten seconds for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What an event is signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    /// The receiver's secret.
    Rightly,
    /// Another secret.
    Wrongly,
}

/// What an event says.
#[derive(Debug)]
pub(super) struct Said<'a> {
    /// Such as `connection.activated`.
    pub(super) kind: &'a str,
    /// When it happened, in Unix milliseconds.
    pub(super) at: i64,
    /// The connection as the API shows it.
    pub(super) connection: Value,
    /// The purchase's id, where it is about one.
    pub(super) purchase: Option<&'a str>,
    /// Whether it has the simulator's mark.
    pub(super) is_simulated: bool,
}

/// An event, ready to be sent as often as it takes.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    /// The event's id, a ULID, which tells when it happened.
    pub(super) id: String,
    /// The event as JSON.
    pub(super) body: String,
}

impl Said<'_> {
    /// Writes the event under an id of its own.
    pub(super) fn written(self) -> Parcel {
        let at = u64::try_from(self.at).unwrap_or_default();
        let id = Ulid::from_parts(at, Ulid::generate().random()).to_string();
        let mut event = json!({ "type": self.kind, "id": id, "payload": { "connection": self.connection } });
        if let Some(purchase) = self.purchase {
            event["payload"]["purchase"] = json!({ "purchase_id": purchase });
        }
        if self.is_simulated {
            event["is_simulated"] = true.into();
        }
        Parcel { id, body: event.to_string() }
    }
}

/// The HMAC-SHA256 of `{timestamp}.{body}` in hex, as `X-Subtotal-Signature` has it.
fn sign(secret: &SecretString, timestamp: &str, body: &str, signed: Signed) -> String {
    let secret = secret.expose_secret();
    let key = match signed {
        Signed::Rightly => secret.to_owned(),
        Signed::Wrongly => format!("{secret}, but another"),
    };
    let keyed = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    hex::encode(keyed.chain_update(format!("{timestamp}.{body}")).finalize().into_bytes())
}

/// Posts an event once, signed at `now`, in Unix seconds; the status of the answer.
///
/// # Errors
/// When there is no answer within ten seconds.
pub(super) async fn post(
    client: &reqwest::Client,
    (url, secret): (&Url, &SecretString),
    parcel: &Parcel,
    signed: Signed,
    now: i64,
) -> reqwest::Result<u16> {
    let timestamp = now.to_string();
    let request = client.post(url.clone()).timeout(TIMEOUT);
    let request = request.header("X-Subtotal-Signature", sign(secret, &timestamp, &parcel.body, signed));
    let request = request.header("X-Subtotal-Timestamp", timestamp).header("Content-Type", "application/json");
    Ok(request.body(parcel.body.clone()).send().await?.status().as_u16())
}
