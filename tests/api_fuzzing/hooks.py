"""What Schemathesis loads: requests are proven, now and then hold what is there, and every answer is counted."""

import atexit
import collections
import json
import os
import pathlib

import schemathesis
from hypothesis import strategies as st

from signing import CUSTOMERS, SHOP, STOREFRONT, Proof

RETAILERS = ["walmart", "target", "amazon", "kroger", "petco"]
LINKS = json.loads(os.environ["FUZZING_LINKS"])
CONNECTIONS = json.loads(os.environ["FUZZING_CONNECTIONS"])
COUNTS = pathlib.Path(os.environ["FUZZING_COUNTS"])
# Not app/uninstalled: everything after it would be a 404.
TOPICS = [
    "app/scopes_update",
    "shop/update",
    "customers/update",
    "customers/delete",
    "customers/redact",
    "customers/data_request",
    "products/update",
]
EVENTS = [
    "connection.initialized",
    "connection.activated",
    "connection.unauthenticated",
    "connection.disconnected",
    "connection.revoked",
    "purchase.created",
    "something.else",
]
# Where what is generated at random would never be something that is there.
KNOWN = {
    "retailerId": RETAILERS,
    "retailerLinkUrl": ["https://link.subtotal.com/zklQOnlG", "http://127.0.0.1/x"],
    "redirectUrl": ["/", f"https://{STOREFRONT}/account", "https://evil.example/", "//evil.example", "https://"],
    "redirect_url": ["/", f"https://{SHOP}/account?a=b#c", "https://evil.example/", "javascript:1"],
    "connectionId": CONNECTIONS,
    "linkId": LINKS,
    "shop": [SHOP],
    "X-Shopify-Shop-Domain": [SHOP],
    "X-Shopify-Topic": TOPICS,
    "X-Shopify-Triggered-At": ["2026-11-01T12:00:00Z", "2026-11-01", "99999-01-01T00:00:00Z"],
}

counts = collections.Counter()


@st.composite
def with_known(draw, generated):
    """The same with some fields as they would be in a right request."""
    if not isinstance(generated, dict):
        return generated
    changed = dict(generated)
    for name, values in KNOWN.items():
        # A parameter that is there, or one that may be; three in four hold something that is there.
        if name in changed and draw(st.integers(0, 3)):
            changed[name] = draw(st.sampled_from(values))
    return changed


@st.composite
def event(draw, generated):
    """An event of Subtotal's with what is generated somewhere in it."""
    if not isinstance(generated, dict) or draw(st.integers(0, 3)) == 0:
        return generated
    text = st.one_of(st.text(max_size=70), st.sampled_from(CONNECTIONS + RETAILERS + ["active", CUSTOMERS[0]]))
    anything = st.one_of(text, st.none(), st.integers(), st.just(generated), st.lists(text, max_size=2))
    names = ["connection_id", "customer_id", "retailer_id", "status", "email", "mobile", "is_simulated"]
    connection = {name: draw(anything) for name in names if draw(st.integers(0, 5))}
    payload = {"connection": connection, "purchase": {"purchase_id": draw(anything)}}
    return {"type": draw(st.sampled_from(EVENTS)), "id": draw(anything), "payload": payload}


@st.composite
def notice(draw, generated):
    """A webhook of Shopify's with what is generated somewhere in it."""
    if not isinstance(generated, dict) or draw(st.integers(0, 3)) == 0:
        return generated
    number = st.one_of(st.integers(), st.sampled_from([int(CUSTOMERS[0]), int(CUSTOMERS[3]), 2**63, -1, 1.5, CUSTOMERS[0], None]))
    customer = {"id": draw(number), "email": draw(st.one_of(st.text(max_size=30), st.none())), "phone": draw(number)}
    shop = draw(st.sampled_from([SHOP, "other.myshopify.com", "", None, 7]))
    return {
        **generated,
        "id": draw(number),
        "myshopify_domain": shop,
        "shop_domain": shop,
        "domain": draw(st.one_of(st.text(max_size=30), st.just("shop.example.com"))),
        "customer": draw(st.one_of(st.just(customer), st.none(), st.text(max_size=5))),
        "current": draw(st.one_of(st.lists(st.text(max_size=20), max_size=3), st.none())),
        "data_request": {"id": draw(number)},
    }


@schemathesis.hook
def flatmap_body(context, body):
    path = context.operation.path
    if path == "/webhooks/shopify":
        return notice(body)
    return event(body) if path.startswith("/webhooks/subtotal") else with_known(body)


@schemathesis.hook
def flatmap_query(context, query):
    return with_known(query)


@schemathesis.hook
def flatmap_path_parameters(context, path_parameters):
    return with_known(path_parameters)


@schemathesis.hook
def flatmap_headers(context, headers):
    return with_known(headers)


@schemathesis.hook
def before_call(context, case, kwargs):
    kwargs["auth"] = Proof()


@schemathesis.hook
def after_call(context, case, response):
    counts[f"{case.operation.method.upper()} {case.operation.path} {response.status_code}"] += 1


@atexit.register
def write_counts():
    COUNTS.write_text(json.dumps(counts))
