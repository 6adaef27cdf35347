//! Exactly one creation, over every order there is: the machine of decision 3 is looked at whole, with three requests, and
//! each step it takes of the claim's row is taken of the real store too.

mod explorer;
mod model;
mod schedules;

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::sample::Index;
use subtotal_connect::shopify::ShopDomain;
use subtotal_connect::store::{Claim, ClaimKey, ClaimState};

use crate::support::app::{SHOP, TestApp};
use crate::support::random::cases;
use explorer::{Explored, explore};
use model::{AS_DECIDED, Assumed, At, Cause, End, Id, Row, RowStep, Stands, World};

/// An id from before, of a connection that can not be used any more.
const FORMER: Id = 99;
const REFUSAL: &str = "subtotal_busy";

/// Rows there may be before anybody asks.
fn rows() -> [Option<Row>; 5] {
    let row = |version, stands| Some(Row { version, stands });
    [None, row(1, Stands::Failed), row(2, Stands::Created(FORMER)), row(1, Stands::Pending), row(2, Stands::Abandoned)]
}

fn worlds(requests: usize, assumed: Assumed) -> Explored {
    explore(rows().map(|row| World::new(row, requests)), assumed)
}

fn linked(world: &World) -> BTreeSet<Id> {
    let of = |at: At| if let At::Ended(End::Linked(id)) = at { Some(id) } else { None };
    world.requests.iter().filter_map(|request| of(request.at)).collect()
}

/// Whether somebody could be sent to one connection and somebody else to another, or one stands that nobody should have
/// made.
fn is_broken(world: &World) -> bool {
    world.created.len() > 1 || !linked(world).is_subset(&world.created.iter().copied().collect())
}

#[test]
fn three_requests_in_any_order_and_with_any_mishap_make_one_connection_and_none_is_stuck() {
    let explored = worlds(3, AS_DECIDED);
    let broken = explored.worlds.iter().position(is_broken);
    assert!(broken.is_none(), "{:#?}", broken.map(|world| (explored.row_steps(world), &explored.worlds[world])));
    assert_eq!(explored.stuck(), Vec::<&World>::new());
    let all_linked = explored.worlds.iter().filter(|world| world.requests.iter().all(is_linked)).count();
    println!("{} worlds, {all_linked} of them with everybody linked", explored.worlds.len());
    assert!(explored.worlds.len() > 10_000 && all_linked > 0, "{} {all_linked}", explored.worlds.len());
}

fn is_linked(request: &model::Request) -> bool {
    matches!(request.at, At::Ended(End::Linked(_)))
}

/// What the decision says may happen where Subtotal does not do what is assumed; and that each assumption is needed, which
/// shows that the search finds what there is.
#[test]
fn without_any_one_of_what_is_assumed_two_connections_can_be_made() {
    for assumed in [
        Assumed { lists_at_once: false, ..AS_DECIDED },
        Assumed { work_ends_before_lease: false, ..AS_DECIDED },
        Assumed { refusals_are_final: false, ..AS_DECIDED },
        Assumed { takes_what_it_saw: false, ..AS_DECIDED },
    ] {
        assert!(worlds(2, assumed).worlds.iter().any(is_broken), "{assumed:?}");
    }
}

fn claim(row: Row) -> Claim {
    let state = match row.stands {
        Stands::Pending => ClaimState::Pending,
        Stands::Abandoned => ClaimState::Abandoned,
        Stands::Created(id) => ClaimState::Created(id.to_string()),
        Stands::Failed => ClaimState::Failed(REFUSAL.to_owned()),
    };
    Claim { version: row.version, state }
}

/// The real row, beside the model's.
struct Real<'a> {
    app: &'a TestApp,
    key: ClaimKey,
}

impl<'a> Real<'a> {
    /// A row of its own that stands so.
    async fn at(app: &'a TestApp, shop_id: i64, nth: usize, row: Option<Row>) -> Self {
        let key = ClaimKey { shop_id, customer_id: nth.to_string(), retailer_id: "walmart".to_owned() };
        let real = Self { app, key };
        let Some(row) = row else { return real };
        for version in 1..=row.version {
            let seen = real.app.store.claim(&real.key).await.unwrap();
            let is_last = version == row.version;
            let lease = if is_last && row.stands == Stands::Abandoned { -1000 } else { 600_000 };
            assert_eq!(real.app.store.take_claim(&real.key, seen.as_ref(), lease).await.unwrap(), Some(version));
            let outcome = if is_last { claim(row).state } else { ClaimState::Failed(REFUSAL.to_owned()) };
            let settles = !matches!(outcome, ClaimState::Pending | ClaimState::Abandoned);
            assert_eq!(real.app.store.settle_claim(&real.key, version, &outcome).await.unwrap(), settles);
        }
        real.stands(Some(row)).await;
        real
    }

    async fn stands(&self, row: Option<Row>) {
        assert_eq!(self.app.store.claim(&self.key).await.unwrap(), row.map(claim));
    }

    /// Takes a step of the model's; what comes of it must be the same.
    async fn take(&self, step: RowStep) {
        let store = &self.app.store;
        match step {
            RowStep::Read(row) => self.stands(row).await,
            RowStep::Take { seen, taken } => {
                let seen = seen.map(claim);
                let really = store.take_claim(&self.key, seen.as_ref(), 600_000).await.unwrap();
                assert_eq!(really, taken, "taken as {seen:?}");
            }
            RowStep::Settle { version, stands, written } => {
                let outcome = claim(Row { version, stands }).state;
                let really = store.settle_claim(&self.key, version, &outcome).await.unwrap();
                assert_eq!(really, written, "settling {version} as {outcome:?}");
            }
            RowStep::Lapse => {
                let lapse = "UPDATE connection_claims SET lease_until = {clock} - 1 WHERE customer_id =";
                self.app.database.execute(&format!("{lapse} '{}'", self.key.customer_id)).await;
            }
        }
    }
}

async fn shop_id(app: &TestApp) -> i64 {
    app.store.shop_id(&ShopDomain::parse(SHOP).unwrap()).await.unwrap().unwrap()
}

#[actix_web::test]
async fn every_step_of_the_models_claim_is_the_stores_too() {
    let explored = worlds(3, AS_DECIDED);
    let mut steps = BTreeSet::new();
    for world in &explored.worlds {
        for step in world.steps(AS_DECIDED) {
            steps.extend(step.row_step.map(|row_step| (world.row, row_step, step.world.row)));
        }
    }
    let (app, mut kinds) = (TestApp::start().await, BTreeSet::new());
    let shop_id = shop_id(&app).await;
    for (nth, (before, step, after)) in steps.iter().enumerate() {
        let real = Real::at(&app, shop_id, nth, *before).await;
        real.take(*step).await;
        real.stands(*after).await;
        kinds.insert(match step {
            RowStep::Read(_) => "read",
            RowStep::Take { taken: Some(_), .. } => "taken",
            RowStep::Take { taken: None, .. } => "not taken",
            RowStep::Settle { written: true, .. } => "settled",
            RowStep::Settle { written: false, .. } => "not settled",
            RowStep::Lapse => "lapsed",
        });
    }
    println!("{} steps", steps.len());
    assert_eq!((kinds.len(), steps.len() > 40), (6, true), "{kinds:?} {}", steps.len());
}

/// Whether nothing but the claim's version stops this step: one that comes too late.
fn is_too_late(row: Option<Row>, step: RowStep) -> bool {
    let stands = row.map(|row| row.stands);
    match step {
        RowStep::Take { seen: Some(_), taken: None } => stands.is_some_and(|stands| stands != Stands::Pending),
        RowStep::Settle { written: false, .. } => matches!(stands, Some(Stands::Pending | Stands::Abandoned)),
        _ => false,
    }
}

#[actix_web::test]
async fn whole_histories_of_the_model_go_the_same_way_in_the_store() {
    const HISTORIES: usize = 250;
    let app = TestApp::start().await;
    let shop_id = shop_id(&app).await;
    let (mut ended, mut taken_late, mut settled_late) = (0, 0, 0);
    for (nth, choices) in cases(&vec((0..12, any::<Index>()), 64), HISTORIES).into_iter().enumerate() {
        let first = rows()[nth % rows().len()];
        let (real, mut world) = (Real::at(&app, shop_id, nth, first).await, World::new(first, 3));
        for (luck, choice) in choices {
            if world.is_over() {
                ended += 1;
                break;
            }
            // Mishaps are rare, or nobody gets anywhere.
            let mut steps = world.steps(AS_DECIDED);
            if luck > 0 && steps.iter().any(|step| step.cause == Cause::Progress) {
                steps.retain(|step| step.cause == Cause::Progress);
            }
            let step = choice.get(&steps).clone();
            if let Some(row_step) = step.row_step {
                let late = usize::from(is_too_late(world.row, row_step));
                *if matches!(row_step, RowStep::Take { .. }) { &mut taken_late } else { &mut settled_late } += late;
                real.take(row_step).await;
            }
            world = step.world;
        }
        real.stands(world.row).await;
    }
    println!("{ended} ended; too late to take {taken_late}, to settle {settled_late}");
    assert!(ended > HISTORIES / 2 && taken_late > 10 && settled_late > 3, "{ended} {taken_late} {settled_late}");
}
