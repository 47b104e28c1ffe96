"""Answers that are held for all who look, so that nobody waits for what was asked a while ago.

An answer is fresh for a minute. Who asks after that is given it all the same, and it is asked anew meanwhile, for the
next; who asks after ten minutes waits, as who asks first does. A page that shows an older answer says so.
"""

from __future__ import annotations

import inspect
import pickle
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

import streamlit as st

P = ParamSpec("P")
T = TypeVar("T")

FRESH_SECONDS = 60
HELD_SECONDS = 600  # somebody may be forgotten meanwhile

_shown = threading.local()  # each page's script runs in a thread of its own


@dataclass
class Answer:
    """What was answered, and when it was asked (seconds since 1970)."""

    value: Any
    at: float


_questions: list[Remembered] = []


def forget_all() -> None:
    """Asks everything anew from here on."""
    for question in _questions:
        question.forget()


def begin_page() -> None:
    _shown.oldest = None


def oldest_shown() -> datetime | None:
    """When the oldest answer was asked (UTC) that this page has shown and that is asked anew now; none where all were
    fresh."""
    at = getattr(_shown, "oldest", None)
    return None if at is None else datetime.fromtimestamp(at, UTC)


class Remembered(Generic[P, T]):
    """A question whose arguments are told apart by all but those whose name begins with `_`. At most `most` answers are
    held, the longest unused goes first. An answer that can be changed is `copied` for whoever asks."""

    def __init__(self, ask: Callable[P, T], says: str, most: int, copied: bool) -> None:
        update_wrapper(self, ask)
        self._ask, self._says, self._most, self._copied = ask, says, most, copied
        self._signature = inspect.signature(ask)
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self._asked: dict[Hashable, Future] = {}
        self._lock = threading.RLock()  # what fails at once ends where it began
        self._pool = ThreadPoolExecutor(4, thread_name_prefix=ask.__name__)
        _questions.append(self)

    def __call__(self, *given: P.args, **named: P.kwargs) -> T:
        """The answer, waited for where none is held. Raises what the question raises; that is not held."""
        bound = self._signature.bind(*given, **named)
        question = tuple(value for name, value in bound.arguments.items() if not name.startswith("_"))
        with self._lock:
            now = time.time()
            for old in [key for key, answer in self._answers.items() if now - answer.at >= HELD_SECONDS]:
                del self._answers[old]
            answer = self._answers.get(question)
            if answer is not None:
                self._answers.move_to_end(question)
            if answer is not None and now - answer.at < FRESH_SECONDS:
                return self._told(answer.value)
            asked = self._asked.get(question) or self._begin(question, given, named)
        if answer is None:
            with st.spinner(self._says):
                return self._told(asked.result())
        before = getattr(_shown, "oldest", None)
        _shown.oldest = answer.at if before is None else min(answer.at, before)
        return self._told(answer.value)

    def forget(self) -> None:
        """Nothing is held any more, and what is being asked now will not be."""
        with self._lock:
            self._answers.clear()
            self._asked.clear()

    def _begin(self, question: Hashable, given: tuple, named: dict[str, Any]) -> Future:
        """Asks beside whoever waits, once for all. The lock is held."""
        asked: Future = self._pool.submit(self._answered, question, given, named)
        self._asked[question] = asked
        asked.add_done_callback(lambda done: self._end(question, done))
        return asked

    def _answered(self, question: Hashable, given: tuple, named: dict[str, Any]) -> Any:
        at = time.time()
        value = self._ask(*given, **named)
        held = pickle.dumps(value) if self._copied else value
        with self._lock:
            if question not in self._asked:
                return held  # forgotten meanwhile
            self._answers[question] = Answer(held, at)
            self._answers.move_to_end(question)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return held

    def _end(self, question: Hashable, done: Future) -> None:
        with self._lock:
            if self._asked.get(question) is done:
                del self._asked[question]

    def _told(self, held: Any) -> T:
        return pickle.loads(held) if self._copied else held


def remembered(says: str, most: int, copied: bool = True) -> Callable[[Callable[P, T]], Remembered[P, T]]:
    """Holds what a function answers, see `Remembered`; `says` what a page shows while somebody waits."""
    return lambda ask: Remembered(ask, says, most, copied)
