"""`make api-check`: the running API is asked what its document allows and what it forbids, into build/api.json.

Schemathesis draws requests from docs/openapi.json, by a fixed seed, and holds every answer against it: statuses,
content types, schemas, that what the document forbids is refused, that what it allows is taken, that nobody is answered
unsigned. Without ENV the platform is deployed to a local AWS of its own first; ENV=local takes the one that runs. No
other environment is asked: what is drawn is paid, labelled and decided. It ends with 1 on a finding, or when a route
has accepted nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scoring.entries import Change

from bench.deployed import deployed
from client import Api
from client.errors import NotFound
from client.signing import Signing
from tools.operate.platform import Platform
from tools.operators import Operators
from tools.telling import Teller
from tools.terraform import stacks
from tools.terraform.stacks import BUILD

ROOT = Path(__file__).resolve().parents[1]
REPORT, DRAWN = BUILD / "api.json", BUILD / "api"
ENVIRONMENT = "local"
SEED, EXAMPLES, LIST = 20261130, 60, "api-check"
# A case for each route that works on one, and what is done to it before, so that the route can take something.
WORKED_ON = {
    "/cases/{id}": "",
    "/cases/{id}/claim": "",
    "/cases/{id}/comment": "claim",
    "/cases/{id}/decide": "claim",
    "/cases/{id}/escalate": "claim",
    "/cases/{id}/reassign": "",
    "/cases/{id}/release": "claim",
    "/cases/{id}/reopen": "decide",
}
NEEDS_A_MODEL = {"POST /loans/decide"}  # it refuses with 409 until a credit model and a policy are released
PATIENCE_SECONDS = 120


def main(environment: str, schemathesis: str) -> int:
    if environment not in ("", ENVIRONMENT):
        raise SystemExit(f"api-check: expected ENV={ENVIRONMENT} or none, got {environment}: what is drawn is paid")
    teller = Teller()
    with running(environment, teller) as platform:
        with teller.phase("Payments are decided, and come to review"):
            seeds = prepared(platform)
        with teller.phase("Requests are drawn from the document"):
            found = asked(platform, seeds, schemathesis, EXAMPLES)
    BUILD.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps({name: value for name, value in found.items() if name != "accepted"}, indent=1))
    print(f"{REPORT.relative_to(ROOT)} has the counts, {DRAWN.relative_to(ROOT)}/out.txt what was sent")
    return 0 if found["clean"] else 1


@contextmanager
def running(environment: str, teller: Teller) -> Iterator[Platform]:
    if environment:
        yield Platform(stacks.deployed("api-check", environment))
        return
    with tempfile.TemporaryDirectory(prefix="api-check-") as folder:
        teller.say("the platform is deployed to a local AWS of its own, some minutes")
        with deployed(Path(folder)) as platform:
            yield platform


def client_of(platform: Platform, signing: Signing | None = None) -> Api:
    """The client, where AWS_ENDPOINT_URL says to connect."""
    override = os.environ.get("AWS_ENDPOINT_URL")
    url, headers = platform.api
    host = headers.get("host", urlsplit(url).netloc)
    parts = urlsplit(url.removesuffix("/decisions"))
    return Api(f"{parts.scheme}://{host}{parts.path}", signing, connect_to=override)


def prepared(platform: Platform) -> dict[str, str]:
    """A list that is there, payments that were decided, and their cases."""
    operators = Operators.of(platform.client, platform.prefix, platform.lake)
    assert operators.entries is not None
    operators.entries.declare(LIST, "merchant_id", "watch", Change("api-check", "to be asked"))
    stamp = time.time_ns()
    payments = {route: f"api-check-{stamp}-{number}" for number, route in enumerate(WORKED_ON)}
    topic = f"arn:aws:sns:{os.environ['AWS_REGION']}:000000000000:{platform.prefix}-reviews"
    with client_of(platform) as api:
        for payment in payments.values():
            decided = api.decide(
                {
                    "transaction_id": payment,
                    "event_time": "2026-01-01T10:00:00Z",
                    "customer_id": f"C-{payment}",
                    "merchant_id": "M-api-check",
                    "amount": "12.50",
                }
            )
            # As the stream door tells of one that a person must look at, whatever was decided of it.
            told = {"transaction_id": payment, "customer_id": decided["customer_id"], "action": "REVIEW"}
            platform.client("sns").publish(TopicArn=topic, Message=json.dumps(told))
        cases = {route: case_of(api, payment) for route, payment in payments.items()}
        for route, case in cases.items():
            if WORKED_ON[route]:
                api.claim(case)
            if WORKED_ON[route] == "decide":
                api.decide_case(case, {"decision": "honest", "why": "to be reopened", "seen": 1})
    return {"API_CASES": json.dumps(cases), "API_PAYMENT": payments["/cases/{id}"], "API_LIST": LIST}


def case_of(api: Api, payment: str) -> str:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            return api.answer(transaction_id=payment)["case"]
        except NotFound:
            time.sleep(0.2)
    raise SystemExit(f"api-check: no case of a payment came within {PATIENCE_SECONDS} s: make errors OF=intake")


def asked(platform: Platform, seeds: dict[str, str], schemathesis: str, examples: int) -> dict[str, Any]:
    """What Schemathesis counted and found."""
    url, headers = platform.api
    # What an earlier run has found would be asked first: each run asks the same.
    shutil.rmtree(DRAWN, ignore_errors=True)
    DRAWN.mkdir(parents=True)
    told = DRAWN / "report.json"
    command = [schemathesis, "--config-file", str(ROOT / "bench" / "schemathesis.toml"), "run"]
    command += [str(ROOT / "docs" / "openapi.json"), "--url", url.removesuffix("/decisions"), "--workers", "1"]
    command += [
        "--seed",
        str(SEED),
        "--max-examples",
        str(examples),
        "--continue-on-failure",
        "--request-timeout",
        "30",
    ]
    command += ["--report", "json", "--report-json-path", str(told), "--no-color"]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    settings = {"PYTHONPATH": str(ROOT / "bench"), "SCHEMATHESIS_HOOKS": "api_hooks", **seeds}
    with (DRAWN / "out.txt").open("w") as out:
        done = subprocess.run(command, env={**os.environ, **settings}, cwd=DRAWN, stdout=out, stderr=out, check=False)
    if not told.is_file():
        raise SystemExit(f"api-check: Schemathesis ended with {done.returncode} and no report: see {DRAWN}/out.txt")
    return report(json.loads(told.read_text()), done.returncode)


def report(told: dict[str, Any], code: int) -> dict[str, Any]:
    """Counts, findings, and how often each route took what it was asked."""
    accepted = {
        route: sum(phase["accepted"] for phase in phases.values()) for route, phases in told["valid_rates"].items()
    }
    never = sorted(route for route, count in accepted.items() if not count and route not in NEEDS_A_MODEL)
    findings = [
        {"what": found["title"], "code": found["code"], "routes": found["operations"], "times": found["count"]}
        for found in told["failures"]
    ]
    findings += [{"what": f"the check itself: {error['title']}", "times": error["count"]} for error in told["errors"]]
    findings += [{"what": "nothing was accepted", "routes": never}] if never else []
    return {
        "clean": not findings and not code and told["complete"],
        "seed": told["seed"],
        "routes": told["operations"]["tested"],
        "requests_drawn": told["test_cases"]["generated"],
        "findings": findings,
        "accepted": accepted,
        "schemathesis": told["schemathesis_version"],
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
