//! The decision: which of the lists that are on hide Subtotal Connect, or a retailer, from one shopper.

/// What a list governs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Subtotal Connect as a whole.
    Global,
    /// One retailer, by its id.
    Retailer(String),
}

impl Scope {
    /// `global` for people, the retailer's id otherwise.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Global => "global",
            Self::Retailer(id) => id,
        }
    }
}

/// What a list that is on does for a shopper whose e-mail is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoEmail {
    /// The list hides (closed).
    #[default]
    Hide,
    /// The list does not hide, unless it is empty: an empty list that is on hides from everyone.
    Show,
}

/// A list that is on, looked up for one shopper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListMatch {
    /// What the list governs.
    pub scope: Scope,
    /// Whether nothing stands in it.
    pub is_empty: bool,
    /// The entry the shopper matches, if any; always `None` when the shopper's e-mail is not known.
    pub matched: Option<String>,
}

/// Why one list shows or hides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The list.
    pub scope: Scope,
    /// Whether it hides from the shopper.
    pub hides: bool,
    /// The entry that decided, if one did.
    pub entry: Option<String>,
}

/// What one shopper sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// False when the global list hides Subtotal Connect.
    pub hides_block: bool,
    /// Retailers whose own list hides them, sorted, without repeats.
    pub restricted_retailer_ids: Vec<String>,
}

impl Decision {
    /// Whether a retailer is hidden where the merchant enforces the rules: a hidden block hides every retailer.
    #[must_use]
    pub fn hides_retailer(&self, retailer_id: &str) -> bool {
        self.hides_block || self.restricted_retailer_ids.iter().any(|id| id == retailer_id)
    }
}

/// Decides from the lists that are on; a list that is off must not be among them.
///
/// `email_known` says whether the lists were looked up for an e-mail at all.
#[must_use]
pub fn decide(lists: Vec<ListMatch>, email_known: bool, no_email: NoEmail) -> (Decision, Vec<Reason>) {
    let mut decision = Decision::default();
    let mut reasons = Vec::with_capacity(lists.len());
    for list in lists {
        let shows = match (email_known, no_email) {
            (true, _) => list.matched.is_some(),
            (false, NoEmail::Hide) => false,
            (false, NoEmail::Show) => !list.is_empty,
        };
        if !shows {
            match &list.scope {
                Scope::Global => decision.hides_block = true,
                Scope::Retailer(id) => decision.restricted_retailer_ids.push(id.clone()),
            }
        }
        reasons.push(Reason { scope: list.scope, hides: !shows, entry: list.matched });
    }
    decision.restricted_retailer_ids.sort_unstable();
    decision.restricted_retailer_ids.dedup();
    reasons.sort_by(|left, right| left.scope.cmp(&right.scope));
    (decision, reasons)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::visibility::{Entry, ShopperEmail};

    /// The merchant's lists as plain sets, to state the rules against: on or off, and the entries.
    type Lists = BTreeMap<Option<u8>, (bool, BTreeSet<Entry>)>;

    fn see(lists: &Lists, email: Option<&ShopperEmail>, no_email: NoEmail) -> Decision {
        let on = lists.iter().filter(|(_, (on, _))| *on).map(|(scope, (_, entries))| ListMatch {
            scope: scope.map_or(Scope::Global, |id| Scope::Retailer(format!("r{id}"))),
            is_empty: entries.is_empty(),
            matched: email.and_then(|email| {
                [email.as_address_entry(), email.as_domain_entry()]
                    .into_iter()
                    .find(|form| entries.iter().any(|entry| entry.as_str() == *form))
                    .map(str::to_owned)
            }),
        });
        decide(on.collect(), email.is_some(), no_email).0
    }

    fn hidden(decision: &Decision) -> BTreeSet<String> {
        let mut hidden: BTreeSet<_> = decision.restricted_retailer_ids.iter().cloned().collect();
        if decision.hides_block {
            hidden.insert("block".into());
        }
        hidden
    }

    fn entry() -> impl Strategy<Value = Entry> {
        "([a-c]@)?[xyz]\\.(com|org)".prop_map(|text| Entry::parse(&text).unwrap())
    }

    fn lists() -> impl Strategy<Value = Lists> {
        let list = (any::<bool>(), proptest::collection::btree_set(entry(), 0..5));
        proptest::collection::btree_map(proptest::option::of(0u8..4), list, 0..5)
    }

    fn shopper() -> impl Strategy<Value = Option<ShopperEmail>> {
        proptest::option::of("[a-c]@[xyz]\\.(com|org)".prop_map(|text| ShopperEmail::parse(&text).unwrap()))
    }

    fn policy() -> impl Strategy<Value = NoEmail> {
        prop_oneof![Just(NoEmail::Hide), Just(NoEmail::Show)]
    }

    proptest! {
        #[test]
        fn adding_an_entry_never_hides_more(
            lists in lists(), extra in entry(), at in proptest::option::of(0u8..4), who in shopper(), policy in policy()
        ) {
            let before = hidden(&see(&lists, who.as_ref(), policy));
            let mut more = lists;
            if let Some((_, entries)) = more.get_mut(&at) {
                entries.insert(extra);
            }
            prop_assert!(hidden(&see(&more, who.as_ref(), policy)).is_subset(&before));
        }

        #[test]
        fn turning_a_list_off_never_hides(
            lists in lists(), at in proptest::option::of(0u8..4), who in shopper(), policy in policy()
        ) {
            let before = hidden(&see(&lists, who.as_ref(), policy));
            let mut fewer = lists;
            if let Some((on, _)) = fewer.get_mut(&at) {
                *on = false;
            }
            prop_assert!(hidden(&see(&fewer, who.as_ref(), policy)).is_subset(&before));
        }

        #[test]
        fn an_empty_list_that_is_on_hides_from_everyone(who in shopper(), policy in policy()) {
            let lists = Lists::from([(None, (true, BTreeSet::new())), (Some(1), (true, BTreeSet::new()))]);
            let decision = see(&lists, who.as_ref(), policy);
            prop_assert!(decision.hides_block);
            prop_assert_eq!(decision.restricted_retailer_ids, vec!["r1".to_owned()]);
        }
    }

    #[test]
    fn every_list_off_shows_everything_to_everyone() {
        assert_eq!(decide(Vec::new(), false, NoEmail::Hide).0, Decision::default());
    }

    #[test]
    fn without_an_email_lists_hide_unless_the_merchant_says_show() {
        let list = || ListMatch { scope: Scope::Global, is_empty: false, matched: None };
        assert!(decide(vec![list()], false, NoEmail::Hide).0.hides_block);
        assert!(!decide(vec![list()], false, NoEmail::Show).0.hides_block);
        assert!(decide(vec![list()], true, NoEmail::Show).0.hides_block);
    }

    #[test]
    fn a_retailer_is_hidden_by_its_own_list_or_with_the_whole_block() {
        let of = |hides_block| Decision { hides_block, restricted_retailer_ids: vec!["walmart".to_owned()] };
        assert_eq!((of(false).hides_retailer("walmart"), of(false).hides_retailer("kroger")), (true, false));
        assert_eq!((of(true).hides_retailer("walmart"), of(true).hides_retailer("kroger")), (true, true));
    }

    #[test]
    fn each_list_says_what_it_does_and_by_which_entry() {
        let list =
            |scope, matched: Option<&str>| ListMatch { scope, is_empty: false, matched: matched.map(Into::into) };
        let walmart = || Scope::Retailer("walmart".to_owned());
        let (decision, reasons) =
            decide(vec![list(walmart(), None), list(Scope::Global, Some("@x.com"))], true, NoEmail::Hide);
        assert_eq!(decision, Decision { hides_block: false, restricted_retailer_ids: vec!["walmart".to_owned()] });
        let because = |scope, hides, entry: Option<&str>| Reason { scope, hides, entry: entry.map(Into::into) };
        assert_eq!(reasons, [because(Scope::Global, false, Some("@x.com")), because(walmart(), true, None)]);
        assert_eq!((Scope::Global.name(), walmart().name()), ("global", "walmart"));
    }
}
