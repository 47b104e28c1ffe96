"""Customers and the devices they paid with, as a network around one of them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

PICTURED = 300  # links: a browser lays out thousands for minutes


class Link(NamedTuple):
    customer: str
    device: str
    payments: int
    frauds: int


@dataclass(frozen=True)
class Shared:
    """`elements` are nodes and edges as the picture takes them, of the first PICTURED links; `links` are all of them as
    rows, those on the customer's own devices first; `said` is what is seen in a sentence, `people` how many customers
    were found."""

    elements: dict[str, list[dict]]
    links: list[Link]
    said: str
    people: int


def around(customer: str, rows: Iterable[Mapping[str, str]]) -> Shared:
    """`rows`: customer_id, device_id, payments, frauds. Devices of others that nobody shares are left out."""
    every = [Link(r["customer_id"], r["device_id"], int(r["payments"]), int(r["frauds"])) for r in rows]
    users: dict[str, set[str]] = {}
    for link in every:
        users.setdefault(link.device, set()).add(link.customer)
    links = [link for link in every if link.customer == customer or len(users[link.device]) > 1]
    links.sort(key=lambda link: (link.customer != customer, customer not in users[link.device]))
    frauds: dict[str, int] = {}
    for link in links:
        frauds[link.customer] = frauds.get(link.customer, 0) + link.frauds

    def kind(one: str) -> str:
        return "ASKED" if one == customer else "FRAUD" if frauds[one] else "CUSTOMER"

    pictured = links[:PICTURED]
    devices = dict.fromkeys(link.device for link in pictured)
    people = {one: f"c{n}" for n, one in enumerate(dict.fromkeys(link.customer for link in pictured))}
    things = {one: f"d{n}" for n, one in enumerate(devices)}
    nodes = [node(place, one, kind(one)) for one, place in people.items()]
    nodes += [node(place, one, "DEVICE") for one, place in things.items()]
    edges = [
        {
            "data": {
                "id": f"e{n}",
                "label": "PAID_WITH",
                "source": people[link.customer],
                "target": things[link.device],
                "payments": link.payments,
            }
        }
        for n, link in enumerate(pictured)
    ]
    others = [one for one in frauds if one != customer]
    guilty = sum(frauds[one] > 0 for one in others)
    mine = len({link.device for link in links if link.customer == customer})
    said = (
        f"{mine} devices, {len(others)} other customers on these or on devices of theirs that are shared, "
        f"{guilty} of them with a confirmed fraud."
    )
    return Shared({"nodes": nodes, "edges": edges}, links, said, len({link.customer for link in every} | {customer}))


def node(place: str, name: str, label: str) -> dict:
    """The picture writes what it is given into its page as markup: a name that a payer chose is none."""
    return {"data": {"id": place, "label": label, "name": html.escape(name)}}
