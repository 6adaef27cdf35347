//! `cargo bench --bench steps`: how long the pure steps of a request take.

#![allow(clippy::unwrap_used, reason = "a measurement that can not go on fails")]

mod step;

use criterion::{Criterion, criterion_group, criterion_main};

fn steps(criterion: &mut Criterion) {
    for step in step::steps() {
        criterion.bench_function(step.name, |bencher| bencher.iter(&step.run));
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
