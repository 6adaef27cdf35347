//! What the sandbox's Subtotal remembers: projects, retailers, connections, and the rest its rooms keep here.

use std::collections::BTreeMap;

use rand::distr::{Alphanumeric, SampleString};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use ulid::Ulid;

use super::SubtotalConfig;
use super::call_log::CallLog;
use super::events::Outbox;
use super::levers::Levers;
use super::purchases::Purchase;
use super::scenario_run::Run;
use super::token::Tokens;
use super::visit::Visits;
use crate::sandbox::data::{LinkHost, RETAILERS};
use crate::subtotal::wire;

/// Length of a `linkId` in characters.
const LINK_ID_LENGTH: usize = 8;
/// Where the ids of projects and seeded connections are counted from, so that they are the same at each start.
const SEED_MILLISECONDS: u64 = 1_767_225_600_000;

/// One shopper's link to one retailer, as the API shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Connection {
    /// A ULID.
    pub connection_id: String,
    /// The merchant's own id of the shopper.
    pub customer_id: String,
    /// The retailer's slug.
    pub retailer_id: String,
    /// Any text: levers can set statuses nobody knows.
    pub status: String,
    /// The shopper's e-mail address, if the merchant gave it.
    pub email: Option<String>,
    /// The shopper's phone number, if the merchant gave it.
    pub mobile: Option<String>,
    #[serde(skip)]
    pub(super) project: Project,
}

/// A connection that is there from the start.
#[derive(Debug, Clone)]
pub struct SeededConnection {
    /// The merchant's own id of the shopper.
    pub customer_id: String,
    /// The retailer's slug.
    pub retailer_id: String,
    /// Any status.
    pub status: String,
}

/// Whose connections they are: the place of its API key in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Project(usize);

impl Project {
    /// That of the first key, which seeded connections and scenarios belong to.
    pub(super) const FIRST: Self = Self(0);

    /// The project `key` belongs to.
    pub(super) fn find(keys: &[SecretString], key: &str) -> Option<Self> {
        keys.iter().position(|known| known.expose_secret() == key).map(Self)
    }

    /// The id connection tokens carry.
    pub(super) fn client_id(self) -> String {
        seeded_ulid(1_000_000 + self.0)
    }
}

/// A retailer as it is listed now.
#[derive(Debug, Clone)]
pub(super) struct ListedRetailer {
    pub(super) retailer_id: &'static str,
    pub(super) name: &'static str,
    pub(super) link_id: String,
    link_host: LinkHost,
    dark_logo: bool,
}

impl ListedRetailer {
    pub(super) fn link_url(&self, config: &SubtotalConfig) -> String {
        let origin = match self.link_host {
            LinkHost::Shared => &config.link_origin,
            LinkHost::Custom => &config.custom_link_origin,
        };
        format!("{origin}/{}", self.link_id)
    }

    /// As `GET /retailers` lists it.
    pub(super) fn to_wire(&self, config: &SubtotalConfig) -> wire::Retailer {
        let picture = |kind, tone| format!("{}/logos/{}-{kind}-{tone}.svg", config.link_origin, self.retailer_id);
        let mut logo = serde_json::json!({ "light": picture("logo", "light") });
        if self.dark_logo {
            logo["dark"] = picture("logo", "dark").into();
        }
        let icon = serde_json::json!({ "light": picture("icon", "light"), "dark": picture("icon", "dark") });
        wire::Retailer {
            retailer_id: self.retailer_id.to_owned(),
            name: self.name.to_owned(),
            link_url: self.link_url(config),
            images: Some((&serde_json::json!({ "logo": logo, "icon": icon })).into()),
        }
    }

    /// Where the Link pages find the logo: on their own host, whichever that is.
    pub(super) fn logo_paths(&self) -> (String, Option<String>) {
        let path = |tone| format!("/logos/{}-logo-{tone}.svg", self.retailer_id);
        (path("light"), self.dark_logo.then(|| path("dark")))
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) retailers: Vec<ListedRetailer>,
    /// By connection id, so oldest first.
    pub(super) connections: BTreeMap<String, Connection>,
    /// By connection id, newest first.
    pub(super) purchases: BTreeMap<String, Vec<Purchase>>,
    pub(super) outbox: Outbox,
    pub(super) tokens: Tokens,
    pub(super) visits: Visits,
    pub(super) levers: Levers,
    pub(super) calls: CallLog,
    /// The scenario that is played, or the last one that was.
    pub(super) scenario: Option<Run>,
    /// What the last lever did, for the levers page.
    pub(super) notice: Option<String>,
}

impl State {
    pub(super) fn new(config: &SubtotalConfig) -> Self {
        let retailers = RETAILERS.iter().map(|retailer| ListedRetailer {
            retailer_id: retailer.retailer_id,
            name: retailer.name,
            link_id: retailer.link_id.to_owned(),
            link_host: retailer.link_host,
            dark_logo: retailer.logo.dark.is_some(),
        });
        let connections = config.connections.iter().enumerate().map(|(index, seeded)| {
            let connection = Connection {
                connection_id: seeded_ulid(index),
                customer_id: seeded.customer_id.clone(),
                retailer_id: seeded.retailer_id.clone(),
                status: seeded.status.clone(),
                email: None,
                mobile: None,
                project: Project::FIRST,
            };
            (connection.connection_id.clone(), connection)
        });
        Self {
            retailers: retailers.collect(),
            connections: connections.collect(),
            purchases: BTreeMap::new(),
            outbox: Outbox::default(),
            tokens: Tokens::default(),
            visits: Visits::default(),
            levers: Levers::default(),
            calls: CallLog::default(),
            scenario: None,
            notice: None,
        }
    }

    /// A new connection each time: upstream knows no idempotency.
    pub(super) fn connect(&mut self, project: Project, new: wire::NewConnection) -> Connection {
        let connection = Connection {
            connection_id: Ulid::generate().to_string(),
            customer_id: new.customer_id,
            retailer_id: new.retailer_id,
            status: "initialized".to_owned(),
            email: new.email,
            mobile: new.mobile,
            project,
        };
        self.connections.insert(connection.connection_id.clone(), connection.clone());
        connection
    }

    /// The project's own connection with this id.
    pub(super) fn connection_mut(&mut self, project: Project, connection_id: &str) -> Option<&mut Connection> {
        self.connections.get_mut(connection_id).filter(|connection| connection.project == project)
    }

    pub(super) fn retailer(&self, retailer_id: &str) -> Option<&ListedRetailer> {
        self.retailers.iter().find(|retailer| retailer.retailer_id == retailer_id)
    }

    /// Gives a retailer a Link URL nobody has seen; the old one stops working. `None` for an unknown retailer.
    pub(super) fn renew_link_id(&mut self, retailer_id: &str) -> Option<&ListedRetailer> {
        let retailer = self.retailers.iter_mut().find(|retailer| retailer.retailer_id == retailer_id)?;
        retailer.link_id = Alphanumeric.sample_string(&mut rand::rng(), LINK_ID_LENGTH);
        Some(retailer)
    }
}

fn seeded_ulid(index: usize) -> String {
    let index = index as u64;
    Ulid::from_parts(SEED_MILLISECONDS + index, u128::from(index)).to_string()
}
