//! The links by which shoppers sign in to a connection again, from the retailers near at hand. Where Subtotal can not be
//! asked for them there are no links, and a reason.

use std::sync::Arc;

use super::{Staff, subtotal};
use crate::app::AppState;
use crate::http::error::AppError;
use crate::linking::link_url::relink_url;
use crate::store::KnownConnection;
use crate::subtotal::wire::Retailer;

/// What links are made of.
#[derive(Debug, Clone, Default)]
pub(super) struct Relinks {
    retailers: Arc<Vec<Retailer>>,
    /// The code of the reason why there are none.
    pub(super) problem: Option<&'static str>,
}

impl Relinks {
    /// From the shop's list of retailers.
    pub(super) async fn of_shop(state: &AppState, staff: &Staff) -> Result<Self, AppError> {
        let listed = async {
            let (api, shelf) = subtotal(state, staff).await?;
            Ok::<_, AppError>(shelf.retailers(&api).await?)
        };
        match listed.await {
            Ok(snapshot) => Ok(Self { retailers: snapshot.retailers, problem: None }),
            Err(error @ (AppError::ShopNotConfigured | AppError::Subtotal(_))) => {
                Ok(Self { problem: Some(error.kind().code), ..Self::default() })
            }
            Err(error) => Err(error),
        }
    }

    /// The retailer's name.
    pub(super) fn name(&self, retailer_id: &str) -> Option<&str> {
        self.retailer(retailer_id).map(|retailer| retailer.name.as_str())
    }

    /// Where the shopper signs in again; nowhere for one who is signed in.
    pub(super) fn url(&self, connection: &KnownConnection) -> Option<String> {
        let retailer = self.retailer(&connection.retailer_id).filter(|_| connection.status != "active")?;
        relink_url(retailer, &connection.connection_id).ok()
    }

    fn retailer(&self, retailer_id: &str) -> Option<&Retailer> {
        self.retailers.iter().find(|retailer| retailer.retailer_id == retailer_id)
    }
}
