"""The model server over real HTTP."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from inference.app import AT_ONCE, LIMIT, MOST_EXPLAINED, TOGETHER, App
from inference.connections import LARGEST_HEAD, LARGEST_REQUEST, PATIENCE, Connection
from inference.model import Model
from inference.serve import server
from tests.unit.inference.archives import trained
from tests.waiting import PATIENCE_S, eventually

JSON = {"content-type": "application/json"}
CSV = {"content-type": "text/csv"}


@contextmanager
def served(app: App, connection: type[Connection] = Connection, send_buffer: int = 0) -> Iterator[int]:
    """The port of a server in a thread of this process."""
    serving = server(app, connection)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if send_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)  # its connections inherit it
        listener.listen()
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        serving.should_exit = True
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> App:
    return App(Model(trained(tmp_path_factory.mktemp("archive") / "model")))


@pytest.fixture(scope="module")
def port(app) -> Iterator[int]:
    with served(app) as port:
        yield port


@pytest.fixture(scope="module")
def http(port):
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        yield client


def invoke(http, content, headers) -> httpx.Response:
    return http.post("/invocations", content=content, headers=headers)


def ask(http, rows, version="abc") -> httpx.Response:
    return invoke(http, json.dumps({"feature_version": version, "rows": rows}), JSON)


def refused(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()["error"]


def test_it_says_that_it_is_healthy(http):
    assert http.get("/ping").status_code == 200


def test_it_tells_batch_transform_how_to_call(http):
    assert http.get("/execution-parameters").json() == {
        "MaxConcurrentTransforms": 1,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }


def test_csv_rows_are_answered_line_by_line(http):
    answer = invoke(http, "10,house\n90,house\n10,car\n", CSV)

    assert answer.headers["content-type"] == "text/csv"
    low, high, car = (float(line) for line in answer.text.splitlines())
    assert low > 0.5 > high
    assert car < 0.5


def test_json_says_which_model_answered(http):
    document = ask(http, [[10, "house"], [90, "house"]]).json()

    assert (document["model"], document["feature_version"]) == ("model-7", "abc")
    assert document["scores"][0] > 0.5 > document["scores"][1]


def test_both_forms_give_the_same_bits(http):
    rows = [[i * 7.3, "house" if i % 2 else "car"] for i in range(13)]
    text = "".join(f"{income!r},{purpose}\n" for income, purpose in rows)

    assert [float(line) for line in invoke(http, text, CSV).text.split()] == ask(http, rows).json()["scores"]


def test_a_category_unseen_in_training_and_an_empty_cell_are_missing(http):
    scores = ask(http, [[10, "boat"], [10, None], [10, ""]]).json()["scores"]
    line = invoke(http, "10,boat\n10,\n", CSV).text.split()

    assert len({*scores, *map(float, line)}) == 1


def test_a_request_for_other_features_is_a_conflict_that_names_both(http):
    said = refused(ask(http, [[1, "car"]], version="xyz"), 409)

    assert "abc" in said
    assert "xyz" in said


@pytest.mark.parametrize("version", ["abc", "xyz"])
def test_a_request_whose_rows_hold_more_than_the_model_needs_is_answered_as_if_they_did_not(http, version):
    """Of the model's own version, too: a feature that was the same in every row is none of the model's columns."""
    document = {"feature_version": version, "features": "other purpose income", "rows": [[7, "house", 10]]}
    answer = invoke(http, json.dumps(document), JSON)

    assert answer.json()["scores"] == ask(http, [[10, "house"]]).json()["scores"]
    said = refused(invoke(http, json.dumps({**document, "features": "other income"}), JSON), 409)
    assert said.startswith(f"the model was trained on purpose, which features {version} of the request do not have")
    assert "expected 3 values" in refused(invoke(http, json.dumps({**document, "rows": [[10, "house"]]}), JSON), 400)
    assert '"features"' in refused(invoke(http, json.dumps({**document, "features": ["income"]}), JSON), 400)


def test_an_unknown_content_type_is_refused(http):
    assert "image/png" in refused(invoke(http, b"x", {"content-type": "image/png"}), 415)


def test_csv_is_what_comes_without_a_content_type_and_parameters_of_it_do_not_matter(http):
    request = http.build_request("POST", "/invocations", content=b"10,house\n")
    request.headers.pop("content-type", None)

    assert http.send(request).status_code == 200
    assert invoke(http, "10,house\n", {"content-type": "Text/CSV; charset=utf-8"}).status_code == 200


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "5", "null", '{"rows": []}', '{"feature_version": "abc"}', "1" * 5000, "[" * 100_000]
)
def test_json_that_is_no_request_is_refused_with_the_form_that_is_expected(http, body):
    assert "feature_version" in refused(invoke(http, body, JSON), 400)


@pytest.mark.parametrize(
    "rows", [[[1]], [[1, "car", 2]], [[[1], "car"]], [[1, {"a": 1}]], [5], 5, ["ab"], [{"1": 1, "2": 2}]]
)
def test_rows_that_do_not_fit_the_model_are_refused(http, rows):
    refused(ask(http, rows), 400)


def test_csv_rows_that_do_not_fit_the_model_are_refused(http):
    assert refused(invoke(http, "1,car\n1\n", CSV), 400) == "expected 2 columns, got 1"
    assert "UTF-8" in refused(invoke(http, b"\xff\xfe", CSV), 400)


def test_a_cell_that_cannot_be_read_is_missing_and_counted_and_stops_no_request(http, capfd):
    rows = [["much", "car"], [10, "boat"], [10, "NA"], [90, "house"]]
    whole, missing = ask(http, rows).json(), ask(http, [[None, "car"], [10, None], [10, None], [90, "house"]]).json()

    assert whole["scores"] == missing["scores"]
    assert whole["unread"] == {"income": 1, "purpose": 1}
    assert "unread" not in missing
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if "cannot read" in line]
    assert [(line["rows"], line["unread"]) for line in lines] == [(4, {"income": 1, "purpose": 1})]


def test_a_batch_counts_the_cells_that_cannot_be_read_in_its_log_and_answers_line_by_line(http, capfd):
    answer = invoke(http, "much,car\n10,boat\n" * TOGETHER, CSV)

    assert len(answer.text.splitlines()) == 2 * TOGETHER
    said = capfd.readouterr().out
    (line,) = [json.loads(line) for line in said.splitlines() if "cannot read" in line]
    assert line["unread"] == {"income": TOGETHER, "purpose": TOGETHER}
    assert "much" not in said, "what a cell says may be personal"


def test_a_number_is_read_in_the_spellings_that_training_reads(http):
    scores = ask(http, [["1,0", "house"], [" 10 ", "house "], ["10%", "house"], [10, "house"]]).json()["scores"]

    assert scores[1:3] == [scores[3]] * 2


def test_no_rows_have_no_scores(http):
    assert invoke(http, "", CSV).text == ""
    assert invoke(http, "\n\n", CSV).text == ""
    assert ask(http, []).json()["scores"] == []


def test_a_request_beyond_sagemakers_limit_is_refused_and_the_server_goes_on(http):
    assert str(LIMIT) in refused(invoke(http, b"1,car\n" * (LIMIT // 6 + 1), CSV), 413)
    assert http.get("/ping").status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/invocations"), ("POST", "/ping")])
def test_any_other_route_is_not_found(http, method, path):
    assert "/invocations" in refused(http.request(method, path), 404)


def explained(http, rows, **more) -> httpx.Response:
    return invoke(http, json.dumps({"feature_version": "abc", "rows": rows, "explain": True, **more}), JSON)


def test_reasons_come_only_when_asked_for_and_name_what_raised_the_score_in_words(http):
    assert "reasons" not in ask(http, [[10, "house"]]).json()

    answer = explained(http, [[10, "house"], [90, "car"]]).json()

    high, low = answer["reasons"]
    assert {reason["feature"] for reason in high} == {"income", "purpose"}
    assert [r["contribution"] for r in high] == sorted((r["contribution"] for r in high), reverse=True)
    assert all(r["contribution"] > 0 for r in high)
    assert next(r["meaning"] for r in high if r["feature"] == "income") == "What the applicant earns"
    assert low == []
    assert answer["scores"] == ask(http, [[10, "house"], [90, "car"]]).json()["scores"]


def test_more_rows_than_can_be_explained_in_time_are_refused(http):
    assert f"at most {MOST_EXPLAINED} rows" in refused(explained(http, [[10, "house"]] * (MOST_EXPLAINED + 1)), 400)


def test_explain_is_yes_or_no(http):
    assert "explain" in refused(explained(http, [[10, "house"]], explain="maybe"), 400)


def raw(port: int, *parts: bytes) -> bytes:
    """Everything that the server says to some bytes, sent part by part, until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        for part in parts:
            connection.sendall(part)
        said = b""
        while received := connection.recv(65536):
            said += received
        return said


def post(body: bytes, *headers: str) -> bytes:
    lines = [
        "POST /invocations HTTP/1.1",
        "Host: x",
        "Content-Type: text/csv",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_pipelined_requests_are_answered_in_order_and_the_connection_closes_when_asked_to(port):
    said = raw(port, post(b"10,house\n") * 40 + post(b"90,house\n", "Connection: close"))

    assert said.count(b"HTTP/1.1 200 OK") == 41
    scores = [float(part.rpartition(b"\r\n\r\n")[2]) for part in said.split(b"HTTP/1.1 200 OK")[1:]]
    assert len(set(scores[:40])) == 1
    assert scores[40] < scores[0]
    assert said.count(b"connection: close") == 1


def test_an_answer_that_takes_long_keeps_its_place_among_those_behind_it(port):
    body = json.dumps({"feature_version": "abc", "rows": [[10, "house"]] * 50, "explain": True}).encode()
    slow = post(body).replace(b"text/csv", b"application/json")
    said = raw(port, slow + post(b"10,house\n", "Connection: close"))

    first, second = said.split(b"HTTP/1.1 200 OK")[1:]
    assert b"reasons" in first
    assert b"text/csv" in second


def test_a_request_may_come_byte_by_byte_or_in_chunks(port):
    whole = raw(port, post(b"10,house\n", "Connection: close"))
    bytewise = post(b"10,house\n", "Connection: close")
    chunked = (
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"3\r\n10,\r\n6\r\nhouse\n\r\n0\r\n\r\n"
    )

    assert raw(port, *(bytewise[i : i + 1] for i in range(len(bytewise)))) == whole
    assert raw(port, chunked) == whole


def test_who_expects_to_be_told_to_continue_is_told(port):
    said = raw(port, post(b"10,house\n", "Expect: 100-continue", "Connection: close"))

    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", b"400"),
        (b"GET /ping HTTP/1.1\r\nX: " + b"a" * (LARGEST_HEAD + 9), b"431"),
        (
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: "
            + b"a" * (LARGEST_HEAD + 9),
            b"431",
        ),
        (b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
    ],
    ids=["no request", "a large head", "large trailers", "a large body"],
)
def test_what_is_no_request_or_too_large_is_told_so_and_ends_the_connection(port, http, sent, status):
    said = raw(port, sent)

    assert said.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in said
    assert b'{"error": ' in said
    assert http.get("/ping").status_code == 200


def refused_after(connection: socket.socket, data: bytes, most: int) -> bool:
    """Whether the server ends the connection before it has taken the data so many times."""
    try:
        for _ in range(most):
            connection.sendall(data)
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


def test_a_request_that_never_ends_is_not_read_for_ever(port, http):
    chunk = b"10000\r\n" + b"1" * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert refused_after(connection, chunk, 10 * LARGEST_REQUEST // len(chunk))

    assert http.get("/ping").status_code == 200


def test_an_offer_of_another_protocol_is_declined_and_never_costs_rows(port):
    offer = ("Connection: Upgrade, close", "Upgrade: h2c")

    assert raw(port, b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n").startswith(
        b"HTTP/1.1 200"
    )
    said = raw(port, post(b"10,house\n", *offer))
    assert said.startswith(b"HTTP/1.1 400")
    assert b"send no Upgrade header" in said


def test_head_is_answered_without_a_body(port):
    said = raw(port, b"HEAD /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert said.startswith(b"HTTP/1.1 200")
    assert said.endswith(b"\r\n\r\n")


def test_a_client_that_goes_away_in_the_middle_harms_nobody(port, http):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(post(b"10,house\n")[:-3])

    assert http.get("/ping").status_code == 200


class Timers:
    """The event loop, whose patience ends when a test says so."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.waiting: list[tuple[asyncio.TimerHandle, Callable[[], None]]] = []

    def __getattr__(self, name: str):
        return getattr(self.loop, name)

    def call_later(self, delay: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        timer = self.loop.call_later(delay, call)
        if delay == PATIENCE:
            self.waiting.append((timer, call))
        return timer

    def lose_patience(self) -> None:
        """For other threads."""
        self.loop.call_soon_threadsafe(lambda: [call() for timer, call in self.waiting if not timer.cancelled()])


class Known(Connection):
    """The newest connection, for its test to look at."""

    newest: Known | None = None

    def connection_made(self, transport):
        self.loop = Timers(self.loop)
        self.left = threading.Event()
        super().connection_made(transport)
        type(self).newest = self

    def connection_lost(self, exc):
        super().connection_lost(exc)
        self.left.set()


@pytest.fixture
def known() -> type[Known]:
    return type("Own", (Known,), {})


@pytest.mark.parametrize("sent", [post(b"10,house\n")[:20], post(b"10,house\n")[:-3]], ids=["head", "body"])
def test_half_a_request_is_not_waited_for_in_vain(app, known, sent):
    with served(app, known) as port, socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(sent)
        eventually(lambda: known.newest and known.newest._received == len(sent))
        known.newest.loop.lose_patience()

        assert connection.recv(1000).startswith(b"HTTP/1.1 408")
        assert connection.recv(1000) == b""


def test_who_says_nothing_is_left_without_a_word(app, known):
    with served(app, known) as port, socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        eventually(lambda: known.newest).loop.lose_patience()

        assert connection.recv(1000) == b""


def test_half_a_request_is_not_waited_for_after_a_whole_one_either(app, known):
    half = post(b"10,house\n")[:-3]
    with served(app, known) as port, socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        connection.sendall(half)
        eventually(lambda: known.newest._received == len(half))
        known.newest.loop.lose_patience()

        assert connection.recv(1000).startswith(b"HTTP/1.1 408")


def test_who_never_reads_an_answer_is_left(app, known):
    with served(app, known, send_buffer=4096) as port, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.sendall(post(b"10,house\n" * 20_000))
        eventually(lambda: known.newest and known.newest._leaving, "an answer that waits to be read")
        assert not known.newest.left.is_set()
        known.newest.loop.lose_patience()

        assert known.newest.left.wait(PATIENCE_S)


def test_who_asks_and_asks_and_never_reads_gets_no_more_answers(app, known):
    """It holds what fits between the two sockets and one answer, not all that it asked for."""

    def leave() -> None:
        eventually(lambda: known.newest and known.newest._leaving)
        known.newest.loop.lose_patience()

    rows = b"10,house\n" * 20_000
    with served(app, known) as port, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.settimeout(PATIENCE_S)
        threading.Thread(target=leave, daemon=True).start()
        assert refused_after(connection, post(rows), 500)


class Watched(Model):
    """Notes which thread scores how many rows in one go."""

    def score(self, rows, unread=None):
        self.seen.append((threading.current_thread().name, len(rows)))
        return super().score(rows, unread)


def test_batches_are_scored_in_parts_and_off_the_thread_that_serves_payments(tmp_path):
    model = Watched(trained(tmp_path / "model"))
    model.seen = []
    with served(App(model)) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        invoke(http, b"10,house\n", CSV)
        batch = invoke(http, b"10,house\n" * (2 * TOGETHER + 1), CSV)

    assert len(batch.text.split()) == 2 * TOGETHER + 1
    (payer, _), *batches = model.seen
    assert not payer.startswith("batch")
    assert [(name.partition("_")[0], rows) for name, rows in batches] == [("batch", TOGETHER)] * 2 + [("batch", 1)]
    assert len(b"10,house\n") * 100 < AT_ONCE
