"""docs/benchmarks.md from what the last run of each part measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

# What a figure is held against: the least or the most that it should be.
TARGETS = {
    "speedup_vs_range": ">= 2",
    "hot_key_speedup": ">= 10",
    "growth_4x": "<= 4.4",
    "peak_memory_gb_4x": "<= 4",
    "incremental_events_per_s": ">= 20,000",
    "replay.mismatches": "0",
    "gate_share": "<= 0.25",
    "rps_ratio": ">= 5",
    "p50_ratio": "<= 0.25",
    "decide_cpu_p50_ms": "<= 1",
    "cold_import_ms": "<= 300",
    "zip_mb": "<= 5",
    "api_p99_ms": "<= 50",
    "stream_tps": ">= 500",
    "missing": "0",
    "duplicated": "0",
    "mismatches": "0",
}
ABOUT = ("measured_on", "machine", "feature_version")


def of(results: Mapping[str, Mapping]) -> str:
    """A section for each part, a line for each figure."""
    lines = [
        "# Benchmarks",
        "",
        "`make bench` writes this page and `build/bench/*.json`; `make bench ONLY=<part> ROWS=<n>` measures one part.",
        "Peers run beside the platform in the same run, so read the ratios: seconds are this machine's.",
        "What each figure means stands in the module of its part, `bench/<part>.py`.",
        "A figure in bold misses its target.",
    ]
    for part, found in results.items():
        lines += ["", f"## {part}", "", about(found), ""]
        lines += ["| figure | measured | target |", "|---|---:|---:|"]
        lines += [line(name, value) for name, value in flat(found)]
    return "\n".join(lines) + "\n"


def about(found: Mapping) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {found[name]}" for name in ABOUT if name in found)


def line(name: str, value: object) -> str:
    if misses(name, value):
        return f"| `{name}` | **{figure(value)}** | {target(name)} missed |"
    return f"| `{name}` | {figure(value)} | {target(name)} |"


def missed(found: Mapping) -> list[str]:
    """What a part measured beside its targets, as the page words it."""
    return [f"{name} is {figure(value)}, not {target(name)}" for name, value in flat(found) if misses(name, value)]


def misses(name: str, value: object) -> bool:
    """Whether a figure has a target and is not what that asks for. What is no number meets none."""
    asked = target(name)
    if not asked or not isinstance(value, int | float):
        return bool(asked)
    sign, _, bound = asked.rpartition(" ")
    limit = float(bound.replace(",", ""))
    return not {">=": value >= limit, "<=": value <= limit, "": value == limit}[sign]


def breaks_a_promise(name: str, value: object) -> bool:
    """Whether a figure that must be 0 is not: that is no matter of speed."""
    return target(name) == "0" and misses(name, value)


def flat(found: Mapping, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        elif prefix or name not in ABOUT:
            yield prefix + name, value


def target(name: str) -> str:
    return TARGETS.get(name, TARGETS.get(name.rpartition(".")[2], ""))


def figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
