"""Prints docs/tables.md: every table of the lake from its declaration."""

from __future__ import annotations

from glue.tables import LATE, TABLES, Table

HEAD = """# Tables

Made by `make docs` from `glue/tables.py`; do not edit. What the layers promise is on [the page of the lake](lake.md).
Types are Hive's. The partition columns come last: they are folders, not columns of the files.
"""


def page() -> str:
    return "\n".join([HEAD, *(section(table) for table in (*TABLES, LATE))])


def section(table: Table) -> str:
    partitions = {field.name for field in table.partitions}
    rows = [
        f"| `{field.name}`{' (partition)' if field.name in partitions else ''} | `{field.type}` | {field.comment} |"
        for field in (*table.columns, *table.partitions)
    ]
    one_row = f"; one row per {', '.join(f'`{name}`' for name in table.key)}, and sorted by it" if table.key else ""
    return "\n".join(
        [
            f"## {table.zone}.{table.name}",
            f"`{table.prefix}/`, {table.format}{one_row}.",
            "",
            "| column | type | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    print(page(), end="")
