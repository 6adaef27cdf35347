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

/// A notice that was judged before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Subtotal's id of the event.
    pub event_id: String,
    /// `active`, `unauthenticated` or `disconnected`.
    pub status: String,
    /// When it happened, Unix milliseconds.
    pub at: i64,
    /// Made by Subtotal's simulator.
    pub is_simulated: bool,
    /// Whether anything was told of it.
    pub is_told: bool,
}

/// What follows from one notice more.
#[derive(Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What it tells.
    pub tells: Option<HappeningKind>,
    /// What others tell after all, now that it stands beside them; by their places before it came.
    pub late: Vec<(usize, HappeningKind)>,
}

/// Judges a notice of `status` that belongs before the one at `place` of a connection's `line`, in which notices stand in
/// the order in which things happened. Several that say the same, with nothing between them, are told once, by whichever
/// came first; when something turns out to lie between them, the one before that is told too.
#[must_use]
pub fn judge(line: &[Judged], place: usize, status: &str) -> Judgement {
    let (before, behind) = line.split_at(place);
    let kind = told(before.last().map(|notice| notice.status.as_str()), status);
    let mut late = Vec::new();
    if let Some(last) = before.last().filter(|last| kind.is_some() && !last.is_told) {
        let first = before.iter().rev().find(|notice| notice.is_told || notice.status != last.status);
        late.extend(told(first.map(|notice| notice.status.as_str()), &last.status).map(|kind| (place - 1, kind)));
    }
    if let Some(next) = behind.first().filter(|next| !next.is_told && !is_told(behind, &next.status)) {
        late.extend(told(Some(status), &next.status).map(|kind| (place, kind)));
    }
    Judgement { tells: kind.filter(|_| !is_told(behind, status)), late }
}

/// Whether one of the first of these, as far as they say `status`, was told.
fn is_told(behind: &[Judged], status: &str) -> bool {
    behind.iter().find(|notice| notice.is_told || notice.status != status).is_some_and(|notice| notice.status == status)
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

    /// A line of notices as `a`, `u` and `d`, in capitals where they were told.
    fn line(text: &str) -> Vec<Judged> {
        let notice = |(at, letter): (i64, char)| Judged {
            event_id: at.to_string(),
            status: status(letter).to_owned(),
            at,
            is_simulated: false,
            is_told: letter.is_uppercase(),
        };
        (0..).zip(text.chars()).map(notice).collect()
    }

    fn status(letter: char) -> &'static str {
        match letter.to_ascii_lowercase() {
            'a' => "active",
            'u' => "unauthenticated",
            _ => "disconnected",
        }
    }

    #[test]
    fn what_says_the_same_is_told_once_until_something_lies_between() {
        use HappeningKind::{Connected, Reauthenticated, Unauthenticated};
        for (before, letter, behind, tells, late) in [
            ("", 'a', "", Some(Connected), vec![]),
            ("A", 'a', "", None, vec![]),
            ("", 'a', "A", None, vec![]),
            ("", 'a', "aA", None, vec![]),
            ("a", 'a', "A", None, vec![]),
            ("a", 'u', "A", Some(Unauthenticated), vec![(0, Connected)]),
            ("Aa", 'u', "", Some(Unauthenticated), vec![]),
            ("A", 'u', "a", Some(Unauthenticated), vec![(1, Reauthenticated)]),
            ("A", 'u', "aA", Some(Unauthenticated), vec![]),
            ("U", 'a', "U", Some(Reauthenticated), vec![]),
            ("", 'a', "U", Some(Connected), vec![]),
        ] {
            let known = line(&format!("{before}{behind}"));
            let expected = Judgement { tells, late };
            assert_eq!(judge(&known, before.len(), status(letter)), expected, "{before}>{letter}<{behind}");
        }
    }
}
