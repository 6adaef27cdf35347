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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linking::{AllowedHosts, StorefrontHost};
    use crate::shopify::ShopDomain;

    fn retailer(link_url: &str) -> Retailer {
        Retailer { retailer_id: "walmart".into(), name: "Walmart".into(), link_url: link_url.into(), images: None }
    }

    fn back() -> RedirectUrl {
        let shop = ShopDomain::parse("demo.myshopify.com").unwrap();
        let storefront = StorefrontHost::from_forwarded(None, &shop);
        RedirectUrl::parse("/account?a=1&b=2", AllowedHosts { shop: &shop, storefront: &storefront, known: &[] })
            .unwrap()
    }

    #[test]
    fn the_proof_and_the_way_back_stand_behind_what_the_retailers_url_has() {
        let own = retailer("https://link.example/X1y2?theme=dark");
        let way_back = "redirect_url=https%3A%2F%2Fdemo.myshopify.com%2Faccount%3Fa%3D1%26b%3D2";
        for (proof, named) in [
            (LinkProof::Connection("01HX&".into()), "connection_id=01HX%26"),
            (LinkProof::Token("a token".into()), "connection_token=a+token"),
        ] {
            let expected = format!("https://link.example/X1y2?theme=dark&{named}&{way_back}");
            assert_eq!(link_url(&own, &proof, &back()).unwrap(), expected);
        }
        assert_eq!(relink_url(&own, "01HX").unwrap(), "https://link.example/X1y2?theme=dark&connection_id=01HX");
        assert_eq!(
            relink_url(&retailer("http://127.0.0.1:9/X1y2"), "01HX").unwrap(),
            "http://127.0.0.1:9/X1y2?connection_id=01HX"
        );
    }

    #[test]
    fn what_is_no_address_of_a_page_is_no_link_url() {
        for wrong in ["", "X1y2", "javascript:alert(1)", "ftp://link.example/X1y2"] {
            assert!(relink_url(&retailer(wrong), "01HX").is_err(), "{wrong}");
            assert!(link_url(&retailer(wrong), &LinkProof::Connection("01HX".into()), &back()).is_err(), "{wrong}");
        }
    }
}
