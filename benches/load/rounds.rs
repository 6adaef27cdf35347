//! Two servers asked the same in turn, so that whatever else the machine does meets both.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::service::Process;
use crate::wrk::{Answered, Load, send};

/// How a load was answered by two servers, round by round.
pub(crate) struct Rounds {
    pub(crate) one: Vec<Answered>,
    pub(crate) other: Vec<Answered>,
}

/// Asks one, the other, one, the other… after each had a while to warm up.
pub(crate) async fn alternate(
    folder: &Path,
    rounds: usize,
    (one, load_of_one): (&Process, Load<'_>),
    (other, load_of_other): (&Process, Load<'_>),
) -> Rounds {
    for (server, load) in [(one, load_of_one), (other, load_of_other)] {
        send(server, folder, Load { length: Duration::from_secs(2), ..load }).await;
    }
    let mut answered = Rounds { one: Vec::new(), other: Vec::new() };
    for _ in 0..rounds {
        answered.one.push(send(one, folder, load_of_one).await);
        answered.other.push(send(other, folder, load_of_other).await);
    }
    answered
}

impl Rounds {
    /// One server's figure by the other's, in the median of the rounds.
    pub(crate) fn ratio(&self, figure: impl Fn(&Answered) -> f64) -> f64 {
        median(self.one.iter().zip(&self.other).map(|(one, other)| figure(one) / figure(other)))
    }

    /// How much one server's figure is above the other's, in the median of the rounds.
    pub(crate) fn difference(&self, figure: impl Fn(&Answered) -> f64) -> f64 {
        median(self.one.iter().zip(&self.other).map(|(one, other)| figure(one) - figure(other)))
    }

    /// The lowest and the highest ratio of a round, for who wants to know how sure the median is.
    pub(crate) fn spread(&self, figure: impl Fn(&Answered) -> f64) -> (f64, f64) {
        let ratios = self.one.iter().zip(&self.other).map(|(one, other)| figure(one) / figure(other));
        ratios.fold((f64::INFINITY, 0.0), |(low, high), ratio| (f64::min(low, ratio), f64::max(high, ratio)))
    }

    pub(crate) fn shown(&self) -> Value {
        json!({ "one": medians(&self.one), "other": medians(&self.other) })
    }
}

/// The median of each figure.
pub(crate) fn medians(answered: &[Answered]) -> Value {
    let of = |figure: fn(&Answered) -> f64| median(answered.iter().map(figure));
    json!({ "rate": of(|a| a.rate), "p50_ms": of(|a| a.p50), "p99_ms": of(|a| a.p99), "cpu_us": of(|a| a.cpu) })
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
