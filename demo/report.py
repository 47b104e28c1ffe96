"""The report of a run: one HTML file that needs nothing else. Decisions and money first, the engineer's part last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader

from demo import charts, credit, portfolio
from demo.charts import ACCENT, SECOND, figure, styled
from demo.figures import between, number
from tools.attacks.verdict import Attack
from tools.telling import Phase

EXAMPLES = 12
NAMED = 3  # of what made a payment suspicious


def write_report(summary: dict, evidence: dict, phases: list[Phase], path: Path) -> None:
    """`summary` is the run's summary.json, `evidence` what its numbers were computed from."""
    sections = []
    if summary["credit"]:
        sections.append(credit.section(summary["credit"], evidence))
    if summary["fraud"]:
        sections.append(fraud_section(summary["fraud"], evidence))
    if attacks := evidence.get("attacks"):
        sections.append(attacks_section(attacks))
    sections.append(lake_section(summary, evidence, phases))
    for place, shown in enumerate(shown for section in sections for shown in section["figures"]):
        shown["html"] = shown["plot"].to_html(
            full_html=False,
            default_width="100%",
            include_plotlyjs=place == 0,
            config={"displayModeBar": False, "responsive": True},
        )
    template = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template(
        "report.html.j2"
    )
    path.write_text(template.render(summary=summary, sections=sections))


def fraud_section(summary: Mapping, evidence: dict) -> dict:
    seen = evidence["fraud"]
    y, p = charts.joined(seen["scores"], seen["truth"])
    figures = [
        *charts.curves(seen["scores"], seen["truth"], "Fraud"),
        figure("Score of every decision", charts.histogram(seen["scores"], seen["truth"], "honest", "fraud")),
        figure("Calibration", charts.calibration(portfolio.calibration(p, y), "tenths of the payments")),
    ]
    if drift := evidence.get("drift"):
        figures.append(figure("Drift: PSI against the training baseline", charts.drift_bars(drift)))
    flagged = sorted(seen["log"], key=lambda d: -(d["fraud_score"] or 0))[:EXAMPLES]
    table = {
        "title": "The payments with the highest scores",
        "head": ("payment", "score", "action", "what made it so, the strongest first", "became"),
        "rows": [
            (
                d["transaction_id"],
                number(d["fraud_score"]),
                d["action"],
                told(d),
                {1: "fraud", 0: "honest"}.get(seen["truth"].get(d["transaction_id"]), "unknown"),
            )
            for d in flagged
        ],
    }
    return {
        "title": "Fraud: is this payment fraud?",
        "tiles": fraud_tiles(summary),
        "figures": figures,
        "tables": [table],
    }


def told(decision: Mapping) -> str:
    """The strongest grounds of a score; where there are none, the rules that spoke."""
    return "; ".join((decision.get("explanation") or [])[:NAMED] or decision["reasons"])


def fraud_tiles(summary: Mapping) -> list[tuple[str, str, str]]:
    """Name, value, and what it rests on."""
    known = summary.get("known")
    of = f"{known:,} payments with known outcome, {summary['bad']:,} of them fraud" if known else ""
    ranges = summary.get("intervals") or {}
    return [
        ("payments decided", f"{summary['decided']:,}", f"of {summary['streamed']:,}"),
        *((action.lower(), f"{count:,}", "payments") for action, count in summary["actions"].items()),
        *(
            (name, number(summary[key]), ", ".join(filter(None, (between(ranges.get(key)), of))))
            for key, name in (("auc", "AUC"), ("ap", "average precision"))
        ),
        ("missing decisions", f"{summary['missing']:,}", ""),
        ("decided twice", f"{summary['duplicated']:,}", ""),
        ("decided without fresh features or a score", f"{summary['degraded']:,}", ""),
    ]


def attacks_section(played: list[Attack]) -> dict:
    table = {
        "title": "Attacks on both doors",
        "head": ("attack", "holds", "asked", "expected", "seen"),
        "rows": [(a.name, "yes" if a.holds else "NO", a.asked, a.expected, a.seen) for a in played],
    }
    return {"title": "What attackers would see", "tiles": [], "figures": [], "tables": [table]}


def lake_section(summary: Mapping, evidence: dict, phases: list[Phase]) -> dict:
    found, layers = summary["lake"], ["raw", "bronze", "silver", "gold", "quarantined"]
    lake = go.Figure(
        go.Bar(
            x=layers,
            y=[found[name] for name in layers],
            text=[f"{found[name]:,}" for name in layers],
            textposition="outside",
            cliponaxis=False,
            marker_color=[ACCENT] * 4 + [SECOND],
        )
    )
    names = [phase.name for phase in phases][::-1]
    clock = go.Figure(
        go.Bar(
            y=names,
            x=[phase.ended - phase.begun for phase in phases][::-1],
            base=[phase.begun for phase in phases][::-1],
            orientation="h",
            marker_color=ACCENT,
            text=[f"{phase.ended - phase.begun:.0f} s" for phase in phases][::-1],
            textposition="outside",
            cliponaxis=False,
        )
    )
    clock.update_yaxes(automargin=True)
    tables = []
    if reasons := evidence.get("quarantine"):
        rows = sorted(reasons.items(), key=lambda item: -item[1])
        tables.append({"title": "Rows in quarantine, by reason", "head": ("reason", "rows"), "rows": rows})
    note = (
        "Gold has a row for each payment and each loan. Labels, outcomes and what a lender tells are in silver, and "
        "have none of their own in gold."
    )
    waiting = []
    if seen := evidence.get("fraud"):
        doors = {"API door, seen by the client": seen["api_ms"], "stream door, from arrival": seen["stream_ms"]}
        waiting.append(figure("Time from arrival to decision", charts.waiting(doors)))
    return {
        "title": "The platform: lake and clock",
        "tiles": engineers_tiles(summary, evidence),
        "figures": [
            figure("Rows by layer", styled(lake, "", "rows"), note),
            *waiting,
            figure("Where the time went", styled(clock, "seconds", "")),
        ],
        "tables": tables,
    }


def engineers_tiles(summary: Mapping, evidence: Mapping) -> list[tuple[str, str, str]]:
    found = []
    if fraud := summary["fraud"]:
        seen = evidence.get("fraud", {})
        for door in ("api", "stream"):
            count = f"{len(seen.get(f'{door}_ms', ())):,} payments"
            found += [(f"{door} door, {p}", f"{whole(fraud[f'{door}_{p}_ms'])} ms", count) for p in ("p50", "p99")]
    if parity := summary["parity"]:
        found.append(
            ("served vectors that the lake computes otherwise", f"{parity['mismatches']:,}", of(parity["compared"]))
        )
    if attacks := summary["attacks"]:
        found.append(("attacks that hold", f"{attacks['hold']}", of(attacks["played"])))
    found.append(("AWS resources", f"{summary['terraform']['resources']}", ""))
    found.append(("wall clock", f"{summary['wall_s']:.0f} s", ""))
    return found


def of(count: int) -> str:
    return f"of {count:,}"


def whole(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f}"
