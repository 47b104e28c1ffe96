"""The quality gate: Great Expectations over rows that are about to be written. The only module that knows the library.

    gate = Gate()
    verdict = gate.judge(rows, SILVER_SUITES["transactions"], quarantined=12, total=5_000)
    failed = judged(lake, metrics, "2018-04-01", {"transactions": verdict})  # these are not to be written

Rows are read twice, once for all rules together and once for the key: cache them when making them costs more.
Neither the document nor the page holds a cell: both outlive the rows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import Any, ClassVar

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.metrics.metric_provider import metric_partial, metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.render import LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.renderer.renderer import renderer
from great_expectations.render.view import DefaultJinjaPageView
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from glue.lake import Lake
from glue.metrics import Metrics
from glue.rules import FAILURE_BUDGET, Rule, Suite


class GateFailed(RuntimeError):
    """Rows do not meet their suite, or a batch its failure budget; nothing was written of the tables in `refused`."""

    def __init__(self, run: str, refused: Mapping[str, str]) -> None:
        self.refused = dict(refused)
        said = " | ".join(f"{table}: {why}" for table, why in self.refused.items())
        super().__init__(f"{run} does not pass the quality gate, these stay as they were. {said}")


@dataclass(frozen=True)
class Verdict:
    """What the gate found: `document` is stored as JSON beside the data, `page` as HTML for people."""

    name: str
    passed: bool
    document: dict
    page: str


def judged(
    lake: Lake,
    metrics: Metrics,
    run: str,
    verdicts: Mapping[str, Verdict],
    refused: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """Keeps what a run's gate found, as documents, pages and metrics. Returns by table why one did not pass.

    What was `refused` before there was anything to judge, by its reasons, is among the answers: it raises the same
    alarm.
    """
    for table, verdict in verdicts.items():
        lake.put_json(f"quality/gate/{table}/{run}.json", verdict.document)
        lake.put_page(f"quality/gate/{table}/{run}.html", verdict.page)
    shares = {table: v.document["quarantined_share"] for table, v in verdicts.items()}
    metrics.judged(
        {**{table: verdict.passed for table, verdict in verdicts.items()}, **dict.fromkeys(refused, False)},
        {table: share for table, share in shares.items() if share is not None},
    )
    failed = {table: "; ".join(v.document["failed"]) for table, v in verdicts.items() if not v.passed}
    for table, why in failed.items():
        print(f"{table} of {run} does not pass the quality gate: {why}")
    return {**refused, **failed}


class Gate:
    """One ephemeral context for all tables of a run: building it costs more than using it. One table at a time."""

    def __init__(self) -> None:
        self.turn = Lock()
        self.context = gx.get_context(mode="ephemeral")
        self.context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
        self.source = self.context.data_sources.add_spark(name="lake", persist=False)
        self.judged = 0

    def judge(self, rows: DataFrame, suite: Suite, quarantined: int | None = None, total: int = 0) -> Verdict:
        """Runs the suite over the rows. `quarantined` of `total` rows that came were set aside: within the budget?

        Without `quarantined` there is no budget to keep and no share.
        """
        with self.turn:
            started = time.perf_counter()
            self.judged += 1
            name = f"{suite.name} {self.judged}"
            asset = self.source.add_dataframe_asset(name=name)
            batch = asset.add_batch_definition_whole_dataframe("rows").get_batch(batch_parameters={"dataframe": rows})
            result = batch.validate(
                self.context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations(suite)))
            )
            page = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(result))
            seconds = time.perf_counter() - started
        broken = [(said(r), r.expectation_config) for r in result.results if not r.success]
        failed = [words for words, config in broken if blocks(config)]
        share = None if quarantined is None else quarantined / total if total else 0.0
        if share is not None and share > FAILURE_BUDGET:
            failed.append(f"{share:.1%} of the rows went to quarantine, the budget is {FAILURE_BUDGET:.0%}")
        document = {
            "failed": failed,
            "warned": [words for words, config in broken if not blocks(config)],
            "quarantined_share": share,
            "results": [r.to_json_dict() for r in result.results],
            "seconds": seconds,
            "statistics": dict(result.statistics),
        }
        return Verdict(suite.name, not failed, document, page)


def expectations(suite: Suite) -> list[gxe.Expectation]:
    return [
        ExpectColumnsAndTypes(types=dict(suite.columns)),
        ExpectOneRowPerKey(key=list(suite.key)),
        *(expectation(rule) for rule in suite.rules),
    ]


def expectation(rule: Rule) -> gxe.Expectation:
    return ExpectRowsToSatisfy(
        column=rule.column,
        condition=rule.condition,
        mostly=rule.mostly,
        severity=FailureSeverity.CRITICAL if rule.blocks else FailureSeverity.WARNING,
    )


def blocks(config: Any) -> bool:
    return config.severity == "critical"


def said(result: Any) -> str:
    """A failed expectation in words: what was expected, and what came."""
    if "observed_value" not in result.result:
        return f"{wanted(result.expectation_config)}: could not be checked, the stored verdict says why"
    return f"{wanted(result.expectation_config)}: {result.result['observed_value']}"


def wanted(config: Any) -> str:
    kwargs = config.kwargs
    if config.type == "expect_columns_and_types":
        return "exactly the table's columns in their types"
    if config.type == "expect_one_row_per_key":
        return f"one row per {', '.join(kwargs['key'])}"
    return kwargs["condition"] + (f" (of {kwargs['mostly']:.0%} of the rows)" if kwargs["mostly"] < 1 else "")


class RowsThatBreak(TableMetricProvider):
    """How many rows do not meet a condition. All conditions of a suite are counted in one pass."""

    metric_name = "table.rows_that_break"
    value_keys = ("condition",)

    @metric_partial(
        engine=SparkDFExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _spark(cls, metric_domain_kwargs, metric_value_kwargs, **_):
        met = F.expr(metric_value_kwargs["condition"])
        return F.count_if(~F.coalesce(met, F.lit(False))), metric_domain_kwargs, {}


class RepeatedKeys(TableMetricProvider):
    """How many keys have more than one row. Hashes tell first, as they are cheaper: no equal hashes, no equal keys."""

    metric_name = "table.repeated_keys"
    value_keys = ("key",)

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(cls, execution_engine, metric_domain_kwargs, metric_value_kwargs, **_):
        rows, key = execution_engine.get_domain_records(metric_domain_kwargs), metric_value_kwargs["key"]
        return repeated(rows, F.xxhash64(*key)) and repeated(rows, *map(F.col, key))


def repeated(rows: DataFrame, *key: Column) -> int:
    return rows.groupBy(*key).agg(F.count(F.lit(1)).alias("rows")).where("rows > 1").count()


class Expected(BatchExpectation):
    """How our own expectations read on the page."""

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)
    def _prescriptive_renderer(cls, configuration=None, result=None, runtime_configuration=None, **_):
        template = {"template": "$wanted", "params": {"wanted": wanted(configuration or result.expectation_config)}}
        return [RenderedStringTemplateContent(content_block_type="string_template", string_template=template)]


class ExpectRowsToSatisfy(Expected):
    """A share of the rows meets a condition in SQL."""

    column: str
    condition: str
    mostly: float

    metric_dependencies: ClassVar = ("table.rows_that_break", "table.row_count")
    success_keys: ClassVar = ("condition", "mostly")

    def _validate(self, metrics, runtime_configuration=None, execution_engine=None):
        broken, rows = metrics["table.rows_that_break"], metrics["table.row_count"]
        return {
            "success": broken <= (1 - self.mostly) * rows,
            "result": {
                "observed_value": f"{broken:,} of {rows:,} rows do not",
                "element_count": rows,
                "unexpected_count": broken,
            },
        }


class ExpectOneRowPerKey(Expected):
    """No two rows have the same key."""

    key: list[str]

    metric_dependencies: ClassVar = ("table.repeated_keys",)
    success_keys: ClassVar = ("key",)

    def _validate(self, metrics, runtime_configuration=None, execution_engine=None):
        count = metrics["table.repeated_keys"]
        return {"success": count == 0, "result": {"observed_value": f"{count:,} keys have several", "count": count}}


class ExpectColumnsAndTypes(Expected):
    """The rows have these columns in these types, in any order, and no other."""

    types: dict[str, str]

    metric_dependencies: ClassVar = ("table.column_types",)
    success_keys: ClassVar = ("types",)

    def _validate(self, metrics, runtime_configuration=None, execution_engine=None):
        came = {c["name"]: c["type"].simpleString() for c in metrics["table.column_types"]}
        names = sorted({*came, *self.types})
        wrong = [f"{n} is {came.get(n, 'absent')}" for n in names if came.get(n) != self.types.get(n)]
        return {"success": not wrong, "result": {"observed_value": ", ".join(wrong) or f"{len(came)} columns"}}
