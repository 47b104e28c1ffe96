"""Glue job: deletes one customer's data from every layer of the lake and from the feature groups, and proves it.

The customer's identifier comes in an object, not as an argument: arguments stay in the history of a job's runs. The
object also keeps what was found of their payments and loans before anything is deleted, so that an interrupted run can
go on: without it nobody would know any more which labels and outcomes were theirs. It is deleted last.
"""

from __future__ import annotations

import dataclasses
import sys
from datetime import UTC, datetime

from glue.arguments import parse
from glue.forgetting import Removed, delete_records, forget, known, still_held
from glue.lake import session
from glue.naming import KEYS, OFFLINE, alone
from glue.requests import REQUESTS, Request
from glue.transforms.forgetting import Person
from glue.versions import Stored, each, everything

ROUNDS = 3  # a job that runs at the same time may write again what it had read before


class StillThere(RuntimeError):
    """The customer is still held somewhere; the text says where."""


def main(argv: list[str]) -> None:
    args = parse(argv, "request", "groups")
    spark, lake = session(), args.lake
    bucket = lake.bucket
    request = Request.read(lake, args.request)
    objects = everything(lake, REQUESTS)
    customer = known(spark, lake, objects, request.customer)
    # By these rows of feature groups are theirs, and of no other table.
    named = alone(spark, bucket, objects, customer.customer_id, request.customer.named, KEYS)
    of_groups = dataclasses.replace(customer, named=named)
    request.keep(of_groups)
    records = delete_records(args.groups.split(","), of_groups.identifiers)

    def whom(stored: Stored) -> Person:
        return of_groups if stored.key.startswith(OFFLINE) else customer

    removed = Removed()
    for _ in range(ROUNDS):
        removed.add(each(spark, objects, lambda s3, stored: forget(s3, bucket, stored, whom(stored))))
        objects = everything(lake, REQUESTS)
        left = sorted(set(each(spark, objects, lambda s3, stored: still_held(s3, bucket, stored, whom(stored)))))
        if not left or removed.refused:
            break
    if left:
        said = removed.refused or left[:20]
        raise StillThere(f"the customer is still held by {len(left)} objects: {'; '.join(said)}")

    request.done(
        {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "payments": len(customer.transactions),
            "loans": len(customer.loans),
            **({"named": {key: len(names) for key, names in named.items()}} if named else {}),
            "records": records,
            **removed.document(),
            "searched": {"objects": len(objects), "versions": sum(len(stored.versions) for stored in objects)},
            "found_again": len(left),
        }
    )


if __name__ == "__main__":
    main(sys.argv)
