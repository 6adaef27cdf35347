//! One shop's way to Subtotal: a bulkhead that bounds its calls in flight, and a breaker that stops asking for a while
//! when most calls fail. Every shop has its own, so one shop's trouble stays its own.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout_at;

use super::{Deadline, SubtotalError};
use crate::clock::Clock;

/// Calls one shop may have in flight.
const IN_FLIGHT: usize = 256;
/// Calls one shop may have waiting behind those; more are turned away at once.
const WAITING: usize = 1024;
/// The span over which failures are counted, in milliseconds.
const WINDOW_MS: u64 = 10_000;
/// Calls within the span before it can open the breaker.
const ENOUGH_CALLS: u32 = 20;
/// How long an open breaker refuses before it lets one call through, in milliseconds.
const OPEN_MS: u64 = 5_000;
/// How long that one call may take before another is let through, in milliseconds.
const PROBE_MS: u64 = 5_000;

/// The gate of one shop.
#[derive(Debug)]
pub struct Gate {
    in_flight: Semaphore,
    queue: Semaphore,
    breaker: Breaker,
    clock: Clock,
}

/// A breaker on atomics. `closed_again_at` is 0 while calls flow.
#[derive(Debug, Default)]
struct Breaker {
    window_started_at: AtomicU64,
    calls: AtomicU32,
    failures: AtomicU32,
    /// When the next trial call may go, by the clock's age; 0 while closed.
    next_trial_at: AtomicU64,
}

impl Gate {
    /// A gate with nothing in flight and its breaker closed.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            in_flight: Semaphore::new(IN_FLIGHT),
            queue: Semaphore::new(IN_FLIGHT + WAITING),
            breaker: Breaker::default(),
            clock,
        }
    }

    /// Waits for a place, at most until the deadline.
    ///
    /// # Errors
    /// [`SubtotalError::Busy`] when the breaker is open or there are too many calls already.
    pub async fn enter(&self, deadline: Deadline) -> Result<Pass<'_>, SubtotalError> {
        self.breaker.admit(self.clock.age_ms()).inspect_err(|_| turned_away("breaker_open"))?;
        let busy = || {
            turned_away("too_many");
            SubtotalError::Busy { retry_after_seconds: 1 }
        };
        let queued = self.queue.try_acquire().map_err(|_| busy())?;
        let place = timeout_at(deadline.instant(), self.in_flight.acquire()).await.map_err(|_| busy())?;
        Ok(Pass { gate: self, _queued: queued, _place: place.map_err(|_| busy())? })
    }

    /// Whether the breaker refuses calls now. One that would let a trial through does not, though nobody may try.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.breaker.next_trial_at.load(Ordering::Relaxed) > self.clock.age_ms()
    }
}

/// A place among a shop's calls in flight.
#[derive(Debug)]
pub struct Pass<'a> {
    gate: &'a Gate,
    _queued: SemaphorePermit<'a>,
    _place: SemaphorePermit<'a>,
}

impl Pass<'_> {
    /// Tells the breaker how the call ended: `failed` means no connection, a timeout or a 5xx.
    pub fn record(&self, failed: bool) {
        self.gate.breaker.record(failed, self.gate.clock.age_ms());
    }
}

impl Breaker {
    fn admit(&self, now: u64) -> Result<(), SubtotalError> {
        let trial_at = self.next_trial_at.load(Ordering::Relaxed);
        if trial_at == 0 {
            return Ok(());
        }
        let is_trial = now >= trial_at
            && self
                .next_trial_at
                .compare_exchange(trial_at, now + PROBE_MS, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if is_trial {
            return Ok(());
        }
        let wait_ms = trial_at.saturating_sub(now).max(1);
        Err(SubtotalError::Busy { retry_after_seconds: wait_ms.div_ceil(1000) })
    }

    fn record(&self, failed: bool, now: u64) {
        if self.next_trial_at.load(Ordering::Relaxed) != 0 {
            self.start_window(now);
            if failed {
                self.open(now);
            } else {
                self.next_trial_at.store(0, Ordering::Relaxed);
            }
            return;
        }
        if now.saturating_sub(self.window_started_at.load(Ordering::Relaxed)) > WINDOW_MS {
            self.start_window(now);
        }
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let failures = self.failures.fetch_add(u32::from(failed), Ordering::Relaxed) + u32::from(failed);
        if failed && calls >= ENOUGH_CALLS && failures * 2 >= calls {
            self.open(now);
        }
    }

    fn open(&self, now: u64) {
        metrics::counter!("subtotal_breaker_openings_total").increment(1);
        self.next_trial_at.store(now + OPEN_MS, Ordering::Relaxed);
    }

    fn start_window(&self, now: u64) {
        self.window_started_at.store(now, Ordering::Relaxed);
        self.calls.store(0, Ordering::Relaxed);
        self.failures.store(0, Ordering::Relaxed);
    }
}

fn turned_away(reason: &'static str) {
    metrics::counter!("subtotal_calls_turned_away_total", "reason" => reason).increment(1);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn deadline() -> Deadline {
        Deadline::after(Duration::from_millis(20))
    }

    async fn call(gate: &Gate, failed: bool) -> Result<(), SubtotalError> {
        gate.enter(deadline()).await.map(|pass| pass.record(failed))
    }

    #[tokio::test]
    async fn mostly_failing_calls_open_the_breaker_and_one_trial_closes_it() {
        let clock = Clock::manual(1_000_000);
        let gate = Gate::new(clock.clone());
        for _ in 0..ENOUGH_CALLS {
            call(&gate, true).await.unwrap();
        }
        assert_eq!(call(&gate, true).await, Err(SubtotalError::Busy { retry_after_seconds: 5 }));
        assert!(gate.is_open());
        clock.advance(Duration::from_secs(6));
        assert!(!gate.is_open(), "a trial may go");
        let trial = gate.enter(deadline()).await.unwrap();
        assert!(gate.enter(deadline()).await.is_err(), "one trial at a time");
        trial.record(true);
        assert!(call(&gate, false).await.is_err(), "a failed trial keeps it open");
        clock.advance(Duration::from_secs(6));
        call(&gate, false).await.unwrap();
        call(&gate, false).await.unwrap();
    }

    #[tokio::test]
    async fn a_trial_that_never_reports_does_not_keep_the_breaker_open() {
        let clock = Clock::manual(1_000_000);
        let gate = Gate::new(clock.clone());
        for _ in 0..ENOUGH_CALLS {
            call(&gate, true).await.unwrap();
        }
        clock.advance(Duration::from_secs(6));
        drop(gate.enter(deadline()).await.unwrap());
        clock.advance(Duration::from_secs(6));
        call(&gate, false).await.unwrap();
    }

    #[tokio::test]
    async fn failures_among_many_successes_do_not_open_it() {
        let gate = Gate::new(Clock::manual(1_000_000));
        for nth in 0..200 {
            call(&gate, nth % 3 == 0).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_full_gate_turns_callers_away_instead_of_queueing_for_ever() {
        let gate = Gate::new(Clock::manual(1_000_000));
        let mut held = Vec::new();
        for _ in 0..IN_FLIGHT {
            held.push(gate.enter(deadline()).await.unwrap());
        }
        assert_eq!(call(&gate, false).await, Err(SubtotalError::Busy { retry_after_seconds: 1 }));
        held.pop();
        call(&gate, false).await.unwrap();
    }
}
