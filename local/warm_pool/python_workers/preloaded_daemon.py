"""Spark's own daemon of Python workers, with what workers import imported once, before they are forked from it.

Run by Spark (`spark.python.daemon.module`); this folder is on its Python's path and holds nothing else.
"""

import contextlib

with contextlib.suppress(ImportError):
    import pandas  # noqa: F401
    import pyarrow  # noqa: F401
    import pyspark.sql.pandas.serializers  # noqa: F401

from pyspark.daemon import manager

if __name__ == "__main__":
    manager()
