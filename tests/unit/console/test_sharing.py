"""The network around a customer."""

from __future__ import annotations

from console.sharing import PICTURED, around


def row(customer: str, device: str, payments: int = 1, frauds: int = 0) -> dict[str, str]:
    return {"customer_id": customer, "device_id": device, "payments": str(payments), "frauds": str(frauds)}


def test_devices_of_others_that_nobody_shares_are_left_out():
    shared = around("C1", [row("C1", "D1"), row("C2", "D1"), row("C2", "D2")])

    assert [(link.customer, link.device) for link in shared.links] == [("C1", "D1"), ("C2", "D1")]


def test_a_device_of_the_customer_is_shown_even_where_nobody_shares_it():
    shared = around("C1", [row("C1", "D1")])

    assert shared.said.startswith("1 devices, 0 other customers")


def test_others_with_a_confirmed_fraud_are_told_and_marked():
    shared = around("C1", [row("C1", "D1"), row("C2", "D1", frauds=2), row("C3", "D1")])

    kinds = {node["data"]["name"]: node["data"]["label"] for node in shared.elements["nodes"]}
    assert kinds == {"C1": "ASKED", "C2": "FRAUD", "C3": "CUSTOMER", "D1": "DEVICE"}
    assert "2 other customers" in shared.said
    assert "1 of them with a confirmed fraud" in shared.said


def test_no_name_is_markup_in_the_picture():
    """The component writes what it is given into its page."""
    shared = around("<b>C1", [row("<b>C1", '"><img src=x onerror=alert(1)>')])

    assert not any(mark in str(shared.elements) for mark in ("<", ">"))
    assert shared.links[0].customer == "<b>C1"


def test_a_customer_and_a_device_of_one_name_are_two_nodes():
    shared = around("X", [row("X", "X", payments=3)])

    assert len({node["data"]["id"] for node in shared.elements["nodes"]}) == 2
    (edge,) = shared.elements["edges"]
    assert edge["data"]["source"] != edge["data"]["target"]
    assert edge["data"]["payments"] == 3


def test_of_very_many_links_the_picture_shows_those_of_the_customers_own_devices_first():
    crowd = [row(f"A{n}", f"D{n % 50}") for n in range(2 * PICTURED)]

    shared = around("X", [*crowd, row("X", "D7")])

    assert len(shared.links) == 2 * PICTURED + 1
    assert len(shared.elements["edges"]) == PICTURED
    assert shared.links[0].customer == "X"
    assert {link.device for link in shared.links[: 2 * PICTURED // 50 + 1]} == {"D7"}
