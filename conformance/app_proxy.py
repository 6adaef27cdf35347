#!/usr/bin/env python3
"""Asks an HTTP service whether it verifies Shopify's app-proxy requests as it must.

    echo "$SECRET" | conformance/app_proxy.py --url http://127.0.0.1:3000/apps/subtotal/configuration --shop demo.myshopify.com

The cases are in cases.json beside this file. URL is an address behind the verifier that answers GET; SHOP is a shop it knows.
Taken means any answer but a refusal or an error of the server. Exit 0: every case came out as it should; 1: some did not; 2: it
could not be asked. Needs Python 3.9 and nothing else.

The algorithm: https://shopify.dev/docs/apps/build/online-store/app-proxies/authenticate-app-proxies
"""

import argparse
import hashlib
import hmac
import http.client
import json
import pathlib
import re
import sys
import time
import urllib.parse


def pairs(query: str) -> list:
    """Decoded pairs in the order of the query, as bytes."""
    found = []
    for piece in query.split("&"):
        if piece:
            key, _, value = piece.replace("+", " ").partition("=")
            found.append((urllib.parse.unquote_to_bytes(key), urllib.parse.unquote_to_bytes(value)))
    return found


def sign(secret: bytes, query: str, between: bytes = b"") -> str:
    """The signature Shopify gives a query: repeats joined by commas, `key=value` sorted by byte, HMAC-SHA256 in hex."""
    values = {}
    for key, value in pairs(query):
        values.setdefault(key, []).append(value)
    message = between.join(sorted(key + b"=" + b",".join(of) for key, of in values.items()))
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def signature(secret: bytes, query: str, change: str) -> str:
    right = sign(secret, query)
    return {
        "right": lambda: right,
        "none": lambda: "",
        "empty": lambda: "",
        "other-secret": lambda: sign(secret + b"x", query),
        "empty-secret": lambda: sign(b"", query),
        "change-last": lambda: right[:-1] + ("0" if right[-1] != "0" else "1"),
        "half": lambda: right[:32],
        "longer": lambda: right + "0",
        "ampersands": lambda: sign(secret, query, b"&"),
        # A digest of digits alone is one in ten million million.
        "capitals": lambda: right.upper(),
    }[change]()


def filled(template: str, shop: str, now: int) -> str:
    text = template.replace("{shop}", shop)
    text = re.sub(r"\{now([+-]\d+)?\}", lambda found: str(now + int(found[1] or 0)), text)
    return re.sub(r"\{(\d+) times (.)\}", lambda found: found[2] * int(found[1]), text)


def query_of(case: dict, secret: bytes, shop: str) -> str:
    now = int(time.time())
    query = filled(case["query"], shop, now)
    change = case.get("signature", "right")
    sent = filled(case.get("sent", case["query"]), shop, now)
    if change != "none" and "{signature}" not in sent:
        sent += "&signature={signature}"
    return sent.replace("{signature}", signature(secret, query, change))


def status_of(url: urllib.parse.SplitResult, query: str) -> int:
    of = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = of(url.netloc, timeout=10)
    try:
        connection.request("GET", f"{url.path or '/'}?{query}")
        return connection.getresponse().status
    finally:
        connection.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Asks a service whether it verifies app-proxy requests as it must.")
    parser.add_argument("--url", required=True, help="an address behind the verifier that answers GET")
    parser.add_argument("--shop", default="demo.myshopify.com", help="a shop that the service knows")
    parser.add_argument("--secret-file", help="the app's client secret; standard input where it is not given")
    parser.add_argument("--refusals", default="400,401,403,404,414,431", help="statuses that refuse (default: %(default)s)")
    parser.add_argument("--must", action="store_true", help="leave out what only a strict verifier refuses")
    parser.add_argument("--json", action="store_true", help="the report for programs")
    options = parser.parse_args()
    secret = (pathlib.Path(options.secret_file).read_bytes() if options.secret_file else sys.stdin.buffer.read()).strip()
    url, refusals = urllib.parse.urlsplit(options.url), {int(status) for status in options.refusals.split(",")}
    cases = json.loads((pathlib.Path(__file__).parent / "cases.json").read_text())
    report = []
    for expected in ("accept", "refuse"):
        for case in cases[expected]:
            level = case.get("level", "must")
            if options.must and level != "must":
                continue
            try:
                status = status_of(url, query_of(case, secret, options.shop))
            except OSError as error:
                print(f"{options.url} can not be asked: {error}", file=sys.stderr)
                return 2
            came = "refuse" if status in refusals else "error" if status >= 500 else "accept"
            report.append({"name": case["name"], "level": level, "expected": expected, "status": status, "holds": came == expected})
    failed = [line for line in report if not line["holds"]]
    if options.json:
        print(json.dumps({"cases": report, "failed": len(failed)}, indent=1))
    else:
        for line in report:
            print(f"{'ok    ' if line['holds'] else 'FAILED'} {line['expected']:<7}{line['level']:<7}{line['status']}  {line['name']}")
        print(f"{len(report) - len(failed)} of {len(report)} hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
