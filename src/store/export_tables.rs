//! The tables that hold something of a shop, and what an export tells of each. A column that is not named here is not
//! told: sealed secrets, leases, and what only the machinery needs.

/// A table that holds something of a shop.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) of: OfShop,
    /// What its rows are in order of.
    pub(super) order: &'static str,
    pub(super) columns: &'static [Column],
}

/// Which rows are a shop's.
#[derive(Clone, Copy)]
pub(super) enum OfShop {
    /// Its own, by its id.
    Id,
    /// Those with its id.
    ShopId,
    /// Entries of its lists, as they stand.
    List,
    /// Those with its domain.
    Domain,
    /// Those with a digest of its domain.
    Digest,
}

pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// How a column is read.
pub(super) enum Kind {
    Text,
    Integer,
    Small,
    Flag,
    Json,
    /// Opened; `bound` and what `key` is are bound into the seal.
    Sealed {
        bound: &'static str,
        key: &'static str,
    },
}

impl OfShop {
    /// A condition on $1.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Id => "id = $1",
            Self::ShopId => "shop_id = $1",
            Self::List => "(list_id, generation) IN (SELECT id, generation FROM visibility_lists WHERE shop_id = $1)",
            Self::Domain => "shop_domain = $1",
            Self::Digest => "subject = $1",
        }
    }
}

impl Table {
    pub(super) fn selected(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|column| column.name).collect();
        names.join(", ")
    }
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text }
}

const fn integer(name: &'static str) -> Column {
    Column { name, kind: Kind::Integer }
}

const fn small(name: &'static str) -> Column {
    Column { name, kind: Kind::Small }
}

const fn flag(name: &'static str) -> Column {
    Column { name, kind: Kind::Flag }
}

const fn json(name: &'static str) -> Column {
    Column { name, kind: Kind::Json }
}

/// Every such table, what others refer to first.
pub(super) const TABLES: [Table; 22] = [
    Table {
        name: "shops",
        of: OfShop::Id,
        order: "id",
        columns: &[
            integer("id"),
            text("domain"),
            flag("enforce_visibility"),
            text("no_email"),
            text("link_style"),
            text("accounts"),
            integer("version"),
            integer("uninstalled_at"),
            integer("created_at"),
            integer("updated_at"),
            integer("installed_at"),
            integer("previous_uninstalled_at"),
            text("scopes"),
            integer("scopes_at"),
            integer("storefront_seen_at"),
            small("events_kept_days"),
        ],
    },
    Table { name: "shop_hosts", of: OfShop::ShopId, order: "purpose, host", columns: &[text("purpose"), text("host")] },
    Table {
        name: "shop_secrets",
        of: OfShop::ShopId,
        order: "kind",
        columns: &[text("kind"), text("hint"), integer("version"), integer("updated_at")],
    },
    Table {
        name: "shopify_tokens",
        of: OfShop::ShopId,
        order: "shop_id",
        columns: &[integer("access_expires_at"), integer("refresh_expires_at"), integer("version"), text("problem")],
    },
    Table {
        name: "visibility_lists",
        of: OfShop::ShopId,
        order: "id",
        columns: &[
            integer("id"),
            text("retailer_id"),
            flag("is_on"),
            integer("version"),
            integer("entry_count"),
            integer("updated_at"),
        ],
    },
    Table {
        name: "visibility_entries",
        of: OfShop::List,
        order: "list_id, value",
        columns: &[integer("list_id"), text("value")],
    },
    Table {
        name: "integrations",
        of: OfShop::ShopId,
        order: "destination",
        columns: &[
            text("destination"),
            flag("is_on"),
            text("identifier"),
            flag("allow_simulated"),
            flag("is_paused"),
            integer("updated_at"),
        ],
    },
    Table {
        name: "connections",
        of: OfShop::ShopId,
        order: "connection_id",
        columns: &[text("connection_id"), text("customer_id"), text("retailer_id"), text("status"), integer("since")],
    },
    Table {
        name: "connection_claims",
        of: OfShop::ShopId,
        order: "customer_id, retailer_id",
        columns: &[text("customer_id"), text("retailer_id"), text("state"), text("connection_id"), text("problem")],
    },
    Table {
        name: "followed_connections",
        of: OfShop::ShopId,
        order: "connection_id",
        columns: &[
            text("connection_id"),
            text("customer_id"),
            text("retailer_id"),
            text("status"),
            integer("status_at"),
            flag("is_simulated"),
            text("history"),
            text("cursor"),
            small("attempts"),
            small("skipped"),
            text("problem"),
            integer("gone_at"),
        ],
    },
    Table {
        name: "connection_notices",
        of: OfShop::ShopId,
        order: "event_id",
        columns: &[
            text("event_id"),
            text("connection_id"),
            text("status"),
            integer("at"),
            flag("is_simulated"),
            text("told"),
        ],
    },
    Table {
        name: "subtotal_events",
        of: OfShop::ShopId,
        order: "received_at, event_id",
        columns: &[
            text("event_id"),
            text("event_type"),
            text("connection_id"),
            text("customer_id"),
            text("retailer_id"),
            text("purchase_id"),
            flag("is_simulated"),
            Column { name: "sealed", kind: Kind::Sealed { bound: "subtotal_event\0", key: "event_id" } },
            integer("sent_at"),
            integer("received_at"),
            text("state"),
            small("attempts"),
            text("problem"),
        ],
    },
    Table {
        name: "happenings",
        of: OfShop::ShopId,
        order: "at, id",
        columns: &[
            text("id"),
            text("kind"),
            text("connection_id"),
            text("customer_id"),
            flag("is_simulated"),
            integer("at"),
            integer("told_at"),
        ],
    },
    Table {
        name: "deliveries",
        of: OfShop::ShopId,
        order: "created_at, id",
        columns: &[
            text("id"),
            text("destination"),
            text("event_id"),
            small("part"),
            text("kind"),
            text("connection_id"),
            text("retailer_id"),
            text("customer_id"),
            flag("is_simulated"),
            flag("is_test"),
            integer("happened_at"),
            integer("created_at"),
            Column { name: "content", kind: Kind::Sealed { bound: "delivery:", key: "id" } },
            text("state"),
            small("attempts"),
            integer("ended_at"),
            text("problem"),
        ],
    },
    Table {
        name: "delivery_attempts",
        of: OfShop::ShopId,
        order: "at, delivery_id, fence",
        columns: &[
            text("delivery_id"),
            integer("at"),
            integer("duration_ms"),
            text("outcome"),
            text("problem"),
            text("request"),
            text("response"),
        ],
    },
    Table { name: "erased_connections", of: OfShop::ShopId, order: "digest", columns: &[text("digest")] },
    Table {
        name: "webhook_deliveries",
        of: OfShop::Domain,
        order: "received_at, delivery_id",
        columns: &[
            text("delivery_id"),
            text("topic"),
            json("work"),
            integer("triggered_at"),
            integer("received_at"),
            text("state"),
            small("attempts"),
            text("problem"),
        ],
    },
    Table {
        name: "data_requests",
        of: OfShop::ShopId,
        order: "requested_at, id",
        columns: &[text("id"), text("customer_id"), integer("requested_at")],
    },
    Table {
        name: "compliance_receipts",
        of: OfShop::Digest,
        order: "at, id",
        columns: &[text("id"), text("kind"), text("outcome"), integer("at")],
    },
    Table {
        name: "refusals",
        of: OfShop::ShopId,
        order: "day, code",
        columns: &[text("code"), integer("day"), integer("count"), integer("last_at")],
    },
    Table {
        name: "audit_lines",
        of: OfShop::ShopId,
        order: "seq",
        columns: &[integer("seq"), integer("at"), text("actor"), text("action"), json("detail"), text("digest")],
    },
    Table {
        name: "audit_heads",
        of: OfShop::ShopId,
        order: "seq",
        columns: &[integer("seq"), text("digest"), integer("pruned_seq"), text("pruned_digest")],
    },
];
