"""Records and questions that claim to be what they are not: decisions of somebody else, and known identifiers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from features.fraud import FRAUD
from tools.attacks.doors import Doors, Place
from tools.attacks.verdict import Attack

NO_KEY = {"key": base64.b64encode(b"made up by somebody").decode(), "mac": "0" * 64}
KNOWN = "the original's decision stays the only one"

# One column of a record as the API door has signed it, changed.
TAMPERED: dict[str, Callable[[dict], dict]] = {
    "action": lambda e: of_decision(e, action="APPROVE" if e["decision"]["action"] != "APPROVE" else "BLOCK"),
    "score": lambda e: of_decision(e, fraud_score=0.5 if e["decision"]["fraud_score"] != 0.5 else 0.25),
    "reasons": lambda e: of_decision(e, reasons=["nothing_at_all"]),
    "vector": lambda e: of_decision(e, vector=[0.0] * len(FRAUD.columns)),
    "exactness": lambda e: of_decision(e, velocity_exact=not e["decision"]["velocity_exact"]),
    "amount": lambda e: {**e, "amount": "99999.00"},
    "identifier": lambda e: of_decision(
        {**e, "transaction_id": f"{e['transaction_id']}-again"}, transaction_id=f"{e['transaction_id']}-again"
    ),
}


# The decision is the one that is kept, so the record is believed to be the API door's; the payment is known by then.
AGAIN: dict[str, Callable[[dict], dict]] = {
    "as it was": lambda e: e,
    "with another device": lambda e: {**e, "device_id": f"{e['device_id']}-other"},
}


def of_decision(event: dict, **changed: object) -> dict:
    return {**event, "decision": {**event["decision"], **changed}}


def believed(decisions: Sequence[Mapping], original: Mapping | None) -> int:
    """How many lines of the log say something else than the original decision; none may where there is no original."""
    told = ("action", "fraud_score", "reasons", "amount_cents")
    return sum(original is None or any(line[name] != original[name] for name in told) for line in decisions)


def devices(decisions: Sequence[Mapping]) -> set[str | None]:
    """What the log says of the devices of payments."""
    return {json.loads(line["attributes"]).get("device_id") for line in decisions}


def invented(doors: Doors) -> Iterator[Attack]:
    """A decision that has the form of one of the API door's, with an approval and a vector of nothing but noughts."""
    asked = doors.payment("model-answer", customer="forger")
    _, template = doors.ask(asked)
    signatures: dict[str, object] = {"none": None, "one made up": NO_KEY, "no object": "signed"}
    sent, good, places = [], [], []
    for number, signature in enumerate(signatures.values()):
        payment = doors.payment(f"invented-{number}", customer="forger", amount="99999.00")
        names = ("transaction_id", "customer_id", "merchant_id")
        decision = {
            **template,
            **{name: payment[name] for name in names},
            "event_time": payment["event_time"],
            "amount_cents": 9_999_900,
            "action": "APPROVE",
            "reasons": [],
            "vector": [0.0] * len(FRAUD.columns),
        }
        signed = decision if signature is None else {**decision, "signature": signature}
        sent.append(payment)
        places.append(doors.stream({**payment, "decision": signed}))
        good.append(doors.payment(f"after-invented-{number}", customer="forger"))
        doors.stream(good[-1])
    aside, decided = doors.set_aside(places), doors.decided(good)
    lines = sum(len(doors.logged(payment["transaction_id"])) for payment in sent)
    yield Attack(
        "forged record: an invented decision",
        f"{len(sent)} payments of 99,999 on the stream with an APPROVE and a vector of noughts, signed by: "
        f"{', '.join(signatures)}; {len(good)} good payments behind them",
        "all set aside, none in the decision log; the good ones decided",
        f"{len(aside)} set aside, {lines} in the decision log; {len(decided)} of {len(good)} good ones decided",
        len(aside) == len(sent) and lines == 0 and len(decided) == len(good),
    )


def tampered(doors: Doors) -> Iterator[Attack]:
    """What the API door has signed is read from the stream, changed, and put on it again."""
    device = f"{doors.run}-d-own"
    marker = doors.payment("marker", customer="tampered")
    payment = doors.payment("original", customer="tampered", device_id=device)
    behind = doors.stream(marker)
    doors.ask(payment)
    original = doors.handed_on(behind, payment["transaction_id"])
    places: list[Place] = []
    if original is not None:
        places = [doors.stream(change(original)) for change in TAMPERED.values()]
        for change in AGAIN.values():
            doors.stream(change(original))
    good = doors.payment("after-tampered", customer="tampered")
    doors.stream(good)
    aside, decided = doors.set_aside(places), doors.decided([marker, payment, good])
    lines = doors.logged(payment["transaction_id"])
    wrong = believed(lines, original and original["decision"])
    wrong += len(doors.logged(f"{payment['transaction_id']}-again")) + len(devices(lines) - {device})
    yield Attack(
        "forged record: a signed decision, tampered with",
        f"a record that the API door has signed, {len(places)} times with another {', '.join(TAMPERED)}; then "
        f"{' and '.join(AGAIN)}",
        f"all that change the decision are set aside; {KNOWN}, with its device",
        f"{len(aside)} set aside, {wrong} believed; {len(decided)} of 3 good payments decided",
        len(aside) == len(places) == len(TAMPERED) and wrong == 0 and len(decided) == 3,
    )


def known_identifier(doors: Doors) -> Iterator[Attack]:
    payment = doors.payment("known", customer="known", device_id=f"{doors.run}-d-own")
    _, first = doors.ask(payment)
    others: dict[str, dict] = {
        "amount": {"amount": "99999.00"},
        "merchant": {"merchant_id": f"{doors.run}-m-other"},
        "customer": {"customer_id": f"{doors.run}-other"},
        "device": {"device_id": f"{doors.run}-d-other"},
        "column of one's own": {"note": "another"},
    }
    statuses = [doors.ask({**payment, **other})[0] for other in others.values()]
    status, again = doors.ask(payment)
    decided = doors.decided([payment])
    same = status == 200 and json.dumps(again, sort_keys=True) == json.dumps(first, sort_keys=True)
    wrong = believed(doors.logged(payment["transaction_id"]), first)
    yield Attack(
        "forged record: another payment under a known identifier",
        f"{len(others)} payments with a known identifier and another {', '.join(others)}, and the same one once more",
        f"409 to each of them, the first answer to the same one; {KNOWN}",
        f"{', '.join(map(str, statuses))}; {'the first' if same else 'another'} answer; {wrong} other lines in the log",
        statuses == [409] * len(others) and same and wrong == 0 and len(decided) == 1,
    )
