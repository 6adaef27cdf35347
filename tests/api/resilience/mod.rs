//! What can fail, and what comes of it for everybody: one test for each row of `docs/resilience.md`, which asks for every
//! column over HTTP and holds what it observes against the table. The page is made of the same table.
//!
//! `columns` is what is asked, `table` what is expected, `world` the shop it is asked of, `probes` the asking, `jobs` what
//! is done later, `page` the page; the tests are in `subtotal`, `shopify`, `database` and `process`.

mod columns;
mod database;
mod jobs;
mod page;
mod probes;
mod process;
mod shopify;
mod subtotal;
mod table;
mod world;

/// The row of the test in which it stands.
macro_rules! row {
    () => {{
        fn here() {}
        $crate::resilience::table::Row::of(std::any::type_name_of_val(&here))
    }};
}
use row;
