//! How many requests one worker takes on while its event loop falls behind.
//!
//! How many may be in flight says little about a processor that has more to do than it can: with an upstream that is slow,
//! hundreds cost it nothing, and with a quick one a hundred may be too many. So the loop itself is watched. Something that is
//! due is late by as long as everything that is ready takes; while that stays above a limit, as many less are taken on.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How often the loop is looked at.
const EVERY: Duration = Duration::from_millis(10);
/// So many looks in a row must find the loop late: a burst, or a machine that stood still for a moment, turns nobody away.
const PATIENCE: u32 = 10;
/// The same while less is taken on already.
const PATIENCE_LEFT: u32 = 3;
/// As many are always taken on.
const FEWEST: usize = 32;
/// From here on there is no limit.
const ENOUGH: usize = 4096;
/// What a look that finds the loop in time adds, as a part of what is taken on.
const GROWTH: usize = 64;

/// One worker's pace: for one thread, and shared by what runs there.
#[derive(Debug)]
pub struct Pace {
    /// How late the loop may be.
    most_lag: Duration,
    taken: Cell<usize>,
    /// How many are taken on; `None` while the loop keeps up.
    most: Cell<Option<usize>>,
    /// How many looks in a row were late, and how late the best of them was.
    late: Cell<(u32, Duration)>,
}

/// One of the requests a worker took on, as long as it lives.
#[derive(Debug)]
pub struct Turn(Rc<Pace>);

impl Pace {
    /// Nothing is taken on yet, and the loop may be late by `most_lag`.
    #[must_use]
    pub fn new(most_lag: Duration) -> Rc<Self> {
        Rc::new(Self { most_lag, taken: Cell::new(0), most: Cell::new(None), late: Cell::new((0, Duration::MAX)) })
    }

    /// Takes on a request, or `None` while the loop is behind and has enough.
    #[must_use]
    pub fn enter(self: &Rc<Self>) -> Option<Turn> {
        let taken = self.taken.get();
        if self.most.get().is_some_and(|most| taken >= most) {
            return None;
        }
        self.taken.set(taken + 1);
        Some(Turn(self.clone()))
    }

    /// Looks at this thread's event loop for as long as the worker runs.
    pub async fn keep_looking(self: Rc<Self>) {
        loop {
            let due = Instant::now() + EVERY;
            sleep(EVERY).await;
            self.look(due.elapsed());
        }
    }

    fn look(&self, lag: Duration) {
        if lag <= self.most_lag {
            self.late.set((0, Duration::MAX));
            let more = |most: usize| Some(most + (most / GROWTH).max(1)).filter(|most| *most < ENOUGH);
            self.most.set(self.most.get().and_then(more));
            return;
        }
        let (looks, best) = self.late.get();
        let (looks, best) = (looks + 1, best.min(lag));
        let patience = if self.most.get().is_some() { PATIENCE_LEFT } else { PATIENCE };
        if looks < patience {
            self.late.set((looks, best));
            return;
        }
        self.late.set((0, Duration::MAX));
        let now = self.most.get().unwrap_or(usize::MAX).min(self.taken.get());
        // Half as much work is ready when half as many are taken on.
        let less = now as f64 * self.most_lag.as_secs_f64() / best.as_secs_f64();
        self.most.set(Some((less as usize).max(FEWEST)));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.taken.set(self.0.taken.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(10);

    fn fill(pace: &Rc<Pace>, most: usize) -> Vec<Turn> {
        std::iter::from_fn(|| pace.enter()).take(most).collect()
    }

    fn look(pace: &Pace, times: u32, milliseconds: u64) {
        (0..times).for_each(|_| pace.look(Duration::from_millis(milliseconds)));
    }

    #[test]
    fn a_loop_that_keeps_up_takes_on_whatever_comes() {
        let pace = Pace::new(LIMIT);
        look(&pace, 1000, 10);
        assert_eq!(fill(&pace, 10_000).len(), 10_000);
    }

    #[test]
    fn a_burst_turns_nobody_away() {
        let pace = Pace::new(LIMIT);
        let _taken = fill(&pace, 400);
        for _ in 0..10 {
            look(&pace, PATIENCE - 1, 500);
            look(&pace, 1, 1);
        }
        assert!(pace.enter().is_some());
    }

    #[test]
    fn a_loop_that_stays_behind_takes_on_as_much_less_as_it_is_late() {
        let pace = Pace::new(LIMIT);
        let taken = fill(&pace, 400);
        look(&pace, PATIENCE - 1, 40);
        look(&pace, 1, 20);
        assert!(pace.enter().is_none(), "400 are more than half of 400");
        drop(taken);
        assert_eq!(fill(&pace, 1000).len(), 200, "the best look was twice as late as allowed");
        look(&pace, 100, 500);
        assert_eq!(fill(&pace, 1000).len(), FEWEST);
    }

    #[test]
    fn a_loop_that_has_caught_up_takes_on_everything_again_within_five_seconds() {
        let pace = Pace::new(LIMIT);
        look(&pace, PATIENCE, 1000);
        assert_eq!(fill(&pace, 1000).len(), FEWEST);
        look(&pace, 500, 1);
        assert_eq!(fill(&pace, 10_000).len(), 10_000);
    }
}
