//! The storefront over real HTTP, with a small app behind its proxy that remembers what reached it.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::sandbox::shoppers::{DANA, MAYA, SOL};
use crate::shopify::proxy::{ProxyRefusal, VerifiedProxy, verify};

const TOKEN: &str = "shpat_test";
