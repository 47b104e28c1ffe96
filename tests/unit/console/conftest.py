"""What a page's test leaves as it was."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import streamlit as st

from console import remembered


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Streamlit puts a page in the place of the program's main module, which processes that are spawned run again; and
    it remembers answers."""
    before = sys.modules["__main__"]
    forget()
    yield
    forget()
    sys.modules["__main__"] = before


def forget() -> None:
    st.cache_data.clear()
    remembered.forget_all()
