//! What was decided for a shop's shoppers since the shop was loaded. It is held with the shop and goes with it, so a change
//! of the lists is seen as soon as any other change of the shop.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Decision, ShopperEmail};

/// Shoppers of one shop that are remembered; about 20 kB. One page's calls come together, so few are enough.
const MOST: usize = 128;

/// Decisions by the shopper's e-mail address, empty for a shopper without one.
#[derive(Default)]
pub struct Decisions(Mutex<HashMap<Box<str>, Decision>>);

impl Decisions {
    /// What was decided for this shopper.
    #[must_use]
    pub fn of(&self, email: Option<&ShopperEmail>) -> Option<Decision> {
        self.held().get(key(email)).cloned()
    }

    /// Remembers what was decided for this shopper.
    pub fn hold(&self, email: Option<&ShopperEmail>, decision: &Decision) {
        let mut held = self.held();
        if held.len() >= MOST {
            held.clear();
        }
        held.insert(key(email).into(), decision.clone());
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Box<str>, Decision>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(email: Option<&ShopperEmail>) -> &str {
    email.map_or("", ShopperEmail::as_address_entry)
}

/// None: a copy of a shop may be changed.
impl Clone for Decisions {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// How many, never whose.
impl fmt::Debug for Decisions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Decisions({})", self.held().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> ShopperEmail {
        ShopperEmail::parse(text).unwrap()
    }

    #[test]
    fn each_shopper_has_their_own_and_a_copy_has_none() {
        let decisions = Decisions::default();
        let (hidden, shown) = (Decision { hides_block: true, ..Decision::default() }, Decision::default());
        decisions.hold(Some(&email("Alice@example.com")), &hidden);
        decisions.hold(None, &shown);
        assert_eq!(decisions.of(Some(&email("alice@example.com"))), Some(hidden));
        assert_eq!((decisions.of(None), decisions.of(Some(&email("bob@example.com")))), (Some(shown), None));
        assert_eq!(format!("{decisions:?}"), "Decisions(2)");
        assert_eq!(decisions.clone().of(None), None);
    }

    #[test]
    fn there_are_never_more_than_a_fixed_number() {
        let decisions = Decisions::default();
        for nth in 0..=MOST {
            decisions.hold(Some(&email(&format!("{nth}@example.com"))), &Decision::default());
            assert!(decisions.held().len() <= MOST);
        }
        assert!(decisions.of(Some(&email(&format!("{MOST}@example.com")))).is_some(), "the newest is there");
    }
}
