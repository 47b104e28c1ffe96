"""`make console-check [ENV=dev]`: a walk through every page of the console in Chromium, into build/console.json.

A page's time (`p95_ms`) is what somebody waits who comes from another page by the navigation, or asks a page for a
payment, a customer or a loan. `load_p50_ms` is of a whole load: the browser asks anew for the application, the script
runs, its heading stands. Pages are loaded once before, so that what the console remembers for a minute is remembered;
`cold_ms` is of that first time. In the local environment, and nowhere else, the next review case is then decided as
fraud, by the keyboard. A night takes its label in, a training prepares its rows, and the label is looked for among
them. The walk ends with 1 when a page fails, the label is not there, or a target is missed.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode, urlparse

import pyarrow as pa
import pyarrow.parquet as pq

from bench.serving import free_port
from local.memory import Watch
from tools.athena import text
from tools.cases import ask
from tools.operate.platform import Platform
from tools.telling import Teller
from tools.terraform.stacks import BUILD, deployed

REPORT, PICTURES = BUILD / "console.json", BUILD / "console"
WARNED = "[data-testid=stAlertContentWarning]"  # the page knows no such one
DOCS = Path("docs/pictures")  # what the walk saw, where DOCS=1 asks for it
TURNS, LOADS = 20, 5  # by the navigation, and anew
TARGET_MS, FIRST_MS, RSS_MB = 1000, 3000, 500
PATIENCE_SECONDS = 120
INVENTED = "local"  # the environment in which no payment is anybody's
WALKED = ("review_to_label", "label_in_training_set")


def main(environment: str, browser: str, in_docs: str = "") -> int:
    platform = Platform(deployed("console-check", environment))
    teller = Teller()
    # Elsewhere a case is a customer's, and its decision a label, a night and a training.
    why = "asked, and known to nobody" if environment == INVENTED else None
    walk, rss_mb = walked(environment, platform, browser, why, teller)
    found = report(walk, rss_mb)
    if "reviewed" in walk:
        found["walk"] = labelled(platform, teller, walk["reviewed"]["case"])
    REPORT.write_text(json.dumps(found, indent=1) + "\n")
    if in_docs:
        DOCS.mkdir(exist_ok=True)
        for name in found["pages"]:
            shutil.copy(PICTURES / f"{name}.jpg", DOCS)
    print(json.dumps(found, indent=1))
    print(f"pictures of every page, wide, narrow and dark, are in {PICTURES}")
    print("\n".join(missed := misses(found)) or "no target was missed")
    return 1 if missed else 0


def walked(environment: str, platform: Platform, browser: str, why: str | None, teller: Teller) -> tuple[dict, float]:
    """What the browser says of every page, and the console's resident memory in MB. With `why` the next case is decided
    as fraud. Raises SystemExit where the console does not start, or the browser's walk fails."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with teller.phase("The console starts"):
        server = subprocess.Popen(
            [sys.executable, "-m", "console", environment, str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": ".:lambda"},
        )
        address = f"http://127.0.0.1:{port}"
        try:
            require_up(server, address)
        except BaseException:
            server.kill()
            raise
    try:
        with Watch(server.pid) as memory, teller.phase("A browser walks through every page"):
            asked = {
                "address": address,
                "pages": pages(platform),
                "turns": TURNS,
                "loads": LOADS,
                "pictures": str(PICTURES),
                "why": why,
            }
            done = subprocess.run(
                [browser, Path(__file__).with_name("browser.py")],
                input=json.dumps(asked),
                text=True,
                stdout=subprocess.PIPE,
            )
    finally:
        server.terminate()
        server.wait()
    if done.returncode:
        raise SystemExit(done.returncode)
    return json.loads(done.stdout), memory.peak / 2**20


def pages(platform: Platform) -> dict[str, dict]:
    """What the browser is told of each page; one decision, customer or loan is one that the platform knows."""
    stopped = platform.query(
        "decisions",
        "SELECT transaction_id, customer_id, decision_date FROM decisions "
        "ORDER BY decision_date DESC, fraud_score DESC LIMIT 1",
    )
    sharing = platform.query(
        "silver",
        "SELECT min(customer_id) AS customer_id FROM transactions WHERE device_id <> '' GROUP BY device_id "
        "HAVING count(DISTINCT customer_id) > 1 ORDER BY count(DISTINCT customer_id) DESC LIMIT 1",
    )
    customer = stopped[0]["customer_id"] if stopped else ""
    shared = sharing[0]["customer_id"] if sharing else customer
    loans = platform.query(
        "silver", f"SELECT max(loan_id) AS loan_id FROM loan_applications WHERE loan_id <> {text('')}"
    )
    loan = loans[0]["loan_id"] if loans else ""
    payment = stopped[0]["transaction_id"] if stopped else ""
    decision = f"?{urlencode({'transaction': payment, 'day': stopped[0]['decision_date']})}" if stopped else ""
    asked = {
        "decision": ("One decision", decision, ("Transaction", payment, "h3:has-text('Why')")),
        "customer": (
            "One customer",
            f"customer?customer={customer}",
            ("Customer", customer, f":is(h3:has-text('Payments'), {WARNED})"),
        ),
        "network": (
            "Shared devices",
            f"network?customer={shared}",
            ("Customer", shared, f":is(h3:has-text('as a table'), {WARNED})"),
        ),
        "credit": ("Portfolio", f"credit?loan={loan}", ("Loan", loan, "[data-testid=stMetric]")),
        "lists": ("Lists", f"lists?value={customer}", None),
        "policy": ("Policy", "policy", None),
        "models": ("Models", "models", None),
        "standing": ("How it stands", "standing", None),
        "cases": ("Review cases", "cases", None),
    }
    return {
        name: {
            "title": title,
            "path": path,
            "asks": dict(zip(("label", "value", "shows"), asks, strict=True)) if asks and asks[1] else None,
        }
        for name, (title, path, asks) in asked.items()
    }


def labelled(platform: Platform, teller: Teller, case: str | None) -> dict:
    """What became of the decision on a case: whether each of its payments has a label in RAW, and in the rows that the
    next training is prepared with."""
    if case is None:
        return {"case": None, "review_to_label": False, "label_in_training_set": False}
    told = {
        payment["transaction_id"] for payment in ask(platform, "GET", f"/cases/{quote(case, safe='')}")["payments_told"]
    }
    today = datetime.now(UTC).date()
    files = [key for key in platform.keys(f"raw/fraud_labels/batch={today}/") if f"/case-{case}-" in key]
    lines = [row for key in files for row in csv.DictReader(platform.read(key).decode().splitlines())]
    in_raw = {row["transaction_id"] for row in lines if row["is_fraud"] == "1"}
    tomorrow = today + timedelta(days=1)
    with teller.phase("A night takes the label in"):
        platform.run_machine("nightly", {"batch": str(today), "as_of": f"{tomorrow}T02:00:00Z"}, teller.say)
    with teller.phase("A training prepares its rows"):
        in_rows = positives(platform, f"{tomorrow}T00:00:00Z")
    return {
        "case": case,
        "payments": len(told),
        "review_to_label": in_raw == told,
        "label_in_training_set": told <= in_rows,
    }


def positives(platform: Platform, as_of: str) -> set[str]:
    """Payments that the next training has as frauds, in any of its parts."""
    execution, _ = platform.run_pipeline("fraud", {"AsOf": as_of})
    sagemaker = platform.client("sagemaker")
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution)["PipelineExecutionSteps"]
    job = next(step["Metadata"]["ProcessingJob"]["Arn"] for step in steps if step["StepName"] == "Prepare")
    described = sagemaker.describe_processing_job(ProcessingJobName=job.rpartition("/")[2])
    found: set[str] = set()
    for output in described["ProcessingOutputConfig"]["Outputs"]:
        place = urlparse(output["S3Output"]["S3Uri"])
        for key in platform.keys(place.path.strip("/") + "/"):
            if key.endswith("rows.parquet"):
                rows = pq.read_table(pa.BufferReader(platform.read(key)), columns=["identifier", "label"]).to_pylist()
                found |= {row["identifier"] for row in rows if row["label"]}
    return found


def report(walk: dict, rss_mb: float) -> dict:
    return {
        "first_page_ms": round(walk["first_page_ms"]),
        "rss_mb": round(rss_mb),
        "pages": {
            name: {
                "p50_ms": round(statistics.median(page["ms"])),
                "p95_ms": round(statistics.quantiles(page["ms"], n=20)[-1]),
                "load_p50_ms": round(statistics.median(page["load_ms"])),
                "cold_ms": round(page["first_ms"]),
                "failed": page["failed"],
                "narrow_overflows": page["narrow_overflows"],
                "faint_texts": len(page["narrow_faint"]) + len(page["dark_faint"]),
            }
            for name, page in walk["pages"].items()
        },
    }


def misses(found: dict) -> list[str]:
    told = [f"missed: {name} shows an exception" for name, page in found["pages"].items() if page["failed"]]
    told += [
        f"missed: {name}: p95 {page['p95_ms']} ms, wanted at most {TARGET_MS}"
        for name, page in found["pages"].items()
        if page["p95_ms"] > TARGET_MS
    ]
    told += [
        f"missed: {name} is wider than a telephone" for name, page in found["pages"].items() if page["narrow_overflows"]
    ]
    told += [
        f"missed: {name}: {page['faint_texts']} texts have less contrast than WCAG's AA, light or dark"
        for name, page in found["pages"].items()
        if page["faint_texts"]
    ]
    told += [f"missed: {name} is not so" for name in WALKED if not found.get("walk", {name: True})[name]]
    if found["first_page_ms"] > FIRST_MS:
        told.append(f"missed: the first page takes {found['first_page_ms']} ms, wanted at most {FIRST_MS}")
    if found["rss_mb"] > RSS_MB:
        told.append(f"missed: the console takes {found['rss_mb']} MB, wanted at most {RSS_MB}")
    return told


def require_up(server: subprocess.Popen, address: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            raise SystemExit("console-check: the console ended at once: `make console` says why")
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"console-check: the console did not answer within {PATIENCE_SECONDS} s")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
