//! Random cases that are the same in every run, so that one that fails fails again.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// So many values of a strategy.
pub(crate) fn cases<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}
