"""Answers that are held for all who look, so that nobody waits for what was asked a while ago.

An answer is fresh for a minute. Who asks after that is given it all the same, and it is asked anew meanwhile, for the
next; who asks after ten minutes waits, as who asks first does. A page that shows an older answer says so. What was made
of other answers is as old as the oldest of them.
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
    _shown.oldest, _shown.used = None, None


def oldest_shown() -> datetime | None:
    """When the oldest answer was asked (UTC) that this page has shown and that is asked anew now; none where all were
    fresh."""
    at = getattr(_shown, "oldest", None)
    return None if at is None else datetime.fromtimestamp(at, UTC)


class Remembered(Generic[P, T]):
    """A question whose arguments are told apart by all but those whose name begins with `_`. At most `most` answers are
    held, the longest unused goes first. An answer that can be changed is `copied` for whoever asks."""

    def __init__(self, ask: Callable[P, T], says: str, most: int, copied: bool, held: float) -> None:
        update_wrapper(self, ask)
        self._ask, self._says, self._most, self._copied, self._held = ask, says, most, copied, held
        self._signature = inspect.signature(ask)
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self._asked: dict[Hashable, Future[Answer]] = {}
        self._lock = threading.RLock()  # what fails at once ends where it began
        self._pool = ThreadPoolExecutor(4, thread_name_prefix=ask.__name__)
        _questions.append(self)

    def __call__(self, *given: P.args, **named: P.kwargs) -> T:
        """The answer, waited for where none is held. Raises what the question raises; that is not held."""
        bound = self._signature.bind(*given, **named)
        question = tuple(value for name, value in bound.arguments.items() if not name.startswith("_"))
        with self._lock:
            now = time.time()
            for old in [key for key, answer in self._answers.items() if now - answer.at >= self._held]:
                del self._answers[old]
            answer = self._answers.get(question)
            if answer is not None:
                self._answers.move_to_end(question)
            is_stale = answer is not None and now - answer.at >= FRESH_SECONDS
            is_mine = (answer is None or is_stale) and question not in self._asked
            asked: Future[Answer] = self._asked.get(question) or Future()
            if is_mine:
                self._asked[question] = asked
        if is_stale and is_mine:
            self._pool.submit(self._answered, question, asked, given, named)
        if answer is None:
            with st.spinner(self._says):
                if is_mine:  # in the thread of who waits: others wait for nobody
                    self._answered(question, asked, given, named)
                answer = asked.result()
        if is_stale:
            _shown.oldest = older(answer.at, getattr(_shown, "oldest", None))
        _shown.used = older(answer.at, getattr(_shown, "used", None))
        return pickle.loads(answer.value) if self._copied else answer.value

    def forget(self) -> None:
        """Nothing is held any more, and what is being asked now will not be."""
        with self._lock:
            self._answers.clear()
            self._asked.clear()

    def _answered(self, question: Hashable, asked: Future[Answer], given: tuple, named: dict[str, Any]) -> None:
        """Asks, and tells whoever waits for `asked`."""
        page, at = getattr(_shown, "used", None), time.time()
        _shown.used = None
        try:
            value = self._ask(*given, **named)
            answer = Answer(pickle.dumps(value) if self._copied else value, older(at, _shown.used))
        except BaseException as failed:
            self._end(question, asked)
            asked.set_exception(failed)
        else:
            self._end(question, asked, answer)
            asked.set_result(answer)
        finally:
            _shown.used = page

    def _end(self, question: Hashable, asked: Future[Answer], answer: Answer | None = None) -> None:
        with self._lock:
            if self._asked.get(question) is not asked:
                return  # forgotten meanwhile
            del self._asked[question]
            if answer is not None:
                self._answers[question] = answer
                self._answers.move_to_end(question)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)


def older(at: float, other: float | None) -> float:
    return at if other is None else min(at, other)


def remembered(
    says: str, most: int, copied: bool = True, held: float = HELD_SECONDS
) -> Callable[[Callable[P, T]], Remembered[P, T]]:
    """Holds what a function answers for so many seconds, see `Remembered`; `says` what a page shows while somebody
    waits."""
    return lambda ask: Remembered(ask, says, most, copied, held)
