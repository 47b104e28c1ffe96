"""Whom a load balancer has signed in is believed by its signature, and nobody else by anything."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from console.signed_in import NotAllowed, NotSignedIn, Person, SignOn, Taken, groups_in
from tests.unit.console.balancer import CLAIMS, KID, NOW, OF, SIGNER, Balancer, written


@pytest.mark.parametrize("padded", [True, False])
def test_whom_the_balancer_has_signed_in_is_known_and_its_key_is_fetched_once(padded):
    balancer = Balancer()
    verifier = balancer.verifier()

    for _ in range(2):
        assert verifier.person(balancer.token(padded=padded)) == Person("ada", frozenset({"risk-reviewers"}))
    assert balancer.asked == [("eu-west-1", KID)]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"signer": SIGNER.replace("risk-dev", "mine")}, "signer is another one"),
        ({"iss": "https://login.mine.example"}, "iss is another one"),
        ({"client": "mine"}, "client is another one"),
        ({"alg": "none"}, "alg is another one"),
        ({"alg": "HS256"}, "alg is another one"),
        ({"exp": NOW}, "has ended"),
        ({"exp": True}, "has ended"),
        ({"exp": None}, "has ended"),
        ({"kid": "../../mine"}, "names no key"),
        ({"kid": None}, "names no key"),
    ],
)
def test_what_another_balancer_or_client_says_is_not_believed_and_no_key_is_fetched_for_it(header, said):
    balancer = Balancer()
    with pytest.raises(NotSignedIn, match=said):
        balancer.verifier().person(balancer.token(header))
    assert balancer.asked == []


def test_a_token_that_somebody_else_signed_is_not_believed():
    with pytest.raises(NotSignedIn, match="signature is not the balancer's"):
        Balancer().verifier().person(Balancer().token())


def test_a_token_that_was_changed_after_it_was_signed_is_not_believed():
    balancer = Balancer()
    header, _, signature = balancer.token().split(".")
    claims = written(json.dumps({**CLAIMS, "groups": ["risk-owners"]}).encode())
    with pytest.raises(NotSignedIn, match="signature is not the balancer's"):
        balancer.verifier().person(f"{header}.{claims}.{signature}")


def test_a_key_of_another_curve_is_none():
    balancer = Balancer(ec.SECP256K1())
    with pytest.raises(NotSignedIn, match=r"not of P-256|key is none"):
        balancer.verifier().person(balancer.token())


@pytest.mark.parametrize(
    "token", [None, "", "a.b", "a.b.c", "..", "é.é.é", "W10=.W10=.AA==", "x" * 40_000, "e30.e30.AAAA"]
)
def test_what_is_no_token_is_refused(token):
    with pytest.raises(NotSignedIn):
        Balancer().verifier().person(token)


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65)])
def test_a_signature_of_another_length_or_of_zeros_is_none(signature):
    balancer = Balancer()
    signed = balancer.token().rpartition(".")[0]
    with pytest.raises(NotSignedIn):
        balancer.verifier().person(f"{signed}.{written(signature)}")


def test_an_open_page_speaks_for_who_opened_it_for_a_while():
    balancer = Balancer()
    later = balancer.verifier(now=NOW + 1000)

    assert later.person(balancer.token(), grace=3600).subject == "ada"
    with pytest.raises(NotSignedIn, match="has ended"):
        later.person(balancer.token())


@pytest.mark.parametrize("claims", [{"groups": ["a"]}, {"sub": " "}, {"sub": 7}])
def test_a_token_without_a_subject_names_nobody(claims):
    balancer = Balancer()
    with pytest.raises(NotSignedIn, match="names nobody"):
        balancer.verifier().person(balancer.token(claims=claims))


@pytest.mark.parametrize(
    ("claim", "groups"),
    [(["a", 7, ""], ["a"]), ('["a", "b"]', ["a", "b"]), ("a", ["a"]), ("[a", []), ("", []), (None, []), ({"a": 1}, [])],
)
def test_groups_are_read_as_providers_tell_them(claim, groups):
    assert groups_in(claim) == groups


def test_no_two_subjects_have_one_session():
    names = ["ada", "auth0|ada", "auth0-ada", "a", "ada lovelace", "sub-ada", "é" * 3, "x" * 65]
    sessions = [Person(name, frozenset()).session for name in names]

    assert len(set(sessions)) == len(names)
    assert sessions[0] == "ada"
    assert all(len(one) <= 64 and one.replace("-", "").isalnum() for one in sessions)
    assert Person(sessions[1], frozenset()).session != sessions[1], "nobody chooses another's by its name"


def test_a_role_is_taken_by_who_is_in_its_group():
    reviewer, reader = Person("ada", frozenset({"risk-reviewers"})), Person("ben", frozenset({"risk-readers"}))

    assert OF.role(reviewer, ("review-lead", "reviewer")) == Taken(OF.arns["reviewer"], "ada", "risk-reviewers")
    for person, among in ((reader, ("reviewer",)), (reviewer, ("policy-owner",)), (reviewer, ("review-lead",))):
        with pytest.raises(NotAllowed, match="you may look, and not do this"):
            OF.role(person, among)
    OF.require_member(reader)
    with pytest.raises(NotAllowed, match="none of the groups"):
        OF.require_member(Person("eve", frozenset({"others"})))


@pytest.mark.parametrize("told", ["", "[]", "{}", '{"signer": "x"}', json.dumps({**vars(OF), "groups": {}})])
def test_a_sign_on_that_is_not_whole_starts_nothing(told):
    with pytest.raises(ValueError, match="CONSOLE_SIGN_ON: expected"):
        SignOn.parse(told)


def test_a_sign_on_is_read_as_terraform_writes_it():
    assert SignOn.parse(json.dumps(vars(OF))) == OF
    assert OF.region == "eu-west-1"
