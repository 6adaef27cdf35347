//! What can go wrong between this service and Subtotal, named by what the caller can do about it.

/// Why Subtotal did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubtotalError {
    /// 401 or 403: the merchant must enter a valid API key.
    #[error("Subtotal rejected the API key")]
    KeyRejected,
    /// Another 4xx that was not expected.
    #[error("Subtotal rejected the request with status {0}")]
    Rejected(u16),
    /// No connection, a 5xx, or an answer that does not parse.
    #[error("Subtotal is unavailable: {0}")]
    Unavailable(&'static str),
    /// 429, an open breaker, or too many calls for one shop at once. Try again after so many seconds.
    #[error("Subtotal is busy; try again in {retry_after_seconds} s")]
    Busy {
        /// From 1.
        retry_after_seconds: u64,
    },
    /// An attempt, or the whole deadline, ran out.
    #[error("Subtotal did not answer in time")]
    TimedOut,
    /// The connection that a token or an update was asked for is not there.
    #[error("Subtotal does not know the connection")]
    ConnectionNotFound,
}

impl SubtotalError {
    /// The stable code of contract section 6.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::KeyRejected => "subtotal_api_key_rejected",
            Self::Rejected(_) => "subtotal_rejected_request",
            Self::Unavailable(_) => "subtotal_unavailable",
            Self::Busy { .. } => "subtotal_busy",
            Self::TimedOut => "subtotal_timeout",
            Self::ConnectionNotFound => "connection_not_found",
        }
    }

    /// The error with this code, for an outcome that another process wrote down.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let busy = Self::Busy { retry_after_seconds: 1 };
        let unavailable = Self::Unavailable("another request's creation failed");
        [Self::KeyRejected, Self::Rejected(400), unavailable, busy, Self::TimedOut, Self::ConnectionNotFound]
            .into_iter()
            .find(|error| error.code() == code)
    }
}
