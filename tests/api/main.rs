//! One test crate: black box, over HTTP, against the running application.
