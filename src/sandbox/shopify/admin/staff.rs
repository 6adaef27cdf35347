//! Who works at the demo shop, and who of them is at the screen.

use actix_web::HttpRequest;
use actix_web::http::header;

/// Cookies are shared by every port of a host, so the name says whose it is.
pub(super) const COOKIE: &str = "sandbox_staff";

/// A member of the shop's staff.
#[derive(Debug, PartialEq, Eq)]
pub struct StaffMember {
    /// The numeric Shopify user id: `sub` of their session tokens.
    pub id: &'static str,
    /// First and last name.
    pub name: &'static str,
    /// What they do.
    pub role: &'static str,
}

/// Everybody who can open the app.
pub const STAFF: [StaffMember; 2] = [
    StaffMember { id: "90210000001", name: "Priya Raman", role: "Store owner" },
    StaffMember { id: "90210000002", name: "Tom Okafor", role: "Marketing" },
];

/// The member of staff the request's cookie names, else the first.
pub(super) fn at_screen(request: &HttpRequest) -> &'static StaffMember {
    request
        .headers()
        .get_all(header::COOKIE)
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .and_then(|(_, id)| by_id(id))
        .unwrap_or(&STAFF[0])
}

pub(super) fn by_id(id: &str) -> Option<&'static StaffMember> {
    STAFF.iter().find(|member| member.id == id)
}

/// What a page shows in the picture's place.
pub(super) fn initials(member: &StaffMember) -> String {
    member.name.split(' ').filter_map(|name| name.chars().next()).collect()
}
