//! The retailers of the sandbox's Subtotal project, with artwork drawn for this repository.
//!
//! The names are those shoppers know; the pictures are not the retailers' own.

/// One retailer as the sandbox starts with it.
#[derive(Debug)]
pub struct SandboxRetailer {
    /// Lower-case slug.
    pub retailer_id: &'static str,
    /// Name shown to shoppers.
    pub name: &'static str,
    /// Last path segment of its Link URL; a lever can replace it.
    pub link_id: &'static str,
    /// Which host its Link URL is on.
    pub link_host: LinkHost,
    /// The wordmark.
    pub logo: Artwork,
    /// The square mark.
    pub icon: Artwork,
}

/// The host of a retailer's Link URL: brands may use their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkHost {
    /// The one most retailers share, like `link.subtotal.com`.
    Shared,
    /// A brand's own.
    Custom,
}

/// One picture as SVG source, for light and for dark pages.
#[derive(Debug)]
pub struct Artwork {
    /// For light pages.
    pub light: &'static str,
    /// For dark pages; `None` where the retailer has no such picture.
    pub dark: Option<&'static str>,
}

/// Every retailer, in the order `GET /retailers` lists them.
pub const RETAILERS: [SandboxRetailer; 9] = [
    SandboxRetailer {
        retailer_id: "walmart",
        name: "Walmart",
        link_id: "zklQOnlG",
        link_host: LinkHost::Shared,
        logo: Artwork {
            light: include_str!("../../templates/sandbox/logos/walmart-logo-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/walmart-logo-dark.svg")),
        },
        icon: Artwork {
            light: include_str!("../../templates/sandbox/logos/walmart-icon-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/walmart-icon-dark.svg")),
        },
    },
    SandboxRetailer {
        retailer_id: "target",
        name: "Target",
        link_id: "zSG5nWHy",
        link_host: LinkHost::Shared,
        logo: Artwork {
            light: include_str!("../../templates/sandbox/logos/target-logo-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/target-logo-dark.svg")),
        },
        icon: Artwork {
            light: include_str!("../../templates/sandbox/logos/target-icon-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/target-icon-dark.svg")),
        },
    },
    SandboxRetailer {
        retailer_id: "amazon",
        name: "Amazon",
        link_id: "tWGE4TJM",
        link_host: LinkHost::Shared,
        logo: Artwork {
            light: include_str!("../../templates/sandbox/logos/amazon-logo-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/amazon-logo-dark.svg")),
        },
        icon: Artwork {
            light: include_str!("../../templates/sandbox/logos/amazon-icon-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/amazon-icon-dark.svg")),
        },
    },
    SandboxRetailer {
        retailer_id: "kroger",
        name: "Kroger",
        link_id: "Kq7RvB2x",
        link_host: LinkHost::Shared,
        logo: Artwork {
            light: include_str!("../../templates/sandbox/logos/kroger-logo-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/kroger-logo-dark.svg")),
        },
        icon: Artwork {
            light: include_str!("../../templates/sandbox/logos/kroger-icon-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/kroger-icon-dark.svg")),
        },
    },
    SandboxRetailer {
        retailer_id: "costco",
        name: "Costco",
        link_id: "mC9hTwZe",
        link_host: LinkHost::Custom,
        logo: Artwork {
            light: include_str!("../../templates/sandbox/logos/costco-logo-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/costco-logo-dark.svg")),
        },
        icon: Artwork {
            light: include_str!("../../templates/sandbox/logos/costco-icon-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/costco-icon-dark.svg")),
        },
    },
    SandboxRetailer {
        retailer_id: "walgreens",
        name: "Walgreens",
        link_id: "pX4nYd8L",
        link_host: LinkHost::Shared,
        logo: Artwork {
            light: include_str!("../../templates/sandbox/logos/walgreens-logo-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/walgreens-logo-dark.svg")),
        },
        icon: Artwork {
            light: include_str!("../../templates/sandbox/logos/walgreens-icon-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/walgreens-icon-dark.svg")),
        },
    },
    SandboxRetailer {
        retailer_id: "instacart",
        name: "Instacart",
        link_id: "iJ6sQo3V",
        link_host: LinkHost::Shared,
        logo: Artwork {
            light: include_str!("../../templates/sandbox/logos/instacart-logo-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/instacart-logo-dark.svg")),
        },
        icon: Artwork {
            light: include_str!("../../templates/sandbox/logos/instacart-icon-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/instacart-icon-dark.svg")),
        },
    },
    SandboxRetailer {
        retailer_id: "publix",
        name: "Publix",
        link_id: "bU2fNg7A",
        link_host: LinkHost::Shared,
        logo: Artwork { light: include_str!("../../templates/sandbox/logos/publix-logo-light.svg"), dark: None },
        icon: Artwork {
            light: include_str!("../../templates/sandbox/logos/publix-icon-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/publix-icon-dark.svg")),
        },
    },
    SandboxRetailer {
        retailer_id: "petco",
        name: "Petco",
        link_id: "eD5kWm9R",
        link_host: LinkHost::Shared,
        logo: Artwork {
            light: include_str!("../../templates/sandbox/logos/petco-logo-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/petco-logo-dark.svg")),
        },
        icon: Artwork {
            light: include_str!("../../templates/sandbox/logos/petco-icon-light.svg"),
            dark: Some(include_str!("../../templates/sandbox/logos/petco-icon-dark.svg")),
        },
    },
];

/// The SVG source of `{retailer_id}-{logo|icon}-{light|dark}`, the name it is served under.
#[must_use]
pub fn artwork(name: &str) -> Option<&'static str> {
    let mut parts = name.rsplitn(3, '-');
    let (tone, kind, retailer_id) = (parts.next()?, parts.next()?, parts.next()?);
    let retailer = RETAILERS.iter().find(|retailer| retailer.retailer_id == retailer_id)?;
    let artwork = match kind {
        "logo" => &retailer.logo,
        "icon" => &retailer.icon,
        _ => return None,
    };
    match tone {
        "light" => Some(artwork.light),
        "dark" => artwork.dark,
        _ => None,
    }
}
