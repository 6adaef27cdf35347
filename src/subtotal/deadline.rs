//! The time one storefront request has for everything it asks of others.

use std::time::Duration;

use tokio::time::Instant;

/// The moment by which a request must be answered.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline `from_now` ahead.
    #[must_use]
    pub fn after(from_now: Duration) -> Self {
        Self(Instant::now() + from_now)
    }

    /// What is left; zero once it has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The moment itself, for `tokio::time::timeout_at`.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.0
    }
}
