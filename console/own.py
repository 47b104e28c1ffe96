"""What somebody does in their own name: cases, lists and the policy are asked for as whoever uses the page.

On a machine of one's own that is whoever started the console. Behind a load balancer the console's own role reads and
changes nothing; for these it takes the role of the person's group, in a session that bears the person's name, so that
the doors, four eyes and the account's trail see who it was.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import boto3
import httpx
import streamlit as st

from console import source
from console.signed_in import HEADER, NotAllowed, NotSignedIn, Person, Taken, Verifier, fetched, sign_on
from tools.operate.platform import Platform

# Roles for people by what they may, the first that somebody has is theirs.
CASES = ("review-lead", "reviewer", "review-auditor")
POLICY = ("policy-owner",)
SESSION_SECONDS = 3600  # the most that one role may have another for
HELD_SECONDS = 2700  # sessions are taken anew well before their end
OPEN_SECONDS = 3600.0  # how long after its token's end an open page still speaks for who opened it


def platform(roles: tuple[str, ...]) -> Platform:
    """The platform as who looks at the page may work on it. Raises NotSignedIn and NotAllowed."""
    behind = verifier()
    if behind is None:
        return source.platform()
    person = reader(behind)
    return taken(behind.of.role(person, roles))


def reader(behind: Verifier) -> Person:
    """Who looks at the page, and still may. Raises NotSignedIn and NotAllowed."""
    try:
        person = behind.person(st.context.headers.get(HEADER), grace=OPEN_SECONDS)
    except httpx.HTTPError:
        raise NotSignedIn("who you are cannot be verified now") from None
    behind.of.require_member(person)
    return person


def look_who_reads() -> None:
    """Ends the page, with a sentence, where its reader may see none any more: an open one is asked at each change."""
    behind = verifier()
    try:
        if behind is not None:
            reader(behind)
    except (NotSignedIn, NotAllowed) as refused:
        st.error(sentence(refused))
        st.stop()


@st.cache_resource
def verifier() -> Verifier | None:
    """None where the console is its user's own."""
    of = sign_on()
    return None if of is None else Verifier(of, fetched)


@st.cache_resource(ttl=HELD_SECONDS, max_entries=500, show_spinner=False)
def taken(role: Taken) -> Platform:
    """The platform in a session of a role that bears a person's name."""
    given = boto3.client("sts").assume_role(**role.asked(), DurationSeconds=SESSION_SECONDS)
    keys = given["Credentials"]
    theirs = boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    return Platform(source.platform().outputs, session=theirs)


def sentence(refused: NotSignedIn | NotAllowed) -> str:
    said = str(refused) if isinstance(refused, NotAllowed) else f"load the page anew: {refused}"
    return f"{said[:1].upper()}{said[1:]}."  # names of groups stay as they are


def says_who_may(page: Callable[[], None]) -> Callable[[], None]:
    """A page that says in words that its reader may not do what it does."""

    @wraps(page)
    def told() -> None:
        try:
            page()
        except (NotSignedIn, NotAllowed) as refused:
            st.error(sentence(refused))

    return told
