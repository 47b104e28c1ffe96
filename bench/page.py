"""docs/benchmarks.md from what the last run of each part measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datasets import loan_episodes, payment_episodes

# What a figure is held against: the least or the most that it should be.
TARGETS = {
    "speedup_vs_range": ">= 2",
    "first_page_ms": "<= 3000",
    "p95_ms": "<= 1000",
    "rss_mb": "<= 500",
    "hot_key_speedup": ">= 10",
    "growth_4x": "<= 4.4",
    "peak_memory_gb_4x": "<= 4",
    "incremental_update_cost": "<= 13",
    "incremental_decision_cost": "<= 130",
    "replay.mismatches": "0",
    "gate_share": "<= 0.25",
    "spark_ratio.all": "<= 4",  # contract, quarantine, gate and history may cost three times the plain script
    "rps_ratio": ">= 5",
    "p50_ratio": "<= 0.25",
    "cold_import_ratio": "<= 1.5",
    "zip_mb": "<= 5",
    "api_p50_ratio": "<= 1.3",
    "api_p99_ratio": "<= 1.5",
    "overtaken_in_10000": "<= 1",
    "path_cpu_ratio": "<= 1.3",
    # A decision loads two records, makes a vector, asks a model, and writes four things; counting writes one number by
    # batch. What it may cost leaves a third above what it did on quiet and on busy hours (0.05 to 0.07, and 12).
    "stream_ratio": ">= 0.04",
    "stream_cpu_ratio": "<= 16",
    "judge_us": "<= 100",
    "judge_listed_us": "<= 100",
    "judge_computed_us": "<= 100",
    "failures": "0",
    "false_alarms": "0",
    **{f"not_in_time.{name}": "0" for name in (*loan_episodes.EPISODES, *payment_episodes.EPISODES)},
    "missing": "0",
    "duplicated": "0",
    "mismatches": "0",
    "next_job_ratio": "<= 0.5",
    "call_ratio": "<= 2.5",
    "put_record_ratio": "<= 2.5",
    "function_call_ratio": "<= 5",
    "invoke_endpoint_ratio": "<= 3",
    "endpoint_start_ratio": "<= 3",
    "score_cpu_ratio": "<= 5",
}
ABOUT = ("measured_on", "machine", "feature_version", "seconds_it_took")


def of(results: Mapping[str, Mapping]) -> str:
    """A section for each part, a line for each figure."""
    lines = [
        "# Benchmarks",
        "",
        "`make bench` writes this page and `build/bench/*.json`; `make bench ONLY=<part> ROWS=<n>` measures one part.",
        "Peers run beside the platform in the same run, so read the ratios: seconds are this machine's.",
        "What each figure means stands in the module of its part, `bench/<part>.py`.",
        "A figure in bold misses its target.",
        *total(results),
    ]
    for part, found in results.items():
        lines += ["", f"## {part}", "", about(found), ""]
        lines += ["| figure | measured | target |", "|---|---:|---:|"]
        lines += [line(name, value) for name, value in flat(found)]
    return "\n".join(lines) + "\n"


def total(results: Mapping[str, Mapping]) -> list[str]:
    """How long the parts take, apart from what only LONG=1 measures."""
    took = {part: found.get("seconds_it_took", 0) for part, found in results.items() if not part.endswith("-long")}
    each = ", ".join(f"{part} {seconds / 60:.1f}" for part, seconds in took.items())
    return [f"Minutes: {each}; together {sum(took.values()) / 60:.1f}."] if all(took.values()) else []


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
    limit = float(bound)
    return not {">=": value >= limit, "<=": value <= limit, "": value == limit}[sign]


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
