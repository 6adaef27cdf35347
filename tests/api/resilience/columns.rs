//! The columns of the table: what is asked or given to do while something fails, and how it comes out when nothing does.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Configuration,
    Visibility,
    Retailers,
    CustomerAccount,
    Connections,
    Disconnect,
    Link,
    ShopifyDoor,
    SubtotalDoor,
    Ready,
    Webhooks,
    Events,
    Klaviyo,
    Flow,
    Renewal,
    AdminPage,
    AdminSave,
    AdminHome,
}

use Column::*;

/// The columns that stand together in one table of the page, below a heading.
pub(super) const GROUPS: [(&str, &[Column]); 5] = [
    ("What a page asks", &[Configuration, Visibility, Retailers, CustomerAccount]),
    ("What a shopper does", &[Connections, Disconnect, Link]),
    ("What machines send and ask", &[ShopifyDoor, SubtotalDoor, Ready]),
    ("What is done later", &[Webhooks, Events, Klaviyo, Flow, Renewal]),
    ("What staff see", &[AdminPage, AdminSave, AdminHome]),
];

/// What is asked over HTTP; the rest are jobs.
pub(super) const ASKED: [Column; 13] = [
    Configuration,
    Visibility,
    Retailers,
    CustomerAccount,
    Connections,
    Disconnect,
    Link,
    ShopifyDoor,
    SubtotalDoor,
    Ready,
    AdminPage,
    AdminSave,
    AdminHome,
];

/// What is done later.
pub(super) const JOBS: [Column; 5] = [Webhooks, Events, Klaviyo, Flow, Renewal];

/// How a job stands: it is done although something fails, or it waits. A test that sees one wait sees it done in the end.
pub(super) const DONE: &str = "done";
pub(super) const WAITS: &str = "waits, and is done afterwards";

/// What comes of it, and in words what a person sees of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) observed: &'static str,
    pub(super) phrase: &'static str,
}

impl Column {
    /// Over the column.
    pub(super) fn title(self) -> &'static str {
        match self {
            Configuration => "`GET /configuration`",
            Visibility => "`GET /visibility`, a list is on",
            Retailers => "`GET /retailers`",
            CustomerAccount => "the same by a customer account's token",
            Connections => "`POST /connections`",
            Disconnect => "`POST /disconnect-connection`",
            Link => "`GET /link/{linkId}`",
            ShopifyDoor => "`POST /webhooks/shopify`",
            SubtotalDoor => "`POST /webhooks/subtotal/{shop}`",
            Ready => "`GET /readyz`",
            Webhooks => "a customer's new address, from Shopify to Subtotal",
            Events => "a purchase, from Subtotal to the merchant's tools",
            Klaviyo => "a lost connection, to Klaviyo",
            Flow => "a lost connection, to Shopify Flow",
            Renewal => "a token of Shopify's that ends soon",
            AdminPage => "opening a page",
            AdminSave => "saving settings",
            AdminHome => "what *Home* says",
        }
    }

    /// How it comes out when nothing fails.
    pub(super) fn well(self) -> Outcome {
        let (observed, phrase) = match self {
            Configuration => ("200", "A page that asks this first shows the block."),
            Visibility => ("200, block shown", "The lists let in whom they name."),
            Retailers => ("200, the list", "The list, with this customer's connections."),
            CustomerAccount => ("200, the list", "The list on the profile page."),
            Connections => ("200, a Link URL", "The retailer's sign-in opens."),
            Disconnect => ("200, disconnected", "The account is disconnected."),
            Link => ("302 to the retailer", "The retailer's sign-in opens."),
            ShopifyDoor | SubtotalDoor => ("200, kept", "Nobody notices."),
            Ready => ("200", "Traffic comes."),
            Webhooks => (DONE, "Subtotal knows the address at once."),
            Events => (DONE, "The tools are told at once."),
            Klaviyo => (DONE, "The flow starts at once."),
            Flow => (DONE, "The workflow starts at once."),
            Renewal => (DONE, "It is renewed early; nobody notices."),
            AdminPage => ("200, the page", "The page."),
            AdminSave => ("200, saved", "It is saved."),
            AdminHome => ("200, all is well", "Everything works."),
        };
        Outcome { observed, phrase }
    }
}
