//! The ways a call can be answered.

use serde::{Deserialize, Serialize};

/// How calls are answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// As documented.
    #[default]
    Normal,
    /// The key is refused.
    #[serde(rename = "401")]
    Unauthorized,
    /// The key may not do this.
    #[serde(rename = "403")]
    Forbidden,
    /// Nothing is found.
    #[serde(rename = "404")]
    NotFound,
    /// Everything is in conflict.
    #[serde(rename = "409")]
    Conflict,
    /// Every request is invalid.
    #[serde(rename = "422")]
    Invalid,
    /// Too many calls, with `Retry-After`.
    #[serde(rename = "429")]
    TooMany,
    /// It broke.
    #[serde(rename = "500")]
    Broken,
    /// It is down.
    #[serde(rename = "503")]
    Down,
    /// No answer: until the next change of the answers, the client's departure, or 30 s.
    Hang,
    /// The connection is dropped instead of an answer.
    Reset,
    /// 200 with a page of HTML.
    Nonsense,
    /// The right answer, cut off in the middle of its JSON.
    Truncated,
    /// The right answer, every status in it replaced by `paused`.
    UnknownStatus,
}

impl Mode {
    /// Every mode, in the order the page offers them.
    pub(super) const ALL: [Self; 14] = [
        Self::Normal,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::Invalid,
        Self::TooMany,
        Self::Broken,
        Self::Down,
        Self::Hang,
        Self::Reset,
        Self::Nonsense,
        Self::Truncated,
        Self::UnknownStatus,
    ];

    /// What becomes of a call, to follow its name in a sentence.
    pub(super) fn predicate(self) -> &'static str {
        match self {
            Self::Normal => "is answered normally",
            Self::Unauthorized => "is answered 401",
            Self::Forbidden => "is answered 403",
            Self::NotFound => "is answered 404",
            Self::Conflict => "is answered 409",
            Self::Invalid => "is answered 422",
            Self::TooMany => "is answered 429",
            Self::Broken => "is answered 500",
            Self::Down => "is answered 503",
            Self::Hang => "hangs",
            Self::Reset => "loses its connection",
            Self::Nonsense => "is answered with a page of HTML",
            Self::Truncated => "is answered with JSON cut short",
            Self::UnknownStatus => "is answered with the status paused",
        }
    }

    /// What the page calls it.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Unauthorized => "401 Unauthorized",
            Self::Forbidden => "403 Forbidden",
            Self::NotFound => "404 Not found",
            Self::Conflict => "409 Conflict",
            Self::Invalid => "422 Invalid",
            Self::TooMany => "429 Too many requests",
            Self::Broken => "500 Internal error",
            Self::Down => "503 Unavailable",
            Self::Hang => "Hang, up to 30 s",
            Self::Reset => "Drop the connection",
            Self::Nonsense => "200 with HTML",
            Self::Truncated => "200 with JSON cut short",
            Self::UnknownStatus => "200 with unknown statuses",
        }
    }
}
