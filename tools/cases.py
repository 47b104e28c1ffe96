"""`make cases`: review cases over the API, as whoever signs: `reviewer`, `review-lead` or `review-auditor`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError

from tools.operate.platform import Platform, StepFailed
from tools.terraform.stacks import deployed

EXPECTED = """cases: expected one of
  [IS=OPEN|CLAIMED|ESCALATED|DECIDED]: cases in a state; CUSTOMER=<id>: all of a customer
  ID=<case>: one, with its payments and its history
  TX=<transaction_id>: what became of a payment
  ACTION=next: the next case is yours; ACTION=next-escalated, for leads
  ACTION=claim|release ID=<case>
  ACTION=escalate|comment|reopen ID=<case> WHY=<text>
  ACTION=decide ID=<case> DECISION=fraud|honest WHY=<text> SEEN=<payments that you saw>
  ACTION=reassign ID=<case> TO=<ARN> WHY=<text>
with ENV=<environment>, or API=<URL> for whoever may not read what was deployed"""
NEXT = ("next", "next-escalated")
LONGEST = 500  # characters of what is no answer of the door


class Refused(RuntimeError):
    """The API's own words."""


@dataclass(frozen=True)
class Asked:
    """What `make cases` was given; empty where it was not."""

    action: str = ""
    case: str = ""
    state: str = ""
    customer: str = ""
    payment: str = ""
    decision: str = ""
    why: str = ""
    seen: str = ""
    to: str = ""


def ask(platform: Platform, verb: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the API answers, signed by the platform's credentials. Raises Refused."""
    url, headers = platform.api
    url, content = f"{url.removesuffix('/decisions')}{path}", None if body is None else json.dumps(body).encode()
    request = AWSRequest(verb, url, data=content, headers={"content-type": "application/json", **headers})
    platform.signer.add_auth(request)
    said = platform.http.request(verb, url, content=content, headers=dict(request.headers))
    try:
        answer = said.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Refused(f"answered {said.status_code}: {said.text[:LONGEST]}")
    if said.status_code not in (200, 202):
        raise Refused(f"answered {said.status_code}: {answer.get('error') or answer.get('message')}")
    return answer


def request_of(asked: Asked) -> tuple[str, str, dict[str, Any] | None]:
    """Verb, path and body. Raises SystemExit."""
    case = quote(asked.case, safe="")
    if not asked.action:
        given = [asked.case, asked.customer, asked.payment]
        if sum(map(bool, given)) > 1 or (any(given) and asked.state):
            raise SystemExit(EXPECTED)
        if asked.case:
            return "GET", f"/cases/{case}", None
        if asked.payment:
            return "GET", f"/decisions?{urlencode({'transaction_id': asked.payment}, quote_via=quote)}", None
        query = {"customer_id": asked.customer} if asked.customer else {"state": asked.state or "OPEN"}
        return "GET", f"/cases?{urlencode(query, quote_via=quote)}", None
    if asked.action in NEXT and not asked.case:
        return "POST", f"/cases/{asked.action}", {}
    body = body_of(asked)
    if body is None or not asked.case:
        raise SystemExit(EXPECTED)
    return "POST", f"/cases/{case}/{asked.action}", body


def body_of(asked: Asked) -> dict[str, Any] | None:
    """None of what is no action, or lacks something."""
    why = {"why": asked.why}
    if asked.action in ("claim", "release"):
        return {}
    if not asked.why:
        return None
    if asked.action == "comment":
        return {"text": asked.why}
    if asked.action in ("escalate", "reopen"):
        return why
    if asked.action == "reassign" and asked.to:
        return {"to": asked.to, **why}
    if asked.action == "decide" and asked.decision and asked.seen.isdecimal():
        return {"decision": asked.decision, "seen": int(asked.seen), **why}
    return None


def told(answer: Mapping[str, Any]) -> list[str]:
    """An answer in lines for a reader."""
    if "error" in answer:  # it is decided, and something is owed still
        return [answer["error"]]
    if "cases" in answer:
        lines = [line_of(case) for case in answer["cases"]] or ["no case"]
        return [*lines, *(["and more"] if answer.get("after") else [])]
    if "answer" in answer:
        return [f"{answer['transaction_id']}: {answer['answer']}, case {answer['case']}"]
    if answer.get("case") is None:
        return ["no case waits"]
    lines = [line_of(answer)]
    for payment in answer.get("payments_told", ()):
        score = payment.get("fraud_score")
        reasons = ", ".join([*(payment.get("reasons") or ()), *(payment.get("explanation") or ())])
        scored = "no score" if score is None else f"score {score:.3f}"
        lines.append(f"  {payment['transaction_id']}  {payment.get('event_time', '')}  {scored}  {reasons}")
    for line in answer.get("history", ()):
        why = f": {line['why']}" if line.get("why") else ""
        lines.append(f"  {line['at']}  {line['did']}, {line['by']}{why}")
    return lines


def line_of(case: Mapping[str, Any]) -> str:
    held = f", {case['holder']} until {case['locked_until']}" if case.get("holder") else ""
    decided = f", {case['decision']} by {case['decided_by']}" if case.get("decision") else ""
    severe = ", money has gone" if case.get("severity", 1) > 1 else ""
    return (
        f"{case['case']}  {case['state']}  customer {case['customer_id']}, {case['payments']} payments, since "
        f"{case['opened_at']}{severe}{held}{decided}"
    )


def is_url(text: str) -> bool:
    """Whether it names a scheme and a host."""
    try:
        parts = urlsplit(text)
        httpx.URL(text)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        return False


def main(environment: str = "", url: str = "", *given: str) -> None:
    if not environment and not url:
        raise SystemExit(EXPECTED)
    verb, path, body = request_of(Asked(*given))
    if url and not is_url(url):
        raise SystemExit("cases: API: expected the URL of the API, as https://<id>.execute-api.<region>.amazonaws.com")
    if not os.environ.get("AWS_REGION"):
        raise SystemExit("cases: a request is signed for a region: set AWS_REGION")
    url = url or deployed("cases", environment)["api_url"]
    try:
        print("\n".join(told(ask(Platform({"api_url": url.rstrip("/")}), verb, path, body))))
    except Refused as refused:
        raise SystemExit(f"cases: {refused}") from None
    except (StepFailed, BotoCoreError) as unsigned:
        raise SystemExit(f"cases: {unsigned}") from None
    except httpx.HTTPError as failed:
        raise SystemExit(f"cases: {url} does not answer: {type(failed).__name__}") from None


if __name__ == "__main__":
    main(*sys.argv[1:])
