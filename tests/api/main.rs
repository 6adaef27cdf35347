//! One test crate, black box: HTTP against the running application, with fakes of Subtotal and Shopify over real HTTP
//! and a real database. With `TEST_DATABASE_URL=postgres://…` every test has a database of its own there; SQLite is
//! the default.

mod support;

mod vectors;
