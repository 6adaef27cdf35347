//! What the process takes on, and whose word on a client's address counts.

use std::net::IpAddr;
use std::thread::available_parallelism;
use std::time::Duration;

use ipnet::IpNet;

use crate::limits::{RateLimit, RateLimits};
use crate::settings::Settings;

/// Requests in flight for each core: what is accepted waits for about as many others (docs/decisions/0015-limits.md).
const IN_FLIGHT_PER_CORE: usize = 256;
/// Fewest and most requests in flight that can be set.
const IN_FLIGHT: std::ops::RangeInclusive<usize> = 1..=100_000;
/// How late a worker may be set to be at most. Timers are not more exact than the shortest.
const EVENT_LOOP_LAG: std::ops::RangeInclusive<Duration> = Duration::from_millis(5)..=Duration::from_secs(60);

/// What the process takes on, and whose word on a client's address counts.
#[derive(Debug, Clone)]
pub struct LimitsConfig {
    /// `RATE_LIMIT_SHOP` and `RATE_LIMIT_CUSTOMER`
    pub rates: RateLimits,
    /// `MAX_IN_FLIGHT`: requests that are worked on at once.
    pub max_in_flight: usize,
    /// `MAX_EVENT_LOOP_LAG_MS`: how late a worker may be before it takes on less.
    pub max_event_loop_lag: Duration,
    /// `TRUSTED_PROXIES`: those whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl Settings<'_> {
    pub(super) fn limits(&mut self) -> LimitsConfig {
        LimitsConfig {
            rates: RateLimits {
                shop: self.rate("RATE_LIMIT_SHOP", "2000:4000"),
                customer: self.rate("RATE_LIMIT_CUSTOMER", "50:300"),
            },
            max_in_flight: self.max_in_flight(),
            max_event_loop_lag: self.max_event_loop_lag(),
            trusted_proxies: self.trusted_proxies(),
        }
    }

    fn rate(&mut self, name: &'static str, default: &str) -> RateLimit {
        let default = default.parse().expect("defaults are limits");
        self.parsed(name, "rate:burst, each from 1 to 1000000, or off", default)
    }

    fn max_in_flight(&mut self) -> usize {
        const NAME: &str = "MAX_IN_FLIGHT";
        const SHAPE: &str = "a number from 1 to 100000";
        let default = available_parallelism().map_or(2, usize::from).saturating_mul(IN_FLIGHT_PER_CORE);
        let number = self.parsed(NAME, SHAPE, default.min(*IN_FLIGHT.end()));
        if !IN_FLIGHT.contains(&number) {
            self.problem(NAME, &format!("must be {SHAPE}"));
        }
        number
    }

    fn max_event_loop_lag(&mut self) -> Duration {
        const NAME: &str = "MAX_EVENT_LOOP_LAG_MS";
        let lag = self.milliseconds(NAME, 10);
        if !EVENT_LOOP_LAG.contains(&lag) {
            self.problem(NAME, "must be from 5 to 60000");
        }
        lag
    }

    fn trusted_proxies(&mut self) -> Vec<IpNet> {
        const NAME: &str = "TRUSTED_PROXIES";
        let list = self.list(NAME);
        let net = |text: &String| text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        let nets: Option<Vec<IpNet>> = list.iter().map(net).collect();
        nets.unwrap_or_else(|| {
            self.problem(NAME, "must be IP addresses or networks such as 10.0.0.0/8, separated by commas");
            Vec::new()
        })
    }
}
