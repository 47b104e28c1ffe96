"""The report of a run: one HTML file that needs nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader
from sklearn.metrics import precision_recall_curve, roc_curve

from tools.attacks.verdict import Attack
from tools.telling import Phase

INK, ACCENT, SECOND, MUTED = "#1f2933", "#0b6e99", "#c2410c", "#9aa5b1"
LAYOUT = {
    "template": "simple_white",
    "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
    "margin": {"l": 60, "r": 20, "t": 48, "b": 50},
    "height": 340,
    "legend": {"orientation": "h", "y": 1.0, "x": 1.0, "xanchor": "right", "yanchor": "bottom"},
}
EXAMPLES = 12


def write_report(summary: dict, evidence: dict, phases: list[Phase], path: Path) -> None:
    """`summary` is the run's summary.json, `evidence` what its numbers were computed from."""
    sections = []
    if summary["fraud"]:
        sections.append(fraud_section(evidence))
    if summary["credit"]:
        sections.append(credit_section(evidence))
    if attacks := evidence.get("attacks"):
        sections.append(attacks_section(attacks))
    sections.append(lake_section(summary["lake"], evidence, phases))
    figures = [figure for section in sections for figure in section["figures"]]
    for number, figure in enumerate(figures):
        figure["html"] = figure["plot"].to_html(
            full_html=False,
            default_width="100%",
            include_plotlyjs=number == 0,
            config={"displayModeBar": False, "responsive": True},
        )
    template = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template(
        "report.html.j2"
    )
    path.write_text(template.render(summary=summary, sections=sections, tiles=tiles(summary)))


def tiles(summary: dict) -> list[tuple[str, str]]:
    """The numbers that a reader looks for first."""
    found = [("AWS resources", f"{summary['terraform']['resources']}"), ("wall clock", f"{summary['wall_s']:.0f} s")]
    if fraud := summary["fraud"]:
        found += [
            ("payments decided", f"{fraud['decided']:,} of {fraud['streamed']:,}"),
            ("missing / duplicated", f"{fraud['missing']} / {fraud['duplicated']}"),
            ("decided without fresh features or a score", f"{fraud['degraded']:,}"),
            ("fraud AUC / AP", f"{number(fraud['auc'])} / {number(fraud['ap'])}"),
            ("API door p50 / p99", f"{whole(fraud['api_p50_ms'])} / {whole(fraud['api_p99_ms'])} ms"),
        ]
    if parity := summary["parity"]:
        found.append(("vectors compared / different", f"{parity['compared']:,} / {parity['mismatches']}"))
    if attacks := summary["attacks"]:
        found.append(("attacks that hold", f"{attacks['hold']} of {attacks['played']}"))
    if credit := summary["credit"]:
        found += [
            ("loans scored", f"{credit['scored']:,}"),
            ("credit AUC / KS", f"{number(credit['auc'])} / {number(credit['ks'])}"),
            *above_logistic(credit),
        ]
    return found


def above_logistic(credit: dict) -> list[tuple[str, str]]:
    gain = credit.get("gain_over_logistic")
    if not gain:
        return []
    told = f"{gain['value']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]"
    return [("credit AUC above logistic regression, test loans", told)]


def fraud_section(evidence: dict) -> dict:
    seen = evidence["fraud"]
    figures = [
        *curves(seen["scores"], seen["truth"], "Fraud"),
        figure("Score of every decision", scores_histogram(seen["scores"], seen["truth"], "honest", "fraud")),
        figure("Calibration", calibration(seen["scores"], seen["truth"], "tenths of the payments")),
        figure("Time from arrival to decision", latencies(seen["api_ms"], seen["stream_ms"])),
    ]
    if drift := evidence.get("drift"):
        figures.append(figure("Drift: PSI against the training baseline", drift_bars(drift)))
    flagged = sorted(seen["log"], key=lambda d: -(d["fraud_score"] or 0))[:EXAMPLES]
    table = {
        "title": "The payments with the highest scores",
        "head": ("payment", "score", "action", "reasons", "became"),
        "rows": [
            (
                d["transaction_id"],
                number(d["fraud_score"]),
                d["action"],
                ", ".join(d["reasons"]),
                {1: "fraud", 0: "honest"}.get(seen["truth"].get(d["transaction_id"]), "unknown"),
            )
            for d in flagged
        ],
    }
    return {"title": "Fraud: is this payment fraud?", "figures": figures, "tables": [table]}


def credit_section(evidence: dict) -> dict:
    seen = evidence["credit"]
    figures = [
        *curves(seen["scores"], seen["truth"], "Default"),
        figure("Probability of default", scores_histogram(seen["scores"], seen["truth"], "repaid", "defaulted")),
        figure("Calibration", calibration(seen["scores"], seen["truth"], "tenths of the loans")),
    ]
    table = {
        "title": "Some of the month's predictions",
        "head": ("customer", "loan", "probability of default"),
        "rows": [(r["customer_id"], r["loan_id"], number(float(r["default_prob"]))) for r in seen["rows"][:EXAMPLES]],
    }
    evaluation = evidence.get("packages", {}).get("credit", {}).get("evaluation", {})
    return {
        "title": "Credit: will this loan default?",
        "figures": figures,
        "tables": [table, *(chosen(evaluation) if evaluation else [])],
    }


def chosen(evaluation: dict) -> list[dict]:
    """Champion and challengers, which columns were not used, and what is beyond the fairness policy."""
    decided = evaluation["decided_by"]
    gaps = {decided["best"]: None, **decided["behind_best"]}
    return [
        {
            "title": f"Who was chosen: {evaluation['learner']}, the simplest that ties with the best",
            "head": ("learner", "AUC below the best", "95 % interval", "ties"),
            "rows": [
                (name, "best", "", "")
                if gap is None
                else (
                    name,
                    number(gap["value"]),
                    f"{gap['low']:.3f} to {gap['high']:.3f}",
                    "yes" if gap["tie"] else "no",
                )
                for name, gap in gaps.items()
            ],
        },
        {
            "title": "Columns that were not used",
            "head": ("column", "why"),
            "rows": [(column["name"], column["reason"]) for column in evaluation["set_aside"]],
        },
        {
            "title": f"Fairness on loans unknown to the model: {evaluation['fairness']['verdict']}",
            "head": ("column", "group", "beyond the policy", "value"),
            "rows": [
                (b["column"], b["group"], b["of"], number(b["value"])) for b in evaluation["fairness"]["breaches"]
            ],
        },
    ]


def attacks_section(played: list[Attack]) -> dict:
    table = {
        "title": "Attacks on both doors",
        "head": ("attack", "holds", "asked", "expected", "seen"),
        "rows": [(a.name, "yes" if a.holds else "NO", a.asked, a.expected, a.seen) for a in played],
    }
    return {"title": "What attackers would see", "figures": [], "tables": [table]}


def lake_section(found: dict, evidence: dict, phases: list[Phase]) -> dict:
    layers = ["raw", "bronze", "silver", "gold", "quarantined"]
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
    return {
        "title": "The lake and the clock",
        "figures": [
            figure("Rows by layer", styled(lake, "", "rows")),
            figure("Where the time went", styled(clock, "seconds", "")),
        ],
        "tables": tables,
    }


def curves(scores: dict, truth: dict, what: str) -> list[dict]:
    y, p = joined(scores, truth)
    if len(set(y.tolist())) < 2:
        return []
    false, true, _ = roc_curve(y, p)
    precision, recall, _ = precision_recall_curve(y, p)
    roc = go.Figure(
        [
            go.Scatter(x=false, y=true, mode="lines", line={"color": ACCENT, "width": 2}, name="model"),
            go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": MUTED, "dash": "dot"}, name="chance"),
        ]
    )
    pr = go.Figure(
        [
            go.Scatter(x=recall, y=precision, mode="lines", line={"color": ACCENT, "width": 2}, name="model"),
            go.Scatter(
                x=[0, 1], y=[y.mean()] * 2, mode="lines", line={"color": MUTED, "dash": "dot"}, name="base rate"
            ),
        ]
    )
    return [
        figure(f"{what}: ROC", styled(roc, "false-positive rate", "true-positive rate")),
        figure(f"{what}: precision and recall", styled(pr, "recall", "precision")),
    ]


def scores_histogram(scores: dict, truth: dict, negative: str, positive: str) -> go.Figure:
    y, p = joined(scores, truth)
    edges = np.linspace(0, 1, 41)
    plot = go.Figure()
    for value, name, color in ((0, negative, ACCENT), (1, positive, SECOND)):
        counts, _ = np.histogram(p[y == value], edges)
        plot.add_bar(x=(edges[:-1] + edges[1:]) / 2, y=counts, name=name, marker_color=color, opacity=0.75)
    plot.update_layout(barmode="overlay", bargap=0.02)
    plot.update_yaxes(type="log")
    return styled(plot, "score", "count, logarithmic")


def calibration(scores: dict, truth: dict, parts_name: str) -> go.Figure:
    y, p = joined(scores, truth)
    if not len(y):
        return styled(go.Figure(), "predicted", "observed: no outcome is known yet")
    parts = [part for part in np.array_split(np.argsort(p, kind="stable"), 10) if len(part)]
    plot = go.Figure(
        [
            go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": MUTED, "dash": "dot"}, name="perfect"),
            go.Scatter(
                x=[p[part].mean() for part in parts],
                y=[y[part].mean() for part in parts],
                mode="lines+markers",
                line={"color": ACCENT},
                name=parts_name,
            ),
        ]
    )
    top = max(0.1, *(float(p[part].mean()) for part in parts), *(float(y[part].mean()) for part in parts)) * 1.1
    plot.update_xaxes(range=[0, top])
    plot.update_yaxes(range=[0, top])
    return styled(plot, "predicted", "observed")


def latencies(api_ms: list[float], stream_ms: list[float]) -> go.Figure:
    """Shares of decisions by time, in bins of equal width on a logarithmic axis."""
    plot = go.Figure()
    top = max(1000.0, *api_ms, *stream_ms)
    edges = np.geomspace(1, top, 61)
    for values, name, color in (
        (api_ms, "API door, seen by the client", ACCENT),
        (stream_ms, "stream door, from arrival", SECOND),
    ):
        counts, _ = np.histogram(values, edges)
        share = 100 * counts / max(1, counts.sum())
        plot.add_bar(
            x=np.sqrt(edges[:-1] * edges[1:]), y=share, width=np.diff(edges), name=name, marker_color=color, opacity=0.7
        )
    plot.update_layout(barmode="overlay")
    plot.update_xaxes(type="log")
    return styled(plot, "milliseconds, logarithmic", "% of decisions")


def drift_bars(drift: dict) -> go.Figure:
    found = sorted([("score", drift["score"]), *drift["features"].items()], key=lambda item: item[1])[-12:]
    plot = go.Figure(
        go.Bar(
            y=[name for name, _ in found],
            x=[value for _, value in found],
            orientation="h",
            marker_color=[SECOND if value > 0.25 else ACCENT for _, value in found],
        )
    )
    plot.add_vline(x=0.25, line={"color": MUTED, "dash": "dot"})
    plot.update_yaxes(automargin=True)
    return styled(plot, "PSI, shifted above 0.25", "")


def joined(scores: dict, truth: dict) -> tuple[np.ndarray, np.ndarray]:
    both = [key for key in scores if key in truth]
    return np.array([truth[key] for key in both]), np.array([scores[key] for key in both])


def styled(plot: go.Figure, x: str, y: str) -> go.Figure:
    plot.update_layout(**LAYOUT)
    plot.update_xaxes(title=x)
    plot.update_yaxes(title=y)
    return plot


def figure(title: str, plot: go.Figure) -> dict:
    return {"title": title, "plot": plot}


def whole(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f}"


def number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
