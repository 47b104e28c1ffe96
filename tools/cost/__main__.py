"""`python -m tools.cost ENV`: the kept plans' cost, printed and written beside them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tools.cost.estimate import Line, NoPrice, Prices, idle, million_loans, thousand_decisions
from tools.cost.planned import resources
from tools.terraform import stacks
from tools.terraform.environments import asked_for

TABLE = Path(__file__).with_name("prices.json")


def main(name: str = "") -> int:
    environment = asked_for("cost", name)
    folder = stacks.STATE / environment.name / "plans"
    plans = [json.loads(path.read_text()) for path in sorted(folder.glob("*.plan.json"))]
    if not plans:
        raise SystemExit(
            f"cost: expected the plans that make plan ENV={environment.name} keeps, found none in {folder}"
        )
    document = json.loads(TABLE.read_text())
    prices = Prices(document["region"], document["as_of"], document["prices"])
    planned = resources(plans)
    try:
        parts = {
            "idle, a month": idle(planned, prices),
            "1,000 decisions": thousand_decisions(planned, prices),
            "1,000,000 loans": million_loans(planned, prices),
        }
    except NoPrice as missing:
        raise SystemExit(f"cost: {missing.args[0]}") from None
    text = told(environment.prefix, parts, prices, document["source"])
    print(text, end="")
    (folder / "cost.txt").write_text(text)
    return 0


def told(prefix: str, parts: dict[str, list[Line]], prices: Prices, source: str) -> str:
    """The totals on the first line, then what each is made of."""
    totals = {title: sum(line.dollars for line in lines) for title, lines in parts.items()}
    first = ", ".join(f"{title}: ${total:,.2f}" for title, total in totals.items())
    lines = [f"{prefix}: {first}"]
    for title, part in parts.items():
        lines.append(f"{title}: ${totals[title]:,.2f}")
        lines += [f"  {line.dollars:10,.4f}  {line.what}: {line.how}" for line in part]
    lines.append(f"Prices of {prices.region}, {prices.as_of}: {source}. Without storage, logs, transfer and taxes.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
