"""Proofs as Shopify and Subtotal make them, written from their documentation and apart from the service's own code.

A request is signed last, when its URL and body are the bytes that are sent.
"""

import base64
import hashlib
import hmac
import itertools
import json
import pathlib
import sys
import time
import urllib.parse

import requests.auth

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "conformance"))
import app_proxy  # noqa: E402

CLIENT_ID = "fuzzed-client-id"
CLIENT_SECRET = b"fuzzed-client-secret"
WEBHOOK_SECRET = b"fuzzed-webhook-secret-00000001"
SHOP = "larkmeadow.myshopify.com"
# The storefront's own host, as in the document's examples.
STOREFRONT = "shop.example.com"
# Shoppers of the demo; the empty one is nobody. The first has linked something of every kind.
CUSTOMERS = ["7100000000001", "7100000000001", "7100000000001", "7100000000002", ""]
# What only Shopify adds.
PROXYS_OWN = {"shop", "logged_in_customer_id", "path_prefix", "timestamp", "signature", "hmac"}
TURNS = itertools.count()


def own(query: str) -> list:
    """The pieces of a query that are a page's, as they are spelled."""
    pieces = [piece for piece in query.split("&") if piece]
    return [piece for piece in pieces if urllib.parse.unquote_plus(piece.partition("=")[0]) not in PROXYS_OWN]


def token(customer: str, now: int) -> str:
    """A session token as a customer-account extension gets it."""
    claims = {"dest": SHOP, "aud": CLIENT_ID, "exp": now + 300, "nbf": now, "iat": now, "jti": f"{now}"}
    if customer:
        claims["sub"] = f"gid://shopify/Customer/{customer}"

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    signed = ".".join(part(json.dumps(value).encode()) for value in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{signed}.{part(hmac.digest(CLIENT_SECRET, signed.encode(), hashlib.sha256))}"


class Proof(requests.auth.AuthBase):
    """Proves a request, whatever its sender put in the proof's place. One of sixteen goes as it is."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        # By turns, so that every run with the same seed sends the same.
        turn = next(TURNS)
        if turn % 16 == 15 or not isinstance(body, bytes):
            return request
        customer, now = CUSTOMERS[turn % len(CUSTOMERS)], int(time.time())
        url = urllib.parse.urlsplit(request.url)
        if url.path.startswith("/apps/subtotal"):
            added = f"shop={SHOP}&logged_in_customer_id={customer}&path_prefix=%2Fapps%2Fsubtotal&timestamp={now}"
            query = "&".join([*own(url.query), added])
            query += "&signature=" + app_proxy.sign(CLIENT_SECRET, query)
            request.url = urllib.parse.urlunsplit(url._replace(query=query))
            request.headers["X-Forwarded-Host"] = STOREFRONT
        elif url.path.startswith("/customer-account"):
            request.headers["Authorization"] = f"Bearer {token(customer, now)}"
        elif url.path == "/webhooks/shopify":
            digest = hmac.digest(CLIENT_SECRET, body, hashlib.sha256)
            request.headers["X-Shopify-Hmac-Sha256"] = base64.b64encode(digest).decode()
        elif url.path.startswith("/webhooks/subtotal/"):
            request.headers["X-Subtotal-Timestamp"] = str(now)
            digest = hmac.digest(WEBHOOK_SECRET, f"{now}.".encode() + body, hashlib.sha256)
            request.headers["X-Subtotal-Signature"] = digest.hex()
        return request
