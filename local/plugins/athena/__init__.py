"""Athena that answers from the files of registered partitions, with DuckDB behind Trino's SQL.

MiniStack runs a query as DuckDB reads it, over every file below a table's location. Here the statement is translated
from Trino's SQL first, a table is the files of the partitions that the catalog has (or projects), columns have the
catalog's types, and what Athena calls utility and DDL statements does what it says.

    statements   text -> what kind of statement, and its parts
    checks       what Trino refuses and DuckDB would let pass
    functions    the functions of Athena
    pruning      which partitions a query reads
    tables       a catalog table -> the DuckDB relation over its files
    translate    Trino's SQL -> DuckDB's, with Athena's column names
    decimals     exact numbers, by Trino's rules
    engine       runs a statement
    results      types and values as Athena prints them
    service      StartQueryExecution, GetQueryResults: the API
"""

from local.plugins.athena.service import HOOKS, close, install

__all__ = ["HOOKS", "close", "install"]
