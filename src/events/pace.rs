//! How fast one account may be sent to: a bucket that fills by itself, and a pause that the account asked for. Held in
//! this process; another process learns of a pause from its own refusal.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// Klaviyo takes 350 events a second and 3,500 a minute (<https://developers.klaviyo.com/en/reference/create_event>).
/// With these, no second sees more than 343 and no minute more than 3,470.
const BURST: f64 = 290.0;
const A_SECOND: f64 = 53.0;
/// Accounts held at most, and how long one nobody sends to is held: longer than any pause.
const MAX_ACCOUNTS: u64 = 100_000;
const HELD: Duration = Duration::from_mins(20);

/// The paces of all accounts.
#[derive(Debug, Clone)]
pub struct Paces {
    accounts: moka::sync::Cache<String, Arc<Pace>>,
    clock: Clock,
}

/// The pace of one account.
#[derive(Debug)]
pub struct Pace {
    state: Mutex<State>,
    is_limited: bool,
    clock: Clock,
}

#[derive(Debug)]
struct State {
    left: f64,
    filled_at: u64,
    paused_until: u64,
}

impl Paces {
    /// Nothing sent yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let accounts = moka::sync::Cache::builder().max_capacity(MAX_ACCOUNTS).time_to_idle(HELD).build();
        Self { accounts, clock }
    }

    /// The pace of a Klaviyo account, within Klaviyo's limits. `account` tells accounts apart.
    #[must_use]
    pub fn limited(&self, account: String) -> Arc<Pace> {
        self.accounts.get_with(account, || Arc::new(Pace::new(true, self.clock.clone())))
    }

    /// The pace of an account that only pauses when it asks for it.
    #[must_use]
    pub fn unlimited(&self, account: String) -> Arc<Pace> {
        self.accounts.get_with(account, || Arc::new(Pace::new(false, self.clock.clone())))
    }
}

impl Pace {
    fn new(is_limited: bool, clock: Clock) -> Self {
        let state = State { left: BURST, filled_at: clock.age_ms(), paused_until: 0 };
        Self { state: Mutex::new(state), is_limited, clock }
    }

    /// Takes leave to send up to `wanted` now, and answers how many.
    pub fn take(&self, wanted: u32) -> u32 {
        let now = self.clock.age_ms();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now < state.paused_until {
            return 0;
        }
        if !self.is_limited {
            return wanted;
        }
        let waited = Duration::from_millis(now.saturating_sub(state.filled_at)).as_secs_f64();
        state.left = (state.left + waited * A_SECOND).min(BURST);
        state.filled_at = now;
        let taken = (0..wanted).take_while(|nth| f64::from(nth + 1) <= state.left).count();
        let taken = u32::try_from(taken).unwrap_or(wanted);
        state.left -= f64::from(taken);
        taken
    }

    /// Gives back what was not used.
    pub fn give_back(&self, unused: u32) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.left = (state.left + f64::from(unused)).min(BURST);
    }

    /// Sends nothing for so long, from now on.
    pub fn pause(&self, pause: Duration) {
        let until = self.clock.age_ms() + u64::try_from(pause.as_millis()).unwrap_or(u64::MAX / 2);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.paused_until = state.paused_until.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pace: &Pace, clock: &Clock, ms: i64) -> u32 {
        clock.advance(Duration::from_millis(u64::try_from(ms).unwrap()));
        pace.take(10_000)
    }

    #[test]
    fn no_second_and_no_minute_sees_more_than_klaviyo_takes() {
        let clock = Clock::manual(1_800_000_000_000);
        let pace = Pace::new(true, clock.clone());
        let mut sent = vec![pace.take(10_000)];
        sent.extend((0..1200).map(|_| after(&pace, &clock, 100)));
        let most = |window: usize| sent.windows(window).map(|counts| counts.iter().sum::<u32>()).max().unwrap();
        assert!((300..=350).contains(&most(10)), "{}", most(10));
        assert!((3_300..=3_500).contains(&most(600)), "{}", most(600));
    }

    #[test]
    fn a_pause_stops_everything_of_the_account_and_nothing_of_another() {
        let clock = Clock::manual(1_800_000_000_000);
        let paces = Paces::new(clock.clone());
        let [one, other] = ["one", "other"].map(|account| paces.limited(account.to_owned()));
        one.pause(Duration::from_secs(7));
        one.pause(Duration::from_secs(1));
        assert_eq!((one.take(5), other.take(5)), (0, 5));
        assert_eq!((after(&one, &clock, 6_999), after(&one, &clock, 1)), (0, 290));
        assert_eq!(paces.unlimited("flow".to_owned()).take(9_999), 9_999);
    }
}
