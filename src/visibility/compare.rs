//! What a change of one list does to the entries that stand in it, before and after: who gains, and who loses.

use std::collections::HashSet;

use super::{Entry, ListMatch, Scope, ShopperEmail};

/// A list with all of its entries, as it is or as it might become.
#[derive(Debug, Clone, Default)]
pub struct WholeList {
    is_on: bool,
    entries: HashSet<Entry>,
}

/// Entries whose shoppers a change lets see more, or less.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Entries whose shoppers see it from then on, sorted.
    pub gain: Vec<Entry>,
    /// Entries whose shoppers no longer see it, sorted.
    pub lose: Vec<Entry>,
    /// What happens to shoppers who stand in neither list.
    pub others: Others,
}

/// What a change does to shoppers who stand in neither list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Others {
    /// Nothing.
    #[default]
    Stay,
    /// They see it from then on: the list is turned off.
    Gain,
    /// They no longer see it: the list is turned on.
    Lose,
}

impl WholeList {
    /// A list with these entries, repeats and all.
    #[must_use]
    pub fn new(is_on: bool, entries: impl IntoIterator<Item = Entry>) -> Self {
        Self { is_on, entries: entries.into_iter().collect() }
    }

    /// The list looked up for one shopper; `None` while it is off.
    #[must_use]
    pub fn matched(&self, scope: Scope, email: Option<&ShopperEmail>) -> Option<ListMatch> {
        let forms = email.map(|email| [email.as_address_entry(), email.as_domain_entry()]);
        let matched = forms.into_iter().flatten().find(|form| self.entries.contains(*form)).map(str::to_owned);
        self.is_on.then_some(ListMatch { scope, is_empty: self.entries.is_empty(), matched })
    }

    /// Whether the shoppers an entry stands for see what the list governs.
    fn shows(&self, entry: &Entry) -> bool {
        !self.is_on || self.entries.contains(entry) || self.entries.contains(entry.domain())
    }
}

/// What becomes of the entries of `before` and `after` when the one replaces the other.
#[must_use]
pub fn compare(before: &WholeList, after: &WholeList) -> Changes {
    let mut changes = Changes {
        others: match (before.is_on, after.is_on) {
            (true, false) => Others::Gain,
            (false, true) => Others::Lose,
            _ => Others::Stay,
        },
        ..Changes::default()
    };
    for entry in before.entries.union(&after.entries) {
        match (before.shows(entry), after.shows(entry)) {
            (false, true) => changes.gain.push(entry.clone()),
            (true, false) => changes.lose.push(entry.clone()),
            _ => {}
        }
    }
    changes.gain.sort_unstable();
    changes.lose.sort_unstable();
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(is_on: bool, entries: &[&str]) -> WholeList {
        WholeList::new(is_on, entries.iter().map(|text| Entry::parse(text).unwrap()))
    }

    fn words(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(Entry::as_str).collect()
    }

    #[test]
    fn added_entries_gain_and_removed_ones_lose() {
        let changes = compare(&list(true, &["a@x.com", "b@x.com"]), &list(true, &["b@x.com", "y.com"]));
        assert_eq!((words(&changes.gain), words(&changes.lose)), (vec!["@y.com"], vec!["a@x.com"]));
        assert_eq!(changes.others, Others::Stay);
    }

    #[test]
    fn an_address_whose_domain_stands_there_neither_gains_nor_loses() {
        let changes = compare(&list(true, &["a@x.com", "x.com"]), &list(true, &["x.com", "b@x.com"]));
        assert_eq!(changes, Changes::default());
        let changes = compare(&list(true, &["a@x.com", "x.com"]), &list(true, &["a@x.com"]));
        assert_eq!(words(&changes.lose), ["@x.com"], "the others at the domain");
    }

    #[test]
    fn turning_a_list_on_is_a_loss_for_everyone_who_is_not_in_it() {
        let changes = compare(&list(false, &["a@x.com", "b@x.com"]), &list(true, &["b@x.com", "c@x.com"]));
        assert_eq!((words(&changes.gain), words(&changes.lose)), (vec![], vec!["a@x.com"]));
        assert_eq!(changes.others, Others::Lose);
        let changes = compare(&list(true, &["a@x.com"]), &list(false, &["b@x.com"]));
        assert_eq!((words(&changes.gain), changes.others), (vec!["b@x.com"], Others::Gain));
    }

    #[test]
    fn a_shopper_matches_by_address_before_domain_and_nothing_while_the_list_is_off() {
        let matched = |list: &WholeList, email: Option<&str>| {
            list.matched(Scope::Global, email.map(|email| ShopperEmail::parse(email).unwrap()).as_ref())
        };
        let found = |is_empty, matched: Option<&str>| {
            Some(ListMatch { scope: Scope::Global, is_empty, matched: matched.map(Into::into) })
        };
        let both = list(true, &["a@x.com", "x.com"]);
        assert_eq!(matched(&both, Some("A@X.com")), found(false, Some("a@x.com")));
        assert_eq!(matched(&both, Some("b@x.com")), found(false, Some("@x.com")));
        assert_eq!(matched(&both, Some("a@y.com")), found(false, None));
        assert_eq!(matched(&both, None), found(false, None));
        assert_eq!(matched(&list(true, &[]), Some("a@x.com")), found(true, None));
        assert_eq!(matched(&list(false, &["a@x.com"]), Some("a@x.com")), None);
    }
}
