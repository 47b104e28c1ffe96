"""What is looked at before anything is built loses no row for a column that is lenient."""

from __future__ import annotations

from features.contract import TRANSACTIONS
from tools.raw_data.readability import Readability


def test_only_unreadable_cells_of_columns_that_are_not_lenient_cost_their_rows():
    lost = {
        name: Readability(TRANSACTIONS.column(name), 10, 3, 4, None).lost for name in ("amount", "currency", "latitude")
    }

    assert lost == {"amount": 7, "currency": 4, "latitude": 0}
