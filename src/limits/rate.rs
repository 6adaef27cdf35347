//! How often something may happen, as `rate:burst`, and the arithmetic of it: pure, the time is handed in.
//!
//! A bucket is one number, the time at which it is full again (the generic cell rate algorithm, ITU-T I.371). Each call
//! moves that time on by one interval; a call that would move it further than a whole burst ahead is one too many.

use std::fmt;
use std::str::FromStr;

const SECOND: u64 = 1_000_000_000;
/// Largest rate and burst.
const MOST: u32 = 1_000_000;

/// A limit, or none. Written `rate:burst` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimit {
    /// No limit.
    Off,
    /// This one.
    Of(Rate),
}

/// So many a second on average, so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    per_second: u32,
    burst: u32,
}

/// The text is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected rate:burst, each from 1 to 1000000, such as 50:300, or off")]
pub struct InvalidRateLimit;

impl Rate {
    /// One more call at `now`, in nanoseconds, of a bucket that is full again at `full_at`: when it is full again after
    /// it.
    ///
    /// # Errors
    /// After how many nanoseconds a call would be let in, when this one is one too many.
    pub(super) fn take(self, full_at: u64, now: u64) -> Result<u64, u64> {
        let interval = SECOND / u64::from(self.per_second);
        let furthest = now.saturating_add(interval * u64::from(self.burst));
        // No bucket is emptier than empty, whatever limit it was filled under before.
        let next = full_at.clamp(now, furthest).saturating_add(interval);
        if next <= furthest { Ok(next) } else { Err(next - furthest) }
    }
}

impl FromStr for RateLimit {
    type Err = InvalidRateLimit;

    fn from_str(text: &str) -> Result<Self, InvalidRateLimit> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let number = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| digits && (1..=MOST).contains(number)).ok_or(InvalidRateLimit)
        };
        let (rate, burst) = text.split_once(':').ok_or(InvalidRateLimit)?;
        Ok(Self::Of(Rate { per_second: number(rate)?, burst: number(burst)? }))
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => formatter.write_str("off"),
            Self::Of(Rate { per_second, burst }) => write!(formatter, "{per_second}:{burst}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(text: &str) -> Rate {
        match text.parse() {
            Ok(RateLimit::Of(rate)) => rate,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_limit_is_rate_and_burst_or_off() {
        for good in ["50:300", "1:1", "1000000:1000000", "300:50", "off"] {
            assert_eq!(good.parse::<RateLimit>().unwrap().to_string(), good);
        }
        let bad = ["", "50", ":", "50:", ":300", "0:1", "1:0", "-1:5", "+1:5", "1:5:9", " 1:5", "1:5 ", "1.5:3", "OFF"];
        for bad in bad.into_iter().chain(["1000001:1", "1:1000001", "99999999999:1", "none"]) {
            assert_eq!(bad.parse::<RateLimit>(), Err(InvalidRateLimit), "{bad:?}");
        }
    }

    #[test]
    fn a_burst_then_one_an_interval() {
        let rate = rate("2:3");
        let mut full_at = 0;
        for _ in 0..3 {
            full_at = rate.take(full_at, 10 * SECOND).unwrap();
        }
        assert_eq!(rate.take(full_at, 10 * SECOND), Err(SECOND / 2), "and says how long to wait");
        let full_at = rate.take(full_at, 10 * SECOND + SECOND / 2).unwrap();
        assert_eq!(rate.take(full_at, 10 * SECOND + SECOND / 2 + 1), Err(SECOND / 2 - 1));
    }

    #[test]
    fn a_smaller_limit_does_not_punish_for_what_a_larger_one_allowed() {
        let mut full_at = 0;
        while let Ok(next) = rate("1:1000").take(full_at, 0) {
            full_at = next;
        }
        assert_eq!(rate("10:10").take(full_at, 0), Err(SECOND / 10));
    }

    proptest! {
        /// In any span no more than a burst and what the rate adds; and whoever waits as told is let in.
        #[test]
        fn no_span_holds_more_than_the_limit(
            per_second in 1..2000_u32,
            burst in 1..50_u32,
            gaps in prop::collection::vec(0..3 * SECOND / 100, 1..300),
        ) {
            let rate = Rate { per_second, burst };
            let (mut now, mut full_at, mut admitted) = (SECOND, 0, Vec::new());
            for gap in gaps {
                now += gap;
                match rate.take(full_at, now) {
                    Ok(next) => {
                        full_at = next;
                        admitted.push(now);
                    }
                    Err(wait) => {
                        prop_assert!(rate.take(full_at, now + wait).is_ok());
                        prop_assert!(rate.take(full_at, now + wait - 1).is_err());
                    }
                }
            }
            let interval = SECOND / u64::from(per_second);
            for (first, from) in admitted.iter().enumerate() {
                for (last, to) in admitted.iter().enumerate().skip(first) {
                    let allowed = u64::from(burst) + (to - from) / interval;
                    prop_assert!((last - first + 1) as u64 <= allowed);
                }
            }
        }

        /// Left alone for as long as a burst lasts, a bucket holds a whole burst again.
        #[test]
        fn a_rested_bucket_is_full(per_second in 1..2000_u32, burst in 1..50_u32, calls in 0..200_u32) {
            let rate = Rate { per_second, burst };
            let mut full_at = 0;
            for _ in 0..calls {
                full_at = rate.take(full_at, 5).unwrap_or(full_at);
            }
            let rested = 5 + SECOND / u64::from(per_second) * u64::from(burst);
            for _ in 0..burst {
                full_at = rate.take(full_at, rested).unwrap();
            }
            prop_assert!(rate.take(full_at, rested).is_err());
        }
    }
}
