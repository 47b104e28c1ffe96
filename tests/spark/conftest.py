"""Settings under which Spark answers questions about a few rows quickly; they change no result."""

from __future__ import annotations

import pytest

FEW_ROWS = {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
}


@pytest.fixture(autouse=True)
def _few_rows(spark):
    before = {setting: spark.conf.get(setting) for setting in FEW_ROWS}
    for setting, value in FEW_ROWS.items():
        spark.conf.set(setting, value)
    yield
    for setting, value in before.items():
        spark.conf.set(setting, value)
