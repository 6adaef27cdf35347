//! What a connection's new status means, given the one before. Pure.

use super::happening::HappeningKind;

/// What happened when a connection's status became `status`, one of `active`, `unauthenticated` and `disconnected`, after
/// it had been `previous`, or nothing was known. Nothing happened when it was that already: notices come twice.
///
/// Active again after a disconnection is a connection, as Klaviyo's "Connected an Account" is sent "when a customer
/// connects a retailer account" (seed 003); only a login that was lost makes it a reauthentication.
#[must_use]
pub fn told(previous: Option<&str>, status: &str) -> Option<HappeningKind> {
    match (previous, status) {
        (Some(previous), status) if previous == status => None,
        (Some("unauthenticated"), "active") => Some(HappeningKind::Reauthenticated),
        (_, "active") => Some(HappeningKind::Connected),
        (_, "unauthenticated") => Some(HappeningKind::Unauthenticated),
        (_, "disconnected") => Some(HappeningKind::Disconnected),
        _ => None,
    }
}

/// The word a kind is stored as.
#[must_use]
pub fn word(kind: HappeningKind) -> &'static str {
    match kind {
        HappeningKind::Connected => "connected",
        HappeningKind::Reauthenticated => "reauthenticated",
        HappeningKind::Unauthenticated => "unauthenticated",
        HappeningKind::Disconnected => "disconnected",
        HappeningKind::Purchased => "purchased",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lost_login_makes_a_reauthentication() {
        use HappeningKind::{Connected, Disconnected, Reauthenticated, Unauthenticated};
        for (previous, status, expected) in [
            (None, "active", Some(Connected)),
            (Some("disconnected"), "active", Some(Connected)),
            (Some("unauthenticated"), "active", Some(Reauthenticated)),
            (Some("active"), "active", None),
            (None, "unauthenticated", Some(Unauthenticated)),
            (Some("active"), "unauthenticated", Some(Unauthenticated)),
            (Some("unauthenticated"), "unauthenticated", None),
            (None, "disconnected", Some(Disconnected)),
            (Some("unauthenticated"), "disconnected", Some(Disconnected)),
            (Some("disconnected"), "disconnected", None),
            (Some("active"), "paused", None),
        ] {
            assert_eq!(told(previous, status), expected, "{previous:?} -> {status}");
        }
    }
}
