//! The people who shop in the demo. Shopify knows their names and contacts; Subtotal only ever sees their ids.

/// The domain a demo merchant puts on an allow list; [`DANA`] is the one shopper under it.
pub const ALLOW_LISTED_DOMAIN: &str = "larkmeadow.example";

/// A customer of the demo shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shopper {
    /// Shopify's numeric customer id.
    pub id: &'static str,
    /// How pages greet them.
    pub first_name: &'static str,
    /// The account's default e-mail address, when it has one.
    pub email: Option<&'static str>,
    /// The account's default phone number in E.164 form, when it has one.
    pub phone: Option<&'static str>,
    /// Why this shopper is in the demo.
    pub note: &'static str,
}

impl Shopper {
    /// What tells them apart in a list: the e-mail address, else the phone number.
    #[must_use]
    pub fn contact(&self) -> &'static str {
        self.email.or(self.phone).unwrap_or("no contact")
    }
}

/// An ordinary shopper with both an e-mail address and a phone number.
pub const MAYA: Shopper = Shopper {
    id: "7100000000001",
    first_name: "Maya",
    email: Some("maya@example.com"),
    phone: Some("+12125550101"),
    note: "Ordinary shopper",
};

/// An ordinary shopper without a phone number.
pub const JONAS: Shopper = Shopper {
    id: "7100000000002",
    first_name: "Jonas",
    email: Some("jonas@example.org"),
    phone: None,
    note: "Ordinary shopper, no phone",
};

/// The shopper at [`ALLOW_LISTED_DOMAIN`].
pub const DANA: Shopper = Shopper {
    id: "7100000000003",
    first_name: "Dana",
    email: Some("dana@larkmeadow.example"),
    phone: Some("+12125550103"),
    note: "On the allow-listed domain",
};

/// A shopper who signed up by phone: a list that is on hides everything from her.
pub const SOL: Shopper = Shopper {
    id: "7100000000004",
    first_name: "Sol",
    email: None,
    phone: Some("+12125550104"),
    note: "No e-mail on the account",
};

/// A shopper without any linked account, whatever the others did.
pub const THEO: Shopper = Shopper {
    id: "7100000000005",
    first_name: "Theo",
    email: Some("theo@example.net"),
    phone: None,
    note: "New here, nothing linked yet",
};

/// Everybody, in the order pages list them.
pub const SHOPPERS: [Shopper; 5] = [MAYA, JONAS, DANA, SOL, THEO];

/// The shopper with this customer id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Shopper> {
    SHOPPERS.iter().find(|shopper| shopper.id == id)
}
