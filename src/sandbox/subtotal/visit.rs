//! A shopper's visit to Subtotal Link: which connection, how far it got, and where it ends.

use std::collections::{HashMap, VecDeque};

use rand::distr::{Alphanumeric, SampleString};
use url::Url;

/// The retailer account every sandbox retailer has.
pub const DEMO_USERNAME: &str = "shopper";
/// Its password; any username goes with it.
pub const DEMO_PASSWORD: &str = "password";
/// The one-time code the retailer sends.
pub const DEMO_CODE: &str = "123456";

/// The oldest visits are forgotten beyond this many.
const KEPT: usize = 1_000;
const ID_LENGTH: usize = 22;

/// How far a visit got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The retailer's user name and password are asked.
    SignIn,
    /// The retailer's one-time code is asked.
    Code,
    /// The connection is active.
    Linked,
    /// The shopper turned back; the connection is as it was.
    Cancelled,
}

#[derive(Debug, Clone)]
pub(super) struct Visit {
    /// Unguessable: it is all that tells this shopper's forms from another's.
    pub(super) id: String,
    pub(super) connection_id: String,
    pub(super) retailer_id: &'static str,
    /// Where the shopper goes afterwards, or `None` to close the window.
    pub(super) return_to: Option<Url>,
    pub(super) stage: Stage,
}

/// The visits under way and lately ended.
#[derive(Debug, Default)]
pub(super) struct Visits {
    by_id: HashMap<String, Visit>,
    oldest_first: VecDeque<String>,
}

impl Visits {
    pub(super) fn begin(
        &mut self,
        connection_id: &str,
        retailer_id: &'static str,
        return_to: Option<Url>,
    ) -> &mut Visit {
        if self.oldest_first.len() == KEPT
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.by_id.remove(&oldest);
        }
        let id = Alphanumeric.sample_string(&mut rand::rng(), ID_LENGTH);
        self.oldest_first.push_back(id.clone());
        let connection_id = connection_id.to_owned();
        let visit = Visit { id: id.clone(), connection_id, retailer_id, return_to, stage: Stage::SignIn };
        self.by_id.entry(id).or_insert(visit)
    }

    pub(super) fn find(&mut self, id: &str) -> Option<&mut Visit> {
        self.by_id.get_mut(id)
    }
}
