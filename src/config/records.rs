//! For how long what proves something is kept.

use crate::settings::Settings;
use crate::store::KeptDays;

impl Settings<'_> {
    /// `AUDIT_KEPT_DAYS` and `RECEIPTS_KEPT_DAYS`; 0 is for ever.
    pub(super) fn kept_days(&mut self) -> KeptDays {
        KeptDays { audit: self.days("AUDIT_KEPT_DAYS", 730), receipts: self.days("RECEIPTS_KEPT_DAYS", 1095) }
    }

    fn days(&mut self, name: &'static str, default: u32) -> Option<u32> {
        const SHAPE: &str = "a number of days from 30 to 36500, or 0 for ever";
        match self.parsed(name, SHAPE, default) {
            0 => None,
            days @ 30..=36_500 => Some(days),
            _ => {
                self.problem(name, &format!("must be {SHAPE}"));
                None
            }
        }
    }
}
