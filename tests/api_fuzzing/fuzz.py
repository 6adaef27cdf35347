"""Starts the demo's Subtotal, Shopify and Klaviyo, beside them the service itself as in production, and Schemathesis."""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

from signing import CLIENT_ID, CLIENT_SECRET, CUSTOMERS, SHOP, STOREFRONT, WEBHOOK_SECRET

HERE = pathlib.Path(__file__).resolve().parent
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
ENCRYPTION_KEYS = "fuzzing:ZnV6emluZy1rZXktdGhhdC1wcm90ZWN0cy1ub3RoaW4="
# The demo's, whose Subtotal and Shopify are asked.
API_KEY = b"demo-subtotal-api-key"
ADMIN_TOKEN = b"demo-shopify-admin-token"
PATIENCE = 30


def fail(why: str) -> None:
    print(f"FAILED: {why}", file=sys.stderr)
    sys.exit(1)


def until(what: str, found):
    """What `found` answers, once it is something."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if (answer := found()) is not None:
            return answer
        time.sleep(0.05)
    fail(f"waited {PATIENCE} s in vain: {what}")


@contextlib.contextmanager
def running(command: list, folder: pathlib.Path, name: str, environment: dict):
    """A process, and the file that it says everything to."""
    said = folder / f"{name}.log"
    with said.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            yield said
        finally:
            process.terminate()
            process.wait(PATIENCE)


def said(file: pathlib.Path, pattern: str):
    return re.search(pattern, file.read_text(errors="replace"))


def install(binary: str, folder: pathlib.Path, environment: dict) -> None:
    """The shop with everything that the demo's shop has."""
    for option, secret in [("api-key", API_KEY), ("webhook-secret", WEBHOOK_SECRET), ("admin-token", ADMIN_TOKEN)]:
        command = [binary, "shop", "set", SHOP, f"--{option}-stdin"]
        subprocess.run(command, cwd=folder, env=environment, input=secret, stdout=subprocess.DEVNULL, check=True)
    subprocess.run(
        [binary, "shop", "set", SHOP, "--domain", STOREFRONT], cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True
    )
    command = [binary, "rules", "set", SHOP, "--retailer", "petco", "--on", "--file", "-"]
    subprocess.run(command, cwd=folder, env=environment, input=b"@larkmeadow.example\n", stdout=subprocess.DEVNULL, check=True)


def at_subtotal(world: dict, path: str) -> dict:
    request = urllib.request.Request(world["subtotal_api"] + path, headers={"x-api-key": API_KEY.decode()})
    return json.load(urllib.request.urlopen(request, timeout=PATIENCE))


def operations(address: str) -> set:
    """What the document describes, but for the document itself, which is read and not fuzzed."""
    paths = json.load(urllib.request.urlopen(f"{address}/openapi.json", timeout=PATIENCE))["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} - {"GET /openapi.json"}


def report(counts: dict) -> dict:
    """Prints how often each operation was answered how, and answers that."""
    by_operation = collections.defaultdict(collections.Counter)
    for line, count in counts.items():
        operation, _, status = line.rpartition(" ")
        by_operation[operation][int(status)] += count
    for operation, statuses in sorted(by_operation.items()):
        print(f"{operation:46} " + "  ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
    print(f"{sum(counts.values())} requests")
    return by_operation


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--place", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    bare = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        demo = stack.enter_context(running([options.binary, "demo", "--port", "0", "--json"], folder, "demo", bare))
        world = json.loads(until("the demo is there", lambda: said(demo, r"(?m)^\{.*\}$"))[0])
        settings = bare | {
            "SHOPIFY_API_KEY": CLIENT_ID,
            "SHOPIFY_API_SECRET": CLIENT_SECRET.decode(),
            "SHOPIFY_APP_URL": "https://app.example.com",
            "SHOPIFY_ADMIN_URL": world["storefront"].rstrip("/"),
            "SUBTOTAL_API_URL": world["subtotal_api"],
            "KLAVIYO_API_URL": world["klaviyo"],
            "DATABASE_URL": f"sqlite://{folder}/fuzzing.db?mode=rwc",
            "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
            # What is looked for lies behind the limits.
            "RATE_LIMIT_CUSTOMER": "off",
            "RATE_LIMIT_SHOP": "off",
            "PORT": "0",
        }
        install(options.binary, folder, settings)
        serve = stack.enter_context(running([options.binary, "serve"], folder, "serve", settings))
        address = until("the service listens", lambda: said(serve, r"listening on (http://[0-9.:]+)"))[1]
        retailers = at_subtotal(world, "/retailers")["retailers"]
        connections = at_subtotal(world, f"/connections?customer_id={CUSTOMERS[0]}")["connections"]
        counts = options.place / "counts.json"
        counts.write_text("{}")
        environment = bare | {
            "PYTHONDONTWRITEBYTECODE": "1",
            "SCHEMATHESIS_HOOKS": "hooks",
            "PYTHONPATH": str(HERE),
            "FUZZING_LINKS": json.dumps([one["link_url"].split("?")[0].rsplit("/", 1)[1] for one in retailers]),
            "FUZZING_CONNECTIONS": json.dumps([one["connection_id"] for one in connections] + ["not-there"]),
            "FUZZING_COUNTS": str(counts),
        }
        print(f"seed {options.seed}, {options.seconds} s", flush=True)
        command = [str(pathlib.Path(sys.executable).parent / "schemathesis"), "run", f"{address}/openapi.json", "--url", address]
        command += ["--checks", CHECKS, "--mode", "all", "--phases", "examples,coverage,fuzzing", "--warnings", "off"]
        command += ["--seed", str(options.seed), "--max-time", str(options.seconds), "--max-redirects", "0"]
        fuzzed = subprocess.run(command, cwd=options.place, env=environment)
        answered = report(json.loads(counts.read_text()))
        log = serve.read_text(errors="replace")
        (options.place / "serve.log").write_text(log)
        if fuzzed.returncode != 0:
            fail(f"answers were not as described; the service's log is {options.place}/serve.log")
        if "panicked at" in log:
            fail(f"the service panicked: {options.place}/serve.log")
        # A run in which everything is refused finds nothing.
        well = {of for of, statuses in answered.items() if any(200 <= status < 400 and status != 204 for status in statuses)}
        if missed := operations(address) - well:
            fail(f"never answered well: {', '.join(sorted(missed))}")


main()
