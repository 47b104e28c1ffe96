"""`python -m tools.cost ENV`: the kept plans' cost and how it changes, printed and written beside them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from tools.cost.estimate import Line, NoPrice, Prices, idle, million_loans, thousand_decisions
from tools.cost.planned import Resources, resources, there
from tools.cost.prices import tabled
from tools.terraform import stacks
from tools.terraform.environments import asked_for

PARTS = {"idle, a month": idle, "1,000 decisions": thousand_decisions, "1,000,000 loans": million_loans}


def main(name: str = "") -> int:
    environment = asked_for("cost", name)
    folder = stacks.STATE / environment.name / "plans"
    plans = [json.loads(path.read_text()) for path in sorted(folder.glob("*.plan.json"))]
    if not plans:
        raise SystemExit(
            f"cost: expected the plans that make plan ENV={environment.name} keeps, found none in {folder}"
        )
    prices = tabled()
    try:
        parts, before = estimated(resources(plans), prices), totals(there(plans), prices)
    except NoPrice as missing:
        raise SystemExit(f"cost: {missing.args[0]}") from None
    text = told(environment.prefix, parts, prices, before)
    print(text, end="")
    (folder / "cost.txt").write_text(text)
    return 0


def estimated(found: Resources, prices: Prices) -> dict[str, list[Line]]:
    return {title: estimate(found, prices) for title, estimate in PARTS.items()}


def totals(found: Resources, prices: Prices) -> dict[str, float]:
    """Dollars by part of what there is; nothing where there is nothing yet."""
    if not found:
        return {}
    return {title: total(lines) for title, lines in estimated(found, prices).items()}


def total(lines: list[Line]) -> float:
    return sum(line.dollars for line in lines)


def told(prefix: str, parts: Mapping[str, list[Line]], prices: Prices, before: Mapping[str, float]) -> str:
    """The totals and how they change on the first line, then what each is made of. `before` are totals by part."""
    first = ", ".join(f"{title}: {_changed(total(lines), before.get(title))}" for title, lines in parts.items())
    lines = [f"{prefix}: {first}"]
    for title, part in parts.items():
        lines.append(f"{title}: ${total(part):,.2f}")
        lines += [f"  {line.dollars:10,.4f}  {line.what}: {line.how}" for line in part]
    lines.append(
        f"Prices of {prices.region}, {prices.as_of}: {prices.source}. Without storage, logs, transfer and taxes."
    )
    return "\n".join(lines) + "\n"


def _changed(dollars: float, before: float | None) -> str:
    if before is None:
        return f"${dollars:,.2f}"
    more = round(dollars - before, 2)
    return f"${dollars:,.2f} ({f'{more:+,.2f}' if more else 'as before'})"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
