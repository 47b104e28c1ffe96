"""Time limits add up to less than anybody waits, and services that hang are left alone."""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import boto3
import pytest
from cases.table import PAUSE, TRIES
from decide.door import AGAIN_WITHIN as PAYER_WAITS
from loans.door import MODEL_WITHIN
from scoring.breaker import Breaker, Open
from scoring.budget import API, CASES, COUNTER, FRAUDS, INTAKE, LABELS, LISTS, LOANS, STREAM
from scoring.frauds import WITHIN
from scoring.merchants import TELLING_PAUSE
from scoring.records import PATIENCE, READ, WRITE, StoreUnavailable
from stream.door import AGAIN_WITHIN, JUDGED_AGAIN

from tests.unit.lambda_functions.aws import Down
from tests.unit.lambda_functions.scene import Scene, fields

# Some are told of, then no others when WITHIN has passed: the last begin before. Between two looks is a short pause.
FRAUDS_WORST = WITHIN / 1000 + FRAUDS.worst + TELLING_PAUSE + 0.05
TERRAFORM = Path(__file__).resolve().parents[3] / "terraform" / "modules"


@pytest.fixture
def unanswering() -> Iterator[socket.socket]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def limit(file: str, name: str, below: str = "") -> float:
    """The first number that Terraform gives a setting, below a line."""
    text = (TERRAFORM / file).read_text()
    found = re.search(rf"{name}\s*=\s*(\d+)", text[text.index(below) :])
    assert found
    return float(found[1])


def test_the_api_door_answers_before_lambda_or_the_gateway_lose_patience():
    # Judged again at most once more when PAYER_WAITS has passed, from records that are read anew.
    again = PAYER_WAITS / 1000 + API.store.worst + API.tails.worst + API.model.worst + 2 * API.answers.worst
    assert API.worst + again < limit("api/main.tf", "timeout_seconds")
    assert API.worst + again < limit("api/main.tf", "timeout_milliseconds") / 1000


def test_the_labels_door_answers_before_lambda_or_the_gateway_lose_patience():
    worst = LABELS.worst + FRAUDS_WORST
    assert worst < limit("api/labels.tf", "timeout_seconds")
    assert worst < limit("api/labels.tf", "timeout_milliseconds") / 1000


def test_the_lists_door_answers_before_lambda_or_the_gateway_lose_patience():
    assert LISTS.worst < limit("api/lists.tf", "timeout_seconds")
    assert LISTS.worst < limit("api/lists.tf", "timeout_milliseconds") / 1000


def test_the_loans_door_answers_before_lambda_or_the_gateway_lose_patience():
    """A call of the model begins in time or not at all; behind the last one the decision is written. Where another
    model answers, the archive of the one before and the record are read, and the model is asked if there is time. What
    was answered before is looked up first: there are two calls, for the answer and for its row."""
    read, looked = LOANS.lake.worst, 2 * LOANS.answers.worst / LOANS.answers.requests
    before = looked + LOANS.documents.worst + read + LOANS.store.worst
    last = MODEL_WITHIN / 1000 + max(LOANS.model.worst + LOANS.answers.worst, read + LOANS.store.worst)
    other = max(before, MODEL_WITHIN / 1000) + LOANS.model.worst
    assert before < MODEL_WITHIN / 1000
    for worst in (last, other):
        assert worst < limit("api/loans.tf", "timeout_seconds")
        assert worst < limit("api/loans.tf", "timeout_milliseconds") / 1000


def test_the_cases_door_answers_before_lambda_or_the_gateway_lose_patience():
    """Who does not answer ends it; who others are always quicker than has waited for them before."""
    worst = 2 * CASES.worst + sum(PAUSE * 2**n for n in range(1, TRIES)) + FRAUDS_WORST
    assert worst < limit("review/main.tf", "timeout_seconds")
    assert worst < limit("review/main.tf", "timeout_milliseconds") / 1000


def test_the_intake_ends_in_its_time_and_a_message_is_not_shown_to_another_meanwhile():
    worst = 2 * INTAKE.worst + sum(PAUSE * 2**n for n in range(1, TRIES)) + FRAUDS_WORST
    assert worst < limit("review/intake.tf", "timeout_seconds")
    assert 6 * limit("review/intake.tf", "timeout_seconds") <= limit("reviews/main.tf", "visibility_timeout_seconds")


WRITING_PAUSES = sum(0.05 * 2**n for n in range(PATIENCE))  # seconds, between the tries of one write


def calls_of(scene: Scene, batch: int) -> Counter:
    """Calls for a full batch of payments of as many customers at as many merchants, of two days, late, asked about at
    the API door and blocked, which was logged and comes again."""
    days = ("2018-03-31", "2018-04-01")
    paid = [
        {**fields(n, customer=f"c{n}"), "merchant_id": f"m{n}", "event_time": f"{days[n % 2]}T09:00:00Z"}
        for n in range(batch)
    ]
    late = [
        {**p, "transaction_id": f"late{n}", "event_time": p["event_time"].replace("T09", "T08")}
        for n, p in enumerate(paid)
    ]
    scene.deliver(paid)
    scene.endpoint.scorer = lambda rows: [0.95] * len(rows)
    asked = [{**p, "decision": scene.ask(p)} for p in late]
    scene.store.down_for_writes = True
    with pytest.raises(StoreUnavailable):
        scene.deliver(asked)
    scene.store.down_for_writes = False
    return scene.calls_during(lambda: scene.deliver(asked))


def test_the_stream_door_ends_a_full_batch_in_time_whatever_hangs_that_it_can_do_without():
    """Reads, both logs and records take their worst and succeed; one that fails for good ends the batch at once."""
    calls = calls_of(Scene(), int(limit("consumer/main.tf", "batch_size")))
    assert calls == {
        "batch_get_record": 4,
        "batch_get_item": 1,  # of tails; answers are read when something was decided that has not arrived
        "batch_write_record": 4,
        "put_object": 4,
        "get_object": 2,
        "publish_batch": 10,
        "update_item": 100,
        "decrypt": 1,  # for each container of the API door that is met first
        "invoke_endpoint": 1,  # for reasons; payments that nobody asked about are scored besides
        "put_records": 1,
    }
    store = (calls["batch_get_record"] + calls["batch_write_record"]) * PATIENCE * STREAM.store.worst
    needed = calls["decrypt"] * STREAM.key.worst + store + calls["batch_write_record"] * WRITING_PAUSES
    needed += (calls["put_object"] + calls["get_object"]) * STREAM.log.worst
    spare = STREAM.model.worst + STREAM.policy.worst + STREAM.merchants.worst + TELLING_PAUSE
    # Payments that nobody asked about are claimed; what is judged again begins before AGAIN_WITHIN has passed.
    needed += AGAIN_WITHIN / 1000
    spare += 3 * STREAM.tails.worst
    spare += (JUDGED_AGAIN + 1) * STREAM.lists.worst  # of rules that look lists up: what fails is left alone
    spare += STREAM.terms.worst  # of the known rates: while none were ever read the batch is not begun
    spare += calls["publish_batch"] * STREAM.alerts.worst + calls["update_item"] * STREAM.answers.worst

    assert needed + spare < limit("consumer/main.tf", "timeout_seconds", 'module "function"')


def test_the_counter_ends_its_batch_in_time_though_each_call_takes_its_worst():
    scene = Scene()
    batch = int(limit("counter/main.tf", "batch_size"))
    scene.deliver([{**fields(n, customer=f"c{n}", minute=0), "merchant_id": f"m{n}"} for n in range(batch)])
    calls = scene.calls_during(scene.count)
    assert calls == {"batch_get_record": batch // READ, "batch_write_record": batch // WRITE}
    worst = calls.total() * PATIENCE * COUNTER.worst + calls["batch_write_record"] * WRITING_PAUSES

    assert worst < limit("counter/main.tf", "timeout_seconds")


def test_no_call_keeps_botos_own_limits():
    for call in (*API.calls, *STREAM.calls, FRAUDS.answers, FRAUDS.merchants, LABELS, LISTS, COUNTER):
        assert call.config.read_timeout == call.read < 60
        assert call.config.retries == {"total_max_attempts": call.tries, "mode": "standard"}


def test_a_service_that_accepts_and_never_answers_is_asked_as_often_as_the_budget_says(unanswering):
    """How long one of them takes is in its configuration; how long it really took, the machine decides."""
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=f"http://127.0.0.1:{unanswering.getsockname()[1]}",
        region_name="eu-west-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=API.model.config,
    )
    with pytest.raises(Exception, match="timeout"):
        client.invoke_endpoint(EndpointName="e", Body=b"")

    asked = 0
    with suppress(BlockingIOError):
        while True:
            unanswering.accept()[0].close()
            asked += 1
    assert asked == API.model.tries


def test_a_breaker_leaves_a_failing_service_alone_and_tries_it_again_later():
    now, asked = [0.0], []
    breaker = Breaker(failures=3, pause=5, clock=lambda: now[0])

    def fail():
        asked.append(now[0])
        raise Down

    for _ in range(3):
        with pytest.raises(Down):
            breaker.call(fail)
    for now[0] in (0.0, 2.0, 4.9):
        with pytest.raises(Open):
            breaker.call(fail)
    now[0] = 5.0
    with pytest.raises(Down):
        breaker.call(fail)
    with pytest.raises(Open):
        breaker.call(fail)
    now[0] = 10.0
    assert breaker.call(lambda: "there") == "there"
    with pytest.raises(Down):
        breaker.call(fail)

    assert asked == [0.0, 0.0, 0.0, 5.0, 10.0], (
        "one try after each pause, and failures are counted anew after a success"
    )


def test_the_page_tells_the_limits_that_the_code_has():
    page = (TERRAFORM.parents[1] / "docs" / "latency.md").read_text()
    rows = [line.split("|")[2:6] for line in page.splitlines() if re.match(r"\| [A-Z]\w+.*\d \|$", line)]

    told = [tuple(float(cell) for cell in row) for row in rows]
    assert told == [(c.connect, c.read, c.requests, pytest.approx(c.worst)) for c in API.calls]
    assert f"{API.worst:.1f} seconds" in page
