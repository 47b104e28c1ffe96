"""The quality gate: Great Expectations suites generated from the contract. The only module that knows the library."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import great_expectations as gx
import great_expectations.expectations as gxe
from pyspark.sql import DataFrame

from features.contract import Contract
from glue.tables import stored_name

FAILURE_BUDGET = 0.10  # share of a batch's rows that quarantine may take before the batch itself is doubted
REPETITION = ("duplicate", "already_ingested")  # a file that came twice is no reason to doubt it


class GateFailed(RuntimeError):
    """A batch does not meet its suite or its failure budget; nothing of it was written."""


@dataclass(frozen=True)
class Verdict:
    """What the gate found: `document` is stored as JSON beside the data."""

    entity: str
    passed: bool
    document: dict

    def require(self) -> None:
        if not self.passed:
            failed = ", ".join(self.document["failed"]) or "see the stored verdict"
            raise GateFailed(f"{self.entity}: the batch does not pass the quality gate: {failed}")


class Gate:
    """One ephemeral context for all entities of a run: building it costs more than using it. One entity at a time."""

    def __init__(self) -> None:
        self.turn = Lock()
        self.context = gx.get_context(mode="ephemeral")
        self.context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
        self.source = self.context.data_sources.add_spark(name="lake", persist=False)

    def judge(self, rows: DataFrame, contract: Contract, quarantined: int, total: int) -> Verdict:
        """Runs the contract's suite over rows that are about to be written, and checks the failure budget."""
        with self.turn:
            asset = self.source.add_dataframe_asset(name=contract.entity)
            batch = asset.add_batch_definition_whole_dataframe("batch")
            expected = gx.ExpectationSuite(name=contract.entity, expectations=expectations(contract))
            suite = self.context.suites.add(expected)
            result = batch.get_batch(batch_parameters={"dataframe": rows}).validate(suite, result_format="SUMMARY")
        failed = [describe(r.expectation_config) for r in result.results if not r.success]
        share = quarantined / total if total else 0.0
        if share > FAILURE_BUDGET:
            failed.append(f"{share:.1%} of the rows went to quarantine, the budget is {FAILURE_BUDGET:.0%}")
        document = {
            "failed": failed,
            "quarantined_share": share,
            "results": [r.to_json_dict() for r in result.results],
            "statistics": dict(result.statistics),
        }
        return Verdict(contract.entity, not failed, document)


def expectations(contract: Contract) -> list[gxe.Expectation]:
    """Keys are present and unique, required columns complete, types in their ranges."""
    suite: list[gxe.Expectation] = [
        gxe.ExpectColumnValuesToNotBeNull(column=stored_name(c.name, c.type)) for c in contract.columns if c.required
    ]
    if len(contract.key) == 1:
        suite.append(gxe.ExpectColumnValuesToBeUnique(column=contract.key[0]))
    else:
        suite.append(gxe.ExpectCompoundColumnsToBeUnique(column_list=list(contract.key)))
    for column in contract.columns:
        name = stored_name(column.name, column.type)
        if column.type in ("money", "count"):
            suite.append(gxe.ExpectColumnValuesToBeBetween(column=name, min_value=0))
        if column.type == "flag":
            suite.append(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=[0, 1]))
    return suite


def describe(config) -> str:
    return f"{config.type}({', '.join(f'{k}={v}' for k, v in config.kwargs.items() if k != 'batch_id')})"
