//! `docs/resilience.md`, made of the table that the tests observe.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::columns::{Column, GROUPS};
use super::table::{ROWS, Row};

const HEAD: &str = "\
<!-- Made by `cargo test --test api -- --ignored the_page_is_written`; do not edit. -->
# When something fails

Each line is something that fails, each column what is asked or done meanwhile. A cell says what comes back, what a person
sees of it, and, in brackets, the test that saw it: it makes that fault, asks over HTTP, compares the answer with this page,
and then sees that everything is well again and that what waited was done, without a restart. `cargo test --test api
resilience` runs all of them, on SQLite; with `TEST_DATABASE_URL`, those on PostgreSQL too. The tests are in
`tests/api/resilience/`; one of another file is named with it.

Every answer came within the storefront's deadline of 4 s; those of the admin's pages, which ask others one after the
other, within 10 s. In these tests nothing is held of a shop's settings; a service that has loaded them within
`SHOP_CACHE_SECONDS` does without the database as long. What the storefront's endpoints answer, those of customer accounts
answer too: they are the same code behind another proof, and `faults.rs` goes through both doors.

What waits is tried again, ever later; work that a process held which is gone, or that a database granted too late, is taken
over when its lease ends, after 19 s. The tests do not wait for that: they set such times back.
";

/// The page, as it must be.
fn page() -> String {
    let mut page = HEAD.to_owned();
    for (heading, columns) in GROUPS {
        write!(page, "\n## {heading}\n\n| what fails |").unwrap();
        for column in columns {
            write!(page, " {} |", column.title()).unwrap();
        }
        page.push_str(&format!("\n|---|{}\n", "---|".repeat(columns.len())));
        for row in ROWS {
            write!(page, "| {} |", row.fault).unwrap();
            for column in columns {
                write!(page, " {} |", cell(row, *column)).unwrap();
            }
            page.push('\n');
        }
    }
    page
}

fn cell(row: &Row, column: Column) -> String {
    let outcome = row.outcome(column);
    let mut tests = vec![format!("`{}`", row.test.split_once("::").unwrap().1)];
    tests.extend(row.also.iter().filter(|(of, _)| *of == column).map(|(_, test)| format!("`{test}`")));
    format!("**{}**: {} ({})", outcome.observed, outcome.phrase, tests.join(", "))
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/resilience.md")
}

/// The file of the tests with this path below `tests/api/`.
fn tests(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api").join(file)).unwrap()
}

/// Whether there is a test of this name, which is run with all others.
fn has_test(source: &str, name: &str) -> bool {
    let Some((before, _)) = source.split_once(&format!("\nasync fn {name}(")) else { return false };
    let attributes = before.rsplit("\n\n").next().unwrap();
    attributes.lines().any(|line| line == "#[actix_web::test]") && !attributes.contains("#[ignore")
}

#[test]
fn the_page_is_what_the_tests_observe() {
    let written = std::fs::read_to_string(path()).unwrap_or_default();
    assert!(written == page(), "run: cargo test --test api -- --ignored the_page_is_written");
}

#[test]
#[ignore = "writes docs/resilience.md"]
fn the_page_is_written() {
    std::fs::write(path(), page()).unwrap();
}

#[test]
fn every_cell_says_something_and_every_test_it_names_is_there() {
    let columns: Vec<Column> = GROUPS.iter().flat_map(|(_, columns)| *columns).copied().collect();
    assert_eq!(columns.iter().collect::<BTreeSet<_>>().len(), 18, "each column stands in one table");
    assert_eq!(columns.len(), 18);
    let mut rows = BTreeSet::new();
    for row in ROWS {
        assert!(rows.insert(row.test), "{} has two rows", row.test);
        let (module, name) = row.test.split_once("::").unwrap();
        assert!(has_test(&tests(&format!("resilience/{module}.rs")), name), "no test {}", row.test);
        for (_, also) in row.also {
            let (file, name) = also.split_once("::").unwrap();
            assert!(has_test(&tests(file), name), "no test {also}");
        }
        for column in &columns {
            let outcome = row.outcome(*column);
            assert!(
                outcome.observed.len() >= 3 && outcome.phrase.ends_with('.'),
                "{}: {column:?} {outcome:?}",
                row.test
            );
            let said = row.cells.iter().filter(|(columns, ..)| columns.contains(column)).count();
            assert!(said <= 1, "{}: {column:?} has two outcomes", row.test);
        }
    }
}

/// Every test of the folder that observes a fault has a row, so no fault is tried without being shown.
#[test]
fn every_fault_that_is_tried_has_a_row() {
    for module in ["subtotal", "shopify", "database", "process"] {
        let source = tests(&format!("resilience/{module}.rs"));
        for test in source.split("#[actix_web::test]\nasync fn ").skip(1) {
            let name = format!("{module}::{}", test.split_once('(').unwrap().0);
            assert!(ROWS.iter().any(|row| row.test == name), "{name}");
        }
    }
}
