//! Decision 3 as a machine small enough to look at all of it: the claim's row, Subtotal, and a few requests for one
//! shopper and retailer, which can do their next step, lose an answer, give up or die at any moment.
//!
//! The steps are those of `src/linking/create.rs`, the row's those of `src/store/claims.rs`; the tests of this module hold
//! the row against the real store.

/// A connection's id.
pub(super) type Id = u8;

/// The claim, as a request can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) version: i64,
    pub(super) stands: Stands,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Stands {
    Pending,
    /// Pending, with a lease that has run out.
    Abandoned,
    Created(Id),
    Failed,
}

/// What a request does with the claim, and what comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum RowStep {
    Read(Option<Row>),
    Take {
        seen: Option<Row>,
        taken: Option<i64>,
    },
    Settle {
        version: i64,
        stands: Stands,
        written: bool,
    },
    /// Nobody does this: the lease runs out.
    Lapse,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum End {
    /// With a connection.
    Linked(Id),
    /// With Subtotal's refusal.
    Refused,
    /// With nothing: a timeout, or a broken connection.
    InDoubt,
    /// Its process died.
    Dead,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum At {
    Start,
    /// It read the claim, and goes on to Subtotal.
    Read(Option<Row>),
    /// Subtotal listed nothing that can be used.
    Listed(Option<Row>),
    /// It holds the claim, and goes on to create.
    Holds(i64),
    /// Its call is on the way.
    Calls(i64),
    /// It knows how the call ended, and goes on to write it down.
    Knows(i64, Stands),
    Waits,
    Ended(End),
}

/// What Subtotal makes of a request's call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Work {
    None,
    /// It may still create, or refuse.
    Open,
    Created(Id),
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Request {
    pub(super) at: At,
    pub(super) work: Work,
    /// The version of its call.
    pub(super) call: i64,
}

/// Everything there is. Requests are sorted: which is which does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) row: Option<Row>,
    /// Connections that stand at Subtotal.
    pub(super) created: Vec<Id>,
    /// Those that its list shows already.
    pub(super) shown: Vec<Id>,
    pub(super) requests: Vec<Request>,
}

/// What decision 3 takes for granted. Each can be taken away, to see that it is needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Assumed {
    /// Subtotal lists a connection once it has created it.
    pub(super) lists_at_once: bool,
    /// A creation that nobody waits for is over when the lease runs out.
    pub(super) work_ends_before_lease: bool,
    /// An answer that refuses means that nothing will be created.
    pub(super) refusals_are_final: bool,
    /// A request takes the claim as it read it before it asked Subtotal, and not as it stands then.
    pub(super) takes_what_it_saw: bool,
}

pub(super) const AS_DECIDED: Assumed =
    Assumed { lists_at_once: true, work_ends_before_lease: true, refusals_are_final: true, takes_what_it_saw: true };

/// What a step is due to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Time going by: a request's next step, Subtotal's work, a lease.
    Progress,
    /// An answer is lost, an outcome can not be written, somebody gives up or dies.
    Mishap,
}

/// One step out of a world.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) world: World,
    pub(super) cause: Cause,
    pub(super) row_step: Option<RowStep>,
}

pub(super) fn take(row: Option<Row>, seen: Option<Row>) -> (Option<Row>, Option<i64>) {
    let version = match (row, seen) {
        (None, None) => 1,
        (Some(row), Some(seen)) if row.version == seen.version && row.stands != Stands::Pending => row.version + 1,
        _ => return (row, None),
    };
    (Some(Row { version, stands: Stands::Pending }), Some(version))
}

pub(super) fn settle(row: Option<Row>, version: i64, stands: Stands) -> (Option<Row>, bool) {
    match row {
        Some(row) if row.version == version && matches!(row.stands, Stands::Pending | Stands::Abandoned) => {
            (Some(Row { version, stands }), true)
        }
        row => (row, false),
    }
}

impl World {
    pub(super) fn new(row: Option<Row>, requests: usize) -> Self {
        let request = Request { at: At::Start, work: Work::None, call: 0 };
        Self { row, created: Vec::new(), shown: Vec::new(), requests: vec![request; requests] }
    }

    pub(super) fn is_over(&self) -> bool {
        self.requests.iter().all(|request| matches!(request.at, At::Ended(_)))
    }

    /// Every step there is from here.
    pub(super) fn steps(&self, assumed: Assumed) -> Vec<Step> {
        let mut steps = Vec::new();
        for nth in 0..self.requests.len() {
            self.steps_of(nth, assumed, &mut steps);
            self.steps_of_work(nth, assumed, &mut steps);
        }
        if let Some(row) = self.row.filter(|row| row.stands == Stands::Pending && self.may_lapse(*row, assumed)) {
            let mut world = self.clone();
            world.row = Some(Row { stands: Stands::Abandoned, ..row });
            steps.push(Step { world, cause: Cause::Progress, row_step: Some(RowStep::Lapse) });
        }
        for id in self.created.iter().filter(|id| !self.shown.contains(id)) {
            let mut world = self.clone();
            world.shown.push(*id);
            steps.push(Step { world, cause: Cause::Progress, row_step: None });
        }
        steps.iter_mut().for_each(|step| step.world.requests.sort_unstable());
        steps
    }

    /// A holder's call ends before its lease does, unless it died; and so does Subtotal's work.
    fn may_lapse(&self, row: Row, assumed: Assumed) -> bool {
        self.requests.iter().all(|request| match request.at {
            At::Holds(version) | At::Calls(version) if version == row.version => false,
            _ => !(assumed.work_ends_before_lease && request.work == Work::Open && request.call == row.version),
        })
    }

    fn with(&self, nth: usize, at: At) -> Self {
        let mut world = self.clone();
        world.requests[nth].at = at;
        world
    }

    fn steps_of(&self, nth: usize, assumed: Assumed, steps: &mut Vec<Step>) {
        let Request { at, work, .. } = self.requests[nth];
        let mut push = |world, cause, row_step| steps.push(Step { world, cause, row_step });
        let progress = Cause::Progress;
        match at {
            At::Ended(_) => return,
            At::Start => push(self.with(nth, At::Read(self.row)), progress, Some(RowStep::Read(self.row))),
            At::Read(seen) => {
                let next = self.shown.last().map_or(At::Listed(seen), |id| At::Ended(End::Linked(*id)));
                push(self.with(nth, next), progress, None);
            }
            At::Listed(seen) => {
                let seen = if assumed.takes_what_it_saw { seen } else { self.row };
                if seen.is_some_and(|seen| seen.stands == Stands::Pending) {
                    push(self.with(nth, At::Waits), progress, None);
                } else {
                    let (row, taken) = take(self.row, seen);
                    let mut world = self.with(nth, taken.map_or(At::Waits, At::Holds));
                    world.row = row;
                    push(world, progress, Some(RowStep::Take { seen, taken }));
                }
            }
            At::Holds(version) => {
                let mut world = self.with(nth, At::Calls(version));
                world.requests[nth].work = Work::Open;
                world.requests[nth].call = version;
                push(world, progress, None);
                // No time is left to call at all.
                push(self.with(nth, At::Knows(version, Stands::Failed)), Cause::Mishap, None);
            }
            At::Calls(version) => {
                match work {
                    Work::Created(id) => push(self.with(nth, At::Knows(version, Stands::Created(id))), progress, None),
                    Work::Refused => push(self.with(nth, At::Knows(version, Stands::Failed)), progress, None),
                    Work::Open if !assumed.refusals_are_final => {
                        push(self.with(nth, At::Knows(version, Stands::Failed)), progress, None);
                    }
                    Work::Open | Work::None => {}
                }
                push(self.with(nth, At::Ended(End::InDoubt)), Cause::Mishap, None);
            }
            At::Knows(version, stands) => {
                let end = match stands {
                    Stands::Created(id) => End::Linked(id),
                    _ => End::Refused,
                };
                let (row, written) = settle(self.row, version, stands);
                let mut world = self.with(nth, At::Ended(end));
                world.row = row;
                push(world, progress, Some(RowStep::Settle { version, stands, written }));
                push(self.with(nth, At::Ended(end)), Cause::Mishap, None);
            }
            At::Waits => {
                let next = match self.row.map(|row| row.stands) {
                    Some(Stands::Created(id)) => Some(At::Ended(End::Linked(id))),
                    Some(Stands::Failed) => Some(At::Ended(End::Refused)),
                    Some(Stands::Abandoned) | None => Some(At::Start),
                    Some(Stands::Pending) => None,
                };
                if let Some(next) = next {
                    push(self.with(nth, next), progress, Some(RowStep::Read(self.row)));
                }
                push(self.with(nth, At::Ended(End::InDoubt)), Cause::Mishap, None);
            }
        }
        push(self.with(nth, At::Ended(End::Dead)), Cause::Mishap, None);
    }

    fn steps_of_work(&self, nth: usize, assumed: Assumed, steps: &mut Vec<Step>) {
        if self.requests[nth].work != Work::Open {
            return;
        }
        let mut world = self.clone();
        let id = u8::try_from(self.created.len()).expect("there are few") + 1;
        world.created.push(id);
        if assumed.lists_at_once {
            world.shown.push(id);
        }
        world.requests[nth].work = Work::Created(id);
        steps.push(Step { world, cause: Cause::Progress, row_step: None });
        let mut world = self.clone();
        world.requests[nth].work = Work::Refused;
        steps.push(Step { world, cause: Cause::Progress, row_step: None });
    }
}
