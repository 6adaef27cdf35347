//! The Link URL a shopper is sent to: always built from the server's own `link_url` of the retailer.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::redirect::RedirectUrl;
use crate::subtotal::SubtotalError;
use crate::subtotal::wire::Retailer;

/// How Subtotal Link learns which connection it is about.
#[derive(Debug, Clone)]
pub enum LinkProof {
    /// `connection_id` (seed 004).
    Connection(String),
    /// `connection_token` (seed 002).
    Token(SecretString),
}

/// The retailer's `link_url` with a connection that is to be connected again, and no way back: for a message, not a page.
///
/// # Errors
/// [`SubtotalError::Unavailable`] when the retailer's `link_url` is not an http(s) URL.
pub fn relink_url(retailer: &Retailer, connection_id: &str) -> Result<String, SubtotalError> {
    let mut url = parse(retailer)?;
    url.query_pairs_mut().append_pair("connection_id", connection_id);
    Ok(url.into())
}

/// The retailer's `link_url` with the connection and the way back, in that order, form-encoded.
///
/// # Errors
/// [`SubtotalError::Unavailable`] when the retailer's `link_url` is not an http(s) URL.
pub fn link_url(retailer: &Retailer, proof: &LinkProof, redirect: &RedirectUrl) -> Result<String, SubtotalError> {
    let mut url = parse(retailer)?;
    let (name, value) = match proof {
        LinkProof::Connection(id) => ("connection_id", id.as_str()),
        LinkProof::Token(token) => ("connection_token", token.expose_secret()),
    };
    url.query_pairs_mut().append_pair(name, value).append_pair("redirect_url", redirect.as_str());
    Ok(url.into())
}

fn parse(retailer: &Retailer) -> Result<Url, SubtotalError> {
    let url = Url::parse(&retailer.link_url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    url.ok_or(SubtotalError::Unavailable("a retailer's link_url is not a URL"))
}
