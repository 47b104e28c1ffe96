"""`make forget CUSTOMER=<id> ENV=<env>`: deletes one customer's data for good, and shows what was searched and removed.

The work is done by the Glue job `forget_customer`. Run again after an interruption, it goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError
from cases.table import Cases
from scoring.entries import Entries

from features.values import BLANKS
from glue.requests import RECEIPTS, REQUESTS
from tools.operators import Operators, lists_table
from tools.telling import Teller
from tools.terraform.environments import asked_for

POLL_SECONDS = 1.0
ENDED = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED")


def main(environment: str = "", customer_id: str = "") -> None:
    customer_id = customer_id.strip(BLANKS)
    if not environment or not customer_id:
        raise SystemExit("forget: expected ENV=<environment> and CUSTOMER=<customer_id>, as in the RAW files")
    here = asked_for("forget", environment)
    with Teller(sys.stderr).watched("the job that deletes and searches"):
        run = ask(boto3.client("s3"), boto3.client("glue"), here.prefix, here.bucket("lake"), customer_id)
    entries = Entries(boto3.client("dynamodb"), lists_table(here.prefix), time.time)
    if (left := entries.forget(customer_id)) > 0:
        print(f"the customer is on no list that is looked up any more: {left} entries and lines of their history")
    cases = Cases(boto3.client("dynamodb"), cases_table(here.prefix), lambda: int(time.time() * 1000))
    print(f"deleted: {cases.forget(customer_id)} items of review cases")
    items, found = cases.holding(customer_id)
    print(f"searched afterwards: {items} items of review cases; {found} hold the customer")
    if run["rows"].get("policies"):
        read_lists_again(Operators.of(boto3.client, here.prefix, here.bucket("lake")))  # type: ignore[arg-type]
    print("\n".join(told(run)))
    if found:
        raise SystemExit(
            "forget: somebody's words in another customer's case name the customer, or a payment came meanwhile: run "
            "the same command again, and ask whoever wrote it"
        )


def cases_table(prefix: str) -> str:
    return f"{prefix}-cases"


def ask(s3: Any, glue: Any, prefix: str, lake: str, customer_id: str) -> dict:
    """Writes the request, runs the job, and returns what it says of itself. Ends the program when the job failed."""
    name = hashlib.sha256(customer_id.encode()).hexdigest()
    request = f"{REQUESTS}{name}.json"
    try:
        if s3.list_objects_v2(Bucket=lake, Prefix=request).get("KeyCount"):
            print("an earlier run was interrupted: this one goes on with what that one knew")
        else:
            s3.put_object(Bucket=lake, Key=request, Body=json.dumps({"customer_id": customer_id}).encode())
        job = f"{prefix}-forget-customer"
        started = glue.start_job_run(JobName=job, Arguments={"--request": name})["JobRunId"]
    except ClientError as refused:
        said = refused.response["Error"]
        raise SystemExit(
            f"forget: {refused.operation_name} of {prefix} was refused: {said['Code']}: {said['Message']}; is the "
            "platform deployed, and does no other run go on?"
        ) from None
    while (run := glue.get_job_run(JobName=job, RunId=started)["JobRun"])["JobRunState"] not in ENDED:
        time.sleep(POLL_SECONDS)
    if run["JobRunState"] != "SUCCEEDED":
        raise SystemExit(
            f"forget: the job {run['JobRunState']}: {run.get('ErrorMessage', '').partition(chr(10))[0]}\n"
            "Part of the data may be deleted already, nothing is certain: run the same command again."
        )
    receipt = s3.get_object(Bucket=lake, Key=f"{RECEIPTS}{name}.json")["Body"].read()
    return {**json.loads(receipt)["runs"][-1], "receipt": f"s3://{lake}/{RECEIPTS}{name}.json"}


def read_lists_again(operators: Operators) -> None:
    """Doors read lists again when the policy is written: until then they would hold whom these no longer hold."""
    operators.change(lambda ruled, lists: (ruled, lists))
    print("the customer is on no list any more: doors know it within half a minute")


def told(run: dict) -> list[str]:
    """A run in lines for a reader."""
    searched = f"{run['searched']['versions']} versions of {run['searched']['objects']} objects"
    if not run["versions"] and not any(run["records"].values()):
        lines = ["nothing found: neither the lake nor a feature group holds this customer"]
    else:
        lines = [f"deleted: {run['payments']} payments and {run['loans']} loans of the customer"]
        layers = sorted({*run["rows"], *run["cells"], *run["files"]})
        lines += [
            f"  {layer:14} {run['rows'].get(layer, 0):7} rows, {run['cells'].get(layer, 0):5} words in other rows, "
            f"{run['files'].get(layer, 0):5} files"
            for layer in layers
        ]
        lines += [f"  {group:26} {count} online records" for group, count in sorted(run["records"].items())]
        lines.append(f"  {run['versions']} versions that held them, current or replaced, are deleted for good")
    lines.append(f"searched afterwards: {searched}, decompressed and decoded; {run['found_again']} hold the customer")
    lines.append(f"receipt: {run['receipt']}")
    lines.append("what this cannot reach is listed in docs/forgetting.md")
    return lines


if __name__ == "__main__":
    main(*sys.argv[1:])
