"""The request to forget a customer: an object of its own while it is worked on, a receipt afterwards."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from botocore.exceptions import ClientError

from glue.lake import Lake
from glue.transforms.forgetting import Person
from glue.versions import MISSING, end, everything

REQUESTS = "forgetting/"
RECEIPTS = "quality/forgotten/"


class BadRequest(ValueError):
    """The request cannot be worked on; the text says what was expected."""


@dataclass(frozen=True)
class Request:
    """`name` is the SHA-256 of the customer's identifier: the receipt keeps it, and nothing that can be read back."""

    lake: Lake
    name: str
    customer: Person

    @staticmethod
    def read(lake: Lake, name: str) -> Request:
        """Raises BadRequest. A mixed-up request would delete somebody else: its name must fit its content."""
        key = f"{REQUESTS}{name}.json"
        try:
            asked = json.loads(lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read())
        except ClientError as missing:
            if missing.response["Error"]["Code"] not in MISSING:
                raise
            raise BadRequest(
                f"expected a request at {lake.path(key)}, found none: `make forget` writes it"
            ) from missing
        customer = Person(
            asked["customer_id"],
            frozenset(asked.get("transactions", ())),
            frozenset(asked.get("loans", ())),
            {key: frozenset(names) for key, names in asked.get("named", {}).items()},
        )
        if not customer.customer_id or hashlib.sha256(customer.customer_id.encode()).hexdigest() != name:
            raise BadRequest(f"expected the request {name} to be about the customer with this SHA-256, it is not")
        return Request(lake, name, customer)

    def keep(self, customer: Person) -> None:
        """Writes down whose payments and loans are deleted from now on."""
        self.lake.put_json(
            f"{REQUESTS}{self.name}.json",
            {
                "customer_id": customer.customer_id,
                "transactions": sorted(customer.transactions),
                "loans": sorted(customer.loans),
                **({"named": {key: sorted(n) for key, n in customer.named.items()}} if customer.named else {}),
            },
        )

    def done(self, run: dict) -> None:
        """Adds the run to the receipt and deletes every version of the request."""
        key = f"{RECEIPTS}{self.name}.json"
        earlier: list[dict] = []
        if self.lake.keys(key):
            earlier = json.loads(self.lake.s3.get_object(Bucket=self.lake.bucket, Key=key)["Body"].read())["runs"]
        self.lake.put_json(key, {"customer_sha256": self.name, "runs": [*earlier, run]})
        for stored in everything(self.lake):
            if stored.key == f"{REQUESTS}{self.name}.json":
                end(self.lake.s3, self.lake.bucket, stored.key, (*stored.versions, *stored.markers))
