"""Charts of the report. Axes are straight, and what is rare is shown as a share of its own kind, with its number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from sklearn.metrics import precision_recall_curve, roc_curve

INK, ACCENT, SECOND, MUTED = "#1f2933", "#0b6e99", "#c2410c", "#9aa5b1"
LAYOUT = {
    "template": "simple_white",
    "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
    "margin": {"l": 60, "r": 20, "t": 48, "b": 50},
    "height": 340,
    "legend": {"orientation": "h", "y": 1.0, "x": 1.0, "xanchor": "right", "yanchor": "bottom"},
}
BINS = 20
MOST_MS = 0.995  # share of the decisions that the axis of time reaches


def curves(scores: Mapping, truth: Mapping, what: str) -> list[dict]:
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
    of = f"{int(y.sum()):,} of {len(y):,}"
    return [
        figure(f"{what}: ROC ({of})", styled(roc, "false-positive rate", "true-positive rate")),
        figure(f"{what}: precision and recall ({of})", styled(pr, "recall", "precision")),
    ]


def histogram(scores: Mapping, truth: Mapping, negative: str, positive: str) -> go.Figure:
    """How the scores of either outcome lie, each kind adding up to 100 %."""
    y, p = joined(scores, truth)
    edges, plot = np.linspace(0, 1, BINS + 1), go.Figure()
    for value, name, color in ((0, negative, ACCENT), (1, positive, SECOND)):
        counts, _ = np.histogram(p[y == value], edges)
        share = 100 * counts / max(1, counts.sum())
        plot.add_bar(x=(edges[:-1] + edges[1:]) / 2, y=share, name=f"{counts.sum():,} {name}", marker_color=color)
    plot.update_layout(barmode="group", bargap=0.1)
    return styled(plot, "score", "% of its kind")


def calibration(parts: Sequence[Mapping], name: str) -> go.Figure:
    """Parts of a score with what was predicted and what was met; whiskers are the interval of what was met."""
    plot = go.Figure()
    if not parts:
        return styled(plot, "predicted", "no outcome is known yet")
    x, met = [100 * part["predicted"] for part in parts], [part["met"] for part in parts]
    top = 1.1 * max(10.0, *x, *(100 * one["high"] for one in met))
    plot.add_scatter(x=[0, top], y=[0, top], mode="lines", line={"color": MUTED, "dash": "dot"}, name="as predicted")
    plot.add_scatter(
        x=x,
        y=[100 * one["value"] for one in met],
        error_y={
            "array": [100 * (one["high"] - one["value"]) for one in met],
            "arrayminus": [100 * (one["value"] - one["low"]) for one in met],
            "color": MUTED,
        },
        mode="markers",
        marker={"color": ACCENT, "size": 8},
        name=name,
    )
    plot.update_xaxes(range=[0, top])
    plot.update_yaxes(range=[0, top])
    return styled(plot, "predicted, %", "came true, %")


def gains(parts: Sequence[Mapping]) -> go.Figure:
    """Share of all defaults that the riskiest loans hold."""
    loans = np.cumsum([part["loans"] for part in parts])
    x = [0, *(100 * loans / loans[-1])] if len(loans) else [0]
    caught = [0, *(100 * part["caught"] for part in parts if part["caught"] is not None)]
    plot = go.Figure(
        [
            go.Scatter(x=x, y=caught, mode="lines+markers", line={"color": ACCENT}, name="by the score"),
            go.Scatter(x=[0, 100], y=[0, 100], mode="lines", line={"color": MUTED, "dash": "dot"}, name="by chance"),
        ]
    )
    return styled(plot, "% of the loans, the riskiest first", "% of all defaults")


def bands(parts: Mapping[str, Mapping]) -> go.Figure:
    """Predicted and met default rate of each band."""
    plot = go.Figure()
    pd_of = [None if one["mean_pd"] is None else 100 * one["mean_pd"] for one in parts.values()]
    plot.add_bar(x=list(parts), y=pd_of, name="predicted", marker_color=MUTED)
    known = {name: one["bad_rate"] for name, one in parts.items() if one["bad_rate"]}
    plot.add_bar(
        x=list(known),
        y=[100 * one["value"] for one in known.values()],
        error_y={
            "array": [100 * (one["high"] - one["value"]) for one in known.values()],
            "arrayminus": [100 * (one["value"] - one["low"]) for one in known.values()],
        },
        name="came true",
        marker_color=SECOND,
    )
    plot.update_layout(barmode="group")
    return styled(plot, "band", "defaults, %")


def waiting(times: Mapping[str, Sequence[float]]) -> go.Figure:
    """Share of decisions that were there within a time, by door."""
    plot = go.Figure()
    for (name, found), color in zip(times.items(), (ACCENT, SECOND), strict=False):
        ordered = np.sort(np.asarray(found, dtype=float))
        share = 100 * np.arange(1, len(ordered) + 1) / max(1, len(ordered))
        plot.add_scatter(
            x=ordered, y=share, mode="lines", line={"color": color, "shape": "hv"}, name=f"{name} ({len(ordered):,})"
        )
    ends = [float(np.quantile(found, MOST_MS)) for found in times.values() if len(found)]
    plot.update_xaxes(range=[0, 1.05 * max(ends, default=1.0)])
    return styled(plot, "milliseconds", "% decided by then")


def drift_bars(drift: Mapping) -> go.Figure:
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


def joined(scores: Mapping, truth: Mapping) -> tuple[np.ndarray, np.ndarray]:
    both = [key for key in scores if key in truth]
    return np.array([truth[key] for key in both]), np.array([scores[key] for key in both])


def styled(plot: go.Figure, x: str, y: str) -> go.Figure:
    plot.update_layout(**LAYOUT)
    plot.update_xaxes(title=x)
    plot.update_yaxes(title=y)
    return plot


def figure(title: str, plot: go.Figure, note: str = "") -> dict:
    return {"title": title, "plot": plot, "note": note}
