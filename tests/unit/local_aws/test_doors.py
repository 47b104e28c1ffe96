"""The local AWS answers programs of this machine, and closes what is no part of AWS."""

from __future__ import annotations

import pytest

from local import doors, environment


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:4566", "localhost", "[::1]:80", "abc123.execute-api.localhost:4566", "b.s3.eu-west-1.amazonaws.com"],
)
def test_our_own_hosts_and_amazon_s_are_answered(host: str):
    assert doors.refusal("POST", "/", {"host": host}) == ""


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:4566", "10.0.0.1"])
def test_a_name_that_somebody_else_pointed_here_is_refused(host: str):
    assert "expected localhost" in doors.refusal("POST", "/", {"host": host})


@pytest.mark.parametrize(
    "said",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost.evil.example"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_a_page_of_another_site_is_refused(said: dict[str, str]):
    assert "Pages of other sites" in doors.refusal("POST", "/", {"host": "localhost", **said})


def test_a_page_of_this_machine_is_answered():
    said = {"host": "localhost", "origin": "http://127.0.0.1:3000", "sec-fetch-site": "same-site"}
    assert doors.refusal("POST", "/", said) == ""


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_localstack/init"),
        ("POST", "/_ministack/health"),
        ("GET", "/_ministack"),
    ],
)
def test_the_emulator_s_own_paths_are_closed(method: str, path: str):
    assert "closed" in doors.refusal(method, path, {"host": "localhost"})


def test_whether_it_is_well_may_be_asked():
    assert doors.refusal("GET", "/_ministack/health", {"host": "localhost"}) == ""


def test_an_answer_to_no_page_invites_none():
    sent = {"type": "http.response.start", "headers": [(b"Access-Control-Allow-Origin", b"*"), (b"etag", b"1")]}
    assert doors.without_cors(sent)["headers"] == [(b"etag", b"1")]


def test_of_the_environment_only_a_list_is_kept():
    given = {"PATH": "/bin", "SFN_MOCK_CONFIG": "x", "AUTH": "true", "LAMBDA_EXECUTOR": "docker", "SECRET": "s"}
    assert environment.kept(given) == {"PATH": "/bin"}
