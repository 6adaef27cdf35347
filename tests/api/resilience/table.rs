//! What can fail, and what comes of it in each column: the test of a row holds what it observes against this, and
//! `docs/resilience.md` is made of it.

use super::columns::Column::{self, *};
use super::columns::{GROUPS, Outcome, WAITS};
use super::world::Observed;

/// What comes of a fault, in these columns.
pub(super) type Cells = (&'static [Column], &'static str, &'static str);

/// One fault.
pub(super) struct Row {
    /// The test that observes it: its module below this folder, and its name.
    pub(super) test: &'static str,
    /// What fails.
    pub(super) fault: &'static str,
    /// Where it differs from how it comes out when nothing fails.
    pub(super) cells: &'static [Cells],
    /// Further tests, in which more of a column was observed: `file.rs::test`.
    pub(super) also: &'static [(Column, &'static str)],
}

const LISTS: &[Column] = &[Retailers, CustomerAccount];
const DEEDS: &[Column] = &[Connections, Disconnect];

const NO_BLOCK: &str = "A page that asks this first shows no block.";
const NO_RULES: &str = "The block goes by `/retailers`, which fails as well.";
const BLOCK_FAILS: &str = "The block says that it did not work, and offers to try again.";
const DEED_FAILS: &str = "Beside the retailer: that did not work, please try again. Nothing was changed.";
const LINK_FAILS: &str = "A page: we could not open the link just now, your account is unchanged.";
const ADDRESS_WAITS: &str = "Subtotal learns the address later.";
const PURCHASE_WAITS: &str = "The tools are told later.";
const FLOW_WAITS: &str = "The workflow starts later. *Events* shows what waits, and why.";
const KLAVIYO_WAITS: &str = "The flow starts later. *Events* shows what waits, and why.";
const HIDDEN: &str = "Nobody's address is known, so lists that are on hide; a merchant may choose the opposite.";
const NO_EMAIL: &str = "The retailer's sign-in opens; the shopper types the address there.";
const SENT_AGAIN: &str = "The sender sends it again.";
const STAFF_WAIT: &str = "A page: the app did not answer as it should, and a button to try again.";
const NOT_SAVED: &str = "A banner: the app's database can not be reached; nothing was changed.";

pub(super) const ROWS: &[Row] = &[
    Row {
        test: "subtotal::subtotal_is_slow",
        fault: "Subtotal does not answer in time",
        cells: &[
            (LISTS, "504 `subtotal_timeout`", BLOCK_FAILS),
            (DEEDS, "504 `subtotal_timeout`", DEED_FAILS),
            (&[Link], "504, a page", LINK_FAILS),
            (&[Webhooks], WAITS, ADDRESS_WAITS),
            (&[Events], WAITS, PURCHASE_WAITS),
            (&[AdminHome], "200, `subtotal_timeout`", "Not working: Subtotal did not answer in time."),
        ],
        also: &[(Connections, "one_creation.rs::while_subtotal_may_still_be_creating_nobody_else_creates")],
    },
    Row {
        test: "subtotal::subtotal_is_down",
        fault: "Subtotal refuses connections",
        cells: &[
            (LISTS, "502 `subtotal_unavailable`", BLOCK_FAILS),
            (DEEDS, "502 `subtotal_unavailable`", DEED_FAILS),
            (&[Link], "502, a page", LINK_FAILS),
            (&[Webhooks], WAITS, ADDRESS_WAITS),
            (&[Events], WAITS, PURCHASE_WAITS),
            (&[AdminHome], "200, `subtotal_unavailable`", "Not working: Subtotal could not be reached."),
        ],
        also: &[(Retailers, "one_shops_trouble.rs::a_burst_of_failures_opens_the_breaker_of_that_shop_alone")],
    },
    Row {
        test: "subtotal::subtotal_has_had_too_many_requests",
        fault: "Subtotal answers 429",
        cells: &[
            (LISTS, "503 `subtotal_busy`, `Retry-After`", BLOCK_FAILS),
            (DEEDS, "503 `subtotal_busy`, `Retry-After`", DEED_FAILS),
            (&[Link], "503, a page, `Retry-After`", LINK_FAILS),
            (&[Webhooks], WAITS, ADDRESS_WAITS),
            (&[Events], WAITS, PURCHASE_WAITS),
            (&[AdminHome], "200, `subtotal_busy`", "Not working: Subtotal is busy."),
        ],
        also: &[],
    },
    Row {
        test: "subtotal::subtotal_talks_nonsense",
        fault: "Subtotal answers pages of HTML",
        cells: &[
            (LISTS, "502 `subtotal_unavailable`", BLOCK_FAILS),
            (DEEDS, "502 `subtotal_unavailable`", DEED_FAILS),
            (&[Link], "502, a page", LINK_FAILS),
            (&[Webhooks], WAITS, ADDRESS_WAITS),
            (&[Events], WAITS, PURCHASE_WAITS),
            (&[AdminHome], "200, `subtotal_unavailable`", "Not working: Subtotal could not be reached."),
        ],
        also: &[(Retailers, "faults.rs::whatever_goes_wrong_has_its_code_and_its_time")],
    },
    Row {
        test: "subtotal::subtotal_rejects_the_key",
        fault: "Subtotal rejects the shop's API key",
        cells: &[
            (LISTS, "502 `subtotal_api_key_rejected`", BLOCK_FAILS),
            (DEEDS, "502 `subtotal_api_key_rejected`", DEED_FAILS),
            (&[Link], "502, a page", LINK_FAILS),
            (&[Webhooks], WAITS, ADDRESS_WAITS),
            (&[Events], WAITS, PURCHASE_WAITS),
            (&[Klaviyo], WAITS, KLAVIYO_WAITS),
            (&[Flow], WAITS, FLOW_WAITS),
            (&[AdminHome], "200, `subtotal_api_key_rejected`", "Not working: copy the key again from the dashboard."),
        ],
        also: &[],
    },
    Row {
        test: "shopify::shopify_is_down",
        fault: "Shopify's Admin API and token endpoint answer 503",
        cells: SHOPIFY_FAILS,
        also: &[(Renewal, "token_refresh.rs::an_endpoint_that_is_down_costs_nothing_while_the_access_token_lives")],
    },
    Row {
        test: "shopify::shopify_does_not_answer",
        fault: "Shopify's Admin API and token endpoint do not answer in time",
        cells: SHOPIFY_FAILS,
        also: &[],
    },
    Row { test: "shopify::shopify_throttles", fault: "Shopify throttles", cells: SHOPIFY_FAILS, also: &[] },
    Row {
        test: "shopify::the_shops_token_is_dead",
        fault: "The shop's tokens are dead: Shopify takes neither",
        cells: &[
            (&[Visibility], "200, block hidden", HIDDEN),
            (&[Connections], "200, a Link URL, without e-mail", NO_EMAIL),
            (&[Link], "302 to the retailer, without e-mail", NO_EMAIL),
            (&[Webhooks], WAITS, ADDRESS_WAITS),
            (&[Flow], WAITS, FLOW_WAITS),
            (&[Renewal], WAITS, "Opening the app gets new ones; *Home* says so until then."),
            (&[AdminPage], "200, the page", "The page; to open it is what mends the tokens."),
        ],
        also: &[(
            Renewal,
            "token_refresh.rs::a_dead_refresh_token_is_recorded_and_the_access_token_used_while_it_lives",
        )],
    },
    Row {
        test: "shopify::klaviyo_is_down",
        fault: "Klaviyo answers 503",
        cells: &[(&[Klaviyo], WAITS, KLAVIYO_WAITS)],
        also: &[],
    },
    Row {
        test: "database::postgres_is_slow",
        fault: "PostgreSQL answers each statement 100 ms late",
        cells: &[],
        also: &[],
    },
    Row {
        test: "database::postgres_does_not_answer",
        fault: "PostgreSQL does not answer",
        cells: DATABASE_GONE,
        also: &[(Connections, "database_trouble.rs::a_postgres_that_is_paused_is_endured")],
    },
    Row {
        test: "database::postgres_is_gone",
        fault: "PostgreSQL is gone",
        cells: DATABASE_GONE,
        also: &[(Connections, "database_trouble.rs::a_postgres_that_is_stopped_is_endured")],
    },
    Row {
        test: "database::postgres_is_full",
        fault: "PostgreSQL's disk is full",
        cells: &[
            (&[Connections], "503 `database_unavailable`, `Retry-After`", DEED_FAILS),
            (&[Link], "503, a page, `Retry-After`", LINK_FAILS),
            (&[ShopifyDoor, SubtotalDoor], "503 `database_unavailable`, `Retry-After`", SENT_AGAIN),
            (&[Ready], "200", "Traffic comes, because what only reads works."),
            (&[Webhooks], WAITS, ADDRESS_WAITS),
            (&[Events], WAITS, PURCHASE_WAITS),
            (&[Klaviyo], WAITS, KLAVIYO_WAITS),
            (&[Flow], WAITS, FLOW_WAITS),
            (&[Renewal], WAITS, "The old token goes on while it lives."),
            (&[AdminSave], "503 `database_unavailable`, `Retry-After`", NOT_SAVED),
        ],
        also: &[],
    },
    Row {
        test: "database::another_writer_holds_sqlite",
        fault: "Another process holds SQLite's file",
        cells: NO_WRITES,
        also: &[(Connections, "database_trouble.rs::another_writer_that_holds_sqlite_is_endured")],
    },
    Row {
        test: "database::the_disk_below_sqlite_is_full",
        fault: "The disk is full, with SQLite on it",
        cells: NO_WRITES,
        also: &[(Connections, "database_trouble.rs::a_full_disk_below_sqlite_is_endured")],
    },
    Row {
        test: "process::the_clock_is_two_minutes_behind",
        fault: "The service's clock is two minutes behind",
        cells: &[
            (&[Configuration], "401 `invalid_signature`", NO_BLOCK),
            (&[Visibility], "401 `invalid_signature`", NO_RULES),
            (&[Retailers], "401 `invalid_signature`", BLOCK_FAILS),
            (&[CustomerAccount], "401 `invalid_session_token`", BLOCK_FAILS),
            (DEEDS, "401 `invalid_signature`", DEED_FAILS),
            (&[Link], "401 `invalid_signature`", "The problem as JSON, for who is not proven gets no page."),
            (&[AdminPage], "302 for a new token", "The frame asks Shopify for tokens and shows no page."),
            (&[AdminSave], "401 `invalid_session_token`", "A banner: the session has ended, reload the page."),
            (&[AdminHome], "401 `invalid_session_token`", "A banner: the session has ended, reload the page."),
        ],
        also: &[],
    },
    Row {
        test: "process::the_clock_is_two_minutes_ahead",
        fault: "The service's clock is two minutes ahead",
        cells: &[
            (&[Configuration], "401 `invalid_signature`", NO_BLOCK),
            (&[Visibility], "401 `invalid_signature`", NO_RULES),
            (&[Retailers], "401 `invalid_signature`", BLOCK_FAILS),
            (&[CustomerAccount], "200, the list", "The list: the token lives five minutes."),
            (DEEDS, "401 `invalid_signature`", DEED_FAILS),
            (&[Link], "401 `invalid_signature`", "The problem as JSON, for who is not proven gets no page."),
            (&[AdminPage], "302 for a new token", "The frame asks Shopify for tokens and shows no page."),
            (&[AdminSave], "401 `invalid_session_token`", "A banner: the session has ended, reload the page."),
            (&[AdminHome], "401 `invalid_session_token`", "A banner: the session has ended, reload the page."),
        ],
        also: &[],
    },
    Row {
        test: "process::the_process_is_killed",
        fault: "The process is killed, and no other runs",
        cells: &[
            (&[Configuration], "no answer", NO_BLOCK),
            (&[Visibility], "no answer", NO_RULES),
            (LISTS, "no answer", BLOCK_FAILS),
            (DEEDS, "no answer", DEED_FAILS),
            (&[Link], "no answer", "Shopify's own error page."),
            (&[ShopifyDoor, SubtotalDoor], "no answer", SENT_AGAIN),
            (&[Ready], "no answer", "No traffic comes; the process is started anew."),
            (&[Webhooks], WAITS, ADDRESS_WAITS),
            (&[Events], WAITS, PURCHASE_WAITS),
            (&[Klaviyo], WAITS, KLAVIYO_WAITS),
            (&[Flow], WAITS, FLOW_WAITS),
            (&[Renewal], WAITS, "The next process renews it."),
            (&[AdminPage], "no answer", "Shopify's frame says that the app does not answer."),
            (&[AdminSave, AdminHome], "no answer", "A banner: the browser could not reach Subtotal Connect."),
        ],
        also: &[
            (Connections, "one_creation.rs::a_process_killed_after_subtotal_created_leaves_one_connection"),
            (Link, "rolling.rs::only_what_was_in_flight_fails_while_two_replicas_are_killed"),
            (Renewal, "token_refresh.rs::a_process_killed_between_the_call_and_the_commit_leaves_a_pair_that_works"),
        ],
    },
    Row {
        test: "process::secrets_are_rotated",
        fault: "Client secret, webhook secret and encryption key are rotated",
        cells: &[],
        also: &[(ShopifyDoor, "drill.rs::the_runbooks_drill_of_all_three_rotations_does_what_it_says")],
    },
];

/// Whenever Shopify's Admin API does not tell.
const SHOPIFY_FAILS: &[Cells] = &[
    (&[Visibility], "200, block hidden", HIDDEN),
    (&[Connections], "200, a Link URL, without e-mail", NO_EMAIL),
    (&[Link], "302 to the retailer, without e-mail", NO_EMAIL),
    (&[Webhooks], WAITS, ADDRESS_WAITS),
    (&[Flow], WAITS, FLOW_WAITS),
    (&[Renewal], WAITS, "The old token goes on while it lives."),
];

/// A database that can not be asked.
const DATABASE_GONE: &[Cells] = &[
    (&[Configuration], "503 `database_unavailable`, `Retry-After`", NO_BLOCK),
    (&[Visibility], "503 `database_unavailable`, `Retry-After`", NO_RULES),
    (LISTS, "503 `database_unavailable`, `Retry-After`", BLOCK_FAILS),
    (DEEDS, "503 `database_unavailable`, `Retry-After`", DEED_FAILS),
    (&[Link], "503, a page, `Retry-After`", LINK_FAILS),
    (&[ShopifyDoor, SubtotalDoor], "503 `database_unavailable`, `Retry-After`", SENT_AGAIN),
    (&[Ready], "503, not ready", "Traffic goes to another replica, where there is one that can."),
    (&[Webhooks], WAITS, ADDRESS_WAITS),
    (&[Events], WAITS, PURCHASE_WAITS),
    (&[Klaviyo], WAITS, KLAVIYO_WAITS),
    (&[Flow], WAITS, FLOW_WAITS),
    (&[Renewal], WAITS, "The old token goes on while it lives."),
    (&[AdminPage], "503, a page, `Retry-After`", STAFF_WAIT),
    (&[AdminSave], "503 `database_unavailable`, `Retry-After`", NOT_SAVED),
    (&[AdminHome], "503 `database_unavailable`, `Retry-After`", "A banner: the app's database can not be reached."),
];

/// SQLite that can be read but not written to.
const NO_WRITES: &[Cells] = &[
    (&[Connections], "503 `database_unavailable`, `Retry-After`", DEED_FAILS),
    (&[Link], "503, a page, `Retry-After`", LINK_FAILS),
    (&[ShopifyDoor, SubtotalDoor], "503 `database_unavailable`, `Retry-After`", SENT_AGAIN),
    (&[Ready], "503, not ready", "No traffic comes, and whoever watches is told."),
    (&[Webhooks], WAITS, ADDRESS_WAITS),
    (&[Events], WAITS, PURCHASE_WAITS),
    (&[Klaviyo], WAITS, KLAVIYO_WAITS),
    (&[Flow], WAITS, FLOW_WAITS),
    (&[Renewal], WAITS, "The old token goes on while it lives."),
    (&[AdminSave], "503 `database_unavailable`, `Retry-After`", NOT_SAVED),
];

impl Row {
    /// The row of the test that this is the path of, with whatever stands behind it.
    pub(super) fn of(path: &str) -> &'static Self {
        let below = path.split_once("resilience::").unwrap().1;
        let test = below.splitn(3, "::").take(2).collect::<Vec<_>>().join("::");
        ROWS.iter().find(|row| row.test == test).unwrap_or_else(|| panic!("no row has the test {test}"))
    }

    /// What comes of the fault in a column.
    pub(super) fn outcome(&self, column: Column) -> Outcome {
        let own = self.cells.iter().find(|(columns, ..)| columns.contains(&column));
        own.map_or_else(|| column.well(), |(_, observed, phrase)| Outcome { observed, phrase })
    }

    /// Where what was observed is not what the table says.
    pub(super) fn differences(&self, seen: &Observed) -> Vec<String> {
        let mut different = Vec::new();
        for column in GROUPS.iter().flat_map(|(_, columns)| *columns) {
            let expected = self.outcome(*column).observed;
            match seen.get(column) {
                Some(observed) if observed == expected => {}
                other => different.push(format!("{column:?}: expected {expected}, but observed {other:?}")),
            }
        }
        different
    }

    /// What was observed is what the table says of every column.
    pub(super) fn assert_holds(&self, seen: &Observed) {
        let different = self.differences(seen);
        assert!(different.is_empty(), "{}:\n{}", self.test, different.join("\n"));
    }
}
