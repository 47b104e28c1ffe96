"""Customers and the devices they paid with, as a network around one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Link(NamedTuple):
    customer: str
    device: str
    payments: int
    frauds: int


@dataclass(frozen=True)
class Shared:
    """`elements` are nodes and edges as the picture takes them, `links` the same as rows, `said` what is seen in a
    sentence."""

    elements: dict[str, list[dict]]
    links: list[Link]
    said: str


def around(customer: str, rows: Iterable[Mapping[str, str]]) -> Shared:
    """`rows`: customer_id, device_id, payments, frauds. Devices of others that nobody shares are left out."""
    every = [Link(r["customer_id"], r["device_id"], int(r["payments"]), int(r["frauds"])) for r in rows]
    users: dict[str, set[str]] = {}
    for link in every:
        users.setdefault(link.device, set()).add(link.customer)
    links = [link for link in every if link.customer == customer or len(users[link.device]) > 1]
    frauds: dict[str, int] = {}
    for link in links:
        frauds[link.customer] = frauds.get(link.customer, 0) + link.frauds

    def kind(one: str) -> str:
        return "ASKED" if one == customer else "FRAUD" if frauds[one] else "CUSTOMER"

    devices = dict.fromkeys(link.device for link in links)
    nodes = [node("c", one, kind(one)) for one in frauds] + [node("d", one, "DEVICE") for one in devices]
    edges = [
        {
            "data": {
                "id": f"e {n}",
                "label": "PAID_WITH",
                "source": f"c {link.customer}",
                "target": f"d {link.device}",
                "payments": link.payments,
            }
        }
        for n, link in enumerate(links)
    ]
    others = [one for one in frauds if one != customer]
    guilty = sum(frauds[one] > 0 for one in others)
    mine = sum(customer in users[device] for device in devices)
    said = (
        f"{mine} devices, {len(others)} other customers on these or on devices of theirs that are shared, "
        f"{guilty} of them with a confirmed fraud."
    )
    return Shared({"nodes": nodes, "edges": edges}, links, said)


def node(kind: str, name: str, label: str) -> dict:
    return {"data": {"id": f"{kind} {name}", "label": label, "name": name}}
