"""What unit tests leave behind: nothing."""

from __future__ import annotations

import pytest
from scoring import metrics


@pytest.fixture(autouse=True)
def metrics_go_where_they_went(monkeypatch):
    """A handler that a test starts tells its process where metrics go, for good."""
    monkeypatch.setattr(metrics, "_namespace", metrics._namespace)
